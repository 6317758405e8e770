"""Two verdicts differ by one cause, and both its values are told."""

from __future__ import annotations

import random
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from hullmark.advisories.match.coverage_words import none_for, part_for, past_its_end, until
from hullmark.model.problem import Problem
from hullmark.model.verdict import Action, Finding, Outcome, Verdict, VerdictInputs
from hullmark.policy.gate import trigger_id
from hullmark.policy.signature_diff import NOT_CHECKED, NOT_LOOKED_FOR
from hullmark.policy.support_end import GATE, TRIGGER, SupportEnd, has_ended, no_more, support_end_of, will_end
from hullmark.policy.verdict_diff import Cause, KnownVulnerability, Lookup, compare

INPUTS = {
    "image": "sha256:i",
    "policy": "sha256:p",
    "snapshot": "sha256:s",
    "analyzer": "hullmark 1",
    "at": "2026-03-01T00:00:00Z",
}
LATER = {**INPUTS, "at": "2026-03-02T00:00:00Z"}
VULNERABLE = "CVE-2026-1234 pkg:deb/debian/x@1"


def finding(subject: str = VULNERABLE, action: Action = Action.STOP, rule: str = "r", **more: Any) -> Finding:
    return Finding(
        gate="g",
        trigger="t",
        trigger_id=trigger_id("g", "t", subject),
        action=action,
        message="It fires.",
        subject=subject,
        rule_id=rule,
        **more,
    )


def verdict(*findings: Finding, **inputs: Any) -> Verdict:
    actions = {each.action for each in findings}
    outcome = Outcome.STOP if Action.STOP in actions else Outcome.WARN if Action.WARN in actions else Outcome.GO
    made = VerdictInputs(**{**LATER, **inputs})
    return Verdict(verdict=outcome, reason="so", findings=findings, problems=(), inputs=made)


ENDED = replace(finding("end_of_life"), gate=GATE, trigger=TRIGGER, message=has_ended("debian 12", "2026-03-01"))
EXCEPTED = finding(action=Action.GO, allowlisted={"owner": "us", "reason": "so", "expires": "2026-03-01"})
BEFORE = verdict(at=INPUTS["at"])
UNSIGNED = replace(finding("image"), gate="signatures", message="It says git+https://git.example/CVE-2026-1234.")


@pytest.mark.parametrize(
    ("before", "after", "cause", "compared"),
    [
        (BEFORE, verdict(), Cause.NOTHING, None),
        (
            BEFORE,
            verdict(finding(), snapshot="sha256:t"),
            Cause.ADVISORY,
            ("advisory CVE-2026-1234", "sha256:s", "sha256:t"),
        ),
        (BEFORE, verdict(finding(), image="sha256:j"), Cause.IMAGE, ("image", "sha256:i", "sha256:j")),
        (BEFORE, verdict(finding(), policy="sha256:q"), Cause.POLICY, ("policy", "sha256:p", "sha256:q")),
        (
            BEFORE,
            verdict(finding("/x"), analyzer="hullmark 2"),
            Cause.ANALYZER,
            ("analyzer", "hullmark 1", "hullmark 2"),
        ),
        (BEFORE, verdict(finding("age")), Cause.TIME, ("at", INPUTS["at"], LATER["at"])),
        (BEFORE, verdict(ENDED), Cause.LIFECYCLE, ("end of support of debian 12", "", "2026-03-01")),
        (verdict(ENDED), verdict(snapshot="t"), Cause.LIFECYCLE, ("end of support of debian 12", "2026-03-01", "")),
        (BEFORE, verdict(ENDED, policy="sha256:q"), Cause.POLICY, ("policy", "sha256:p", "sha256:q")),
        (BEFORE, verdict(UNSIGNED), Cause.SIGNATURES, ("signatures", "enough", "not enough")),
        (verdict(UNSIGNED), verdict(), Cause.SIGNATURES, ("signatures", "not enough", "enough")),
        (verdict(UNSIGNED), verdict(policy="sha256:q"), Cause.POLICY, ("policy", "sha256:p", "sha256:q")),
        (verdict(finding()), verdict(), Cause.VEX, ("statements about CVE-2026-1234", "open", "suppressed")),
        (verdict(EXCEPTED), verdict(finding()), Cause.EXCEPTION, ("exception from r", "us, until 2026-03-01", "")),
        (
            verdict(finding()),
            verdict(EXCEPTED, policy="sha256:q"),
            Cause.EXCEPTION,
            ("exception from r", "", "us, until 2026-03-01"),
        ),
        (
            verdict(finding(action=Action.WARN)),
            verdict(finding(), policy="sha256:q"),
            Cause.POLICY,
            ("policy", "sha256:p", "sha256:q"),
        ),
    ],
)
def test_the_cause_is_named_with_both_values(before: Verdict, after: Verdict, cause: Cause, compared: Any) -> None:
    difference = compare(before, after)
    assert difference.cause is cause
    found = difference.compared
    assert (None if found is None else (found.what, found.before, found.after)) == compared
    assert difference.is_certain


