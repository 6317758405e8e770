"""npm's lock files: package-lock.json and npm-shrinkwrap.json (npm's documents of them), yarn.lock (1 and later), pnpm-lock.yaml.

What a lock file marks as for development only is left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from hullmark.catalog.cataloger import Cataloger
from hullmark.catalog.declared import Ecosystem, Listing, PackageCollector, packages, vcs_url
from hullmark.catalog.documents import JSON_LIMIT, YAML_LIMIT, Table, json_object, text_of, yaml_documents
from hullmark.catalog.locks.pnpm import gather_pnpm
from hullmark.catalog.view import View
from hullmark.model.late import late
from hullmark.model.limit import Limit
from hullmark.model.package import Package
from hullmark.rootfs.reads import Read, Report

_NAME = "npm-lock"
_MODULES = "node_modules/"
_MAX_DEPTH = Limit(128, "folders above a package of a package-lock.json in which others are looked for", "shortened")
_MAX_TEXT = Limit(512, "characters of a licence in a package-lock.json", "shortened")

is_name = late(r"(?:@[A-Za-z0-9\-_.!~*'()]{1,214}/)?(?!\.)[A-Za-z0-9\-_.!~*'()]{1,214}").fullmatch
is_version = late(r"[0-9][0-9A-Za-z.+~_-]{0,255}").fullmatch
_ALIAS = late(r"npm:(@?[^@]+)@(.+)").fullmatch
_ADDRESS = late(r"(?:git|https?|ssh|file|link|portal|workspace|github|gitlab|bitbucket)[:+]").match
_ARCHIVE = late(r"-([0-9]+\.[0-9]+\.[0-9]+[^/?#]{0,64})\.tgz").search
_GIT = late(r"(?:git\+)?([^#]{1,1024})#(?:commit=)?([0-9a-f]{7,64})").fullmatch
_IS_GIT = late(r"git[+:@]|[^#]{1,1024}(?:\.git#|#commit=)").match
_PATTERN = late(r"(@?[^@\s]{1,214})@(.{0,1024})", re.DOTALL).match
_LOCATOR = late(r"(@?[^@\s]{1,214})@(?:npm|patch):").match
_NEEDS = ("dependencies", "optionalDependencies")
_NEED = late(r"    [\"']?(@?[^@\s\"':]{1,214})[\"']?:? [\"']?([^\"']{1,1024})[\"']?").fullmatch
_FIELD = late(r"  \"?(version|resolution|resolved)\"?:? \"?([^\"]{1,2048})\"?").fullmatch


def _gathering() -> PackageCollector:
    return PackageCollector(is_name, is_version)


# package-lock.json


def extract_npm(path: str, body: memoryview, report: Report) -> Listing | None:
    """The packages of a package-lock.json or npm-shrinkwrap.json of any version, with the project itself where named."""
    lock = json_object(body, report)
    if lock is None:
        return None
    gathering = _gathering()
    key = "packages" if lock.get("packages") is not None else "dependencies"
    entries = lock.get(key, {})
    if not isinstance(entries, dict):
        report(f"its {key} are not an object")
        return None
    if key == "packages":
        _gather_places(entries, lock, gathering)
    else:
        _gather_tree(entries, gathering)
    return gathering.finish(report)


def _gather_places(entries: Table, lock: Table, gathering: PackageCollector) -> None:
    """The `packages` of versions 2 and 3: a folder of the tree → what is in it. Links lead to entries of their own."""
    for place, entry in entries.items():
        if not isinstance(entry, dict):
            gathering.refuse(place)
        elif entry.get("dev") is not True and entry.get("link") is not True:
            name, version = entry.get("name"), entry.get("version")
            if not place:
                name, version = name or lock.get("name"), version or lock.get("version")
            elif name is None:
                name = _name_of(place)
            if (version is not None and name is not None) or _MODULES in place:
                license = entry.get("license")
                gathering.add(
                    name,
                    version,
                    licenses=(license[:_MAX_TEXT],) if isinstance(license, str) and license else (),
                    qualifiers=_origin(entry.get("resolved")),
                    needs=_needs(place, entry, entries),
                )


def _needs(place: str, entry: Table, entries: Table) -> Iterator[str]:
    """What lies nearest under each name that it depends on: in its own node_modules, or those of the folders above."""
    for kind in ("dependencies", "optionalDependencies", "peerDependencies"):
        names = entry.get(kind)
        for name in names if isinstance(names, dict) else ():
            above = place
            for _ in range(_MAX_DEPTH):
                found = entries.get(f"{above}/{_MODULES}{name}" if above else _MODULES + name)
                if isinstance(found, dict) and found.get("link") is True:
                    found = entries.get(str(found.get("resolved")))
                if isinstance(found, dict):
                    yield f"{found.get('name', name)}@{found.get('version', '')}"
                if found is not None or not above:
                    break
                above = above.rpartition("/" + _MODULES)[0] if "/" + _MODULES in above else ""


def _name_of(place: str) -> str:
    """`packages/a/node_modules/@s/b` is @s/b; of a folder of the project the last part counts."""
    scope, _, base = place.rpartition("/")
    scope = scope.rpartition("/")[2]
    return f"{scope}/{base}" if scope.startswith("@") else base


def _gather_tree(entries: Table, gathering: PackageCollector) -> None:
    """The `dependencies` of version 1, with those of each."""
    waiting = [_Folder(entries, None)]
    while waiting:
        folder = waiting.pop()
        for name, entry in folder.entries.items():
            if not isinstance(entry, dict):
                gathering.refuse(name)
                continue
            inner = entry.get("dependencies")
            own = _Folder(inner, folder) if isinstance(inner, dict) else folder
            if own is not folder:
                waiting.append(own)
            if entry.get("dev") is not True:
                stated = entry.get("version")
                needs = _resolve_requirements(entry.get("requires"), own)
                gathering.add(*_parse_version(name, stated), qualifiers=_origin(stated), needs=needs)


class _Folder(msgspec.Struct, frozen=True):
    """What is installed side by side, and the folder around it."""

    entries: Table
    around: _Folder | None


def _parse_version(name: str, version: object) -> tuple[str, object]:
    """Name and version. A version of version 1 may be an alias, or an address that has no version, or has it in a file name."""
    if isinstance(version, str):
        if alias := _ALIAS(version):
            return alias[1], alias[2]
        if _ADDRESS(version):
            archive = _ARCHIVE(version)
            return name, archive[1] if archive else None
    return name, version


def _resolve_requirements(names: object, folder: _Folder | None) -> Iterator[str]:
    """What lies nearest under each name: beside what is in its own folder, or in the folders around."""
    for name in names if isinstance(names, dict) else ():
        place = folder
        for _ in range(_MAX_DEPTH):
            if place is None:
                break
            entry = place.entries.get(name)
            if isinstance(entry, dict):
                found, version = _parse_version(name, entry.get("version"))
                yield f"{found}@{version or ''}"
                break
            place = place.around


def _origin(resolved: object) -> tuple[tuple[str, str], ...]:
    """A repository with a commit; an archive's digest behind the same sign is none."""
    repository = _GIT(resolved) if isinstance(resolved, str) and _IS_GIT(resolved) else None
    return vcs_url("git", repository[1], repository[2]) if repository else ()


