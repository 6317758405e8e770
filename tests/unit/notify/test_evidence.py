"""Evidence is as long as a message bears, whatever an image calls its files."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from hullmark.model import notice
from hullmark.model.verdict import Action, Evidence, Finding, Outcome, Verdict, VerdictInputs, Weakness
from hullmark.notify.evidence import MOST_EVIDENCE, evidence_in
from hullmark.notify.scene import Pair, Scene
from hullmark.policy.verdict_diff import Cause, Change, InputDifference

NOW = datetime(2026, 3, 2, tzinfo=UTC)
SCENE = Scene(image_id=1, image_digest="sha256:i", policy_id=1, policy="p", environment="", reference="r", at=NOW)


def _verdict(*findings: Finding, outcome: Outcome = Outcome.STOP, reason: str = "") -> Verdict:
    inputs = VerdictInputs(image="i", policy="p", snapshot=None, analyzer="a", at="2026-03-02")
    return Verdict(verdict=outcome, reason=reason, findings=findings, problems=(), inputs=inputs)


PAIR = Pair(_verdict(), _verdict())


def _changes(count: int, size: int) -> list[Change]:
    word = "x" * size
    return [
        Change(
            finding=Finding(
                gate="g",
                trigger="t",
                trigger_id=str(n),
                action=Action.STOP,
                message=word,
                subject=f"{n}/{word}",
                rule_id="r",
                evidence=(Evidence(path=word),),
            ),
            is_gained=True,
            cause=Cause.ADVISORY,
            compared=InputDifference(what="snapshot", before="a", after="b"),
        )
        for n in range(count)
    ]


def test_evidence_of_short_words_is_bounded_by_its_count() -> None:
    assert len(evidence_in(_changes(MOST_EVIDENCE + 10, 10), PAIR, SCENE)) == MOST_EVIDENCE


def test_evidence_of_long_words_is_bounded_by_its_size() -> None:
    found = evidence_in(_changes(MOST_EVIDENCE, 10_000), PAIR, SCENE)
    assert [each.subject[:2] for each in found] == [f"{n}/" for n in range(len(found))]
    assert 1 < len(found) < MOST_EVIDENCE
    assert len(msgspec.json.encode(found)) < 60_000


ROOT = Finding(
    gate="config",
    trigger="user",
    trigger_id="7",
    action=Action.STOP,
    message="The image runs as root.",
    subject="user",
    rule_id="no-root",
    evidence=(
        Evidence(detail="0"),
        Evidence("/etc/passwd", 2, "COPY passwd /etc/", "root"),
        Evidence("/etc/shadow", 2),
    ),
)
LIBC = Weakness(
    advisory="CVE-2026-1",
    package="pkg:deb/debian/libc6@1",
    place="debian:13/glibc",
    severity="high",
    fix_state="fixed",
    fix_version="2",
)


def _seen(
    finding: Finding, before: Verdict, after: Verdict, *, is_gained: bool, cause: Cause = Cause.TIME, **scene: Any
) -> notice.Evidence:
    change = Change(
        finding=finding,
        is_gained=is_gained,
        cause=cause,
        compared=InputDifference(what="at", before="", after=""),
    )
    (found,) = evidence_in((change,), Pair(before, after), replace(SCENE, **scene))
    return found


def test_a_finding_says_where_it_is_seen_and_what_to_do() -> None:
    found = _seen(ROOT, _verdict(), _verdict(ROOT), is_gained=True, advice=lambda finding: f"mend {finding.subject}")
    assert (found.path, found.layer, found.instruction, found.more_places) == ("/etc/passwd", 2, "COPY passwd /etc/", 1)
    assert (found.rule, found.message, found.advice) == ("no-root", "The image runs as root.", "mend user")


@pytest.mark.parametrize(
    ("more", "advice"),
    [
        ({}, "update glibc to 2"),
        (
            {"fix_version": "", "fix_state": "wont-fix"},
            "its supplier will not fix it: remove libc6, or state why it is not affected (VEX)",
        ),
        (
            {"fix_version": "", "fix_state": "not-fixed", "place": ""},
            "there is no version without it yet: remove libc6, or state why it is not affected (VEX), or except it for a time",
        ),
    ],
)
def test_what_mends_a_vulnerability_is_what_to_do(more: dict[str, str], advice: str) -> None:
    finding = replace(ROOT, weakness=replace(LIBC, **more))
    found = _seen(finding, _verdict(), _verdict(finding), is_gained=True, advice=lambda _: "something else")
    assert (found.advice, found.severity) == (advice, "high")


def test_a_finding_is_known_since_it_was_first_seen() -> None:
    long_ago = datetime(2026, 1, 1, tzinfo=UTC)
    excepted = replace(ROOT, action=Action.GO, allowlisted={"owner": "us"})
    first = _seen(ROOT, _verdict(), _verdict(ROOT), is_gained=True)
    again = _seen(ROOT, _verdict(excepted), _verdict(ROOT), is_gained=True, first_seen={"7": long_ago})
    untold = _seen(ROOT, _verdict(excepted), _verdict(ROOT), is_gained=True)
    gone = _seen(ROOT, _verdict(ROOT), _verdict(), is_gained=False, first_seen={"7": long_ago})
    assert [found.since for found in (first, again, untold, gone)] == [NOW, long_ago, None, NOW]


@pytest.mark.parametrize(
    ("left", "cause", "standing"),
    [
        (None, Cause.ADVISORY, ""),
        (
            {"action": Action.GO, "allowlisted": {"owner": "anna", "expires": "2026-12-01", "reason": "soon"}},
            Cause.EXCEPTION,
            "excepted by anna until 2026-12-01",
        ),
        (
            {"action": Action.GO, "allowlisted": {"stage": "shadow", "action": "stop", "rule_set": "new"}},
            Cause.POLICY,
            "not counted while the rule set new is in shadow",
        ),
        ({"action": Action.WARN}, Cause.POLICY, "only warned of now"),
        (None, Cause.VEX, "set aside by a statement (VEX or an ignore rule)"),
        (None, Cause.POLICY, "the policy does not ask for it now"),
    ],
)
def test_what_is_still_there_is_not_told_to_be_gone(left: dict[str, Any] | None, cause: Cause, standing: str) -> None:
    after = _verdict(replace(ROOT, **left)) if left is not None else _verdict()
    found = _seen(ROOT, _verdict(ROOT), after, is_gained=False, cause=cause, has_vex=True)
    assert found.standing == standing


def test_without_a_finding_it_is_told_what_cannot_be_judged() -> None:
    reason = "the rule no-high cannot be judged: the severity of CVE-2026-1 in libc6 is not known"
    unknown = _verdict(outcome=Outcome.UNKNOWN, reason=reason)
    (found,) = evidence_in((), Pair(_verdict(outcome=Outcome.GO), unknown), SCENE)
    assert (found.rule, found.message, found.is_gained, found.since) == (
        "no-high",
        reason.removeprefix("the rule no-high "),
        True,
        NOW,
    )
    (known,) = evidence_in((), Pair(unknown, _verdict(outcome=Outcome.GO)), SCENE)
    assert (known.message, known.is_gained) == (found.message, False)
