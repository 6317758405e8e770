"""SSVC decisions by CISA's tree: decision table "CISA Coordinator" 2.0.3 of CERT/CC (https://certcc.github.io/SSVC/,
data/csv/cisa/cisa_coordinator_2_0_3.csv), 36 rows over exploitation, automatable, technical impact, mission and well-being.

How the decision points are set here:
* exploitation: `active` if known to be exploited (KEV); `public poc` if a reference leads to a collection of exploits, or the probability
  of exploitation (EPSS) is at least 0.1; otherwise `none`.
* automatable: `yes` if CVSS says so itself (AU:Y in version 4), or a network attack needs neither luck, privileges nor a user
  (AV:N, AC:L, AT:N, PR:N, UI:N). Where the image exposes no port, or its start does not reach the package, targets cannot be found by
  scanning: `no`.
* technical impact: as CERT/CC derives it from CVSS 4 (decision table "CVSS v4 to technical impact" 1.0.0): total where confidentiality and
  integrity are lost whole, or one whole and the other in part without any rights; versions 2 and 3 by the same metrics.
* mission and well-being: set by whoever runs the image; medium by default.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from hullmark.model.match import Match, MatchedAdvisory
from hullmark.model.ssvc import (
    MISSIONS,
    Automatable,
    Exploitation,
    Level,
    Mission,
    SsvcDecision,
    TechnicalImpact,
)

_LEVELS: Mapping[str, Level] = {"t": "track", "*": "track*", "a": "attend", "!": "act"}
_TABLE: Mapping[tuple[Exploitation, Automatable, TechnicalImpact], str] = {
    ("none", "no", "partial"): "ttt",
    ("none", "no", "total"): "tt*",
    ("none", "yes", "partial"): "tta",
    ("none", "yes", "total"): "tta",
    ("public poc", "no", "partial"): "tt*",
    ("public poc", "no", "total"): "t*a",
    ("public poc", "yes", "partial"): "tta",
    ("public poc", "yes", "total"): "t*a",
    ("active", "no", "partial"): "tta",
    ("active", "no", "total"): "ta!",
    ("active", "yes", "partial"): "aa!",
    ("active", "yes", "total"): "a!!",
}
"""The level for each mission, the lowest first."""

_ADDRESS = re.compile(r"https?://(?:www\.)?([a-z0-9.-]+)(/.*)", re.IGNORECASE).match
_LIKELY = 0.1
"""The EPSS score from which an exploit is assumed to exist: the score rises when exploits are published."""

_EXPLOITS = {
    "0day.today": "/exploit",
    "exploit-db.com": "/exploits/",
    "packetstorm.news": "/files/",
    "packetstormsecurity.com": "/files/",
    "rapid7.com": "/db/modules/exploit/",
    "vulncheck.com": "/xdb/",
}
"""Public collections of exploits by host, with the prefix of their paths."""
_FULL, _SOME = ("H", "C"), ("L", "P")


def decide_match(match: Match, ports: Sequence[str], mission: Mission, *, exploited_gap: str = "") -> SsvcDecision:
    """The decision on a match in an image that exposes these ports. `exploited_gap`: why the list of what is exploited is incomplete."""
    metrics = _metrics(match.advisory)
    assumed: list[str] = []
    exploitation = _exploitation(match.advisory)
    if exploited_gap and exploitation != "active":
        assumed.append("exploitation")
    is_reached = match.reach is None or match.reach.reach != "unreachable"
    automatable: Automatable = "no"
    if ports and is_reached:
        if metrics is None:
            assumed.append("automatable")
        automatable = "yes" if metrics is None or _is_automatable(metrics) else "no"
    if metrics is None:
        assumed.append("technical impact")
    impact: TechnicalImpact = "total" if metrics is None or _is_total(metrics) else "partial"
    row = _TABLE[exploitation, automatable, impact]
    return SsvcDecision(
        level=_LEVELS[row[MISSIONS.index(mission)]],
        exploitation=exploitation,
        automatable=automatable,
        technical_impact=impact,
        mission=mission,
        ports=tuple(ports),
        assumed=tuple(assumed),
    )


def _exploitation(advisory: MatchedAdvisory) -> Exploitation:
    if advisory.kev is not None:
        return "active"
    is_likely = advisory.epss is not None and advisory.epss.score >= _LIKELY
    return "public poc" if is_likely or any(map(_is_exploit, advisory.references)) else "none"


def _is_exploit(reference: str) -> bool:
    """Whether an address leads to an exploit in a public collection."""
    found = _ADDRESS(reference)
    return found is not None and found[1] in _EXPLOITS and found[2].startswith(_EXPLOITS[found[1]])


def _metrics(advisory: MatchedAdvisory) -> dict[str, str] | None:
    """The metrics of the first rating that has all deciding ones, named as in CVSS 3.1; None if no rating has them."""
    for rating in advisory.cvss:
        metrics = dict(_pairs(rating.vector))
        if {"AV", "AC", "PR", "C", "I"}.issubset(metrics):
            return metrics
    return None


_RENAMED = {"Au": "PR", "VC": "C", "VI": "I"}


def _pairs(vector: str) -> Iterator[tuple[str, str]]:
    for part in vector.split("/"):
        name, _, value = part.partition(":")
        yield _RENAMED.get(name, name), value


def _is_automatable(metrics: Mapping[str, str]) -> bool:
    if metrics.get("AU") in ("Y", "N"):
        return metrics["AU"] == "Y"
    wanted = (("AV", "N"), ("AC", "L"), ("PR", "N"), ("UI", "N"), ("AT", "N"))
    # Version 2 knows no UI, versions before 4 no AT.
    return all(metrics.get(name, "N") == value for name, value in wanted)


def _is_total(metrics: Mapping[str, str]) -> bool:
    lost = (metrics["C"], metrics["I"])
    whole = sum(value in _FULL for value in lost)
    part = sum(value in _SOME for value in lost)
    return whole == len(lost) or (bool(whole) and bool(part) and metrics["PR"] == "N")