@given(st.text(min_size=1, max_size=60), st.dates(), st.sampled_from(["", " Build anew."]))
def test_what_is_said_of_the_end_of_support_can_be_read_again(name: str, day: date, advice: str) -> None:
    for message, expected in (
        (no_more(name), ""),
        (has_ended(name, day.isoformat()), day.isoformat()),
        (will_end(name, day.isoformat()), day.isoformat()),
    ):
        assert support_end_of(replace(ENDED, message=message + advice)) == SupportEnd(release=name, day=expected)
    assert support_end_of(replace(ENDED, trigger="age")) is None


def untold(*reasons: str, **inputs: Any) -> Verdict:
    """A verdict by a rule that cannot tell, for these reasons."""
    said = [f"the rule r cannot be judged: not everything could be seen: {reason}" for reason in reasons]
    problems = tuple(Problem("", -1, "policy", each, "uncovered") for each in said)
    return replace(verdict(**inputs), verdict=Outcome.UNKNOWN, reason=said[0], problems=problems, has_unknowns=True)


@pytest.mark.parametrize(
    ("before", "after", "compared"),
    [
        (untold(NOT_LOOKED_FOR), verdict(), ("not looked at", "checked")),
        (untold(f"{NOT_CHECKED}: it is gone"), verdict(), ("not all checked", "checked")),
        (verdict(), untold(f"{NOT_CHECKED}: it is gone"), ("checked", "not all checked")),
        (untold(NOT_LOOKED_FOR), verdict(UNSIGNED), None),
    ],
)
def test_that_signatures_could_not_be_told_is_a_cause(before: Verdict, after: Verdict, compared: Any) -> None:
    difference = compare(before, after)
    assert difference.cause is Cause.SIGNATURES
    found = difference.compared
    assert found is not None
    assert (found.before, found.after) == (compared or ("enough", "not enough"))
    assert compare(before, replace(after, inputs=replace(after.inputs, policy="q"))).cause is Cause.POLICY


NONE, PART = none_for("pypi"), part_for("pypi", is_given=False)
OLD = f"{until('pypi', '2026-02-01')}, 28 days ago: what came since is not known"
OLDER = f"{until('pypi', '2026-02-01')}, 29 days ago: what came since is not known"
NEWS = {"snapshot": "sha256:t"}


@pytest.mark.parametrize(
    ("before", "after", "cause", "compared"),
    [
        (BEFORE, untold(NONE, **NEWS), Cause.COVERAGE, ("advisories for pypi", "all", "none")),
        (BEFORE, untold(OLD), Cause.TIME, ("advisories for pypi", "all", "all until 2026-02-01")),
        (untold(NONE), verdict(**NEWS), Cause.COVERAGE, ("advisories for pypi", "none", "all")),
        (untold(NONE), untold(OLD, **NEWS), Cause.COVERAGE, ("advisories for pypi", "none", "all until 2026-02-01")),
        (untold(OLD), untold(PART, **NEWS), Cause.COVERAGE, ("advisories for pypi", "all until 2026-02-01", "a part")),
        (untold(OLD), untold(OLDER, **NEWS), Cause.NOTHING, None),
        (
            BEFORE,
            untold(past_its_end("Debian 12", "2026-03-01"), **NEWS),
            Cause.LIFECYCLE,
            ("end of support of Debian 12", "", "2026-03-01"),
        ),
        (
            untold(past_its_end("Debian 12", "2026-02-01")),
            untold(past_its_end("Debian 12", "2026-02-10"), NONE, **NEWS),
            Cause.LIFECYCLE,
            ("end of support of Debian 12", "2026-02-01", "2026-02-10"),
        ),
        (BEFORE, untold(NONE, image="sha256:j"), Cause.IMAGE, ("image", "sha256:i", "sha256:j")),
        (BEFORE, untold(NONE, policy="sha256:q", **NEWS), Cause.POLICY, ("policy", "sha256:p", "sha256:q")),
    ],
)
def test_where_rules_cannot_tell_the_cause_is_what_the_advisories_cover(
    before: Verdict, after: Verdict, cause: Cause, compared: tuple[str, str, str] | None
) -> None:
    difference = compare(before, after)
    told = difference.compared and (difference.compared.what, difference.compared.before, difference.compared.after)
    assert (difference.cause, told) == (cause, compared)


