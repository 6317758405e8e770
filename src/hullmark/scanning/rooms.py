"""What each part of the program looks for, so that a problem that it met says which facts are incomplete."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import get_args

from msgspec.structs import replace

from hullmark.catalog.cataloger import Cataloger
from hullmark.catalog.distro import DISTRO_READS
from hullmark.catalog.unread_locks import LOCK_FILES
from hullmark.model.problem import IN_LAYERS, Fact, Problem
from hullmark.rootfs.entry import text
from hullmark.rootfs.tree import Tree
from hullmark.scanning.request import ScanRequest

Open = tuple[tuple[Fact, ...], tuple[str, ...]]
"""The facts that a problem leaves incomplete, and the purl types of packages that may be missing."""

_OF_VISIBLE_FILES: frozenset[Fact] = frozenset(("packages", "owners", "distro", "configuration", "reach"))


class Rooms:
    """Says of each problem what it leaves incomplete. A room that is not known leaves everything so."""

    def __init__(self, catalogers: Iterable[Cataloger], request: ScanRequest) -> None:
        self._all_layers = request.all_layers
        self._open: dict[str, Open] = {
            "content": (("contents",), ()),
            "kept": (("contents",), ()),
            "rootfs": (IN_LAYERS, ()),
            "catalog": (("distro",), ()),
            "relations": (("packages",), ()),
            # Of a newer version that nobody saw its list tells name and version, and nothing else.
            "remedy": (tuple(fact for fact in IN_LAYERS if fact not in ("distro", "packages")), ()),
            "licence-files": (("packages",), ()),
            LOCK_FILES.name: (("packages",), ()),
            **{read.name: (("distro",), ()) for read in DISTRO_READS},
            **{read.name: (("contents", "packages"), ()) for read in request.reads},
        }
        if request.reach:
            self._open.update(_of_reach(request))
        for cataloger in catalogers:
            facts: tuple[Fact, ...] = ("packages",) if cataloger.owned is None else ("owners", "packages")
            for name in (cataloger.name, *(read.name for read in cataloger.reads + cataloger.optional)):
                self._open[name] = (facts, cataloger.types)
        for facet in request.facets:
            found: tuple[Fact, ...] = tuple(fact for fact in get_args(Fact) if fact == facet.name) or ("contents",)
            for name in (facet.name, *(read.name for read in facet.reads)):
                self._open[name] = (found, ())

    def of_layers(self, tree: Tree) -> list[Problem]:
        """The problems of the layers, each with what it leaves incomplete. One with a file that no container sees is a note to whoever
        asks what is installed."""
        found = []
        for layer, problem in tree.problems:
            path = "/" + text(problem.path) if problem.path else ""
            stamped = self.stamped(Problem(path, layer, problem.room, problem.reason, problem.kind))
            is_narrow = bool(stamped.facts) and _OF_VISIBLE_FILES.issuperset(stamped.facts)
            if is_narrow and stamped.is_open and not self._all_layers and _is_hidden(layer, problem.path, tree):
                stamped = replace(stamped, kind="note")
            found.append(stamped)
        return found

    def stamped(self, problem: Problem) -> Problem:
        """The problem, with what it leaves incomplete if it does not say so itself."""
        facts, types = self._open.get(problem.room, ((), ()))
        return problem if problem.facts else replace(problem, facts=facts, types=problem.types or types)


def _of_reach(request: ScanRequest) -> Iterator[tuple[str, Open]]:
    """What is read to follow the image's start leaves nothing else incomplete, but for text that is kept anyway."""
    from hullmark.facets.kept import KEPT
    from hullmark.reach.reads import REACH_READS

    for read in REACH_READS:
        is_kept = read.name == KEPT.name and request.keeps
        yield read.name, (("contents", "reach") if is_kept else ("reach",), ())


def _is_hidden(layer: int, path: bytes, tree: Tree) -> bool:
    """Whether a layer above deleted or replaced the file that a layer's problem is about."""
    if not path:
        return False
    real = tree.resolve(path)
    node = tree.nodes.get(real) if real is not None else None
    return real is None or (node is not None and node.layer > layer)
