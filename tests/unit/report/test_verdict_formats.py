"""Reports of verdicts: SARIF, JUnit, Markdown, HTML and GitHub's annotations say the same, and obey nothing."""

from __future__ import annotations

import base64
import json
import re
from hashlib import sha256
from typing import Any

import pytest
from defusedxml.ElementTree import fromstring
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from hullmark.model.verdict import Action, Evidence, Verdict, Weakness
from hullmark.report import load
from hullmark.report.verdict_html import VERDICT_STYLE
from hullmark.report.verdict_words import FindingPlace, excuse, place_of, summary
from tests.unit.report.samples import GO, HOSTILE, ODD_VERDICT, PLAIN, STOP, VERDICTS, finding, verdicts
from tests.unit.report.test_matches_html import KNOWN, Reader
from tests.unit.report.test_matches_junit import KINDS
from tests.unit.report.test_matches_sarif import VALIDATOR

ANY = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
SOME = st.lists(verdicts(), min_size=1, max_size=3)
USER = Evidence(created_by="USER root", detail="Dockerfile:12")
EXCEPTED = {"owner": "platform team", "reason": "needed", "expires": "2027-03-31", "subject": "*", "ticket": "OPS-1"}
SHADOWED = {"stage": "shadow", "action": "stop", "rule_set": "next"}
SEVERAL = Verdict(
    verdict=STOP.verdict,
    reason="1 finding to stop for, by rule user",
    findings=(
        finding(Action.STOP, "It runs as root.", rule_id="user", subject="user", evidence=(USER,), recommendation="Add a USER."),
        finding(Action.WARN, "Old.", rule_id="age", subject="", gate="image", trigger="age"),
        finding(Action.GO, "Accepted.", rule_id="user", allowlisted=EXCEPTED),
        finding(Action.GO, "Soon.", rule_id="next", allowlisted=SHADOWED),
    ),
    problems=STOP.problems,
    inputs=STOP.inputs,
)  # fmt: skip


def text(name: str, *found: Verdict) -> str:
    """What a format makes of some verdicts."""
    of = load("verdict", name)
    if of.render_all is not None:
        return of.render_all(found, PLAIN).decode()
    return b"".join(of.render(each, PLAIN) for each in found).decode()


def test_the_words_tell_numbers_places_and_excuses() -> None:
    assert summary(SEVERAL) == "1 to stop for, 1 to warn of, 1 excepted, 1 in shadow, 1 problem"
    assert summary(GO) == "no findings"
    assert [excuse(each) for each in SEVERAL.findings] == [
        "",
        "",
        "needed, by platform team, until 2027-03-31, OPS-1",
        "in shadow, would be stop",
    ]
    assert excuse(STOP.findings[1]) == "id a, name list, until 2026-04-01"
    assert place_of(SEVERAL.findings[0]) == FindingPlace("Dockerfile", 12)
    assert place_of(STOP.findings[0]) == FindingPlace("srv/data")
    spoken = finding(Action.STOP, "x", evidence=(Evidence("/a", 0, "", "Dockerfile:7"), USER))
    assert place_of(spoken) == FindingPlace("a")


def runs(*found: Verdict) -> list[dict[str, Any]]:
    """The runs of the log, which is as the standard wants it."""
    log = json.loads(text("sarif", *found))
    assert [error.message for error in VALIDATOR.iter_errors(log)] == []
    for run in log["runs"]:
        rules = run["tool"]["driver"]["rules"]
        assert all(rules[result["ruleIndex"]]["id"] == result["ruleId"] for result in run["results"])
        assert len({rule["id"] for rule in rules}) == len(rules)
    return list(log["runs"])


@pytest.mark.parametrize("case", VERDICTS)
def test_sarif_is_what_the_standard_wants(case: str) -> None:
    (run,) = runs(VERDICTS[case])
    assert len(run["results"]) == len(VERDICTS[case].findings)
    assert run["properties"]["verdict"] == VERDICTS[case].verdict.value


@ANY
@given(SOME)
def test_sarif_of_any_verdicts_is_what_the_standard_wants(found: list[Verdict]) -> None:
    assert len(runs(*found)) == len(found)


