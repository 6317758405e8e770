"""How findings become a verdict."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.model.problem import Problem
from hullmark.model.verdict import Action, Evidence, Outcome, Verdict
from hullmark.policy.evaluate import MAX_FINDINGS, evaluate
from hullmark.policy.facts import Facts
from hullmark.policy.gate import Answer, CannotTell, Params, Trigger, Violation, trigger_id
from hullmark.policy.rules import Policy, PolicyException, Rule, WhenUnknown, encode_value
from hullmark.policy.values import Expiry, NameGlob
from tests.support.places import REPOSITORY
from tests.support.policies import native_policy
from tests.unit.policy.building import NOW, facts, file, package


class Nothing(Params, frozen=True, kw_only=True):
    """Takes nothing."""


def rule(
    id: str, answers: Sequence[Any], action: Action = Action.STOP, when_unknown: WhenUnknown = WhenUnknown.UNKNOWN
) -> Rule:
    """A rule whose trigger gives these answers; an exception among them is raised."""

    def check(params: Nothing, seen: Facts) -> Iterator[Answer]:
        for answer in answers:
            if isinstance(answer, Exception):
                raise answer
            yield answer

    trigger = Trigger(gate="test", name="given", params=Nothing, check=check)
    return Rule(id=id, trigger=trigger, action=action, params=Nothing(), when_unknown=when_unknown)


def judge(*rules: Rule) -> Verdict:
    return evaluate(Policy(name="p", version="1", rules=rules), facts(), analyzer="test")


FIRES = Violation("/a", "It fires.", (Evidence("/a", 0),))
LACKS = CannotTell("the file /b could not be read", (Evidence("/b", 0),))


@pytest.mark.parametrize(
    ("rules", "outcome", "reason"),
    [
        ([], Outcome.GO, "nothing to stop or warn for in 0 rules"),
        ([rule("a", [FIRES], Action.GO)], Outcome.GO, "nothing to stop or warn for in 1 rule"),
        ([rule("a", [FIRES, FIRES], Action.WARN)], Outcome.WARN, "2 warnings, by rule a"),
        (
            [rule("a", [FIRES], Action.WARN), rule("b", [LACKS])],
            Outcome.UNKNOWN,
            "the rule b cannot be judged: the file /b could not be read",
        ),
        ([rule("a", [FIRES], Action.STOP), rule("b", [LACKS])], Outcome.STOP, "1 finding to stop for, by rule a"),
        ([rule("b", [LACKS], when_unknown=WhenUnknown.STOP)], Outcome.STOP, "1 finding to stop for, by rule b"),
        ([rule("b", [LACKS], when_unknown=WhenUnknown.WARN)], Outcome.WARN, "1 warning, by rule b"),
        ([rule("b", [LACKS], when_unknown=WhenUnknown.GO)], Outcome.GO, "nothing to stop or warn for in 1 rule"),
        (
            [rule("a", [LACKS, FIRES], Action.WARN)],
            Outcome.UNKNOWN,
            "the rule a cannot be judged: the file /b could not be read",
        ),
    ],
)
def test_stop_goes_before_unknown_before_warn_before_go(rules: list[Rule], outcome: Outcome, reason: str) -> None:
    verdict = judge(*rules)
    assert (verdict.verdict, verdict.reason) == (outcome, reason)


def test_what_could_not_be_judged_is_a_problem_whatever_the_policy_makes_of_it() -> None:
    for taken in WhenUnknown:
        (problem,) = judge(rule("a", [LACKS], when_unknown=taken)).problems
        assert (problem.path, problem.layer, problem.room) == ("/b", 0, "policy")
        assert problem.reason == "the rule a cannot be judged: the file /b could not be read"


@pytest.mark.parametrize(
    "error", [KeyError("x"), ValueError("y"), TypeError("z"), RecursionError(), ZeroDivisionError()]
)
def test_a_defect_in_one_gate_leaves_the_other_rules_judged(error: Exception) -> None:
    verdict = judge(rule("a", [FIRES, error], Action.WARN), rule("b", [FIRES], Action.WARN))
    assert [finding.rule_id for finding in verdict.findings] == ["a", "b"]
    assert verdict.verdict is Outcome.UNKNOWN
    assert "has a defect" in verdict.reason


def test_findings_of_one_rule_are_listed_up_to_a_limit_and_then_counted() -> None:
    answers = [Violation(f"/{number:05}", "It fires.") for number in range(MAX_FINDINGS + 7)]
    verdict = judge(rule("a", answers))
    assert len(verdict.findings) == MAX_FINDINGS + 1
    assert [f.message for f in verdict.findings if f.subject == "*"] == [
        "The rule fires on 7 more subjects, which are not listed."
    ]


def test_what_cannot_be_told_is_listed_up_to_a_limit() -> None:
    answers = [CannotTell(f"the file /{number} could not be read") for number in range(MAX_FINDINGS + 7)]
    verdict = judge(rule("a", answers, when_unknown=WhenUnknown.WARN))
    assert len(verdict.problems) == MAX_FINDINGS
    assert len(verdict.findings) <= MAX_FINDINGS + 1


def test_a_trigger_id_depends_on_gate_trigger_and_subject_only() -> None:
    first = judge(rule("a", [Violation("/x", "One sentence.", (Evidence("/x", 0),))])).findings[0]
    second = judge(rule("b", [Violation("/x", "Another sentence.")], Action.WARN)).findings[0]
    assert (
        first.trigger_id == second.trigger_id == trigger_id("test", "given", "/x") == "0e0a024dc630af3678d406d3af0c23f5"
    )
    assert trigger_id("test", "given", "/y") != first.trigger_id
    assert trigger_id("a", "bc", "d") != trigger_id("ab", "c", "d")


def test_the_inputs_name_everything_the_verdict_depends_on() -> None:
    policy = Policy(name="p", version="1", rules=())
    east = facts(now=datetime(2026, 3, 1, 14, 0, tzinfo=timezone(timedelta(hours=2))))
    inputs = evaluate(policy, east, analyzer="hullmark 9", snapshot="sha256:feed").inputs
    assert (inputs.image, inputs.policy, inputs.snapshot) == ("sha256:0123", policy.digest, "sha256:feed")
    assert (inputs.analyzer, inputs.at) == ("hullmark 9", "2026-03-01T12:00:00Z")


EXCEPTED = (
    "schema: hullmark-policy/1\nname: t\nrules:\n  - {id: s, gate: files, trigger: setuid, action: stop}\n"
    "exceptions:\n  - {rule: s, subject: /bin/su, expires: 2026-03-01, owner: me, reason: needed}\n"
)


@pytest.mark.parametrize(
    ("now", "outcome"),
    [
        (NOW, Outcome.GO),
        (datetime(2026, 3, 1, 23, 59, 59, tzinfo=UTC), Outcome.GO),
        (datetime(2026, 3, 2, 0, 0, 0, tzinfo=UTC), Outcome.STOP),
        (datetime(2026, 3, 2, 1, 0, 0, tzinfo=timezone(timedelta(hours=2))), Outcome.GO),
    ],
)
def test_an_exception_counts_until_the_end_of_its_last_day_in_utc(now: datetime, outcome: Outcome) -> None:
    seen = facts(files=[file("/bin/su", mode="4755")], now=now)
    verdict = evaluate(native_policy(EXCEPTED.encode()), seen, analyzer="test")
    assert verdict.verdict is outcome
    assert (verdict.findings[0].allowlisted is None) is (outcome is Outcome.STOP)
    assert any("expired on 2026-03-01" in problem.reason for problem in verdict.problems) is (outcome is Outcome.STOP)


def test_deleted_files_that_nobody_listed_make_the_verdict_unknown() -> None:
    text = "schema: hullmark-policy/1\nname: t\nrules: [{id: g, gate: integrity, trigger: ghosts, action: stop, params: {paths: [x]}}]"
    verdict = evaluate(native_policy(text.encode()), facts(ghosts=False), analyzer="test")
    assert (verdict.verdict, verdict.reason) == (
        Outcome.UNKNOWN,
        "the rule g cannot be judged: the files that later layers deleted were not listed",
    )


def test_files_or_settings_that_nobody_collected_make_the_verdict_unknown() -> None:
    policy = native_policy((REPOSITORY / "examples" / "policy.yaml").read_bytes())
    verdict = evaluate(policy, facts(files=None, config=None), analyzer="test")
    assert verdict.verdict is Outcome.UNKNOWN
    assert {problem.reason.partition(": ")[2] for problem in verdict.problems} == {
        "the image's files were not listed",
        "the image's settings could not be read",
    }


@given(st.integers(0, 2**32))
def test_the_order_of_what_is_judged_does_not_change_the_verdict(seed: int) -> None:
    shuffled = random.Random(seed)  # noqa: S311 — an order, not a secret
    policy = native_policy((REPOSITORY / "examples" / "policy.yaml").read_bytes())
    packages = [package("deb", name, "1") for name in ("bash", "telnet", "gcc", "mount", "make")]
    files = [file(f"/bin/{name}", mode="4777") for name in "abc"] + [file("/etc/shadow", mode="0666"), file("/a.key")]
    expected = evaluate(policy, facts(packages=packages, files=files), analyzer="test")
    rules = list(policy.rules)
    for each in (packages, files, rules):
        shuffled.shuffle(each)
    changed = Policy(name=policy.name, version=policy.version, rules=tuple(rules))
    assert evaluate(changed, facts(packages=packages, files=files), analyzer="test") == expected


def test_what_is_excepted_is_not_counted_among_the_findings_that_are_not_listed() -> None:
    many = [Violation(f"/a{number}", "It fires.", ()) for number in range(MAX_FINDINGS + 5)]
    last = NameGlob(f"/a{MAX_FINDINGS + 4}")
    excepted = PolicyException(rule="a", subject=last, expires=Expiry("2027-01-01"), owner="o", reason="r")
    for exceptions, count in (((), 5), ((excepted,), 4)):
        policy = Policy(name="p", version="1", rules=(rule("a", many),), exceptions=exceptions)
        verdict = evaluate(policy, facts(), analyzer="test")
        (more,) = [finding.message for finding in verdict.findings if finding.subject == "*"]
        assert more == f"The rule fires on {count} more subjects, which are not listed."


@pytest.mark.parametrize("count", [MAX_FINDINGS - 1, MAX_FINDINGS])
def test_what_was_not_seen_and_is_excepted_is_listed_while_there_is_room(count: int) -> None:
    answers = [Violation(f"/a{number}", "It fires.", ()) for number in range(count)]
    many = rule("a", answers, Action.WARN)
    many = replace(many, trigger=replace(many.trigger, looks_at=frozenset(("files",))))
    cut = Problem("/x", 0, "rootfs", "it is cut short", "unseen")
    excepted = PolicyException(rule="a", subject=NameGlob("/x*"), expires=Expiry("2027-01-01"), owner="o", reason="r")
    policy = Policy(name="p", version="1", rules=(many,), exceptions=(excepted,))
    verdict = evaluate(policy, facts(problems=[cut]), analyzer="test")
    assert verdict.verdict is Outcome.WARN
    assert len(verdict.findings) == MAX_FINDINGS


def test_a_verdict_goes_through_json_unchanged() -> None:
    verdict = judge(rule("a", [FIRES, LACKS]))
    assert msgspec.json.decode(msgspec.json.encode(verdict), type=Verdict) == verdict


def test_only_values_that_rules_can_have_are_written_down() -> None:
    assert encode_value(NameGlob("a*")) == "a*"
    assert {NameGlob("a*"), NameGlob("a*"), NameGlob("b")} == {NameGlob("b"), NameGlob("a*")}
    with pytest.raises(TypeError, match="a complex cannot be written"):
        msgspec.json.encode(1j, enc_hook=encode_value)
