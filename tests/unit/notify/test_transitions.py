"""From two verdicts to what became of an image: each transition has one cause, and says what it was."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from hullmark.advisories.match.coverage_words import none_for, past_its_end, until
from hullmark.model.notice import TRANSITION_KINDS
from hullmark.model.problem import Problem
from hullmark.model.verdict import PASSING, Action, Finding, Outcome, Verdict, VerdictInputs, Weakness
from hullmark.notify.causes import KeptException, Scene
from hullmark.notify.transitions import News, number_news, transitions_of
from hullmark.policy.gate import trigger_id
from hullmark.policy.recount import finding_order, outcome_of, replace_findings
from hullmark.policy.support_end import GATE, TRIGGER, has_ended, no_more, will_end
from hullmark.policy.verdict_diff import KnownVulnerability

NOW = datetime(2026, 3, 2, tzinfo=UTC)
SEEN = datetime(2026, 3, 1, 23, tzinfo=UTC)
OLD = {"image": "sha256:i", "policy": "sha256:p", "snapshot": "sha256:s", "analyzer": "hullmark 1", "at": "2026-03-01"}
SCENE = Scene(
    image_id=7,
    image_digest="sha256:i",
    policy_id=3,
    policy="weaknesses",
    environment="production",
    reference="r.example/shop:1",
    at=NOW,
    snapshot="12",
    activation="5",
    seen={"advisory": SEEN},
)
LIBC = Weakness(
    advisory="CVE-2026-1",
    package="pkg:deb/debian/libc6@1",
    place="debian:13/libc6",
    severity="high",
    fix_state="not-fixed",
)
ZLIB = replace(
    LIBC, advisory="CVE-2026-2", package="pkg:deb/debian/zlib1g@1", place="debian:13/zlib", severity="critical"
)


def about(weakness: Weakness, action: Action = Action.STOP, rule: str = "no-high", **more: Any) -> Finding:
    return finding(f"{weakness.advisory}+{weakness.package}", action, rule, weakness=weakness, **more)


def finding(subject: str, action: Action = Action.STOP, rule: str = "r", **more: Any) -> Finding:
    return Finding(
        gate="g",
        trigger="t",
        trigger_id=trigger_id("g", "t", subject),
        action=action,
        message=f"{subject} is bad.",
        subject=subject,
        rule_id=rule,
        **more,
    )


ENDED = replace(finding("end_of_life"), gate=GATE, trigger=TRIGGER, message=has_ended("debian 12", "2026-03-01"))


def verdict(*findings: Finding, **inputs: Any) -> Verdict:
    outcome, reason = outcome_of(findings, 2)
    made = VerdictInputs(**{**OLD, **inputs})
    return Verdict(verdict=outcome, reason=reason, findings=findings, problems=(), inputs=made, rule_count=2)


def unknown(**inputs: Any) -> Verdict:
    reason = "the rule no-high cannot be judged: the severity of CVE-2026-1 in libc6 is not known"
    return replace(verdict(**inputs), verdict=Outcome.UNKNOWN, reason=reason, has_unknowns=True)


NEXT = {"snapshot": "sha256:n", "at": "2026-03-02"}
LATER = {"at": "2026-03-02"}


def told(news: tuple[News, ...]) -> list[tuple[str, str, str]]:
    return [(transition.kind, item.cause.kind, item.cause.key) for item in news for transition in item.transitions]


def untold(reason: str, **inputs: Any) -> Verdict:
    """A verdict by a rule that cannot tell for what the advisories do not cover."""
    said = f"the rule no-high cannot be judged: not everything could be seen: {reason}"
    problems = (Problem("", -1, "policy", said, "uncovered"),)
    return replace(verdict(**inputs), verdict=Outcome.UNKNOWN, reason=said, problems=problems, has_unknowns=True)


ENDS = past_its_end("Debian 12", "2026-03-01")
NONE, OLD_DATA = none_for("pypi"), f"{until('pypi', '2026-02-01')}, 29 days ago: what came since is not known"


@pytest.mark.parametrize(
    ("before", "after", "key", "sentence"),
    [
        (
            verdict(),
            untold(NONE, **NEXT),
            "advisory:advisories for pypi@12",
            "The advisories for pypi cover something else than before: all, then none.",
        ),
        (
            untold(OLD_DATA),
            verdict(**NEXT),
            "advisory:advisories for pypi@12",
            "The advisories for pypi cover something else than before: all until 2026-02-01, then all.",
        ),
        (
            verdict(),
            untold(OLD_DATA, **LATER),
            "time:advisories for pypi@2026-03-02",
            "Time passed for the advisories for pypi: all, then all until 2026-02-01.",
        ),
        (
            verdict(),
            untold(ENDS, **NEXT),
            "lifecycle:Debian 12@2026-03-02-2026-03-01",
            "The support of Debian 12 ended on 2026-03-01.",
        ),
        (
            untold(ENDS),
            verdict(**NEXT),
            "lifecycle:Debian 12@2026-03-02-later",
            "Debian 12 is maintained for longer than it was said to be.",
        ),
    ],
)
def test_what_advisories_cover_otherwise_is_named_as_the_cause(
    before: Verdict, after: Verdict, key: str, sentence: str
) -> None:
    (news,) = transitions_of(before, after, SCENE)
    assert (news.cause.key, news.cause.sentence) == (key, sentence)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (verdict(), verdict(**NEXT), []),
        (verdict(), verdict(about(LIBC), **NEXT), [("compliance.lost", "advisory", "advisory:CVE-2026-1@12")]),
        (verdict(about(LIBC)), verdict(**NEXT), [("compliance.regained", "advisory", "advisory:CVE-2026-1@12")]),
        (verdict(), verdict(about(LIBC, Action.WARN), **NEXT), []),
        (
            verdict(about(LIBC, Action.WARN)),
            verdict(about(LIBC), policy="sha256:q", **LATER),
            [("compliance.lost", "policy", "policy:weaknesses@5")],
        ),
        (verdict(), unknown(**NEXT), [("compliance.lost", "advisory", "advisory:CVE-2026-1@12")]),
        (unknown(), verdict(**NEXT), [("compliance.regained", "advisory", "advisory:CVE-2026-1@12")]),
        (
            verdict(about(LIBC)),
            verdict(about(LIBC), about(ZLIB), **NEXT),
            [("finding.new", "advisory", "advisory:CVE-2026-2@12")],
        ),
        (
            verdict(about(LIBC), about(ZLIB)),
            verdict(about(LIBC), **NEXT),
            [("finding.retracted", "advisory", "advisory:CVE-2026-2@12")],
        ),
        (
            verdict(about(LIBC)),
            verdict(about(replace(LIBC, fix_state="fixed", fix_version="2")), **NEXT),
            [("fix.available", "fix", "fix:CVE-2026-1@12")],
        ),
        (
            verdict(about(LIBC)),
            verdict(about(replace(LIBC, is_exploited=True)), **NEXT),
            [("finding.worse", "exploitation", "exploitation:CVE-2026-1@12")],
        ),
        (
            verdict(about(replace(LIBC, epss=0.05))),
            verdict(about(replace(LIBC, epss=0.2)), **NEXT),
            [("finding.worse", "exploitation", "exploitation:CVE-2026-1@12")],
        ),
        (verdict(about(replace(LIBC, epss=0.05))), verdict(about(replace(LIBC, epss=0.06)), **NEXT), []),
        (
            verdict(about(LIBC)),
            verdict(about(replace(LIBC, severity="critical")), **NEXT),
            [("finding.worse", "severity", "severity:CVE-2026-1@12")],
        ),
        (verdict(about(LIBC)), verdict(about(replace(LIBC, severity="low")), **NEXT), []),
        (
            verdict(finding("a")),
            verdict(finding("a"), finding("old"), **LATER),
            [("finding.new", "time", "time:old@2026-03-02")],
        ),
        (verdict(), verdict(finding("old"), **LATER), [("compliance.lost", "time", "time:old@2026-03-02")]),
        (
            verdict(),
            verdict(ENDED, **LATER),
            [("compliance.lost", "lifecycle", "lifecycle:debian 12@2026-03-02-2026-03-01")],
        ),
        (
            verdict(ENDED),
            verdict(**NEXT),
            [("compliance.regained", "lifecycle", "lifecycle:debian 12@2026-03-02-later")],
        ),
        (
            verdict(),
            verdict(finding("old"), analyzer="hullmark 2"),
            [("compliance.lost", "analyzer", "analyzer:hullmark 2")],
        ),
        (
            verdict(about(LIBC), about(LIBC, rule="other")),
            verdict(about(LIBC), about(LIBC, rule="third"), **NEXT),
            [("finding.new", "advisory", "advisory:CVE-2026-1@12")],
        ),
        (
            verdict(),
            verdict(about(LIBC), image="sha256:j"),
            [("compliance.lost", "image", "tag:r.example/shop:1@sha256:i")],
        ),
    ],
)
def test_two_verdicts_tell_what_became_of_the_image(
    before: Verdict, after: Verdict, expected: list[tuple[str, str, str]]
) -> None:
    assert told(transitions_of(before, after, SCENE)) == expected


def test_the_first_verdict_and_the_first_advisories_tell_nothing() -> None:
    assert transitions_of(None, verdict(about(LIBC)), SCENE) == ()
    assert transitions_of(verdict(snapshot=None), verdict(about(LIBC)), SCENE) == ()


def test_a_transition_says_which_fix_there_is_and_when_its_cause_came_to_be_known() -> None:
    fixed = replace(LIBC, fix_state="fixed", fix_version="2.41-13")
    (news,) = transitions_of(verdict(), verdict(about(fixed), **NEXT), SCENE)
    (lost,) = news.transitions
    (seen,) = lost.evidence
    assert (seen.advisory, seen.package, seen.fix_version, seen.is_gained) == (
        "CVE-2026-1",
        "pkg:deb/debian/libc6@1",
        "2.41-13",
        True,
    )
    assert (lost.before, lost.after, lost.severity, news.cause.severity) == ("go", "stop", "high", "high")
    assert (lost.policy, lost.environment, lost.image_id) == ("weaknesses", "production", 7)
    assert news.cause.seen_at == SEEN
    assert "sha256" not in news.cause.sentence


def test_what_the_cause_is_called_speaks_of_no_image() -> None:
    other = replace(SCENE, image_id=8, image_digest="sha256:j", reference="r.example/other:2")
    one, two = (transitions_of(verdict(), verdict(about(LIBC), **NEXT), each)[0].cause for each in (SCENE, other))
    assert one == two


EXCEPTED = about(
    LIBC,
    Action.GO,
    allowlisted={"owner": "us", "reason": "soon", "expires": "2026-03-01", "subject": "CVE-2026-1*"},
)
EVER = replace(EXCEPTED, allowlisted={"owner": "us", "reason": "moving", "expires": "soon"})
KEPT = KeptException(id="0000-1", created_at=datetime(2026, 2, 1, tzinfo=UTC))
NAMED = ("no-high", "CVE-2026-1*", "us", "soon", "2026-03-01")


@pytest.mark.parametrize(
    ("before", "after", "kept", "key"),
    [
        (verdict(about(LIBC)), verdict(EXCEPTED), KEPT, "exception:0000-1@began"),
        (verdict(EXCEPTED), verdict(about(LIBC)), KEPT, "exception:0000-1@expired"),
        (verdict(EXCEPTED), verdict(about(LIBC)), replace(KEPT, ended_at=SEEN), "exception:0000-1@ended"),
        (verdict(EXCEPTED), verdict(about(LIBC)), None, "exception:weaknesses/no-high/us/2026-03-01@expired"),
        (verdict(EVER), verdict(about(LIBC)), None, "exception:weaknesses/no-high/us/soon@ended"),
    ],
)
def test_an_exception_is_named_and_what_became_of_it(
    before: Verdict, after: Verdict, kept: KeptException | None, key: str
) -> None:
    scene = replace(SCENE, exceptions={NAMED: kept} if kept is not None else {})
    ((_, kind, found),) = told(transitions_of(before, after, scene))
    assert (kind, found) == ("exception", key)


@pytest.mark.parametrize(
    ("old", "new", "kind", "cause"),
    [
        (KnownVulnerability(told=frozenset({LIBC.place})), None, "finding.retracted", "retraction"),
        (
            KnownVulnerability(told=frozenset({LIBC.place})),
            KnownVulnerability(told=frozenset({"npm/x"})),
            "finding.retracted",
            "retraction",
        ),
        (KnownVulnerability(severity="high"), KnownVulnerability(severity="low"), "finding.retracted", "severity"),
        (KnownVulnerability(content="a"), KnownVulnerability(content="b"), "finding.retracted", "advisory"),
    ],
)
def test_what_two_snapshots_say_tells_why_a_finding_went(
    old: KnownVulnerability, new: KnownVulnerability | None, kind: str, cause: str
) -> None:
    said = {"sha256:s": old, "sha256:n": new}
    news = transitions_of(
        verdict(about(LIBC), finding("x")), verdict(finding("x"), **NEXT), SCENE, lambda digest, name: said[digest]
    )
    assert [each[:2] for each in told(news)] == [(kind, cause)]


@pytest.mark.parametrize(
    ("old", "new", "cause"),
    [
        (None, KnownVulnerability(told=frozenset({LIBC.place})), "advisory"),
        (KnownVulnerability(severity="low"), KnownVulnerability(severity="high"), "severity"),
        (KnownVulnerability(), KnownVulnerability(is_exploited=True), "exploitation"),
        (KnownVulnerability(epss=0.099), KnownVulnerability(epss=0.101), "exploitation"),
        (
            KnownVulnerability(told=frozenset({LIBC.place}), content="a"),
            KnownVulnerability(told=frozenset({LIBC.place}), fixed=frozenset({LIBC.place}), content="b"),
            "fix",
        ),
    ],
)
def test_what_two_snapshots_say_tells_why_a_finding_came(
    old: KnownVulnerability | None, new: KnownVulnerability, cause: str
) -> None:
    said = {"sha256:s": old, "sha256:n": new}
    news = transitions_of(verdict(), verdict(about(LIBC), **NEXT), SCENE, lambda digest, name: said[digest])
    assert [each[:2] for each in told(news)] == [("compliance.lost", cause)]


def test_advisories_that_say_the_same_are_not_blamed_for_what_a_policy_did() -> None:
    known = KnownVulnerability(content="a", epss=0.1)
    after = verdict(about(LIBC), policy="sha256:q", **NEXT)
    assert told(transitions_of(verdict(), after, SCENE, lambda digest, name: known)) == [
        ("compliance.lost", "policy", "policy:weaknesses@5")
    ]


def test_what_cannot_be_judged_for_now_is_no_retraction() -> None:
    uncertain = replace(verdict(finding("x"), **LATER), has_unknowns=True)
    assert transitions_of(verdict(about(LIBC), finding("x")), uncertain, SCENE) == ()
    lost = replace(unknown(), rule_count=None)
    assert transitions_of(verdict(about(LIBC)), lost, SCENE) == ()
    assert transitions_of(lost, verdict(about(LIBC)), SCENE) == ()


def test_nobody_is_told_what_another_analyzer_brought() -> None:
    (news,) = transitions_of(verdict(), verdict(finding("x"), analyzer="hullmark 2"), SCENE)
    assert news.suppressed == "the analyzer changed"


def test_news_written_twice_are_one_and_of_two_verdicts_are_two() -> None:
    (news,) = transitions_of(verdict(), verdict(about(LIBC), **NEXT), SCENE)
    first, again, second = number_news(news, 4), number_news(news, 4), number_news(news, 5)
    assert first == again
    assert first.transitions[0].key != second.transitions[0].key
    assert first.transitions[0].history_id == 4


WEAKNESSES = st.builds(
    Weakness,
    advisory=st.sampled_from(["CVE-2026-1", "CVE-2026-2", "GHSA-aaaa-bbbb-cccc"]),
    package=st.sampled_from(["pkg:deb/debian/a@1", "pkg:npm/b@2"]),
    place=st.just("debian:13/a"),
    severity=st.sampled_from(["unknown", "low", "high", "critical"]),
    is_exploited=st.booleans(),
    epss=st.sampled_from([None, 0.01, 0.3]),
    fix_state=st.just("fixed"),
    fix_version=st.sampled_from(["", "3"]),
)
FINDINGS = st.one_of(
    st.builds(about, WEAKNESSES, st.sampled_from([Action.STOP, Action.WARN]), st.sampled_from(["r1", "r2"])),
    st.builds(finding, st.sampled_from(["/a", "/b", "user"]), st.sampled_from(list(Action))),
)
INPUTS = st.fixed_dictionaries(
    {
        "policy": st.sampled_from(["sha256:p", "sha256:q"]),
        "snapshot": st.sampled_from(["sha256:s", "sha256:n"]),
        "analyzer": st.sampled_from(["hullmark 1", "hullmark 2"]),
    }
)


@st.composite
def verdicts(draw: st.DrawFn) -> Verdict:
    some = draw(st.lists(FINDINGS, max_size=6, unique_by=lambda each: (each.rule_id, each.trigger_id)))
    made = verdict(*some, **draw(INPUTS))
    return replace(made, verdict=Outcome.UNKNOWN, has_unknowns=True) if draw(st.integers(0, 4)) == 0 else made


def test_a_rule_that_a_policy_drops_takes_its_finding_with_it_whatever_other_rules_lack() -> None:
    before = verdict(finding("x", rule="dropped"), finding("y"))
    other = Problem("", 0, "policy", "the rule r cannot be judged: nothing is known", "uncovered")
    after = replace(verdict(finding("y"), policy="sha256:other"), has_unknowns=True, problems=(other,))
    assert [(kind, cause) for kind, cause, _ in told(transitions_of(before, after, SCENE))] == [
        ("finding.retracted", "policy")
    ]
    same = replace(other, reason="the rule dropped cannot be judged: nothing is known")
    assert transitions_of(before, replace(after, problems=(same,)), SCENE) == ()


@given(verdicts(), verdicts())
def test_every_transition_has_a_cause_and_every_flip_just_one(before: Verdict, after: Verdict) -> None:
    news = transitions_of(before, after, SCENE)
    for item in news:
        assert item.cause.key
        assert item.cause.sentence
        assert item.transitions
        assert all(transition.kind in TRANSITION_KINDS for transition in item.transitions)
    assert len({item.cause.key for item in news}) == len(news)
    kinds = [transition.kind for item in news for transition in item.transitions]
    if (before.verdict in PASSING) is not (after.verdict in PASSING):
        assert kinds == ["compliance.regained" if after.verdict in PASSING else "compliance.lost"]
    elif after.verdict in PASSING:
        assert not kinds
    else:
        assert set(kinds) <= {"finding.new", "finding.worse", "finding.retracted", "fix.available"}


@given(verdicts())
def test_equal_verdicts_tell_nothing(same: Verdict) -> None:
    assert transitions_of(same, replace(same, inputs=replace(same.inputs, at="later")), SCENE) == ()


@given(verdicts(), verdicts())
def test_what_is_lost_one_way_is_regained_the_other(before: Verdict, after: Verdict) -> None:
    there, back = transitions_of(before, after, SCENE), transitions_of(after, before, SCENE)
    opposite = {"compliance.lost": "compliance.regained", "compliance.regained": "compliance.lost"}
    flips = [transition.kind for item in there for transition in item.transitions if transition.kind in opposite]
    assert [opposite[kind] for kind in flips] == [
        transition.kind for item in back for transition in item.transitions if transition.kind in opposite
    ]


@given(verdicts(), verdicts(), st.integers(0, 2**32))
def test_the_order_of_findings_changes_nothing(before: Verdict, after: Verdict, seed: int) -> None:
    shuffled = random.Random(seed)  # noqa: S311 - an order, not a secret
    mixed = []
    for each in (before, after):
        findings = list(each.findings)
        shuffled.shuffle(findings)
        mixed.append(replace(each, findings=tuple(findings)))
    assert transitions_of(mixed[0], mixed[1], SCENE) == transitions_of(before, after, SCENE)


@given(verdicts(), verdicts())
def test_findings_that_came_and_went_make_the_verdict_that_they_lead_to(before: Verdict, after: Verdict) -> None:
    if before.has_unknowns or after.has_unknowns:
        return
    lost = [(each.rule_id, each.trigger_id) for each in before.findings if each not in after.findings]
    gained = [each for each in after.findings if each not in before.findings]
    made = replace_findings(before, gained, lost)
    assert made.findings == tuple(sorted(after.findings, key=finding_order))
    assert made.verdict is after.verdict
    assert replace_findings(made, (), ()) == made


def test_what_cannot_be_told_stays_so_unless_something_stops() -> None:
    assert replace_findings(unknown(), [about(LIBC, Action.WARN)], []).verdict is Outcome.UNKNOWN
    assert replace_findings(unknown(), [about(LIBC)], []).verdict is Outcome.STOP
    allowed = replace(
        verdict(about(LIBC)), verdict=Outcome.GO, reason="on the list", has_unknowns=True, rule_count=None
    )
    assert replace_findings(allowed, [about(ZLIB)], []).verdict is Outcome.GO


@pytest.mark.parametrize(
    ("message", "sentence"),
    [
        (has_ended("debian 12", "2026-03-01"), "The support of debian 12 ended on 2026-03-01."),
        (will_end("debian 12", "2026-03-30"), "The support of debian 12 ends on 2026-03-30."),
        (no_more("debian 12"), "debian 12 is no longer maintained."),
    ],
)
def test_the_end_of_support_is_told_with_its_day(message: str, sentence: str) -> None:
    ((came,), (went,)) = (
        transitions_of(*pair, SCENE)
        for pair in (
            (verdict(), verdict(replace(ENDED, message=message), **NEXT)),
            (verdict(replace(ENDED, message=message)), verdict(**NEXT)),
        )
    )
    assert (came.cause.subject, came.cause.sentence) == ("debian 12", sentence)
    assert went.cause.sentence == "debian 12 is maintained for longer than it was said to be."


MOVED = replace(SCENE, is_moved=True, image_digest="sha256:j")


@pytest.mark.parametrize(
    ("before", "after", "kind", "shown"),
    [
        (verdict(), verdict(about(LIBC)), "compliance.lost", ["+CVE-2026-1"]),
        (verdict(about(LIBC)), verdict(about(ZLIB)), "tag.moved", ["+CVE-2026-2", "-CVE-2026-1"]),
        (verdict(about(LIBC)), verdict(), "compliance.regained", ["-CVE-2026-1"]),
        (
            verdict(about(LIBC)),
            verdict(about(LIBC, Action.WARN)),
            "compliance.regained",
            ["-CVE-2026-1 only warned of now"],
        ),
        (verdict(), verdict(about(ZLIB, Action.WARN)), "tag.moved", ["+CVE-2026-2"]),
        (verdict(), verdict(), "tag.moved", []),
    ],
)
def test_a_tag_that_moved_tells_the_new_verdict_and_all_reasons_that_are_new_or_gone(
    before: Verdict, after: Verdict, kind: str, shown: list[str]
) -> None:
    after = replace(after, inputs=replace(after.inputs, image="sha256:j"))
    (news,) = transitions_of(before, after, MOVED)
    (only,) = news.transitions
    assert (only.kind, only.before, only.after) == (kind, before.verdict.value, after.verdict.value)
    assert news.cause.key == "tag:r.example/shop:1@sha256:j"
    assert [
        f"{'+' if seen.is_gained else '-'}{seen.advisory} {seen.standing}".strip() for seen in only.evidence
    ] == shown


def test_an_exception_that_begins_is_told_as_one_and_not_as_if_the_finding_were_gone() -> None:
    (news,) = transitions_of(verdict(about(LIBC)), verdict(EXCEPTED), SCENE)
    ((seen,),) = [transition.evidence for transition in news.transitions]
    assert (seen.is_gained, seen.standing) == (False, "excepted by us until 2026-03-01")
