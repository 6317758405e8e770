"""Grace: until when an image that ran before a finding appeared may start again despite it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

from hullmark.model.match import Match
from hullmark.model.verdict import Finding
from hullmark.policy.exploitation import may_be_exploited
from hullmark.policy.facts import Facts
from hullmark.policy.gate import Need
from hullmark.policy.rollout import Deployment, Grace
from hullmark.policy.rules import Rule

_NAMES = re.compile(r"[A-Za-z0-9][A-Za-z0-9:._-]*")


@dataclass(frozen=True)
class Grants:
    """The grace that a policy gives one image in the place where it runs."""

    grace: Grace
    facts: Facts
    deployment: Deployment

    def until(self, finding: Finding, rule: Rule) -> datetime | None:
        """The time at which the grace for a finding ends; None if there is none.

        There is none if it is not known since when the image has been running, or when the finding was first seen, nor for an image that
        was started after that.
        """
        if self.deployment.running_since is None:
            return None
        matches = tuple(self._named_in(finding)) if Need.MATCHES in rule.trigger.needs else ()
        first = self._first_seen(finding, matches)
        if first is None or self.deployment.running_since > first:
            return None
        return first + timedelta(days=min([self.grace.days, *map(self._days_for, matches)]))

    def _first_seen(self, finding: Finding, matches: Sequence[Match]) -> datetime | None:
        """When the finding was first seen: as recorded for the finding itself, or else the earliest time recorded for its
        vulnerabilities.
        """
        known = self.deployment.first_seen
        if finding.trigger_id in known:
            return known[finding.trigger_id]
        keys = (f"{name}+{match.package.name}" for match in matches for name in _names(match))
        return min((known[key] for key in keys if key in known), default=None)

    def _named_in(self, finding: Finding) -> Iterator[Match]:
        """The matches whose vulnerability the finding names, in its subject or evidence."""
        texts = (finding.subject, *(place.detail for place in finding.evidence))
        for name in sorted({name for text in texts for name in _NAMES.findall(text)}):
            yield from self._by_name.get(name, ())

    @cached_property
    def _by_name(self) -> dict[str, list[Match]]:
        found: dict[str, list[Match]] = {}
        for match in self.facts.matches.matches if self.facts.matches is not None else ():
            for name in _names(match):
                found.setdefault(name, []).append(match)
        return found

    def _days_for(self, match: Match) -> int:
        days = self.grace.severity_days.get(match.advisory.severity, self.grace.days)
        is_exploited = match.advisory.kev is not None or may_be_exploited(match, self.facts)
        if self.grace.exploited_days is None or not is_exploited:
            return days
        return min(days, self.grace.exploited_days)


def _names(match: Match) -> set[str]:
    return {match.advisory.id, match.advisory.cve, *match.advisory.aliases}
