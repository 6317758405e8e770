"""What the current advisories say about one vulnerability."""

from __future__ import annotations

import msgspec

from hullmark.model.advisory import (
    SEVERITIES,
    SEVERITY_RANK,
    Advisory,
    AffectedPackage,
    Exploitability,
    KevEntry,
    Severity,
)
from hullmark.model.limit import Limit
from hullmark.server.stories.advisories.advisories import SnapshotCache
from hullmark.server.tables.advisories.snapshots import SnapshotRow

_PARTS = Limit(200, "affected packages that are shown of an advisory", "shortened")
_SOURCES = Limit(50, "sources that are shown of a vulnerability", "shortened")


class KnownVulnerability(msgspec.Struct, frozen=True, kw_only=True):
    """A vulnerability as described by all sources. `cve` is "" if it has none; `severity` is the worst that any source states; `part_count`
    is the number of affected packages, and `parts` holds the first of them.
    """

    name: str
    cve: str
    severity: Severity
    sources: tuple[Advisory, ...]
    parts: tuple[AffectedPackage, ...]
    part_count: int
    kev: KevEntry | None
    epss: Exploitability | None

    @property
    def summary(self) -> str:
        """The summary of the first source that has one, "" if none does."""
        return next((source.summary for source in self.sources if source.summary), "")

    @property
    def published(self) -> str:
        """The earliest publication date that a source states (ISO 8601), "" if none does."""
        return min((source.published for source in self.sources if source.published), default="")

    @property
    def fix_date(self) -> str:
        """The earliest day on which a source says a fix was available, "" if none does."""
        return min((part.fix_date for source in self.sources for part in source.affected if part.fix_date), default="")


def known_vulnerability(snapshot_cache: SnapshotCache, snapshot: SnapshotRow, name: str) -> KnownVulnerability | None:
    """All that is known about a vulnerability, given any of its ids; None if nothing is known. Blocks: call it in a thread. Raises
    HullmarkError if the snapshot is not available.
    """
    with snapshot_cache.opened(snapshot.digest, snapshot.object) as source:
        found = source.complete(name)[: int(_SOURCES)]
        ids = {name for advisory in found for name in (advisory.id, *advisory.aliases)} | {name}
        cve = name if name.startswith("CVE-") else min((name for name in ids if name.startswith("CVE-")), default="")
        kev = source.exploited([cve]).get(cve) if cve else None
        epss = source.exploitability([cve]).get(cve) if cve else None
    if not found and kev is None and epss is None:
        return None
    parts = tuple(part for advisory in found for part in advisory.affected if part.kind == "affected")
    worst: Severity = SEVERITIES[max((SEVERITY_RANK[advisory.severity] for advisory in found), default=0)]  # type: ignore[assignment]  # one of them
    return KnownVulnerability(
        name=name,
        cve=cve,
        severity=worst,
        sources=found,
        parts=parts[: int(_PARTS)],
        part_count=len(parts),
        kev=kev,
        epss=epss,
    )
