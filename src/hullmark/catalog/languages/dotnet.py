""".NET programs: NAME.deps.json beside each (dotnet/sdk, "Runtime configuration files"), and NuGet's packages.lock.json.

A library counts where its target brings files into the program, or one that it depends on does: others were only there to compile.
Of assemblies that no deps.json tells of, their version resource does (`dotnet_assembly.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from hullmark.catalog.cataloger import Cataloger
from hullmark.catalog.declared import Ecosystem, Listing, PackageCollector, packages
from hullmark.catalog.documents import JSON_LIMIT, Table, json_object
from hullmark.catalog.languages.dotnet_assembly import ASSEMBLY, assemblies, is_name
from hullmark.catalog.view import View
from hullmark.model.late import late
from hullmark.model.limit import Limit
from hullmark.model.package import UNKNOWN_VERSION, Location, Package
from hullmark.model.purl import make_purl
from hullmark.rootfs.reads import Read, Report

NAME = "dotnet"
_DEPS_LIMIT = Limit(16 * 1024 * 1024, "bytes of a deps.json")
is_version = late(r"[0-9][0-9A-Za-z.+_-]{0,127}").fullmatch
_FILES = ("runtime", "resources", "native", "runtimeTargets")
_NOTHING = "_._"
_INSTALLED = frozenset(("package", "runtimepack"))
PROJECT = "project"


class Library(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A library of a program. `kind` is package, runtimepack or project. A project is one of the program's own. `needs` are keys of
    libraries that it depends on, `Name/1.0`."""

    name: str
    version: str
    kind: str
    needs: tuple[str, ...] = ()


def extract_deps(path: str, body: memoryview, report: Report) -> tuple[Library, ...] | None:
    """The libraries that bring something into the program, and its own projects."""
    found = json_object(body, report)
    if found is None:
        return None
    libraries = found.get("libraries")
    if not isinstance(libraries, dict):
        report("the deps.json has no libraries")
        return None
    target = _target(found)
    active = _active(target) if target else None
    kept, bad = [], 0
    for key, entry in libraries.items():
        kind = entry.get("type") if isinstance(entry, dict) else None
        name, _, version = key.rpartition("/")
        # What is only referenced belongs to the shared framework, which has a deps.json of its own.
        if kind not in _INSTALLED and kind != PROJECT:
            continue
        if not is_name(name) or not is_version(version):
            bad += 1
        elif active is None or kind == "runtimepack" or key in active:
            kept.append(Library(name.removeprefix("runtimepack."), version, kind, _needs(target.get(key))))
    if bad:
        report(f"libraries of the deps.json that have no name and version that can be used: {bad}")
    return tuple(dict.fromkeys(kept)) or None


def _target(found: Table) -> Table:
    """The entries of the target that runs; of several without a word which, all."""
    targets = found.get("targets")
    if not isinstance(targets, dict):
        return {}
    wanted = found.get("runtimeTarget")
    name = wanted.get("name") if isinstance(wanted, dict) else wanted
    chosen = targets.get(name) if isinstance(name, str) else None
    if isinstance(chosen, dict):
        return chosen
    return {
        key: entry for libraries in targets.values() if isinstance(libraries, dict) for key, entry in libraries.items()
    }


def _needs(entry: object) -> tuple[str, ...]:
    wanted = entry.get("dependencies") if isinstance(entry, dict) else None
    return tuple(f"{name}/{version}" for name, version in wanted.items()) if isinstance(wanted, dict) else ()


def _active(target: Table) -> set[str]:
    """Libraries that bring files, and libraries that depend on another one."""
    dependents: dict[str, list[str]] = {}
    for key, entry in target.items():
        wanted = entry.get("dependencies") if isinstance(entry, dict) else None
        for name, version in wanted.items() if isinstance(wanted, dict) else ():
            dependents.setdefault(f"{name}/{version}", []).append(key)
    waiting = [key for key, entry in target.items() if isinstance(entry, dict) and _has_files(entry)]
    active = set(waiting)
    while waiting:
        for key in dependents.get(waiting.pop(), ()):
            if key not in active:
                active.add(key)
                waiting.append(key)
    return active


def _has_files(entry: Table) -> bool:
    return any(
        isinstance(files, dict) and any(not name.endswith(_NOTHING) for name in files)
        for files in map(entry.get, _FILES)
    )


def extract_lock(path: str, body: memoryview, report: Report) -> Listing | None:
    """What NuGet chose for each framework, without the projects."""
    found = json_object(body, report)
    frameworks = found.get("dependencies", {}) if found is not None else {}
    if not isinstance(frameworks, dict):
        report("its dependencies are not an object")
        return None
    gathering = PackageCollector(is_name, is_version)
    for chosen in frameworks.values():
        chosen = chosen if isinstance(chosen, dict) else {}
        by_name = {name.lower(): name for name in chosen}
        for name, entry in chosen.items():
            if not isinstance(entry, dict):
                gathering.refuse(name)
            elif entry.get("type") not in ("Project", "project"):
                wanted = entry.get("dependencies")
                needs = (by_name.get(name.lower(), "") for name in (wanted if isinstance(wanted, dict) else ()))
                others = ((key, chosen[key]) for key in needs if key)
                named = (f"{name}@{other.get('resolved', '')}" for name, other in others if isinstance(other, dict))
                gathering.add(name, entry.get("resolved"), needs=named)
    return gathering.finish(report)


DEPS = Read(
    name="dotnet-deps",
    fact=tuple[Library, ...],
    globs=("**/*.deps.json",),
    extract=extract_deps,
    limit=_DEPS_LIMIT,
)
LOCK: Read[Listing] = Read(
    name="dotnet-packages-lock", fact=Listing, globs=("**/packages.lock.json",), extract=extract_lock, limit=JSON_LIMIT
)
NUGET = Ecosystem(type="nuget", cataloger=NAME)


def purl_of(library: Library) -> str:
    """The package URL of a library."""
    return make_purl("nuget", library.name, library.version)


def _libraries(libraries: Iterable[Library], program: str) -> Iterator[Library]:
    """Without the program's own projects, but for the program itself."""
    return (library for library in libraries if library.kind != PROJECT or library.name.lower() == program.lower())


def assemble(view: View) -> Iterator[Package]:
    """A package for each library of each program, for each entry of a lock file that came along, and for each assembly without either."""
    for found in view.facts(DEPS):
        program = found.path.rpartition("/")[2].removesuffix(".deps.json")
        for library in _libraries(found.fact, program):
            yield Package(
                type="nuget",
                name=library.name,
                version=library.version or UNKNOWN_VERSION,
                purl=purl_of(library),
                cataloger=NAME,
                locations=(Location(f"/{found.path}", found.layer),),
            )
    yield from packages(view, (LOCK,), NUGET)
    yield from assemblies(view, {found.path.rpartition("/")[0] for found in view.facts(DEPS)}, NAME)


CATALOGER = Cataloger(name=NAME, types=("nuget",), reads=(DEPS, LOCK, ASSEMBLY), assemble=assemble)
