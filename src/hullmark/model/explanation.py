"""Findings with their explanations: the rule, where the finding can be seen, and what to do."""

from __future__ import annotations

import msgspec

from hullmark.model.verdict import Evidence, Finding, Verdict


class PlacedEvidence(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of evidence with its layer; `digest` and `instruction` are "" if it is in no layer or the layer is not known."""

    evidence: Evidence
    digest: str = ""
    instruction: str = ""


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """One finding with its rule.

    `asks` is what the rule checks, `params` are its parameters as JSON (only those that differ from the default), `source` is the standard
    it follows. `advice` is a sentence, `ends` is why the finding does not count, such as an exception and the day it expires.
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
    """A verdict with explanations of its findings, in their order."""

    explanations: tuple[Explanation, ...]