# yarn.lock


def extract_yarn(path: str, body: memoryview, report: Report) -> Listing | None:
    """The packages of a yarn.lock: yarn's own format of version 1, and the YAML that later ones write.

    Both have blocks of a heading (the descriptors it fulfils) and indented fields.
    """
    gathering = _gathering()
    chosen: dict[str, str] = {}
    wanting: list[tuple[object, str, list[str]]] = []
    for heading, fields, needs in _blocks(text_of(body), gathering):
        pattern = _PATTERN(heading.strip("\"'"))
        if pattern is None:
            if heading != "__metadata":
                gathering.refuse(heading)
            continue
        wanted = pattern[2].split('"', 1)[0].split(", ", 1)[0]
        if wanted.startswith(("link:", "portal:")) or fields.get("version", "").startswith("0.0.0-use.local"):
            continue  # a folder of the project
        if "version" not in fields:
            gathering.refuse(heading)
            continue
        locator, alias = _LOCATOR(fields.get("resolution", "")), _ALIAS(wanted)
        name = locator[1] if locator else alias[1] if alias else pattern[1]
        origin = fields.get("resolved", "") or fields.get("resolution", "").removeprefix(f"{pattern[1]}@")
        gathering.add(name, fields["version"], qualifiers=_origin(origin))
        chosen.update(dict.fromkeys(_descriptors(heading), f"{name}@{fields['version']}"))
        wanting.append((name, fields["version"], needs))
    for name, version, needs in wanting:
        found = (chosen.get(need) or chosen.get(need.replace("@npm:", "@")) for need in needs)
        gathering.need(str(name), version, filter(None, found))
    return gathering.finish(report)


