"""Converts rules of Anchore's gate `vulnerabilities` to native rules."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from hullmark.model.advisory import SEVERITIES
from hullmark.policy.anchore.params import Values
from hullmark.policy.convert_native import FIRE, Native, NoEqual, Params, plain
from hullmark.policy.values import ScoreCondition

_LANGUAGE_TYPES = ("composer", "gem", "golang", "maven", "npm", "nuget", "pypi")
"""The purl types that the original does not count among the system's."""

_ORDER = ("unknown", "negligible", "low", "medium", "high", "critical")
_STATES = frozenset(("fixed", "not-fixed", "unknown", "wont-fix"))
_MAX_DAYS = 100_000
_COMPARE: dict[str, Callable[[int, int], bool]] = {
    "=": lambda left, right: left == right,
    "!=": lambda left, right: left != right,
    "<": lambda left, right: left < right,
    ">": lambda left, right: left > right,
    "<=": lambda left, right: left <= right,
    ">=": lambda left, right: left >= right,
}
_SCORES = ("base", "exploitability", "impact")
_RATERS = (("", "nvd"), ("vendor_", "vendor"))
_GUESSES_TOO: Params = {"cpe": True, "unrated": "ignore"}


def package(values: Values) -> tuple[Native, ...]:
    """`vulnerabilities.package`."""
    kind = values.text("package_type")
    if values.has("max_days_since_creation"):
        raise NoEqual(
            "its days count from when this image was first seen with the vulnerability, which no rule knows here"
        )
    if values.text("package_path_exclude") and kind != "os":
        raise NoEqual("it leaves packages out by their places, which are told in another way here")
    params = _GUESSES_TOO | _severity(values) | _fix(values)
    if kind != "all":
        params["except_types" if kind == "os" else "types"] = list(_LANGUAGE_TYPES)
    if scores := _scores(values):
        params["scores"] = scores
        if values.text("if_missing", "skip") == "fire":
            params |= _if_missing(params)
    if values.has("max_days_since_fix") and values.flag("fix_available"):
        params |= {"fixed_for_days": _days(values, "max_days_since_fix"), "undated": "cannot-tell"}
    return (Native("vulnerabilities", "found", params),)


def _if_missing(params: Params) -> Params:
    if params.get("fix") == ["fixed"]:
        raise NoEqual("a score that is missing counts there, but no fix that is")
    return {"unrated": "count"}


def _severity(values: Values) -> Params:
    wanted = _ORDER.index(values.text("severity", "unknown"))
    holds = _COMPARE[values.text("severity_comparison", ">")]
    met = [name for place, name in enumerate(_ORDER) if holds(place, wanted)]
    if not met:
        raise NoEqual("it never fires: there is no such severity")
    if len(met) == len(_ORDER):
        return {}
    is_least = met == list(_ORDER[_ORDER.index(met[0]) :]) and values.text("if_missing", "skip") == "skip"
    if is_least:
        return {"severity": met[0]}
    return {"severities": [name for name in SEVERITIES if name in met], "when_unrated": "ignore"}


def _fix(values: Values) -> Params:
    states = {"fixed"} if values.flag("fix_available") else set(_STATES)
    if values.has("fix_available") and not values.flag("fix_available"):
        states -= {"fixed"}
    return _states(states, values)


def _states(states: set[str] | frozenset[str], values: Values) -> Params:
    if values.flag("vendor_only", default=True):
        states = states - {"wont-fix"}
    return {"fix": sorted(states)} if states != _STATES else {}


def _scores(values: Values) -> list[dict[str, str]]:
    return [
        {
            "score": score,
            "by": rater,
            "holds": _condition(
                values.text(f"{prefix}cvss_v3_{score}_score_comparison", ">="),
                values.number(f"{prefix}cvss_v3_{score}_score") or 0.0,
            ),
        }
        for prefix, rater in _RATERS
        for score in _SCORES
        if values.number(f"{prefix}cvss_v3_{score}_score") is not None
    ]


def _condition(comparison: str, number: float) -> str:
    text = f"{comparison} {Decimal(str(number)).normalize():f}"
    try:
        return ScoreCondition(text).text
    except ValueError as error:
        raise NoEqual(f"no score is compared with {number}") from error


def _days(values: Values, name: str) -> int:
    return min(values.integer(name) or 0, _MAX_DAYS)


def translate_blacklist(values: Values) -> tuple[Native, ...]:
    """`vulnerabilities.blacklist`."""
    ids = [plain(text) for text in values.texts("vulnerability_ids")]
    return (Native("vulnerabilities", "found", _GUESSES_TOO | {"ids": ids} | _states(_STATES, values)),)


def translate_kev_list(values: Values) -> tuple[Native, ...]:
    """`vulnerabilities.kev_list`."""
    return (Native("vulnerabilities", "found", _GUESSES_TOO | {"exploited": True}),)


def stale(values: Values) -> tuple[Native, ...]:
    """`vulnerabilities.stale_feed_data`, which also fires if the age is not known."""
    params: Params = {"max_days": _days(values, "max_days_since_sync"), "exact": True}
    return (Native("vulnerabilities", "stale_data", params, FIRE),)
