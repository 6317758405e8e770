"""Base scores of CVSS vectors of every version (first.org/cvss), computed by Red Hat's library for them."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from hullmark.advisories.feeds.formats.wording import severity_of_score
from hullmark.model.advisory import Cvss, Severity
from hullmark.model.limit import Limit

_MAX_VECTOR = Limit(400, "characters of a CVSS vector", "shortened")
_V2_HIGH = 7.0


@lru_cache(maxsize=8192)
def rating_of(vector: str, source: str = "") -> Cvss | None:
    """The rating that a vector of CVSS 2.0, 3.0, 3.1 or 4.0 stands for; None if it is no such vector."""
    # Only updates of the advisories need the library; it takes milliseconds to import.
    from cvss import CVSS2, CVSS3, CVSS4  # type: ignore[import-untyped]
    from cvss.exceptions import CVSSError  # type: ignore[import-untyped]

    text = vector.strip().strip("()").rstrip("/")
    if len(text) > _MAX_VECTOR or not text.isascii():
        return None
    version = text[5:8] if text.startswith("CVSS:") else "2.0"
    kind = {"2.0": CVSS2, "3.0": CVSS3, "3.1": CVSS3, "4.0": CVSS4}.get(version)
    if kind is None:
        return None
    try:
        score = float(kind(text.removeprefix("CVSS:2.0/")).base_score)
    except CVSSError:
        return None
    return Cvss(version=version, vector=text, score=score, source=source)


def severity_of_ratings(ratings: Iterable[Cvss]) -> Severity:
    """The severity by the newest version of CVSS among the ratings, its highest score; CVSS 2 knows nothing above high."""
    best = max(ratings, key=lambda rating: (rating.version, rating.score), default=None)
    if best is None:
        return "unknown"
    if best.version == "2.0" and best.score >= _V2_HIGH:
        return "high"
    return severity_of_score(best.score)
