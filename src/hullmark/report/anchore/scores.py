"""The scores of CVSS vectors as Anchore lists them: base, exploitability and impact, of versions 2 and 3 (first.org/cvss)."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

import msgspec

from hullmark.model.advisory import Cvss

MISSING = -1.0
"""Used where a score is not known."""

_MAX_VECTOR = 400


class Scores(msgspec.Struct, frozen=True, kw_only=True):
    """Three scores with one decimal each."""

    base_score: float = MISSING
    exploitability_score: float = MISSING
    impact_score: float = MISSING


class RatedBy(msgspec.Struct, frozen=True, kw_only=True):
    """The ratings of a vulnerability, which their source calls `id`."""

    cvss_v2: Scores = Scores()
    cvss_v3: Scores = Scores()
    id: str


def select_ratings(id: str, ratings: Iterable[Cvss]) -> RatedBy:
    """The first ratings of either version, under an id."""
    known = list(ratings)
    return RatedBy(cvss_v2=_first(known, "2"), cvss_v3=_first(known, "3"), id=id)


def scores(rating: Cvss) -> Scores:
    """The scores of a rating. The base score is the rating's own; the others need its vector."""
    exploitability, impact = _parts(rating.version[:1], rating.vector)
    return Scores(base_score=rating.score, exploitability_score=exploitability, impact_score=impact)


def _first(ratings: list[Cvss], major: str) -> Scores:
    rating = next((rating for rating in ratings if rating.version.startswith(major)), None)
    return Scores() if rating is None else scores(rating)


@lru_cache(maxsize=8192)
def _parts(major: str, vector: str) -> tuple[float, float]:
    from cvss import CVSS2, CVSS3  # type: ignore[import-untyped]
    from cvss.exceptions import CVSSError  # type: ignore[import-untyped]

    text = vector.strip().strip("()").rstrip("/")
    if len(text) > _MAX_VECTOR or not text.isascii():
        return MISSING, MISSING
    try:
        if major == "3":
            v3 = CVSS3(text)
            return _round_score(v3.esc), _round_score(v3.isc)
        v2 = CVSS2(text.removeprefix("CVSS:2.0/"))
        product = 20 * v2.get_value("AV") * v2.get_value("AC") * v2.get_value("Au")
        return _round_score(product), _round_score(v2.impact_equation())
    except CVSSError:
        return MISSING, MISSING


def _round_score(number: object) -> float:
    return max(round(float(str(number)), 1), 0.0)
