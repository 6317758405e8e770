"""How sources word things, and how the model does: severities, ids, days, one-line summaries, links."""

from __future__ import annotations

import re
from collections.abc import Iterable

from hullmark.model.advisory import Severity
from hullmark.model.limit import Limit

_SEVERITIES: dict[str, Severity] = {
    "none": "negligible",
    "informational": "negligible",
    "minimal": "negligible",
    "negligible": "negligible",
    "unimportant": "negligible",
    "low": "low",
    "minor": "low",
    "medium": "medium",
    "moderate": "medium",
    "high": "high",
    "important": "high",
    "major": "high",
    "urgent": "critical",
    "critical": "critical",
}
_THRESHOLDS: tuple[tuple[float, Severity], ...] = ((9.0, "critical"), (7.0, "high"), (4.0, "medium"), (0.1, "low"))
_CVE = re.compile(r"\bCVE-[0-9]{4}-[0-9]{4,19}\b")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?![0-9])")
_MAX_LINE = Limit(300, "characters of an advisory's title", "shortened")
_MAX_LINKS = Limit(10, "links of an advisory", "shortened")
_MAX_LINK = Limit(2000, "characters of a link of an advisory", "shortened")


def severity_of(word: str) -> Severity:
    """The severity that a source's word stands for; `unknown` for words without one."""
    return _SEVERITIES.get(word.strip().lower(), "unknown")


def severity_of_score(score: float) -> Severity:
    """The severity of a CVSS base score, by the bounds of CVSS 3."""
    return next((severity for bound, severity in _THRESHOLDS if score >= bound), "unknown")


def is_cve(text: str) -> bool:
    """Whether the text is the id of a CVE."""
    return _CVE.fullmatch(text) is not None


def cves_in(text: str) -> tuple[str, ...]:
    """The CVE ids that a text names, each once, in its order."""
    return tuple(dict.fromkeys(_CVE.findall(text)))


def day_of(text: str) -> str:
    """The day that an ISO 8601 moment begins with; "" for all else."""
    found = _DAY.match(text)
    return found[0] if found else ""


def line_of(text: str) -> str:
    """At most 300 characters of a text on one line."""
    line = " ".join(text[: 4 * _MAX_LINE].split())
    return line if len(line) <= _MAX_LINE else line[: _MAX_LINE - 1].rstrip() + "…"


def links_of(urls: Iterable[str]) -> tuple[str, ...]:
    """The first ten links of the web, each once."""
    links: dict[str, None] = {}
    for url in urls:
        if url.startswith(("https://", "http://")) and len(url) <= _MAX_LINK:
            links[url] = None
            if len(links) == _MAX_LINKS:
                break
    return tuple(links)
