"""Lock files of bun (bun.lock, its documentation's "Text-based lockfile") and of Deno (deno.lock, versions 2 to 5)."""

from __future__ import annotations

from collections.abc import Iterator
from re import Match
from typing import Any, NamedTuple

from msgspec.structs import replace

from hullmark.catalog.cataloger import Cataloger
from hullmark.catalog.declared import (
    DeclaredPackage,
    Ecosystem,
    Listing,
    PackageCollector,
    package,
    packages,
)
from hullmark.catalog.documents import JSON_LIMIT, Table, json_object, text_of
from hullmark.catalog.locks.npm import is_name, is_version, name_parts
from hullmark.catalog.view import View
from hullmark.model.late import late
from hullmark.model.limit import Limit
from hullmark.model.package import Package
from hullmark.rootfs.reads import LocatedFact, Read, Report

_BUN_NAME, _DENO_NAME = "bun-lock", "deno-lock"
# A text that does not end is taken to the end: no part is looked at twice.
_TOKEN = late(r'("(?:[^"\\]|\\.)*+"?)|,(?=\s*+[\]}])|//[^\n]*+', 16)
_LOCATOR = late(r"(@?[^@\s]{1,214})@(?:npm:)?([^_\s]{1,256})(?:_.*)?", 16).fullmatch
_REMOTE = late(r"https://deno\.land/(?:x/)?([A-Za-z0-9_.-]{1,128})@(v?[0-9][0-9A-Za-z.+_-]{0,63})/.*").fullmatch
_MAX_NESTING = Limit(128, "packages in each other of a bun.lock in which others are looked for", "shortened")
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
            needs = _bun_needs(place, entry, entries)
            gathering.add(name, version if is_version(version) else None, needs=needs)
    return gathering.finish(report)


def _bun_needs(place: str, entry: list[Any], entries: Table) -> Iterator[str]:
    """What lies nearest under each name: `a/b` is the b that only a has."""
    above = _names(place)
    details = next((part for part in entry if isinstance(part, dict)), {})
    for kind in ("dependencies", "optionalDependencies", "peerDependencies"):
        names = details.get(kind)
        for name in names if isinstance(names, dict) else ():
            places = ("/".join((*above[:depth], name)) for depth in range(len(above), -1, -1))
            found = next((entries[place] for place in places if place in entries), None)
            locator = found[0] if isinstance(found, list) and found else None
            if isinstance(locator, str):
                called, _, version = locator.rpartition("@")
                yield f"{called}@{version}" if is_version(version) else called


def _names(place: str) -> list[str]:
    """The packages of a place: `@s/a/b` are @s/a and b. Of one that is nested deeper than any the innermost."""
    found: list[str] = []
    for part in place.split("/")[-_MAX_NESTING:]:
        if found and found[-1].startswith("@") and "/" not in found[-1]:
            found[-1] += f"/{part}"
        else:
            found.append(part)
    return found


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
        _gather(kind, holder, gathering, _Resolutions(holder, found.get("specifiers") or holder.get("specifiers")))
    remote = found.get("remote")
    for url in remote if isinstance(remote, dict) else ():
        module = _REMOTE(url)
        if module:
            gathering.add(f"deno:{module[1]}", module[2].removeprefix("v"))
    return gathering.finish(report)


class _Resolutions(NamedTuple):
    """All packages by kind and key, and what was chosen for each descriptor."""

    holder: Table
    specifiers: object

    def of(self, kind: str, descriptor: str) -> str:
        """`npm:a@1.0.0` for a descriptor such as `a@^1`, `a` or `jsr:@s/a@1`; without a version where that alone does not tell it."""
        stated = next((registry for registry in ("npm", "jsr") if descriptor.startswith(f"{registry}:")), "")
        kind, bare = stated or kind, descriptor.removeprefix(f"{stated}:")
        entries = self.holder.get(kind)
        if not (isinstance(entries, dict) and bare in entries) and isinstance(self.specifiers, dict):
            chosen = self.specifiers.get(f"{kind}:{bare}")
            if isinstance(chosen, str):
                name = bare[: bare.rfind("@")] if "@" in bare[1:] else bare
                bare = chosen.removeprefix(f"{kind}:") if "@" in chosen else f"{name}@{chosen}"
        locator = _LOCATOR(bare)
        return f"{kind}:{locator[1]}@{locator[2]}" if locator else f"{kind}:{bare}"


def _gather(kind: str, holder: Table, gathering: PackageCollector, chosen: _Resolutions) -> None:
    entries: Any = holder.get(kind)
    for key, entry in entries.items() if isinstance(entries, dict) else ():
        locator = _LOCATOR(key)
        if locator:
            needs = entry.get("dependencies") if isinstance(entry, dict) else None
            needs = list(needs.values()) if isinstance(needs, dict) else needs
            needs = (
                (chosen.of(kind, name) for name in needs if isinstance(name, str)) if isinstance(needs, list) else ()
            )
            gathering.add(f"{kind}:{locator[1]}", locator[2], needs=needs)
        else:
            gathering.refuse(key)


NPM = Ecosystem(type="npm", cataloger=_BUN_NAME, parted=name_parts)
_OF_DENO = {
    kind: Ecosystem(type=kind, cataloger=_DENO_NAME, parted=lambda name: name_parts(name.partition(":")[2]))
    for kind in ("deno", "jsr", "npm")
}


def assemble(view: View) -> Iterator[Package]:
    """What bun's lock files name."""
    return packages(view, (BUN_LOCK,), NPM)


def assemble_deno(view: View) -> Iterator[Package]:
    """What Deno's lock files name, of three registries."""
    return packages(view, (DENO_LOCK,), deno_package)


def deno_package(found: LocatedFact[Listing], entry: DeclaredPackage) -> Package:
    """The package that a lock file of Deno's names."""
    kind, _, name = entry.name.partition(":")
    return replace(package(found, entry, _OF_DENO[kind]), name=name)


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
