"""Cargo.lock, versions 1 to 4 (the Cargo book): every crate of the workspace, its own ones too."""

from __future__ import annotations

from collections.abc import Iterator

from hullmark.catalog.cataloger import Cataloger
from hullmark.catalog.declared import Ecosystem, Listing, PackageCollector, packages, vcs_url
from hullmark.catalog.documents import TOML_LIMIT, Table, toml_table
from hullmark.catalog.view import View
from hullmark.model.late import late
from hullmark.model.package import Package
from hullmark.rootfs.reads import Read, Report

_NAME = "rust-lock"
_IS_NAME = late(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,127}").fullmatch
_IS_VERSION = late(r"[0-9][0-9A-Za-z.+-]{0,127}").fullmatch
_GIT = late(r"git\+([^?#]{1,1024})[^#]{0,1024}#([0-9a-f]{7,64})").fullmatch


def extract(path: str, body: memoryview, report: Report) -> Listing | None:
    """The crates that were chosen."""
    lock = toml_table(body, report)
    if lock is None:
        return None
    entries = lock.get("package", [])
    if not isinstance(entries, list):
        report("its package is not a list")
        return None
    gathering = PackageCollector(_IS_NAME, _IS_VERSION)
    # Version 1 files of old have the workspace's own crate apart.
    root = lock.get("root")
    for entry in [*entries, root] if root is not None else entries:
        if isinstance(entry, dict):
            source = entry.get("source")
            git = _GIT(source) if isinstance(source, str) else None
            origin = vcs_url("git", git[1], git[2]) if git else ()
            gathering.add(entry.get("name"), entry.get("version"), qualifiers=origin, needs=_needs(entry))
        else:
            gathering.refuse(entry)
    return gathering.finish(report)


def _needs(entry: Table) -> Iterator[str]:
    """`name`, `name version` or `name version (source)`: as much as tells it from others of the file."""
    needs = entry.get("dependencies")
    for need in needs if isinstance(needs, list) else ():
        if isinstance(need, str):
            yield "@".join(need.split()[:2])


CARGO = Ecosystem(type="cargo", cataloger=_NAME)


def assemble(view: View) -> Iterator[Package]:
    """What the lock files outside cargo's own store name."""
    return packages(view, (CARGO_LOCK,), CARGO)


CARGO_LOCK: Read[Listing] = Read(
    name="rust-cargo-lock", fact=Listing, extract=extract, globs=("**/Cargo.lock",), limit=TOML_LIMIT
)
CATALOGER = Cataloger(name=_NAME, types=("cargo",), reads=(CARGO_LOCK,), assemble=assemble)
