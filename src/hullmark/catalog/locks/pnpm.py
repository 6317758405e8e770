"""pnpm-lock.yaml, versions 5 to 9 (pnpm's lockfile specifications): keys of `packages`, and who needs them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from hullmark.catalog.declared import PackageCollector, vcs_url
from hullmark.catalog.documents import Table
from hullmark.model.late import late
from hullmark.rootfs.reads import Report

_VERSION = late(r"[0-9]+")
_WANTED = ("dependencies", "optionalDependencies")


def gather_pnpm(lock: Table, gathering: PackageCollector, report: Report) -> None:
    """The packages of one document that are not for development only."""
    number = _VERSION.match(str(lock.get("lockfileVersion", "")))
    entries = lock.get("packages", {})
    if number is None or not isinstance(entries, dict):
        report("it has no lockfileVersion" if number is None else "its packages are not a mapping")
        return
    unwanted = _for_development(lock) if int(number[0]) >= 9 else frozenset[str]()
    for key, entry in entries.items():
        if not isinstance(entry, dict):
            gathering.refuse(key)
        elif entry.get("dev") != "true" and key not in unwanted:
            _gather(key, entry, gathering, is_old=int(number[0]) < 6)
    _gather_needs(lock, gathering, is_old=int(number[0]) < 6)


def _gather_needs(lock: Table, gathering: PackageCollector, *, is_old: bool) -> None:
    """Who needs whom: since version 9 `snapshots` say it, before that the entries themselves."""
    snapshots = lock.get("snapshots")
    entries = snapshots if isinstance(snapshots, dict) else lock.get("packages", {})
    for key, entry in entries.items():
        name, version = _split_key(key, is_old=is_old)
        if isinstance(entry, dict):
            keys = (_split_key(f"/{key}" if is_old else key, is_old=False) for key in _dependency_keys(entry, _WANTED))
            gathering.need(
                name, version, (f"{one}@{other.partition('_')[0] if is_old else other}" for one, other in keys)
            )


def _gather(key: str, entry: Table, gathering: PackageCollector, *, is_old: bool) -> None:
    """Entries whose key is an address have name and version inside; a folder of the project has neither."""
    resolution = entry.get("resolution")
    resolution = resolution if isinstance(resolution, dict) else {}
    if "directory" in resolution:
        return
    name, version = _split_key(key, is_old=is_old)
    stated = entry.get("version")
    if stated is None and "/" not in version and ":" not in version:
        stated = version or None
    gathering.add(entry.get("name", name), stated, qualifiers=_origin(resolution))


def _split_key(key: str, *, is_old: bool) -> tuple[str, str]:
    """Name and version: `/@s/a/1.0.0_peer` up to version 5, `/@s/a@1.0.0(peer@2)` and then `@s/a@1.0.0(peer@2)` since.

    Where the old form begins without a slash, it begins with the registry's host.
    """
    if is_old:
        name, _, version = key.rpartition("/")
        return name.partition("/")[2], version.partition("_")[0]
    key = key.removeprefix("/").partition("(")[0]
    at = key.find("@", 1)
    return (key[:at], key[at + 1 :]) if at > 0 else (key, "")


def _origin(resolution: Table) -> tuple[tuple[str, str], ...]:
    if resolution.get("type") == "git":
        return vcs_url("git", resolution.get("repo"), resolution.get("commit"))
    return ()


def _for_development(lock: Table) -> frozenset[str]:
    """The keys of `packages` that only development needs: since version 9 the entries do not say so themselves."""
    snapshots = lock.get("snapshots")
    importers = lock.get("importers")
    if not isinstance(snapshots, dict) or not isinstance(importers, dict):
        return frozenset()
    projects = [project for project in importers.values() if isinstance(project, dict)]
    needed = _find_reachable((key for project in projects for key in _dependency_keys(project, _WANTED)), snapshots)
    others = _find_reachable(
        (key for project in projects for key in _dependency_keys(project, ("devDependencies",))), snapshots
    )
    kept = {key.partition("(")[0] for key in needed}
    return frozenset(key.partition("(")[0] for key in others) - kept


def _find_reachable(roots: Iterable[str], snapshots: Table) -> set[str]:
    reached: set[str] = set()
    waiting = list(roots)
    while waiting:
        key = waiting.pop()
        entry = snapshots.get(key)
        if key not in reached and isinstance(entry, dict):
            reached.add(key)
            waiting += _dependency_keys(entry, _WANTED)
    return reached


def _dependency_keys(entry: Table, kinds: Iterable[str]) -> Iterator[str]:
    """The keys of `snapshots` that a project or package wants: `1.0.0(peer@2)` of a, or `b@1.0.0` where a is an alias."""
    for kind in kinds:
        dependencies = entry.get(kind)
        for name, dependency in dependencies.items() if isinstance(dependencies, dict) else ():
            version = dependency.get("version") if isinstance(dependency, dict) else dependency
            if isinstance(version, str) and not version.startswith("link:"):
                bare = version.partition("(")[0]
                is_key = "@" in bare[1:] and (":" not in bare or bare.find("@", 1) < bare.find(":"))
                yield version if is_key else f"{name}@{version}"
