"""Snapshots, inventories and packages for tests of matching, made of a few words."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from hullmark.advisories.database.build import build
from hullmark.advisories.database.schema import Cover, FeedInfo
from hullmark.advisories.database.snapshot import Snapshot
from hullmark.advisories.match.find import find
from hullmark.model.advisory import EXPLOITED, Advisory, AffectedPackage, Range, Record
from hullmark.model.inventory import Distro, Inventory, InventorySource
from hullmark.model.match import Matches
from hullmark.model.package import Package, SourcePackage
from hullmark.model.purl import make_purl
from hullmark.versions import scheme_for

TODAY = "2026-06-30"


def snapshot_of(*records: Record, feed: str = "test", kept_fresh: bool = False, **more: Any) -> Snapshot:
    """A snapshot of these records. Advisories stand under their own source, all else under `feed`.

    What it speaks of is whole. `kept_fresh`: as of the dates in it; `more` is what the feeds say of themselves.
    """
    by_feed: dict[str, list[Record]] = {}
    for record in records:
        name = record.source if isinstance(record, Advisory) else feed
        by_feed.setdefault(name, []).append(record)
    if kept_fresh:
        more = {"dated_by": "records", **more}
    feeds = [(info(name, 7 if kept_fresh else 0, **more), by_feed[name]) for name in sorted(by_feed)]
    with tempfile.TemporaryDirectory(prefix="hullmark-test-") as folder:
        path = Path(folder) / "snapshot"
        digest = build(path, feeds)
        return Snapshot(path, digest)  # SQLite keeps what it has opened


WHOLE = (Cover("*", 0), Cover(EXPLOITED, 0, day=TODAY))


def info(name: str, fresh_days: int = 0, **more: Any) -> FeedInfo:
    """A feed of this name, which tells all of every namespace that it speaks of and never grows old, unless something else is said."""
    homepage = f"https://{name}.example"
    told = {"covers": WHOLE, "checked_on": TODAY, "dated_by": "check", "stale_days": fresh_days and 30, **more}
    return FeedInfo(name=name, title=name.title(), homepage=homepage, licence="CC0-1.0", fresh_days=fresh_days, **told)


def affected(namespace: str, name: str, scheme: str, below: str = "", **more: Any) -> AffectedPackage:
    """A part about versions `below` (all, if it is empty); `below` is the fix too."""
    ranges = more.pop("ranges", (Range(high=below, fixed=below),))
    return AffectedPackage(namespace=namespace, name=name, scheme=scheme, ranges=ranges, **more)


def advisory(id: str, *parts: AffectedPackage, source: str = "test", **more: Any) -> Advisory:
    """An advisory about these parts."""
    return Advisory(id=id, source=source, affected=parts, **more)


def package(type: str, name: str, version: str, **more: Any) -> Package:
    """An installed package. `source` is a (name, version), `space` the purl's namespace."""
    space, source = more.pop("space", ""), more.pop("source", None)
    return Package(
        type=type,
        name=name,
        version=version,
        purl=more.pop("purl", make_purl(type, name, version, namespace=space)),
        cataloger="test",
        source=SourcePackage(*source) if source else None,
        **more,
    )


def inventory(packages: Iterable[Package], distro: str = "", **more: Any) -> Inventory:
    """An inventory of these packages in `ID:VERSION_ID`."""
    id, _, version = distro.partition(":")
    source = InventorySource(kind="dir", reference="test", digest="", config_digest="", platform="", layers=())
    found = Distro(id=id, version_id=version, **more) if distro else None
    return Inventory(source=source, distro=found, packages=tuple(packages), problems=())


def matched(stored: Snapshot, packages: Iterable[Package], distro: str = "", **more: Any) -> Matches:
    """What is found for these packages."""
    channels = more.pop("channels", ())
    at = more.pop("at", TODAY)
    return find(inventory(packages, distro, **more), stored, at=at, channels=channels)


def counted(result: Matches) -> dict[tuple[str, str], str]:
    """(package, advisory) → fixed version, of the matches that count."""
    return {
        (match.package.name, match.advisory.id): match.fix.version for match in result.matches if not match.suppressed
    }


def scheme_of(type: str) -> str:
    """The name of the order of a type's versions."""
    return scheme_for(type).name