def test_the_new_reason_is_shown_with_what_was_covered_before() -> None:
    assert compare(untold(NONE), untold(OLD, **NEWS)).sentence == (
        "The advisories cover something else than before (advisories for pypi: none, then all until 2026-02-01): "
        f"the rule r cannot be judged: not everything could be seen: {OLD}."
    )


def test_a_finding_on_what_is_not_covered_came_with_the_advisories_and_not_with_time() -> None:
    said = f"It cannot be told whether the rule fires: not everything could be seen: {NONE}."
    gained = compare(BEFORE, verdict(replace(finding("pypi"), message=said), **NEWS))
    assert gained.compared is not None
    assert (gained.cause, gained.compared.what) == (Cause.COVERAGE, "advisories for pypi")


def look(**known: KnownVulnerability) -> Lookup:
    def looked(snapshot: str, advisory: str) -> KnownVulnerability | None:
        assert advisory == "CVE-2026-1234"
        return known.get(snapshot.removeprefix("sha256:"))

    return looked


@pytest.mark.parametrize(
    ("lookup", "cause", "values"),
    [
        (look(t=KnownVulnerability()), Cause.ADVISORY, ("not known", "known")),
        (
            look(s=KnownVulnerability(severity="low"), t=KnownVulnerability(severity="high")),
            Cause.SEVERITY,
            ("low", "high"),
        ),
        (
            look(s=KnownVulnerability(epss=0.1), t=KnownVulnerability(epss=0.1, is_exploited=True)),
            Cause.EXPLOITATION,
            ("not known to be exploited, EPSS 0.100", "known to be exploited, EPSS 0.100"),
        ),
        (look(s=KnownVulnerability(content="a"), t=KnownVulnerability(content="b")), Cause.ADVISORY, ("a", "b")),
        (look(s=KnownVulnerability(content="a"), t=KnownVulnerability(content="a")), Cause.ADVISORY, ("a", "a")),
    ],
)
def test_kept_snapshots_tell_severity_and_exploitation_from_the_rest(
    lookup: Lookup, cause: Cause, values: tuple[str, str]
) -> None:
    difference = compare(BEFORE, verdict(finding(), snapshot="sha256:t"), lookup)
    assert difference.compared is not None
    assert (difference.cause, (difference.compared.before, difference.compared.after)) == (cause, values)


def test_a_snapshot_that_is_not_kept_leaves_the_advisory_as_the_cause() -> None:
    def gone(snapshot: str, advisory: str) -> KnownVulnerability | None:
        raise KeyError(snapshot)

    assert compare(BEFORE, verdict(finding(), snapshot="sha256:t"), gone).cause is Cause.ADVISORY


def test_where_several_inputs_differ_it_says_that_it_is_not_certain() -> None:
    difference = compare(BEFORE, verdict(finding(), snapshot="sha256:t", policy="sha256:q"))
    assert (difference.cause, difference.is_certain) == (Cause.ADVISORY, False)
    assert [each.what for each in difference.also] == ["policy"]


def test_what_decides_is_the_heaviest_change_in_the_direction_of_the_verdict() -> None:
    before = verdict(finding("/old", Action.WARN), finding("/gone"), policy="sha256:p")
    after = verdict(finding("/old", Action.WARN), policy="sha256:q")
    difference = compare(before, after)
    assert (difference.before, difference.after) == (Outcome.STOP, Outcome.WARN)
    assert difference.sentence == (
        "The policy is another one (policy: sha256:p, then sha256:q). So the rule r no longer counts on /gone."
    )


@given(st.integers(0, 2**32))
def test_the_order_of_findings_changes_nothing(seed: int) -> None:
    shuffled = random.Random(seed)  # noqa: S311 — an order, not a secret
    findings = [
        finding(f"/{number}", action) for number, action in enumerate([Action.STOP, Action.WARN, Action.GO] * 2)
    ]
    expected = compare(verdict(*findings[:2]), verdict(*findings))
    shuffled.shuffle(findings)
    two = [each for each in findings if each.subject in ("/0", "/1")]
    assert compare(verdict(*two), verdict(*findings)) == expected
