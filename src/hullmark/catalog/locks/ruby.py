"""Bundler's Gemfile.lock (also gems.locked): the specs of its sections GEM, GIT, PATH and PLUGIN SOURCE."""

from __future__ import annotations

from collections.abc import Iterator

from hullmark.catalog.cataloger import Cataloger
from hullmark.catalog.declared import Ecosystem, Listing, PackageCollector, packages, vcs_url
from hullmark.catalog.documents import text_of
from hullmark.catalog.view import View
from hullmark.model.late import late
from hullmark.model.package import Package
from hullmark.rootfs.reads import MIB, Read, Report

_NAME = "ruby-lock"
_SOURCES = frozenset(("GEM", "GIT", "PATH", "PLUGIN SOURCE"))
_IS_NAME = late(r"[A-Za-z0-9][A-Za-z0-9._-]{0,254}").fullmatch
_IS_VERSION = late(r"[0-9][0-9A-Za-z.]{0,127}").fullmatch
_SPEC = late(r"    ([^ ()]{1,255}) \(([^()-]{1,128})(?:-([^() ]{1,128}))?\)!?").fullmatch
_DETAIL = late(r"  (remote|revision): (\S{1,1024})").fullmatch
_IS_HEADING = late(r"[A-Z][A-Z ]+").fullmatch
_RUBY = "ruby"


def extract(path: str, body: memoryview, report: Report) -> Listing | None:
    """The gems that were chosen, each platform's build on its own."""
    gathering = PackageCollector(_IS_NAME, _IS_VERSION)
    section, details = "", dict[str, str]()
    spec: list[str] = []
    for line in text_of(body).splitlines():
        line = line.rstrip()
        if line[:1].strip():
            _gather(spec, section, details, gathering)
            section, details, spec = line, {}, []
            if not _IS_HEADING(line):
                gathering.refuse(line)
        elif section in _SOURCES and line.startswith("    ") and line[4:5] != " ":
            _gather(spec, section, details, gathering)
            spec = [line]
        elif spec and line.startswith("      "):
            spec.append(line.split()[0].removesuffix("!"))
        elif detail := _DETAIL(line):
            details[detail[1]] = detail[2]
    _gather(spec, section, details, gathering)
    return gathering.finish(report)


def _gather(lines: list[str], section: str, details: dict[str, str], gathering: PackageCollector) -> None:
    """Take a spec: its own line, then the names of the gems that it needs."""
    if not lines:
        return
    line, *needs = lines
    spec = _SPEC(line)
    if spec is None:
        gathering.refuse(line.strip())
        return
    origin = vcs_url("git", details.get("remote"), details.get("revision")) if section == "GIT" else ()
    platform = (("platform", spec[3]),) if spec[3] and spec[3] != _RUBY else ()
    gathering.add(spec[1], spec[2], qualifiers=origin + platform, needs=needs)


GEM = Ecosystem(type="gem", cataloger=_NAME)


def assemble(view: View) -> Iterator[Package]:
    """What the lock files outside installed gems name."""
    return packages(view, (GEMFILE_LOCK,), GEM)


GEMFILE_LOCK: Read[Listing] = Read(
    name="ruby-gemfile-lock",
    fact=Listing,
    extract=extract,
    globs=("**/Gemfile.lock", "**/Gemfile.next.lock", "**/gems.locked"),
    limit=8 * MIB,
)
CATALOGER = Cataloger(name=_NAME, types=("gem",), reads=(GEMFILE_LOCK,), assemble=assemble)
