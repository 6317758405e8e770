"""The gate `vulnerabilities`: which matches count, and what is not known of them."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from hullmark.model.match import Kev, SeverityBy
from hullmark.policy.gate import CannotTell, Violation
from hullmark.policy.gates.vulnerabilities import (
    ListedVulnerabilities,
    NoData,
    StaleData,
    VulnerabilityFindings,
    check_findings,
    check_listed_vulnerabilities,
    no_data,
    stale_data,
)
from hullmark.policy.scores import ScoreRequirement
from hullmark.policy.values import NameGlob, Score, ScoreCondition, Share
from tests.unit.policy.building import facts, match, matches, package

OPENSSL = package("deb", "openssl", "3.0.14")
SUBJECT = "CVE-2026-0001+pkg:deb/openssl@3.0.14"


def answers(params: VulnerabilityFindings, **fields: Any) -> list[str]:
    """The subjects it fires on; `?` for what it cannot tell."""
    gap = fields.pop("gap", "")
    seen = facts(matches=matches(match(OPENSSL, "CVE-2026-0001", **fields), exploited_gap=gap))
    return [answer.subject if isinstance(answer, Violation) else "?" for answer in check_findings(params, seen)]


def test_without_conditions_each_match_counts() -> None:
    assert answers(VulnerabilityFindings()) == [SUBJECT]


@pytest.mark.parametrize(
    ("severity", "fires"), [("critical", [SUBJECT]), ("high", [SUBJECT]), ("medium", []), ("unknown", ["?"])]
)
def test_severity_is_at_least(severity: str, fires: list[str]) -> None:
    assert answers(VulnerabilityFindings(severity="high"), severity=severity) == fires


@pytest.mark.parametrize(("unrated", "fires"), [("cannot-tell", ["?"]), ("count", [SUBJECT]), ("ignore", [])])
def test_what_is_not_rated_is_as_the_rule_wants_it(unrated: Any, fires: list[str]) -> None:
    assert answers(VulnerabilityFindings(severity="low", epss=Share("1%"), unrated=unrated)) == fires


GAP = "the snapshot has no advisories for known exploitation (KEV)"
KEV = Kev(added="2026-01-31")


@pytest.mark.parametrize(
    ("params", "kev", "gap", "fires"),
    [
        ({"exploited": True}, None, "", []),
        ({"exploited": True}, KEV, "", [SUBJECT]),
        ({"exploited": True}, None, GAP, ["?"]),
        ({"exploited": True}, KEV, GAP, [SUBJECT]),
        ({"exploited": False}, None, "", [SUBJECT]),
        ({"exploited": False}, None, GAP, ["?"]),
        ({"exploited": False}, KEV, GAP, []),
        ({"ransomware": True}, None, GAP, ["?"]),
        ({"ransomware": True}, KEV, GAP, []),
        ({"exploited": True, "severity": "high"}, None, GAP, []),
        ({"risk": 50}, None, GAP, ["?"]),
        ({"risk": 50}, None, "", []),
        ({"risk": 90}, None, GAP, []),
        ({"risk": 0}, None, GAP, [SUBJECT]),
        ({}, None, GAP, [SUBJECT]),
    ],
)
def test_what_is_exploited_is_known_only_from_a_whole_list(
    params: dict[str, Any], kev: Kev | None, gap: str, fires: list[str]
) -> None:
    assert answers(VulnerabilityFindings(**params), gap=gap, severity="medium", kev=kev) == fires


def test_that_the_list_is_not_whole_is_said_once() -> None:
    many = [match(OPENSSL, f"CVE-2026-000{number}") for number in range(3)]
    [answer] = check_findings(VulnerabilityFindings(exploited=True), facts(matches=matches(*many, exploited_gap=GAP)))
    assert isinstance(answer, CannotTell)
    assert answer.reason == f"whether CVE-2026-0000 and 2 more are known to be exploited cannot be told: {GAP}"
    assert (answer.kind, answer.subject) == ("uncovered", "exploited")


SAID = {
    "source": "ghsa",
    "namespace": "npm",
    "severity": "medium",
    "severities": (
        SeverityBy("ghsa", "medium"),
        SeverityBy("nvd", "critical", "CVSS 3.1: 9.8"),
        SeverityBy("vulnrichment", "low"),
    ),
}


@pytest.mark.parametrize(
    ("wanted", "fires"),
    [
        ((), []),
        (("any",), []),
        (("vendor",), []),
        (("nvd",), [SUBJECT]),
        (("redhat", "nvd", "vendor"), [SUBJECT]),
        (("vendor", "nvd"), []),
        (("vulnrichment",), []),
        (("redhat",), ["?"]),
        (("redhat", "any"), []),
    ],
)
def test_a_rule_says_whose_severity_it_takes(wanted: tuple[str, ...], fires: list[str]) -> None:
    assert answers(VulnerabilityFindings(severity="high", severity_from=wanted), **SAID) == fires


@pytest.mark.parametrize(
    ("when_unrated", "unrated", "fires"),
    [
        (None, "cannot-tell", ["?"]),
        (None, "ignore", []),
        ("count", "ignore", [SUBJECT]),
        ("ignore", "count", []),
        ("cannot-tell", "count", ["?"]),
    ],
)
def test_what_becomes_of_what_nobody_rated_is_said_of_severities_or_of_all_ratings(
    when_unrated: Any, unrated: Any, fires: list[str]
) -> None:
    for bound in ({"severity": "high"}, {"severities": ("high", "critical")}):
        params = msgspec.convert({**bound, "when_unrated": when_unrated, "unrated": unrated}, VulnerabilityFindings)
        assert answers(params, severity="unknown") == fires
    assert answers(VulnerabilityFindings(severities=("unknown",)), severity="unknown") == [SUBJECT]


def test_a_condition_that_is_not_met_decides_even_if_another_is_not_known() -> None:
    assert answers(VulnerabilityFindings(severity="high", epss=Share("1%")), severity="low") == []


def test_all_conditions_must_be_met() -> None:
    rated = {"severity": "high", "cvss": (("3.1", "", 8.1, "nvd"),), "epss": {"score": 0.2, "percentile": 0.9}}
    assert answers(VulnerabilityFindings(severity="high", cvss=Score("8"), epss=Share("0.2")), **rated) == [SUBJECT]
    assert answers(VulnerabilityFindings(severity="high", cvss=Score("9"), epss=Share("0.2")), **rated) == []
    assert answers(VulnerabilityFindings(severity="high", cvss=Score("8"), epss=Share("21%")), **rated) == []


@pytest.mark.parametrize(
    ("fields", "fires"),
    [
        ({"fix_state": "fixed", "fix_date": "2026-01-30"}, [SUBJECT]),
        ({"fix_state": "fixed", "fix_date": "2026-01-31"}, []),
        ({"fix_state": "fixed"}, ["?"]),
        ({"fix_state": "not-fixed"}, []),
        ({"fix_state": "unknown"}, ["?"]),
    ],
)
def test_a_fix_is_counted_in_days(fields: dict[str, str], fires: list[str]) -> None:
    assert answers(VulnerabilityFindings(fixed_for_days=30), **fields) == fires


NVD = ("3.1", "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:L/I:L/A:N", 6.5, "nvd")
VENDOR = ("3.1", "CVSS:3.1/AV:L/AC:H/PR:H/UI:R/S:U/C:N/I:N/A:L", 1.8, "vendor")


@pytest.mark.parametrize(
    ("condition", "fires"),
    [
        ({"holds": ">= 6.5"}, [SUBJECT]),
        ({"holds": "> 6.5"}, []),
        ({"holds": "> 1.8", "by": "vendor"}, []),
        ({"holds": "= 3.9", "by": "nvd", "score": "exploitability"}, [SUBJECT]),
        ({"holds": "= 2.5", "score": "impact"}, [SUBJECT]),
        ({"holds": "!= 1.4", "score": "impact", "by": "vendor"}, []),
    ],
)
def test_scores_are_compared_by_kind_and_rater(condition: dict[str, Any], fires: list[str]) -> None:
    scored = ScoreRequirement(**{**condition, "holds": ScoreCondition(condition["holds"])})
    assert answers(VulnerabilityFindings(scores=(scored,)), cvss=(NVD, VENDOR)) == fires


def test_a_score_that_nobody_gave_is_not_known() -> None:
    scored = ScoreRequirement(holds=ScoreCondition("< 5"), by="vendor")
    assert answers(VulnerabilityFindings(scores=(scored,)), cvss=(NVD,)) == ["?"]
    assert answers(VulnerabilityFindings(scores=(scored,), unrated="count"), cvss=(NVD,)) == [SUBJECT]


def test_severities_may_be_listed_one_by_one() -> None:
    params = VulnerabilityFindings(severities=("unknown", "low"))
    assert [answers(params, severity=each) for each in ("unknown", "low", "high")] == [[SUBJECT], [SUBJECT], []]


@pytest.mark.parametrize(
    ("undated", "fires"), [("cannot-tell", ["?"]), ("count", [SUBJECT]), ("ignore", []), (None, [])]
)
def test_what_is_not_dated_may_be_taken_in_another_way_than_what_is_not_rated(undated: Any, fires: list[str]) -> None:
    params = VulnerabilityFindings(fixed_for_days=30, unrated="ignore", undated=undated)
    assert answers(params, fix_state="fixed") == fires
    assert answers(msgspec.structs.replace(params, fix=("fixed",)), fix_state="unknown") == []


def test_types_may_be_left_out() -> None:
    assert answers(VulnerabilityFindings(except_types=("deb",))) == []
    assert answers(VulnerabilityFindings(except_types=("npm",))) == [SUBJECT]


@pytest.mark.parametrize(
    ("data_at", "fires"),
    [("2026-02-27", True), ("2026-02-28", False), ("2026-02-27T12:00:00Z", False), ("2026-02-27T14:00:00+02:01", True)],
)
def test_the_age_of_data_may_count_by_the_second(data_at: str, fires: bool) -> None:
    assert bool([*stale_data(StaleData(max_days=2, exact=True), facts(matches=matches(data_at=data_at)))]) is fires


def test_what_is_set_aside_or_guessed_counts_only_where_asked() -> None:
    aside = {"suppressed": {"by": "vex", "reason": "not built in"}}
    assert answers(VulnerabilityFindings(), **aside) == []
    assert answers(VulnerabilityFindings(set_aside=("ignore",)), **aside) == []
    assert answers(VulnerabilityFindings(set_aside=("vex",)), **aside) == [SUBJECT]
    assert answers(VulnerabilityFindings(), kind="cpe") == []
    assert answers(VulnerabilityFindings(cpe=True), kind="cpe") == [SUBJECT]


def test_two_advisories_of_one_vulnerability_are_one_finding() -> None:
    first = match(OPENSSL, "CVE-2026-0001", severity="low")
    second = match(OPENSSL, "DSA-1", cve="CVE-2026-0001", severity="high")
    seen = facts(matches=matches(first, second))
    fired = list(check_findings(VulnerabilityFindings(severity="high"), seen))
    assert [answer.subject for answer in fired if isinstance(answer, Violation)] == [SUBJECT]


def test_a_name_is_found_among_all_of_its_names() -> None:
    seen = facts(matches=matches(match(OPENSSL, "CVE-2026-0001", aliases=("GHSA-aaaa",), vendor_ids=("DSA-5",))))
    for name, count in (("GHSA-*", 1), ("DSA-5", 1), ("CVE-2026-0001", 1), ("DSA-6", 0)):
        assert len(list(check_listed_vulnerabilities(ListedVulnerabilities(ids=(NameGlob(name),)), seen))) == count


def test_a_package_without_data_is_told_once_with_all_reasons() -> None:
    seen = facts(matches=matches(unknown={"openssl": "no advisories"}, packages=[OPENSSL]))
    (answer,) = no_data(NoData(), seen)
    assert isinstance(answer, Violation)
    assert "no advisories" in answer.message
    assert list(no_data(NoData(allow=(NameGlob("open*"),)), seen)) == []


@pytest.mark.parametrize(
    ("data_at", "kind"), [("2026-02-22", None), ("2026-02-21", Violation), ("", CannotTell), ("x", CannotTell)]
)
def test_data_have_an_age(data_at: str, kind: type | None) -> None:
    fired = list(stale_data(StaleData(max_days=7), facts(matches=matches(data_at=data_at))))
    assert [type(answer) for answer in fired] == ([kind] if kind else [])
