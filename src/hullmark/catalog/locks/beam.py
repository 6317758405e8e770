"""Lock files of Elixir and Erlang: mix.lock (Mix' documentation of `mix deps.get`) and rebar.lock (rebar3's documentation)."""

from __future__ import annotations

from collections.abc import Iterator

from hullmark.catalog.cataloger import Cataloger
from hullmark.catalog.declared import Ecosystem, Listing, PackageCollector, packages, vcs_url
from hullmark.catalog.documents import text_of
from hullmark.catalog.view import View
from hullmark.model.late import late
from hullmark.model.package import Package
from hullmark.rootfs.reads import MIB, Read, Report

_NAME = "beam-lock"
_IS_NAME = late(r"[a-z][A-Za-z0-9_]{0,127}").fullmatch
_IS_VERSION = late(r"[0-9A-Za-z][0-9A-Za-z.+_-]{0,127}").fullmatch
_ATOM = r':(?:"([^"\\\n]{1,128})"|([A-Za-z0-9_@]{1,128}))'
_MIX_LINE = late(r'\s*"([^"\\]{1,128})":\s*\{(.*)', 16).fullmatch
_MIX_HEX = late(rf':hex,\s*{_ATOM},\s*"([^"\\\n]{{1,128}})"').match
_MIX_GIT = late(r':git,\s*"([^"\\\n]{1,1024})",\s*"([0-9a-f]{7,64})"').match
_MIX_NEED = late(rf'\{{:"?[A-Za-z0-9_@]{{1,128}}"?,[^\[\]{{}}]{{0,512}}\[hex:\s*{_ATOM}').finditer
_MIX_PATH = late(r":path,").match
_BINARY = r'<<"([^"\\]{1,128})"(?:/utf8)?>>'
_REBAR = late(
    rf"\{{\s*{_BINARY}\s*,\s*\{{\s*(?:pkg\s*,\s*{_BINARY}\s*,\s*{_BINARY}|git(?:_subdir)?\s*,\s*\"([^\"\\]{{1,1024}})\"\s*,"
    rf"\s*\{{\s*ref\s*,\s*\"([0-9a-f]{{7,64}})\"\s*\}}|([a-z]{{1,20}})\s*,)"
).finditer
_IS_REBAR = late(r'\s*(?:%[^\n]*\n\s*)*(?:\{\s*"\d+(?:\.\d+)*"\s*,\s*)?\[').match


def _gathering() -> PackageCollector:
    return PackageCollector(_IS_NAME, _IS_VERSION)


def extract_mix(path: str, body: memoryview, report: Report) -> Listing | None:
    """One entry a line. What comes from a repository has its commit for a version."""
    gathering = _gathering()
    for line in text_of(body).splitlines():
        if line.strip() in ("%{", "}", "%{}", "") or line.lstrip().startswith("#"):
            continue
        entry = _MIX_LINE(line)
        if entry is None:
            gathering.refuse(line.strip())
        elif of_hex := _MIX_HEX(entry[2]):
            needs = (need[1] or need[2] for need in _MIX_NEED(entry[2]))
            gathering.add(of_hex[1] or of_hex[2], of_hex[3], needs=needs)
        elif of_git := _MIX_GIT(entry[2]):
            gathering.add(entry[1], of_git[2], qualifiers=vcs_url("git", of_git[1], of_git[2]))
        elif not _MIX_PATH(entry[2]):
            gathering.refuse(line.strip())
    return gathering.finish(report)


def extract_rebar(path: str, body: memoryview, report: Report) -> Listing | None:
    """The packages and repositories; the hashes that follow have the names again."""
    text = text_of(body)
    if not _IS_REBAR(text):
        report("it is not a lock file of rebar3")
        return None
    gathering = _gathering()
    for found in _REBAR(text):
        if found[3]:
            gathering.add(found[2], found[3])
        elif found[5]:
            gathering.add(found[1], found[5], qualifiers=vcs_url("git", found[4], found[5]))
        else:
            gathering.refuse(f"{found[1]} from {found[6]}")
    return gathering.finish(report)


HEX = Ecosystem(type="hex", cataloger=_NAME)


def assemble(view: View) -> Iterator[Package]:
    """What the lock files name."""
    return packages(view, (MIX_LOCK, REBAR_LOCK), HEX)


MIX_LOCK: Read[Listing] = Read(
    name="beam-mix-lock", fact=Listing, extract=extract_mix, globs=("**/mix.lock",), limit=8 * MIB
)
REBAR_LOCK: Read[Listing] = Read(
    name="beam-rebar-lock", fact=Listing, extract=extract_rebar, globs=("**/rebar.lock",), limit=8 * MIB
)
CATALOGER = Cataloger(name=_NAME, types=("hex",), reads=(MIX_LOCK, REBAR_LOCK), assemble=assemble)
