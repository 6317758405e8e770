"""Records of installed packages that are recognised but not read: no cataloger knows their ecosystem yet.
An image that has one holds unknown packages: each kind of record gives one problem.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from hullmark.catalog.cataloger import Cataloger
from hullmark.catalog.presence import presence
from hullmark.catalog.view import View
from hullmark.model.package import Package
from hullmark.rootfs.reads import Read, Remark


class UnreadRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of record: the read that notices it, what it is called, whose packages are not read, and their purl type."""

    read: Read[bool]
    what: str
    packages: str
    type: str


def unread(type: str, what: str, packages: str, *globs: str, name: str = "unread") -> UnreadRecord:
    """A kind of record with files of these names."""
    return UnreadRecord(read=presence(f"{name}-{type}", *globs), what=what, packages=packages, type=type)


def tell(view: View, kind: UnreadRecord, paths: list[str]) -> None:
    """One problem for all files of a kind, if there are any."""
    if paths:
        count = f"{len(paths):,} files, first /{paths[0]}" if len(paths) > 1 else f"/{paths[0]}"
        reason = f"{kind.what} is there ({count}): {kind.packages} packages are not read"
        view.problem(paths[0], Remark(reason, "unseen", types=(kind.type,)))


KINDS = (
    unread("deb", "a manifest of chisel", "Ubuntu", "**/var/lib/chisel/manifest.wall"),
    unread("guix", "the database of Guix", "Guix", "**/var/guix/db/db.sqlite"),
    unread("slackware", "Slackware's database", "Slackware", "**/var/lib/pkgtools/packages/*"),
    unread("spack", "the database of Spack", "Spack", "**/.spack-db/index.json"),
    unread("xbps", "xbps' database", "Void Linux", "**/var/db/xbps/pkgdb-*.plist"),
)
_STORES = {"guix": "gnu/store"}


def assemble(view: View) -> Iterator[Package]:
    """No packages, only problems."""
    for kind in KINDS:
        paths = [found.path for found in view.facts(kind.read)]
        store = _STORES.get(kind.type, "")
        tell(view, kind, paths or [path for path in (store,) if path and view.exists(path)])
    yield from ()


CATALOGER = Cataloger(
    name="unread",
    types=tuple(kind.type for kind in KINDS),
    reads=tuple(kind.read for kind in KINDS),
    assemble=assemble,
)
