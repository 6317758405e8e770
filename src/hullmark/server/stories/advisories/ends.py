"""The end of a distribution's release: past it rules about vulnerabilities cannot tell, for nothing new is recorded of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from hullmark.app.policies import AnyPolicy
from hullmark.match.advisory_source import AdvisorySource
from hullmark.match.coverage import lifecycles
from hullmark.match.distros import plan_for
from hullmark.model.inventory import Distro
from hullmark.policy.anchore.bundle import Bundle
from hullmark.policy.anchore.needs import bundle_needs
from hullmark.policy.completeness import facts_of
from hullmark.policy.context import NO_CONTEXT
from hullmark.policy.days import day_in, next_midnight, starts
from hullmark.policy.deadlines import first_after
from hullmark.policy.gate import Need
from hullmark.policy.rules import Rule


def asks_for_advisories(rule: Rule) -> bool:
    """Whether it depends on advisories of packages, and is unknown where they are incomplete."""
    return Need.MATCHES in rule.trigger.needs_of(rule.params) and "packages" in facts_of(rule.trigger, rule.params)


def depends_on_ends(policy: AnyPolicy) -> bool:
    """Whether its verdicts may change as a release ends."""
    if isinstance(policy, Bundle):
        return bundle_needs(policy, NO_CONTEXT).matches
    return any(asks_for_advisories(rule) for rule in policy.rules)


def when_it_ends(distro: Distro | None, source: AdvisorySource, now: datetime) -> datetime | None:
    """The first moment after the last day on which a release is maintained, longer support included; None if that has come, or is not
    known."""
    return first_after(now, _moments(distro, source, now))


def _moments(distro: Distro | None, source: AdvisorySource, now: datetime) -> Iterator[datetime]:
    known = lifecycles(plan_for(distro, source.namespaces), source)
    end = max((release.extended or release.eol for release in known), default="")
    day = day_in(end)
    if day is not None and day.isoformat() == end:
        yield from starts(day, 1)
    elif end:
        yield from next_midnight(now)
