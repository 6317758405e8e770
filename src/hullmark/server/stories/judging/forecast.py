"""What verdicts would be without what a cause brought: by taking its findings out of them, nothing is judged."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from hullmark.model.errors import HullmarkError
from hullmark.model.limit import Limit
from hullmark.model.verdict import Finding
from hullmark.policy.recount import replace_findings
from hullmark.server.stories.images.documents import KeptVerdict, verdict_at
from hullmark.server.stories.services import Services
from hullmark.server.tables.database import Connection
from hullmark.server.tables.judging import verdicts

_READ = Limit(20, "verdicts that are read for a forecast", "shortened")


class Blame(msgspec.Struct, frozen=True, kw_only=True):
    """What a cause brought: an advisory ("": it is about none), and findings by rule and subject."""

    advisory: str = ""
    findings: frozenset[tuple[str, str]] = frozenset()

    def includes(self, finding: Finding) -> bool:
        """Whether a finding is of it."""
        is_weak = finding.weakness is not None and bool(self.advisory) and finding.weakness.advisory == self.advisory
        return is_weak or (finding.rule_id, finding.subject) in self.findings


class PackageFix(msgspec.Struct, frozen=True, order=True, kw_only=True):
    """A package that is to be brought to a version ("": none is known that helps)."""

    package: str
    version: str


class Forecast(msgspec.Struct, frozen=True, kw_only=True):
    """What a verdict is without what a cause brought, why, how many findings that takes away, and what is to be updated for it."""

    verdict: str
    reason: str
    findings: int
    fixes: tuple[PackageFix, ...]


def blamed_of(kind_is_advisory: bool, subject: str, evidence: Iterable[Mapping[str, Any]]) -> Blame:
    """What a cause brought, by its subject and the evidence of what came."""
    came = [line for line in evidence if line.get("is_gained", True)]
    return Blame(
        advisory=subject if kind_is_advisory else "",
        findings=frozenset((str(line.get("rule", "")), str(line.get("subject", ""))) for line in came) - {("", "")},
    )


async def forecasts(
    services: Services, connection: Connection, account_id: int, wanted: Sequence[tuple[int, Blame]]
) -> dict[int, Forecast]:
    """By the numbers of verdicts in the history: what each is without what is to blame. Only of the first; the others are left out, and so
    are those whose documents are not there."""
    found: dict[int, Forecast] = {}
    for number, blamed in wanted[: int(_READ)]:
        row = await verdicts.by_number(connection, account_id, number)
        if row is None or number in found:
            continue
        try:
            whole = await asyncio.to_thread(verdict_at, services.objects, row)
        except HullmarkError:
            continue
        found[number] = forecast(whole, blamed)
    return found


def forecast(whole: KeptVerdict, blamed: Blame) -> Forecast:
    """What a verdict is without what is to blame."""
    gone = [finding for finding in whole.findings if finding.allowlisted is None and blamed.includes(finding)]
    after = replace_findings(whole, (), [(finding.rule_id, finding.trigger_id) for finding in gone])
    weak = [finding.weakness for finding in gone if finding.weakness is not None]
    fixes = {PackageFix(package=line.place or line.package, version=line.fix_version) for line in weak}
    return Forecast(verdict=after.verdict.value, reason=after.reason, findings=len(gone), fixes=tuple(sorted(fixes)))
