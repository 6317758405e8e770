"""Risk, severities, orders, matches by CVE, and matches set aside by the state of their fix."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.advisories.match.risk import (
    NOT_FIXED,
    ORDERS,
    by_cve,
    ignore_states,
    is_at_least,
    risk,
    severity_named,
    severity_of,
    sort_matches,
)
from hullmark.model.advisory import SEVERITIES, Cvss
from hullmark.model.match import Epss, Fix, Kev, Match, MatchedAdvisory
from hullmark.model.package import Package

KEV = Kev(added="2024-01-01")
RANSOM = Kev(added="2024-01-01", ransomware=True)


def match(id: str = "CVE-2024-1", name: str = "zlib", **more: Any) -> Match:
    """A match of a package; words for Named, Fix (as `state`, `fixed`) and Match."""
    advisory = {key: more.pop(key) for key in MatchedAdvisory.__struct_fields__ if key in more}
    fix = Fix(state=more.pop("state", "unknown"), version=more.pop("fixed", ""))
    package = Package(type="deb", name=name, version="1", purl=f"pkg:deb/debian/{name}@1", cataloger="dpkg")
    return Match(
        package=package,
        advisory=MatchedAdvisory(**{"id": id, "source": "test", "namespace": "debian:12", **advisory}),
        fix=fix,
        **{"kind": "direct", "name": name, "version": "1", "why": "", **more},
    )


def score(*bases: float) -> tuple[Cvss, ...]:
    """CVSS ratings with these scores."""
    return tuple(Cvss("3.1", "", base) for base in bases)


@pytest.mark.parametrize(
    ("severity", "cvss", "epss", "kev", "expected"),
    [
        ("critical", (), None, None, 8.1),
        ("high", (), None, None, 5.625),
        ("unknown", (), None, None, 2.5),
        ("negligible", (), None, None, 0.025),
        ("critical", (), 0.0, None, 0.0),
        ("critical", (), 0.5, None, 45.0),
        ("high", score(9.8), 0.5, None, 43.25),
        ("high", score(9.8, 0.0, 7.8), 0.5, None, 40.75),
        ("unknown", (), 1.0, None, 50.0),
        ("negligible", (), 1.0, None, 5.0),
        ("low", (), 1.0, None, 30.0),
        ("medium", (), 0.0, KEV, 52.5),
        ("medium", (), 0.0, RANSOM, 55.0),
        ("critical", score(10.0), 0.9, RANSOM, 100.0),
    ],
)
def test_risk_is_threat_times_severity_times_exploitation(
    severity: Any, cvss: tuple[Cvss, ...], epss: float | None, kev: Kev | None, expected: float
) -> None:
    found = risk(severity, cvss, None if epss is None else Epss(score=epss, percentile=0.5), kev)
    assert found == pytest.approx(expected)


@given(
    st.sampled_from(SEVERITIES),
    st.lists(st.floats(0, 10)),
    st.none() | st.floats(0, 1),
    st.sampled_from((None, KEV, RANSOM)),
)
def test_risk_lies_between_nothing_and_a_hundred(
    severity: Any, bases: list[float], epss: float | None, kev: Kev | None
) -> None:
    assert 0 <= risk(severity, score(*bases), epss and Epss(score=epss, percentile=0.5), kev) <= 100  # type: ignore[arg-type]


def test_severities_have_an_order_and_names_in_any_case() -> None:
    assert severity_named(" High ") == "high"
    pairs = (("critical", "high"), ("high", "high"), ("unknown", "negligible"))
    assert [is_at_least(severity, floor) for severity, floor in pairs] == [True, True, False]  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="did you mean 'medium'"):
        severity_named("mediun")
    with pytest.raises(ValueError, match="there are unknown, negligible"):
        severity_named("x")


@pytest.mark.parametrize(
    ("base", "word"),
    [
        (10.0, "critical"),
        (9.0, "critical"),
        (8.9, "high"),
        (6.9, "medium"),
        (3.9, "low"),
        (0.1, "low"),
        (0.0, "unknown"),
    ],
)
def test_scores_have_words(base: float, word: str) -> None:
    assert severity_of(base) == word


MIXED = (
    match("CVE-1", "a", risk=5.0, severity="low", epss=Epss(score=0.9, percentile=0.99)),
    match("CVE-4", "b", risk=50.0, severity="high", epss=Epss(score=0.2, percentile=0.5)),
    match("CVE-3", "c", risk=50.0, severity="critical"),
    match("CVE-2", "d", risk=1.0, severity="medium", kev=KEV),
)


@pytest.mark.parametrize(
    ("by", "names"),
    [
        ("risk", "cbad"),
        ("severity", "cbda"),
        ("epss", "abcd"),
        ("kev", "dcba"),
        ("package", "abcd"),
        ("vulnerability", "adcb"),
    ],
)
def test_each_order_puts_the_most_urgent_first(by: str, names: str) -> None:
    assert "".join(found.name for found in sort_matches(MIXED, by)) == names
    assert sort_matches(reversed(MIXED), by) == sort_matches(MIXED, by)
    assert by in ORDERS


def test_an_unknown_order_is_refused_with_the_nearest() -> None:
    with pytest.raises(ValueError, match="did you mean 'severity'"):
        sort_matches(MIXED, "severty")


def test_matches_of_one_package_and_cve_become_one_that_knows_all() -> None:
    ghsa = match("GHSA-1", cve="CVE-9", aliases=("CVE-9",), cvss=score(5.0), cwes=("CWE-1",), fixed="2", state="fixed")
    pysec = match("PYSEC-1", cve="CVE-9", aliases=("CVE-9", "GHSA-1"), cvss=score(5.0, 6.0), references=("https://x",))
    other = match("GHSA-1", "other", cve="CVE-9")
    (merged, second) = by_cve((pysec, ghsa, other))
    assert (merged.advisory.id, merged.advisory.aliases) == ("CVE-9", ("GHSA-1", "PYSEC-1"))
    assert merged.fix.version == "2"
    assert [rating.score for rating in merged.advisory.cvss] == [5.0, 6.0]
    assert (merged.advisory.cwes, merged.advisory.references) == (("CWE-1",), ("https://x",))
    assert (second.name, second.advisory.id, second.advisory.aliases) == ("other", "CVE-9", ("GHSA-1",))


def test_a_match_without_cve_keeps_its_id() -> None:
    assert by_cve((match("GHSA-1"),)) == (match("GHSA-1"),)


def test_a_match_that_counts_wins_over_a_suppressed_one() -> None:
    (waived,) = ignore_states((match("GHSA-1", cve="CVE-9", state="fixed", fixed="2"),), ("fixed",))
    (merged,) = by_cve((waived, match("PYSEC-1", cve="CVE-9")))
    assert merged.suppressed is None


def test_only_fixed_sets_aside_what_has_no_fix() -> None:
    found = ignore_states([match(state=state) for state in ("fixed", "not-fixed", "wont-fix", "unknown")], NOT_FIXED)
    assert [each.suppressed and each.suppressed.reason for each in found] == [
        None,
        "its fix is in the state not-fixed",
        "its fix is in the state wont-fix",
        "its fix is in the state unknown",
    ]
    assert {each.suppressed.by for each in found if each.suppressed} == {"states"}


def test_what_is_suppressed_already_keeps_its_first_reason() -> None:
    once = ignore_states((match(state="unknown"),), ("unknown",))
    assert ignore_states(once, ("unknown",)) == once


def test_an_unknown_state_is_refused_with_the_nearest() -> None:
    with pytest.raises(ValueError, match="did you mean 'wont-fix'"):
        ignore_states((), ("wontfix",))
