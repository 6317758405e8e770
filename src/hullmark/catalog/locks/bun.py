"""Lock files of bun (bun.lock, its documentation's "Text-based lockfile") and of Deno (deno.lock, versions 2 to 5)."""

from __future__ import annotations

from collections.abc import Iterator
from re import Match
from typing import Any

from msgspec.structs import replace

from hullmark.catalog.cataloger import Cataloger
from hullmark.catalog.declared import Ecosystem, Listing, PackageCollector, is_others, package, packages
from hullmark.catalog.documents import JSON_LIMIT, Table, json_object, text_of
from hullmark.catalog.late import late
from hullmark.catalog.locks.npm import is_name, is_version, name_parts
from hullmark.catalog.view import View
from hullmark.model.package import Package
from hullmark.rootfs.reads import Read, Report

_BUN_NAME, _DENO_NAME = "bun-lock", "deno-lock"
# A text that does not end is taken to the end: no part is looked at twice.
_TOKEN = late(r'("(?:[^"\\]|\\.)*+"?)|,(?=\s*+[\]}])|//[^\n]*+', 16)
_LOCATOR = late(r"(@?[^@\s]{1,214})@(?:npm:)?([^_\s]{1,256})(?:_.*)?", 16).fullmatch
_REMOTE = late(r"https://deno\.land/(?:x/)?([A-Za-z0-9_.-]{1,128})@(v?[0-9][0-9A-Za-z.+_-]{0,63})/.*").fullmatch
_ELSEWHERE = ("workspace:", "link:", "file:", "root:")


def _plain(found: Match[str]) -> str:
    return found[1] or ""


def extract_bun(path: str, body: memoryview, report: Report) -> Listing | None:
    """The packages; the file is JSON with commas at the end of lists."""
    found = json_object(memoryview(_TOKEN.sub(_plain, text_of(body)).encode("utf-8", "replace")), report)
    entries = found.get("packages", {}) if found is not None else {}
    if not isinstance(entries, dict):
        report("its packages are not an object")
        return None
    gathering = PackageCollector(is_name, is_version)
    for place, entry in entries.items():
        locator = entry[0] if isinstance(entry, list) and entry else None
        name, _, version = locator.rpartition("@") if isinstance(locator, str) else ("", "", "")
        if not name:
            gathering.refuse(place)
        elif not version.startswith(_ELSEWHERE):
            # An archive or a repository has an address where others have a version.
            gathering.add(name, version if is_version(version) else None)
    return gathering.finish(report)


def extract_deno(path: str, body: memoryview, report: Report) -> Listing | None:
    """Names begin with what they come from: `npm:`, `jsr:` or `deno:` (deno.land)."""
    found = json_object(body, report)
    if found is None:
        return None
    inner = found.get("packages")
    holder = inner if isinstance(inner, dict) else found
    if isinstance(found.get("npm"), dict) and "packages" in found["npm"]:
        holder = {"npm": found["npm"]["packages"]}
    gathering = PackageCollector(lambda name: is_name(name.partition(":")[2]), is_version)
    for kind in ("npm", "jsr"):
        _gather(kind, holder, gathering)
    remote = found.get("remote")
    for url in remote if isinstance(remote, dict) else ():
        module = _REMOTE(url)
        if module:
            gathering.add(f"deno:{module[1]}", module[2].removeprefix("v"))
    return gathering.finish(report)


def _gather(kind: str, holder: Table, gathering: PackageCollector) -> None:
    entries: Any = holder.get(kind)
    for key in entries if isinstance(entries, dict) else ():
        locator = _LOCATOR(key)
        if locator:
            gathering.add(f"{kind}:{locator[1]}", locator[2])
        else:
            gathering.refuse(key)


_NPM = Ecosystem(type="npm", cataloger=_BUN_NAME, parted=name_parts)
_OF_DENO = {
    kind: Ecosystem(type=kind, cataloger=_DENO_NAME, parted=lambda name: name_parts(name.partition(":")[2]))
    for kind in ("deno", "jsr", "npm")
}


def assemble(view: View) -> Iterator[Package]:
    """What bun's lock files name."""
    return packages(view, (BUN_LOCK,), _NPM)


def assemble_deno(view: View) -> Iterator[Package]:
    """What Deno's lock files name, of three registries."""
    for found in view.facts(DENO_LOCK):
        for entry in () if is_others(found.path) else found.fact:
            kind, _, name = entry.name.partition(":")
            yield replace(package(found, entry, _OF_DENO[kind]), name=name)


BUN_LOCK: Read[Listing] = Read(
    name="npm-bun-lock", fact=Listing, extract=extract_bun, globs=("**/bun.lock",), limit=JSON_LIMIT
)
DENO_LOCK: Read[Listing] = Read(
    name="npm-deno-lock", fact=Listing, extract=extract_deno, globs=("**/deno.lock",), limit=JSON_LIMIT
)
CATALOGERS = (
    Cataloger(name=_BUN_NAME, types=("npm",), reads=(BUN_LOCK,), assemble=assemble),
    Cataloger(name=_DENO_NAME, types=("deno", "jsr", "npm"), reads=(DENO_LOCK,), assemble=assemble_deno),
)
CATALOGER = CATALOGERS[0]
