"""What is known to be wrong with two images, side by side."""

from __future__ import annotations

from hullmark.catalog.difference.packages import Identity, identity_of
from hullmark.model.difference import VulnerabilityDifference
from hullmark.model.match import Match, Matches


def vulnerability_difference(before: Matches, after: Matches) -> VulnerabilityDifference:
    """Which vulnerabilities came and went: a vulnerability, by its CVE if it has one, of a package, whatever its version.

    Matches that do not count are left out. Of the same vulnerability and package the first match is named; the order is that of
    the matches.
    """
    old, new = _by_key(before), _by_key(after)
    return VulnerabilityDifference(
        snapshot=after.snapshot,
        come=tuple(match for key, match in new.items() if key not in old),
        gone=tuple(match for key, match in old.items() if key not in new),
        stay=len(old.keys() & new.keys()),
    )


def _by_key(matches: Matches) -> dict[tuple[str, Identity], Match]:
    found: dict[tuple[str, Identity], Match] = {}
    for match in matches.matches:
        if match.suppressed is None:
            found.setdefault((match.advisory.cve or match.advisory.id, identity_of(match.package)), match)
    return found
