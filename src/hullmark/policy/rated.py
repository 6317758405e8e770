"""Whose severity of a vulnerability a rule uses."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hullmark.advisories.match.ranking import is_vendor
from hullmark.model.advisory import SEVERITY_RANK, Severity
from hullmark.model.match import MatchedAdvisory, SeverityBy

ANY, VENDOR = "any", "vendor"


def severity_by(advisory: MatchedAdvisory, wanted: Sequence[str]) -> SeverityBy:
    """The severity by the first of the wanted sources that rated the vulnerability; `unknown`, without a source, if none of them did.

    `any` is the source that counts by default, `vendor` the maintainer of the package's advisories.
    """
    own = SeverityBy(source=advisory.severity_source, severity=advisory.severity)
    for name in wanted:
        found = own if name == ANY else _find_severity(advisory, name)
        if found is not None and found.severity != "unknown":
            return found
    return SeverityBy(source="", severity="unknown") if wanted else own


def severe(
    advisory: MatchedAdvisory, least: Severity | None, among: Sequence[Severity], wanted: Sequence[str]
) -> Iterator[bool | None]:
    """Whether the severity is at least `least`, and whether it is one of `among`, for those that are given; None if nobody rated it."""
    severity = severity_by(advisory, wanted).severity
    if least is not None:
        yield None if severity == "unknown" != least else SEVERITY_RANK[severity] >= SEVERITY_RANK[least]
    if among:
        yield None if severity == "unknown" not in among else severity in among


def _find_severity(advisory: MatchedAdvisory, name: str) -> SeverityBy | None:
    return next(
        (
            severity
            for severity in advisory.severities
            if (is_vendor(advisory.namespace, severity.source) if name == VENDOR else severity.source == name)
        ),
        None,
    )
