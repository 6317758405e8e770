"""From an image to its whole report: what a policy says of it, and what is known to be wrong with its packages."""

from __future__ import annotations

from datetime import datetime

from hullmark.app.check import CheckOptions, judge
from hullmark.app.vex import VexSource
from hullmark.app.vulns import MatchOptions, vulnerabilities
from hullmark.model.image_report import ImageReport
from hullmark.policy.languages import AnyPolicy
from hullmark.scanning.request import ScanResources
from hullmark.source import SourceOptions


def report_on(
    reference: str,
    advisories: VexSource,
    policy: AnyPolicy | None,
    now: datetime,
    resources: ScanResources,
    options: SourceOptions,
) -> ImageReport:
    """The report as of `now`; without a verdict where there is no policy. Raises HullmarkError where the image cannot be read."""
    weighing = MatchOptions(at=now.date().isoformat(), moment=now.isoformat())
    matches = vulnerabilities(reference, advisories, weighing, resources, options)
    if policy is None:
        return ImageReport(matches=matches)
    judged = judge(reference, policy, now, resources, options, CheckOptions(advisories=advisories))
    return ImageReport(matches=matches, verdict=judged.verdict)
