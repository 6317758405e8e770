"""Verdicts that were written down, and how two snapshots of advisories differ about one vulnerability."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path

import msgspec

from hullmark.advisories.database.shelf import Shelf
from hullmark.advisories.database.snapshot import Snapshot
from hullmark.model.advisory import Advisory, AffectedPackage
from hullmark.model.errors import HullmarkError
from hullmark.model.limit import Limit
from hullmark.model.verdict import Finding, Outcome, Verdict, VerdictInputs
from hullmark.policy.verdict_diff import KnownVulnerability, Lookup
from hullmark.scanning.documents import read_bounded

MAX_BYTES = Limit(64 << 20, "bytes of a verdict that is read back", "refused")
_SCHEMA = "hullmark-verdict/1"
_BY_SEVERITY = ("unknown", "negligible", "low", "medium", "high", "critical")


class _Document(msgspec.Struct, frozen=True, kw_only=True):
    schema: str
    verdict: Outcome
    reason: str
    findings: tuple[Finding, ...]
    inputs: VerdictInputs


def read_verdict(path: Path) -> Verdict:
    """The verdict in a file, as `hullmark check -o json` writes it; its problems are left out. Raises HullmarkError for another file."""
    try:
        document = msgspec.json.decode(read_bounded(path, MAX_BYTES), type=_Document)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise HullmarkError(
            f"{path} is not a verdict: {error}", advice="hullmark check -o json=FILE IMAGE writes one"
        ) from error
    if document.schema != _SCHEMA:
        raise HullmarkError(
            f"{path} is not of the schema {_SCHEMA}", advice="write it anew with hullmark check -o json"
        )
    return Verdict(
        verdict=document.verdict,
        reason=document.reason,
        findings=document.findings,
        problems=(),
        inputs=document.inputs,
    )


@contextmanager
def advisory_lookup(shelf: Shelf) -> Iterator[Lookup]:
    """Looks into the snapshots that are kept. For one that is not it raises KeyError."""
    with ExitStack() as stack:

        @cache
        def open_snapshot(digest: str) -> Snapshot:
            if digest not in shelf.digests():
                raise KeyError(digest)
            return stack.enter_context(Snapshot(shelf.path_of(digest), digest))

        def look(digest: str, name: str) -> KnownVulnerability | None:
            return known_of(open_snapshot(digest), name)

        yield look


def known_of(snapshot: Snapshot, name: str) -> KnownVulnerability | None:
    """What a snapshot says of a vulnerability, None if it knows none of that name."""
    found = snapshot.complete(name)
    if not found:
        return None
    cves = sorted({name for advisory in found for name in (advisory.id, *advisory.aliases) if name.startswith("CVE-")})
    scores = [rating.score for rating in snapshot.exploitability(cves).values()]
    affected = [row for advisory in found if not advisory.withdrawn for row in advisory.affected]
    return KnownVulnerability(
        severity=max((advisory.severity for advisory in found), key=_BY_SEVERITY.index),
        is_exploited=bool(snapshot.exploited(cves)),
        epss=max(scores, default=None),
        content=_content(found),
        told=frozenset(_place(row) for row in affected),
        fixed=frozenset(_place(row) for row in affected if any(ranged.fixed for ranged in row.ranges)),
    )


def _place(affected: AffectedPackage) -> str:
    return f"{affected.namespace}/{affected.name}"


def _content(found: tuple[Advisory, ...]) -> str:
    """A digest of what matching goes by; ratings and texts are left out."""
    bare = [(advisory.id, advisory.source, advisory.withdrawn, advisory.affected) for advisory in found]
    return f"sha256:{hashlib.sha256(msgspec.json.encode(sorted(bare, key=lambda row: row[:2]))).hexdigest()}"
