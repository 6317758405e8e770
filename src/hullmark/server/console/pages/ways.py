"""The ways from an image's start to what it reaches, as a graph: packages are folded into one node each and opened by a click."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Set
from urllib.parse import urlencode

from hullmark.model.limit import Limit
from hullmark.model.reach import Minimality, Reach, WitnessStep
from hullmark.server.console.charts.graph import Graph, Node, fold
from hullmark.server.console.charts.svg import Tone

_MOST_WAYS = Limit(5_000, "packages and programs whose ways the console draws", "shortened")
_TONES: dict[Reach, Tone] = {"reachable": "go", "unknown": "unknown", "unreachable": "warn"}


def ways_graph(found: Minimality, opened: Set[str], address: str) -> Graph:
    """The shortest ways to all that is reached, joined. `opened` are the package URLs whose files are shown; a click opens or closes one.

    `address` is that of the page.
    """
    owners = _owners(found)
    whys: dict[str, str] = {}
    edges: dict[tuple[str, str], None] = {}
    roots = set(found.roots)
    for way in _ways(found):
        roots.add(way[0].path)
        for step in way:
            whys.setdefault(step.path, step.why)
        edges.update(((before.path, after.path), None) for before, after in itertools.pairwise(way))
    names = {package.purl: package for package in found.packages}
    nodes = tuple(
        Node(
            path,
            path.rpartition("/")[2] or path,
            "go",
            owners.get(path, ""),
            _toggle_address(owners.get(path, ""), opened, address),
            f"{path}: {why}",
            path in roots,
        )
        for path, why in whys.items()
    )
    groups = {
        purl: Node(
            purl,
            f"{names[purl].name} {names[purl].version}",
            _TONES[names[purl].reach],
            href=_toggle_address(purl, opened, address),
        )
        for purl in set(owners.values())
        if purl in names
    }
    return fold(Graph(nodes, tuple(edges)), groups, opened)


def _ways(found: Minimality) -> Iterator[tuple[WitnessStep, ...]]:
    """Packages first, then programs: the nearest first."""
    ways: Iterable[tuple[WitnessStep, ...]] = (
        *(package.witness for package in found.packages),
        *(program.witness for program in found.programs),
    )
    yield from sorted((way for way in ways if way), key=len)[:_MOST_WAYS]


def _owners(found: Minimality) -> dict[str, str]:
    """The package of files on the ways, as far as it is told: of programs, and of the files at which ways to packages end."""
    owners = {program.path: program.package for program in found.programs if program.package}
    owners |= {package.witness[-1].path: package.purl for package in found.packages if package.witness and package.purl}
    return owners


def _toggle_address(purl: str, opened: Set[str], address: str) -> str | None:
    if not purl:
        return None
    wanted = sorted(opened - {purl} if purl in opened else {*opened, purl})
    return f"{address}?{urlencode([('tab', 'ways'), *(('open', key) for key in wanted)])}#ways"
