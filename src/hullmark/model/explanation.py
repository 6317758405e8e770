"""Findings with what explains them: the rule, where it can be seen, and what to do."""

from __future__ import annotations

import msgspec

from hullmark.model.verdict import Evidence, Finding, Verdict


class PlacedEvidence(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of evidence with the layer it is in: `digest` and `instruction` are "" where no layer is meant or known."""

    evidence: Evidence
    digest: str = ""
    instruction: str = ""


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """One finding with its rule.

    `asks` says what the rule is about, `params` are its parameters as JSON (those that are not the default), `source` is the standard
    it follows. `advice` is a sentence, `ends` what lets the finding count no longer, such as the day an exception expires.
    """

    finding: Finding
    asks: str
    params: str
    source: str
    rule_set: str
    places: tuple[PlacedEvidence, ...]
    advice: str
    ends: str = ""


class ExplainedVerdict(Verdict, frozen=True, kw_only=True):
    """A verdict whose findings are explained, in their order."""

    explanations: tuple[Explanation, ...]
