"""JUnit XML: it is XML, its numbers are right, and each match is one test case."""

from __future__ import annotations

from typing import Any

import pytest
from defusedxml.ElementTree import fromstring
from hypothesis import HealthCheck, given, settings

from hullmark.model.match import Matches
from hullmark.report import load
from tests.unit.report.matches_samples import CLEAN, MATCHES, SMALL, SNAPSHOT, matches
from tests.unit.report.samples import PLAIN

KINDS = {"failures": "failure", "errors": "error", "skipped": "skipped"}


def document(found: Matches) -> Any:
    """The document, read."""
    return fromstring(load("matches", "junit").render(found, PLAIN))


def check(found: Matches) -> None:
    """The document is XML and counts right."""
    root = document(found)
    assert root.tag == "testsuites"
    for element in (root, *root.findall("testsuite")):
        cases = list(element.iter("testcase"))
        assert int(element.get("tests")) == len(cases)
        for name, tag in KINDS.items():
            assert int(element.get(name)) == sum(case.find(tag) is not None for case in cases)
    for case in root.iter("testcase"):
        assert set(case.keys()) == {"name", "classname", "time"}
        assert len(case) <= 1
    expected = len(found.matches) + len(found.unknown)
    assert len(list(root.iter("testcase"))) == max(1, expected)


@pytest.mark.parametrize("case", MATCHES)
def test_the_document_is_xml_with_right_numbers(case: str) -> None:
    check(MATCHES[case])


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(matches())
def test_any_matches_give_xml_with_right_numbers(found: Matches) -> None:
    check(found)


def test_what_counts_fails_and_what_is_suppressed_was_skipped() -> None:
    root = document(SMALL)
    cases = {case.get("name"): case for case in root.iter("testcase")}
    failure = cases["GHSA-jfh8-c2jp-5v3q in log4j-core 2.14.1"].find("failure")
    assert failure.get("type") == "critical"
    assert failure.get("message").endswith("log4j-core 2.14.1, EPSS 94%, ransom")
    assert "Update log4j-core to 2.15.0 or later." in failure.text
    assert cases["CVE-2019-18276 in bash 1:5.1.8-6.el9"].find("skipped").get("message") == "ignore: No shell is started"
    assert cases["thing UNKNOWN"].find("error").get("message") == "Its version is not known."


def test_a_clean_image_is_one_passed_test_and_an_unmatched_one_an_error() -> None:
    clean = Matches(source=CLEAN.source, distro=None, snapshot=SNAPSHOT, matches=(), unknown=())
    assert len(next(document(clean).iter("testcase"))) == 0
    assert b"no advisories were used" in load("matches", "junit").render(CLEAN, PLAIN)
    assert document(CLEAN).get("errors") == "1"


def test_several_images_are_suites_of_one_document() -> None:
    several = load("matches", "junit").render_all
    assert several is not None
    both, one = fromstring(several([SMALL, CLEAN], PLAIN)), document(SMALL)
    assert len(list(both.iter("testcase"))) == len(list(one.iter("testcase"))) + 1
    assert len(both) == len(one) + 1
