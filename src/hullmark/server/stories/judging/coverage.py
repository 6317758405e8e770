"""What an exception covers now, by the verdicts that its end would change: enough of them to show it, not all."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import msgspec

from hullmark.model.errors import HullmarkError
from hullmark.model.expiry import NEVER
from hullmark.model.limit import Limit
from hullmark.model.verdict import Finding
from hullmark.server.stories.images.documents import verdict_at
from hullmark.server.stories.judging.exceptions import ExceptionBody, covers, is_behind
from hullmark.server.stories.services import Services
from hullmark.server.tables.database import Connection
from hullmark.server.tables.judging import deadlines, verdicts
from hullmark.server.tables.judging.policies import ExceptionRow
from hullmark.server.tables.judging.verdicts import VerdictRow

_LOOKED_AT = Limit(1000, "verdicts that are looked through for what an exception covers", "shortened")
_READ = Limit(20, "verdicts that are read for what an exception covers", "shortened")


class CoveredFinding(msgspec.Struct, frozen=True, kw_only=True):
    """A finding that an exception covers, and where."""

    image: str
    reference: str
    policy: str
    environment: str
    subject: str
    message: str


class Coverage(msgspec.Struct, frozen=True, kw_only=True):
    """What an exception covers. `is_all`: that is all; else more was not looked at."""

    findings: tuple[CoveredFinding, ...] = ()
    images: int = 0
    is_all: bool = True


async def coverage_of(services: Services, connection: Connection, account_id: int, row: ExceptionRow) -> Coverage:
    """What an exception covers now, as far as some verdicts tell."""
    body = msgspec.convert(row.body, ExceptionBody)
    until = row.expires_at or NEVER
    dated = await deadlines.dated_before(connection, account_id, until, after=0, limit=int(_LOOKED_AT))
    wanted = [verdict for verdict in dated if covers(body, verdict.policy, verdict.reference)]
    found: list[CoveredFinding] = []
    for dated_verdict in wanted[: int(_READ)]:
        verdict = await verdicts.by_number(connection, account_id, dated_verdict.history_id)
        if verdict is not None:
            findings = await asyncio.to_thread(_find_covered, services, body, verdict)
            found += [_make_covered_finding(verdict, finding) for finding in findings]
    is_all = len(dated) < _LOOKED_AT and len(wanted) <= _READ
    return Coverage(findings=tuple(found), images=len({one.image for one in found}), is_all=is_all)


def _find_covered(services: Services, body: ExceptionBody, verdict: VerdictRow) -> list[Finding]:
    """Those of a verdict; none where its document is not there any more."""
    try:
        whole = verdict_at(services.objects, verdict)
    except HullmarkError:
        return []
    return list(_matching(body, whole.findings))


def _matching(body: ExceptionBody, findings: tuple[Finding, ...]) -> Iterator[Finding]:
    return (finding for finding in findings if is_behind(body, finding))


def _make_covered_finding(verdict: VerdictRow, finding: Finding) -> CoveredFinding:
    return CoveredFinding(
        image=verdict.image_digest,
        reference=verdict.reference,
        policy=verdict.policy,
        environment=verdict.environment,
        subject=finding.subject,
        message=finding.message,
    )
