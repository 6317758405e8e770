"""The end of support of a distribution's release. After it, rules about vulnerabilities cannot decide, because no new advisories are
published.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from hullmark.advisories.match.advisory_source import AdvisorySource
from hullmark.advisories.match.coverage import lifecycles
from hullmark.advisories.match.distros import plan_for
from hullmark.model.inventory import Distro
from hullmark.policy.days import day_in, next_midnight, starts
from hullmark.policy.deadlines import first_after


def when_it_ends(distro: Distro | None, source: AdvisorySource, now: datetime) -> datetime | None:
    """The first instant after the last day on which a release is maintained, extended support included; None if that has passed or is not
    known.
    """
    return first_after(now, _deadlines(distro, source, now))


def _deadlines(distro: Distro | None, source: AdvisorySource, now: datetime) -> Iterator[datetime]:
    known = lifecycles(plan_for(distro, source.namespaces), source)
    end = max((release.extended or release.eol for release in known), default="")
    day = day_in(end)
    if day is not None and day.isoformat() == end:
        yield from starts(day, 1)
    elif end:
        yield from next_midnight(now)
