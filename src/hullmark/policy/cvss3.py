"""Base, exploitability and impact scores of CVSS 3 vectors (CVSS 3.1 specification, sections 7.1 and 7.4), as Anchore compares them."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from hullmark.model.advisory import Cvss

MISSING = -1.0

_ATTACK = {
    "AV": {"N": 0.85, "A": 0.62, "L": 0.55, "P": 0.2},
    "AC": {"L": 0.77, "H": 0.44},
    "UI": {"N": 0.85, "R": 0.62},
}
_PRIVILEGES = {"U": {"N": 0.85, "L": 0.62, "H": 0.27}, "C": {"N": 0.85, "L": 0.68, "H": 0.5}}
_LOSS = {"H": 0.56, "L": 0.22, "N": 0.0}
_NVD = ("nvd", "nvd@nist.gov")
_VENDOR = "vendor"


def nvd_ratings(ratings: Iterable[Cvss]) -> list[Cvss]:
    """The NVD's CVSS 3 ratings; if no rating is marked as the NVD's, those without a source."""
    found = [rating for rating in ratings if rating.version.startswith("3")]
    named = [rating for rating in found if rating.source.lower() in _NVD]
    return named or [rating for rating in found if not rating.source]


def vendor_ratings(ratings: Iterable[Cvss]) -> list[Cvss]:
    """The CVSS 3 ratings by the package's vendor. If some are marked as the NVD's, those without a source count as the vendor's."""
    found = [rating for rating in ratings if rating.version.startswith("3")]
    has_nvd = any(rating.source.lower() in _NVD for rating in found)
    return [rating for rating in found if rating.source == _VENDOR or (has_nvd and not rating.source)]


def base_score(rating: Cvss) -> float:
    """The base score."""
    return rating.score


def exploitability_score(rating: Cvss) -> float:
    """The exploitability, rounded to one decimal; MISSING if the text is not a vector."""
    metrics = _metrics(rating.vector)
    try:
        factors = [values[metrics[name]] for name, values in _ATTACK.items()]
        product = 8.22 * _PRIVILEGES[metrics["S"]][metrics["PR"]]
    except KeyError:
        return MISSING
    for factor in factors:
        product *= factor
    return round(product, 1)


def impact_score(rating: Cvss) -> float:
    """The impact, rounded to one decimal; MISSING if the text is not a vector."""
    metrics = _metrics(rating.vector)
    try:
        kept = 1.0
        for name in ("C", "I", "A"):
            kept *= 1 - _LOSS[metrics[name]]
        is_changed = metrics["S"] == "C"
    except KeyError:
        return MISSING
    loss = 1 - kept
    impact = 7.52 * (loss - 0.029) - 3.25 * (loss - 0.02) ** 15 if is_changed else 6.42 * loss
    return round(max(impact, 0.0), 1)


def highest(ratings: Iterable[Cvss], score: Callable[[Cvss], float]) -> float:
    """The highest score; MISSING if there are no ratings."""
    return max((score(rating) for rating in ratings), default=MISSING)


def _metrics(vector: str) -> dict[str, str]:
    return {name: value for name, _, value in (part.partition(":") for part in vector.split("/"))}