def _descriptors(heading: str) -> Iterator[str]:
    """What a block fulfils: `"a@^1", b@2` of version 1, `"a@npm:^1, a@npm:2"` of later ones, all without `npm:`."""
    for descriptor in heading.replace('"', "").replace("'", "").split(", "):
        yield descriptor
        yield descriptor.replace("@npm:", "@")


def _blocks(text: str, gathering: PackageCollector) -> Iterator[tuple[str, dict[str, str], list[str]]]:
    """Heading, fields, and what is needed (`name@range`) of each block."""
    heading, fields, needs, inner = "", dict[str, str](), list[str](), ""
    for line in text.splitlines():
        if line.startswith("    ") and inner in _NEEDS:
            if need := _NEED(line):
                needs.append(f"{need[1]}@{need[2]}")
        elif line.startswith("  "):
            inner = line.strip().removesuffix(":")
            if field := _FIELD(line):
                fields.setdefault(field[1], field[2])
        elif line and line[0] != "#" and line != ":":
            if heading:
                yield heading, fields, needs
            # A heading of more than a thousand characters stands behind a question mark, the colon on a line of its own.
            heading, fields, needs, inner = line.removeprefix("? ").removesuffix(":"), {}, [], ""
            if not line.endswith(":") and not line.startswith("? "):
                gathering.refuse(line)
                heading = ""
    if heading:
        yield heading, fields, needs


# pnpm-lock.yaml


def extract_pnpm(path: str, body: memoryview, report: Report) -> Listing | None:
    """The packages of a pnpm-lock.yaml of the versions 5 to 9; several documents in one file count together."""
    gathering = _gathering()
    for document in yaml_documents(body, report):
        gather_pnpm(document, gathering, report)
    return gathering.finish(report)


def name_parts(name: str) -> tuple[str, str]:
    """Scope and name of an npm package."""
    scope, _, base = name.rpartition("/")
    return scope, base


NPM = Ecosystem(type="npm", cataloger=_NAME, parted=name_parts)


def assemble(view: View) -> Iterator[Package]:
    """What the lock files outside any node_modules name."""
    return packages(view, (PACKAGE_LOCK, YARN_LOCK, PNPM_LOCK), NPM)


PACKAGE_LOCK: Read[Listing] = Read(
    name="npm-package-lock",
    fact=Listing,
    extract=extract_npm,
    globs=("**/package-lock.json", "**/npm-shrinkwrap.json"),
    limit=JSON_LIMIT,
)
YARN_LOCK: Read[Listing] = Read(
    name="npm-yarn-lock", fact=Listing, extract=extract_yarn, globs=("**/yarn.lock",), limit=JSON_LIMIT
)
PNPM_LOCK: Read[Listing] = Read(
    name="npm-pnpm-lock", fact=Listing, extract=extract_pnpm, globs=("**/pnpm-lock.yaml",), limit=YAML_LIMIT
)
CATALOGER = Cataloger(name=_NAME, types=("npm",), reads=(PACKAGE_LOCK, YARN_LOCK, PNPM_LOCK), assemble=assemble)
