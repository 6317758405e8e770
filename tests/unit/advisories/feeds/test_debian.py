"""Debian's tracker: states and urgencies, names of fixes from the lists."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from hullmark.advisories.feeds.debian import FEED
from hullmark.advisories.feeds.debian_lists import LISTS
from hullmark.model.advisory import Advisory, AffectedPackage
from tests.support.advisories import Bytes, document, sample
from tests.unit.advisories.feeds.reading import advisories, crawled, damaged, json_document, read, rows

URL = "https://security-tracker.debian.org/tracker/data/json"


def tracker(**releases: dict[str, Any]) -> Bytes:
    return json_document(URL, {"curl": {"CVE-2024-0001": {"description": "A flaw.", "releases": releases}}})


def only(*documents: Bytes) -> AffectedPackage:
    (advisory,) = advisories(FEED, *documents).values()
    (affected,) = advisory.affected
    return affected


@pytest.mark.parametrize(
    ("state", "row"),
    [
        ({"status": "resolved", "fixed_version": "7.88.1-10"}, ("affected", "fixed", "7.88.1-10")),
        ({"status": "resolved", "fixed_version": "0"}, ("unaffected", "unknown", "")),
        ({"status": "open"}, ("affected", "not-fixed", "")),
        ({"status": "open", "nodsa": "Minor issue", "nodsa_reason": ""}, ("affected", "wont-fix", "")),
        ({"status": "open", "urgency": "end-of-life"}, ("affected", "wont-fix", "")),
    ],
)
def test_a_state_is_fixed_unaffected_not_fixed_or_never_to_be_fixed(
    state: dict[str, Any], row: tuple[str, str, str]
) -> None:
    found = only(tracker(bookworm=state))
    assert (found.kind, found.fix_state, found.ranges[0].high) == row
    assert (found.namespace, found.name, found.scheme) == ("debian:12", "curl", "deb")
    assert found.note == state.get("nodsa", "")


def test_undetermined_issues_and_unknown_releases_say_nothing() -> None:
    found = advisories(FEED, tracker(bookworm={"status": "undetermined"}, marvin={"status": "open"}))
    assert found["CVE-2024-0001"].affected == ()


@pytest.mark.parametrize(
    ("urgency", "severity"),
    [
        ("unimportant", "negligible"),
        ("low**", "low"),
        ("medium", "medium"),
        ("high*", "high"),
        ("not yet assigned", "unknown"),
        ("end-of-life", "unknown"),
    ],
)
def test_urgencies_are_severities(urgency: str, severity: str) -> None:
    assert advisories(FEED, tracker(sid={"status": "open", "urgency": urgency}))["CVE-2024-0001"].severity == severity


def test_the_highest_urgency_is_the_advisory_s_and_lower_ones_are_the_releases() -> None:
    states = {"bookworm": {"status": "open", "urgency": "unimportant"}, "sid": {"status": "open", "urgency": "high"}}
    found = advisories(FEED, tracker(**states))["CVE-2024-0001"]
    assert found.severity == "high"
    assert [each.severity for each in found.affected] == ["negligible", ""]


def test_a_cve_of_several_packages_is_one_advisory_and_the_lists_name_and_date_its_fixes() -> None:
    fixed = {"releases": {"bullseye": {"status": "resolved", "fixed_version": "1.2-3+deb11u1"}}}
    data = json_document(URL, {"b": {"CVE-2024-0002": fixed}, "a": {"CVE-2024-0002": fixed, "CVE-2024-0001": fixed}})
    lists = Bytes(LISTS[0], b"[29 Mar 2024] DSA-1-1 b - x\n\t{CVE-2024-0002}\n\t[bullseye] - b 1.2-3+deb11u1\n")
    found = advisories(FEED, data, lists)
    assert list(found) == ["CVE-2024-0001", "CVE-2024-0002"]
    assert rows(found["CVE-2024-0002"]) == [
        ("debian:11", "b", "affected", "fixed", ("1.2-3+deb11u1",)),
        ("debian:11", "a", "affected", "fixed", ("1.2-3+deb11u1",)),
    ]
    assert [(each.vendor_ids, each.fix_date) for each in found["CVE-2024-0002"].affected] == [
        (("DSA-1-1",), "2024-03-29"),
        ((), ""),
    ]


def test_what_cannot_be_read_costs_only_itself() -> None:
    good = {"releases": {"sid": {"status": "open"}}}
    data = {"bad": [], "worse": {"CVE-2024-0001": {"releases": 3}, "CVE-2024-0002": good}}
    records, problems = read(FEED, json_document(URL, data))
    assert [record.id for record in records if isinstance(record, Advisory) and record.affected] == ["CVE-2024-0002"]
    assert [place for place, _ in problems] == ["bad", "worse CVE-2024-0001"]


def test_the_tracker_is_needed_and_the_lists_are_not() -> None:
    assert [get.is_optional for get in crawled(FEED, lambda get: None)] == [False, True, True, True]


def test_the_real_excerpt_gives_its_seven_issues_and_reports_the_one_whose_releases_are_a_list() -> None:
    records, problems = read(FEED, document("security-tracker.debian.org", "tracker", "data", "json"))
    assert len(records) == 7
    assert [place for place, _ in problems] == ["chromium-browser CVE-2022-0358"]
    assert len(advisories(FEED, sample("debian", "tracker/api/advisory.json"))) == 4


@given(damaged(tracker(sid={"status": "resolved", "fixed_version": "1"}).data))
def test_any_bytes_are_read_or_reported(data: bytes) -> None:
    read(FEED, Bytes(URL, data))
