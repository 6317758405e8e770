"""The file VERSION at the root of a Go toolchain, which speaks for programs that do not say their version themselves."""

from __future__ import annotations

from collections.abc import Iterator

from hullmark.catalog.programs.golang import READ as GO_PROGRAMS
from hullmark.catalog.view import View
from hullmark.model.late import late
from hullmark.rootfs.reads import LocatedFact, Read, Report

_LINE = late(rb"(?:devel )?go(1(?:\.\d{1,3}){1,2}(?:(?:alpha|beta|rc)\d{1,2})?(?:-[0-9a-f]{7,40})?)(?=\s|\Z)")
_PROGRAMS = ("bin/go", "bin/go.exe", "go", "go.exe")
_BYTES = 4096


def extract(path: str, body: memoryview, report: Report) -> str | None:
    """The toolchain's version, without `go`; None for the many other files of that name."""
    found = _LINE.match(bytes(body[:256]))
    return found[1].decode("ascii") if found is not None else None


class _Other:
    """A file too large for this one."""

    def write(self, piece: memoryview, /) -> None:
        """Nothing of it is kept."""

    def finish(self, report: Report, /) -> None:
        """There is no fact."""


VERSIONS: Read[str] = Read(
    name="go-version",
    fact=str,
    extract=extract,
    globs=("**/VERSION",),
    limit=_BYTES,
    oversize=lambda size: _Other(),
    other_names=False,
)


def toolchains(view: View) -> Iterator[LocatedFact[str]]:
    """The versions of toolchains whose program `go` is there and has no build information that tells more."""
    for found in view.facts(VERSIONS):
        folder = found.path.rpartition("/")[0]
        programs = [f"{folder}/{program}".lstrip("/") for program in _PROGRAMS]
        there = [program for program in programs if view.exists(program)]
        if there and all(view.fact_at(GO_PROGRAMS, program) is None for program in there):
            yield found
