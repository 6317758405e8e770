"""Conditions on the CVSS scores of a vulnerability."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Annotated, Literal

from msgspec import Meta, Struct

from hullmark.model.advisory import Cvss
from hullmark.policy.cvss3 import (
    MISSING,
    base_score,
    exploitability_score,
    highest,
    impact_score,
    nvd_ratings,
    vendor_ratings,
)
from hullmark.policy.values import ScoreCondition

ScoreName = Literal["base", "exploitability", "impact"]
Rater = Literal["any", "nvd", "vendor"]

_SCORES: dict[ScoreName, Callable[[Cvss], float]] = {
    "base": base_score, "exploitability": exploitability_score, "impact": impact_score,
}  # fmt: skip
_RATINGS: dict[Rater, Callable[[Iterable[Cvss]], list[Cvss]]] = {"any": list, "nvd": nvd_ratings, "vendor": vendor_ratings}  # fmt: skip


class ScoreRequirement(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A condition on CVSS scores: the highest of the selected scores must meet it."""

    holds: Annotated[ScoreCondition, Meta(description="Conditions that the score must meet.")]
    score: Annotated[ScoreName, Meta(description="The base score, or one of its two parts in CVSS 3.")] = "base"
    by: Annotated[
        Rater, Meta(description="By whom: anybody; NVD, or nobody in particular, in CVSS 3; the vendor in CVSS 3.")
    ] = "any"

    def is_met(self, ratings: Sequence[Cvss]) -> bool | None:
        """Whether the highest score meets it; None if there is no score."""
        score = highest(_RATINGS[self.by](ratings), _SCORES[self.score])
        return None if score == MISSING else self.holds.holds(score)
