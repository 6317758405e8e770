"""A View over files in memory: a cataloger's reads are run as the engine runs them, without layers, tars or caches.

view = FakeView({"var/lib/dpkg/status": STATUS}, CATALOGER)
assert [package.name for package in CATALOGER.assemble(view)] == ["bash"]
assert view.problems == []
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any, Protocol, TypeVar

import msgspec

from hullmark.model.inventory import Distro
from hullmark.rootfs.reads import LocatedFact, Read

F = TypeVar("F")
_MAX_LINKS = 40


class HasReads(Protocol):
    """All that is needed of a cataloger."""

    @property
    def reads(self) -> tuple[Read[Any], ...]:
        """The files it asks for."""


class FakeView:
    """The finished image made of `files` (real paths without leading slash → bytes) and `links` (path → target).

    `layers`, if given, lie below `files`, bottom first; None for a body means that the layer deleted the file. So
    `FakeView({}, CATALOGER, layers=[low, high])` has the layers 0 and 1, and files on top of them are in the next.
    Facts go through msgpack and back, as they do in the cache. `problems` collects (path, reason) of all that was
    reported, by `extract` and through the view.
    """

    def __init__(
        self,
        files: Mapping[str, bytes],
        cataloger: HasReads,
        *,
        links: Mapping[str, str] | None = None,
        distro: Distro | None = None,
        layers: Sequence[Mapping[str, bytes | None]] | None = None,
    ) -> None:
        self.distro = distro
        self.problems: list[tuple[str, str]] = []
        self._links = dict(links or {})
        self._found: dict[tuple[str, str], list[LocatedFact[Any]]] = {}
        visible: dict[str, int] = {}
        for index, layer in enumerate([*(layers or ()), files]):
            for path, body in layer.items():
                if body is None:
                    visible.pop(path, None)
                    continue
                visible[path] = index
                self._extract(cataloger, index, path, body)
        self._visible = visible
        self._places = {""} | {parent for path in (*visible, *self._links) for parent in _with_parents(path)}

    def _extract(self, cataloger: HasReads, layer: int, path: str, body: bytes) -> None:
        for read in cataloger.reads:
            if _is_wanted(read, path, body):
                fact = self._fact(read, path, body)
                if fact is not None:
                    self._found.setdefault((read.name, path), []).append(LocatedFact(path, layer, fact))

    def _fact(self, read: Read[Any], path: str, body: bytes) -> Any:
        def report(reason: str) -> None:
            self.problem(path, reason)

        if len(body) <= read.limit:
            fact = read.extract(path, memoryview(body), report)
        elif read.oversize is not None or read.oversize_at is not None:
            sink = read.oversize_at(path, len(body)) if read.oversize_at is not None else read.oversize(len(body))  # type: ignore[misc]
            for start in range(0, len(body), 65536):
                sink.write(memoryview(body)[start : start + 65536])
            fact = sink.finish(report)
        else:
            report("the file is too large")
            return None
        return None if fact is None else msgspec.msgpack.decode(msgspec.msgpack.encode(fact), type=read.fact)

    def facts(self, read: Read[F]) -> Iterator[LocatedFact[F]]:
        """Each visible file that `read` took a fact from, sorted by path."""
        for name, path in sorted(self._found):
            if name == read.name and path in self._visible:
                found = self._found[name, path][-1]
                if found.layer == self._visible[path]:
                    yield found

    def fact_at(self, read: Read[F], path: str) -> LocatedFact[F] | None:
        """The fact at a path, links followed; None if there is none."""
        real = self.resolve(path)
        versions = self._found.get((read.name, real)) if real is not None else None
        return versions[-1] if versions and versions[-1].layer == self._visible.get(versions[-1].path) else None

    def versions(self, read: Read[F], path: str) -> list[LocatedFact[F]]:
        """Every version of the fact at this path, bottom layer first."""
        real = self.resolve(path)
        return list(self._found.get((read.name, path if real is None else real), ()))

    def resolve(self, path: str) -> str | None:
        """The real path after following every link inside the root; None if nothing is there."""
        todo = path.split("/")[::-1]
        done: list[str] = []
        followed = 0
        while todo:
            part = todo.pop()
            if part in ("", "."):
                continue
            if part == "..":
                done = done[:-1]
                continue
            here = "/".join([*done, part])
            target = self._links.get(here)
            if target is None:
                if here not in self._places:
                    return None
                done.append(part)
                continue
            followed += 1
            if followed > _MAX_LINKS:
                return None
            done = [] if target.startswith("/") else done
            todo += target.split("/")[::-1]
        return "/".join(done)

    def exists(self, path: str) -> bool:
        """Is there anything at this path, links followed?"""
        return self.resolve(path) is not None

    def below(self, folder: str) -> Iterator[tuple[str, int]]:
        """Path and layer of everything below a folder, sorted by path."""
        found = {
            path: layer for path, layer in self._visible.items() if path.startswith(f"{folder}/" if folder else "")
        }
        return iter(sorted(found.items()))

    def problem(self, path: str, reason: str) -> None:
        """Keep a problem for the test to look at."""
        self.problems.append((path, reason))


def _with_parents(path: str) -> Iterator[str]:
    while path:
        yield path
        path = path.rpartition("/")[0]


def _is_wanted(read: Read[Any], path: str, body: bytes) -> bool:
    return any(_matches(glob, path) for glob in read.globs) or any(body.startswith(magic) for magic in read.magic)


def _matches(glob: str, path: str) -> bool:
    return _pattern(glob).fullmatch(path) is not None


@cache
def _pattern(glob: str) -> re.Pattern[str]:
    deep = glob.startswith("**/")
    pattern = re.escape(glob.removeprefix("**/")).replace(r"\*", "[^/]*")
    return re.compile(("(?:.*/)?" if deep else "") + pattern, re.DOTALL)