def test_sarif_tells_levels_places_and_suppressions() -> None:
    (run,) = runs(SEVERAL)
    first, second, excepted, shadowed = run["results"]
    assert [result["level"] for result in run["results"]] == ["error", "warning", "note", "error"]
    assert first["message"]["text"] == "It runs as root. Add a USER."
    assert first["locations"][0]["physicalLocation"] == {
        "artifactLocation": {"uri": "Dockerfile"},
        "region": {"startLine": 12},
    }
    assert second["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "image"
    assert "suppressions" not in first
    assert excepted["suppressions"][0]["status"] == "accepted"
    assert shadowed["suppressions"][0]["status"] == "underReview"
    notices = run["invocations"][0]["toolExecutionNotifications"]
    assert len(notices) == len(STOP.problems)
    (odd,) = runs(ODD_VERDICT)
    assert odd["invocations"][0]["toolExecutionNotifications"][0]["level"] == "error"


def suites(*found: Verdict) -> list[Any]:
    """The suites of the document, whose numbers are right."""
    root: Any = fromstring(text("junit", *found))
    for element in (root, *root.findall("testsuite")):
        cases = list(element.iter("testcase"))
        assert int(element.get("tests")) == len(cases) > 0
        for name, tag in KINDS.items():
            assert int(element.get(name)) == sum(case.find(tag) is not None for case in cases)
    return list(root.findall("testsuite"))


@ANY
@given(SOME)
def test_junit_of_any_verdicts_is_xml_with_right_numbers(found: list[Verdict]) -> None:
    assert len(suites(*found)) == len(found)


def test_junit_fails_for_stops_and_errs_for_the_unknown() -> None:
    (stop,), (go,), (odd,) = suites(SEVERAL), suites(GO), suites(ODD_VERDICT)
    assert [stop.get(name) for name in ("tests", "failures", "errors", "skipped")] == ["4", "1", "0", "2"]
    failure = stop.find("testcase/failure")
    assert (failure.get("message"), failure.get("type")) == ("It runs as root.", "stop")
    assert failure.text == "Add a USER.\nby USER root, Dockerfile:12"
    assert [go.get(name) for name in ("tests", "failures", "errors")] == ["1", "0", "0"]
    assert odd.get("errors") == "1"


def test_github_annotates_what_counts() -> None:
    lines = text("github", SEVERAL).splitlines()
    assert lines[0] == "::error file=Dockerfile,line=12,title=user%3A user::It runs as root. Add a USER."
    assert lines[1] == "::warning title=age::Old."
    assert lines[-1].startswith(f"hullmark: {STOP.inputs.image}: stop: 1 finding to stop for")
    assert [line.partition(" ")[0] for line in lines[2:-1]] == ["::warning"] * len(STOP.problems)
    assert text("github", ODD_VERDICT).startswith("::warning file=")
    assert "::error title=The verdict is not known::" in text("github", ODD_VERDICT)


@ANY
@given(SOME)
def test_no_text_begins_a_command_of_its_own(found: list[Verdict]) -> None:
    for line in text("github", *found).splitlines():
        assert line.startswith(("::error ", "::warning ", "::notice ", "hullmark: "))
        head = line.removeprefix("::").partition("::")[0]
        assert line.startswith("hullmark: ") or not re.search(r"title=.*[:,]", head)


def test_markdown_says_the_verdict_first_and_escapes() -> None:
    shown = text("markdown", SEVERAL)
    assert shown.startswith(
        f"## STOP: {STOP.inputs.image.replace('_', '&#95;')}\n\n**1 finding to stop for, by rule user**"
    )
    assert "| **stop** | It runs as root. Add a USER. | user | Dockerfile:12 | user |" in shown
    assert "<details><summary>2 findings that do not count</summary>" in shown
    assert "needed, by platform team, until 2027-03-31, OPS-1" in shown
    assert HOSTILE not in text("markdown", ODD_VERDICT)


@ANY
@given(verdicts())
def test_markdown_of_any_verdict_has_rows_of_one_length(found: Verdict) -> None:
    rows = [line for line in text("markdown", found).splitlines() if line.startswith("| ")]
    assert {line.count("|") for line in rows} <= {5, 6}
    tags = re.findall(r"<[^>]*>", text("markdown", found))
    assert set(tags) <= {"<details>", "<summary>", "</summary>", "</details>"}


class PageReader(Reader):
    """Reads a page of verdicts, which has sections and no script."""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag != "script"
        if tag in ("section", "h3"):
            self.open.append(tag)
        else:
            assert tag in KNOWN
            super().handle_starttag(tag, attrs)


def read(*found: Verdict) -> PageReader:
    """The page, read."""
    reader = PageReader()
    reader.feed(text("html", *found))
    reader.close()
    assert reader.open == []
    assert reader.links == []
    return reader


@ANY
@given(SOME)
def test_html_of_any_verdicts_is_well_formed(found: list[Verdict]) -> None:
    read(*found)


def test_html_shows_everything_and_obeys_nothing() -> None:
    texts = " ".join(read(SEVERAL, GO, ODD_VERDICT).texts)
    for words in ("Verdicts on 3 images", "It runs as root.", "Add a USER.", "Dockerfile, line 12", "No finding counts.",
                  "in shadow, would be stop", "needed, by platform team, until 2027-03-31, OPS-1", STOP.problems[0].reason):  # fmt: skip
        assert words in texts
    shown = text("html", ODD_VERDICT)
    assert HOSTILE not in shown
    assert "\u202e" not in shown


def test_html_allows_its_own_style_and_nothing_else() -> None:
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', text("html", GO))
    digest = base64.b64encode(sha256(VERDICT_STYLE.encode()).digest()).decode()
    assert policy == f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    assert f"<style>{VERDICT_STYLE}</style>" in text("html", GO)
    for words in ("http", "</", "url(", "@import"):
        assert words not in VERDICT_STYLE


@pytest.mark.parametrize("name", ["github", "html", "json", "junit", "markdown", "sarif", "table"])
def test_no_format_shows_what_the_server_keeps_besides(name: str) -> None:
    weakness = Weakness(
        advisory="CVE-2031-77777", package="pkg:deb/debian/unseen@1", place="debian:13/unseen", epss=0.777
    )
    plain = text(name, SEVERAL)
    findings = tuple(replace(each, weakness=weakness) for each in SEVERAL.findings)
    assert text(name, replace(SEVERAL, findings=findings, rule_count=777, has_unknowns=True)) == plain
    for word in ("weakness", "rule_count", "has_unknowns", "is_clouded"):
        assert word not in plain


@pytest.mark.parametrize("name", ["sarif", "junit", "html"])
def test_one_verdict_is_several_of_one(name: str) -> None:
    assert load("verdict", name).render(SEVERAL, PLAIN).decode() == text(name, SEVERAL)
