"""The vulnerability that a finding is about, taken from the match behind the finding."""

from __future__ import annotations

from hullmark.model.match import Match
from hullmark.model.verdict import Weakness


def weakness_in(match: Match) -> Weakness:
    """The vulnerability as the match's advisory describes it for the package."""
    advisory = match.advisory
    return Weakness(
        advisory=advisory.cve or advisory.id,
        package=match.package.purl,
        place=f"{advisory.namespace}/{match.name}",
        severity=advisory.severity,
        is_exploited=advisory.kev is not None,
        epss=advisory.epss.score if advisory.epss is not None else None,
        fix_state=match.fix.state,
        fix_version=match.fix.version,
    )


def fix_sentence(match: Match) -> str:
    """Whether there is a fix, and what to do."""
    if match.fix.state == "fixed" and match.fix.version:
        since = f", which can be had since {match.fix.date[:10]}" if match.fix.date else ""
        return f"Upgrade {match.name} to {match.fix.version}{since}."
    sentences = {"wont-fix": "It will not be fixed.", "not-fixed": "There is no fix yet.", "fixed": "There is a fix."}
    return sentences.get(match.fix.state, "Whether there is a fix is not known.")
