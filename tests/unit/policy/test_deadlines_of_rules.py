"""When time changes a verdict: not before the next moment, and never without one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hullmark.model.advisory import Lifecycle
from hullmark.model.certificate import Certificate, KeyFile
from hullmark.model.image import ImageConfig
from hullmark.model.inventory import Distro
from hullmark.model.malware import Engine, MalwareScan
from hullmark.model.verdict import Action, Verdict
from hullmark.policy.anchore.deadlines import next_bundle_deadline
from hullmark.policy.anchore.evaluate import evaluate_bundle
from hullmark.policy.anchore.read import read_bundle
from hullmark.policy.context import Context, VulnerabilityData
from hullmark.policy.deadlines import list_graces, next_moment
from hullmark.policy.evaluate import evaluate
from hullmark.policy.facts import Facts
from hullmark.policy.gate import Trigger
from hullmark.policy.gates import TRIGGERS
from hullmark.policy.gates import expression as expressions
from hullmark.policy.question import Question
from hullmark.policy.rollout import Deployment, Grace
from hullmark.policy.rules import Policy, PolicyException, Rule, WhenUnknown
from hullmark.policy.values import Expiry, Expression, NameGlob
from tests.support.examples import examples
from tests.unit.policy.anchore.building import bundle as anchore_bundle
from tests.unit.policy.anchore.building import rule as anchore_rule
from tests.unit.policy.building import NOW, facts, match, matches, package

DAYS = 9
END = NOW + timedelta(days=DAYS)
HOURS = [NOW + timedelta(hours=hour) for hour in range(DAYS * 24)]
_near = st.datetimes(NOW.replace(tzinfo=None) - timedelta(days=8), NOW.replace(tzinfo=None) + timedelta(days=12)).map(
    lambda moment: moment.replace(tzinfo=UTC)
)
_day = _near.map(lambda moment: moment.date().isoformat())
_text = st.one_of(_day, _near.map(lambda moment: moment.isoformat()), st.sampled_from(["", "someday"]))
_few = st.integers(0, 7)
_DEBIAN = Distro(id="debian", version_id="12")


def trigger(name: str) -> Trigger[Any]:
    """A trigger by its full name."""
    return next(each for each in TRIGGERS if each.full_name == name)


def a_rule(name: str, number: int, params: dict[str, Any], **fields: Any) -> Rule:
    """A rule with parameters as texts and numbers."""
    asked = trigger(name)
    fields.setdefault("action", Action.STOP)
    return Rule(id=f"r{number}", trigger=asked, params=msgspec.convert(params, asked.params), **fields)


@st.composite
def rules(draw: Any, number: int) -> Rule:
    """A rule that asks for the time."""
    made: dict[str, Any] = {
        "vulnerabilities.found": {
            "fixed_for_days": draw(st.one_of(st.none(), _few)),
            "known_for_days": draw(st.one_of(st.none(), _few)),
            "severity": draw(st.sampled_from([None, "high"])),
            "unrated": draw(st.sampled_from(["cannot-tell", "count", "ignore"])),
        },
        "vulnerabilities.stale_data": {"max_days": draw(_few), "exact": draw(st.booleans())},
        "image.age": {"max_days": draw(_few)},
        "image.end_of_life": {"within_days": draw(_few), "extended": draw(st.booleans())},
        "certificates.expired": {"within_days": draw(_few), "not_yet_valid": draw(st.booleans())},
        "malware.old_signatures": {"max_days": draw(_few)},
    }
    name = draw(st.sampled_from(sorted(made)))
    return a_rule(
        name,
        number,
        made[name],
        action=draw(st.sampled_from([Action.STOP, Action.WARN])),
        when_unknown=draw(st.sampled_from(list(WhenUnknown))),
    )


@st.composite
def policies(draw: Any) -> Policy:
    """A policy with exceptions from its rules, and grace."""
    exceptions = [
        PolicyException(rule=f"r{rule}", subject=NameGlob(subject), expires=expires, owner="o", reason="r")
        for rule, subject, expires in draw(
            st.lists(
                st.tuples(
                    st.integers(0, 2),
                    st.sampled_from(["*", "CVE-2026-1*", "age", "advisories"]),
                    _near.map(lambda moment: Expiry(moment.date().isoformat()))
                    | _near.map(lambda moment: Expiry(moment.isoformat())),
                ),
                max_size=3,
            )
        )
    ]
    count = draw(st.integers(1, 3))
    grace = Grace(days=draw(st.integers(1, 9)), exploited_days=2) if draw(st.booleans()) else None
    made = tuple(draw(rules(number)) for number in range(count))
    return Policy(name="p", version="1", rules=made, exceptions=tuple(exceptions), grace=grace)


@st.composite
def images(draw: Any) -> Facts:
    """Facts full of dates."""
    openssl = package("deb", "openssl", "3.0.14")
    found = [
        match(
            openssl,
            f"CVE-2026-{number}",
            severity=draw(st.sampled_from(["high", "low", "unknown"])),
            published=draw(_text),
            fix_state=draw(st.sampled_from(["fixed", "unknown", "not-fixed"])),
            fix_date=draw(_text),
        )
        for number in range(1, draw(st.integers(1, 3)) + 1)
    ]
    life = Lifecycle(
        product="debian", release="12", source="e", eol=draw(st.one_of(st.just(""), _day)), extended=draw(_day)
    )
    certificates = [
        Certificate(
            fingerprint=f"{number:016}",
            name="c",
            begins=draw(_near),
            ends=draw(_near),
            key="rsa",
            bits=2048,
            hash_name="sha256",
            is_self_signed=False,
        )
        for number in range(2)
    ]
    engine = Engine(name="clamav", version="1", signatures="1", signatures_at=draw(st.one_of(st.none(), _near)))
    return facts(
        config=ImageConfig(created=draw(_text)),
        distro=_DEBIAN,
        matches=matches(*found, data_at=draw(st.one_of(_day, _near.map(lambda m: m.isoformat()))), lifecycles=[life]),
        certificates=(KeyFile(path="/c", layer=0, is_ghost=False, items=tuple(certificates)),),
        malware=MalwareScan(engines=(engine,)),
    )


@st.composite
def deployments(draw: Any) -> Deployment:
    """Where it runs, and when its vulnerabilities were first met."""
    first = {f"CVE-2026-{number}+openssl": draw(_near) for number in range(1, 3)}
    return Deployment(running_since=draw(st.one_of(st.none(), st.just(NOW - timedelta(days=9)))), first_seen=first)


def said(verdict: Verdict) -> object:
    """What a verdict says, but for how long ago something was."""
    found = [
        (finding.rule_id, finding.subject, finding.action, finding.allowlisted and finding.allowlisted.get("expires"))
        for finding in verdict.findings
    ]
    return verdict.verdict, sorted(found, key=str)


Judge = Callable[[datetime], Verdict]
Next = Callable[[datetime, Verdict], datetime | None]


def steps(judge: Judge, following: Next) -> Iterator[tuple[datetime, datetime, object]]:
    """From moment to moment: since when, until when, and what is said then."""
    at = NOW
    while at < END:
        verdict = judge(at)
        until = following(at, verdict)
        assert until is None or until > at, "it goes on"
        yield at, min(until or END, END), said(verdict)
        at = until or END


def prove(judge: Judge, following: Next) -> None:
    """Hour by hour, and at the last instant before each moment, the verdict is the one of the last moment."""
    spans = list(steps(judge, following))
    assert len(spans) < 200
    for since, until, words in spans:
        for hour in (each for each in HOURS if since <= each < until):
            assert said(judge(hour)) == words, f"{hour}: changed, judged at {since} until {until}"
        assert said(judge(until - timedelta(microseconds=1))) == words, f"before {until}"


@settings(max_examples=examples(40), deadline=None)
@given(policies(), images(), deployments())
def test_between_two_moments_nothing_changes(policy: Policy, image: Facts, deployment: Deployment) -> None:
    def judge(at: datetime) -> Verdict:
        return evaluate(policy, replace(image, now=at), analyzer="a", deployment=deployment)

    prove(judge, lambda at, verdict: next_moment(policy, replace(image, now=at), verdict, deployment))


@st.composite
def bundles(draw: Any) -> dict[str, Any]:
    """An Anchore policy whose rules ask for the time, with exceptions."""
    params = {
        "package_type": "all",
        "severity": draw(st.sampled_from(["low", "high"])),
        "severity_comparison": ">=",
        "fix_available": "true",
        "max_days_since_fix": str(draw(_few)),
    }
    if draw(st.booleans()):
        params["max_days_since_creation"] = str(draw(_few))
    items = [
        {"id": f"i{number}", "gate": "vulnerabilities", "trigger_id": trigger_id, "expires_on": expires}
        for number, (trigger_id, expires) in enumerate(
            draw(
                st.lists(
                    st.tuples(
                        st.sampled_from(["CVE-2026-1+openssl", "CVE-2026-*", "*"]),
                        _near.map(lambda moment: f"{moment:%Y-%m-%dT%H:%M:%S}Z"),
                    ),
                    max_size=3,
                )
            )
        )
    ]
    stale = anchore_rule("vulnerabilities", "stale_feed_data", {"max_days_since_sync": str(draw(_few))}, "WARN")
    return anchore_bundle(anchore_rule("vulnerabilities", "package", params), stale, items=tuple(items))


@settings(max_examples=examples(40), deadline=None)
@given(bundles(), images(), deployments(), _near, _near)
def test_so_it_is_under_an_anchore_policy(
    document: dict[str, Any], image: Facts, deployment: Deployment, built: datetime, ends: datetime
) -> None:
    policy = read_bundle(document)
    context = Context(
        first_seen={
            name: moment for name, moment in deployment.first_seen.items() if not name.startswith("CVE-2026-2")
        },
        fix_observed={"CVE-2026-2+openssl": ends},
        vulnerability_data=VulnerabilityData(built_at=built, namespaces=("debian:12",)),
    )
    kept = PolicyException(
        rule="vulnerabilities-stale_feed_data",
        subject=NameGlob("*"),
        expires=Expiry(ends.isoformat()),
        owner="o",
        reason="r",
    )
    question = Question(context=context, exceptions=(kept,))

    def judge(at: datetime) -> Verdict:
        return evaluate_bundle(policy, replace(image, now=at), question, analyzer="a")

    prove(judge, lambda at, verdict: next_bundle_deadline(policy, replace(image, now=at), verdict, question))


def moment_of(rule: Rule, image: Facts, **more: Any) -> datetime | None:
    """The next moment of a policy of one rule."""
    policy = Policy(name="p", version="1", rules=(rule,), **more)
    return next_moment(policy, image, evaluate(policy, image, analyzer="a"))


def test_the_moment_is_the_one_at_which_it_changes() -> None:
    aged = a_rule("image.age", 0, {"max_days": 30})
    image = facts(config=ImageConfig(created="2026-02-20T10:30:15Z"))
    assert moment_of(aged, image) == datetime(2026, 3, 23, 10, 30, 15, tzinfo=UTC)
    fixed = a_rule("vulnerabilities.found", 0, {"fixed_for_days": 7, "severity": "high"})
    openssl = package("deb", "openssl", "3.0.14")
    seen = facts(
        matches=matches(
            match(openssl, "CVE-2026-1", severity="high", fix_state="fixed", fix_date="2026-02-27"),
            match(openssl, "CVE-2026-2", severity="low", fix_state="fixed", fix_date="2026-02-25"),
        )
    )
    assert moment_of(fixed, seen) == datetime(2026, 3, 6, tzinfo=UTC), "what is not severe never counts"


def test_an_exception_ends_with_its_last_day_and_only_what_it_covers_is_looked_at_then() -> None:
    rule = a_rule("image.age", 0, {"max_days": 1})
    old = facts(config=ImageConfig(created="2026-01-01T00:00:00Z"))
    kept = PolicyException(rule="r0", subject=NameGlob("age"), expires=Expiry("2026-03-05"), owner="o", reason="r")
    longer = msgspec.structs.replace(kept, expires=Expiry("2026-03-09"))
    elsewhere = msgspec.structs.replace(kept, subject=NameGlob("else"))
    assert moment_of(rule, old, exceptions=(kept,)) == datetime(2026, 3, 6, tzinfo=UTC)
    assert moment_of(rule, old, exceptions=(kept, longer)) == datetime(2026, 3, 10, tzinfo=UTC)
    assert moment_of(rule, old, exceptions=(elsewhere,)) is None


def test_an_exception_that_ends_at_a_moment_is_looked_at_then() -> None:
    rule = a_rule("image.age", 0, {"max_days": 1})
    old = facts(config=ImageConfig(created="2026-01-01T00:00:00Z"))
    kept = PolicyException(
        rule="r0", subject=NameGlob("age"), expires=Expiry("2026-03-05T15:00:00+01:00"), owner="o", reason="r"
    )
    ends = datetime(2026, 3, 5, 14, tzinfo=UTC)
    assert moment_of(rule, old, exceptions=(kept,)) == ends
    policy = Policy(name="p", version="1", rules=(rule,), exceptions=(kept,))
    before, then = (
        evaluate(policy, replace(old, now=at), analyzer="a").verdict.value
        for at in (ends - timedelta(microseconds=1), ends)
    )
    assert (before, then) == ("go", "stop")


def test_grace_is_told_of_before_it_ends() -> None:
    rule = a_rule("vulnerabilities.found", 0, {"severity": "high"})
    policy = Policy(name="p", version="1", rules=(rule,), grace=Grace(days=7))
    image = facts(matches=matches(match(package("deb", "openssl", "3.0.14"), "CVE-2026-1", severity="high")))
    where = Deployment(running_since=NOW - timedelta(days=3), first_seen={"CVE-2026-1+openssl": NOW})
    at, seen = NOW, []
    for _ in range(3):
        verdict = evaluate(policy, replace(image, now=at), analyzer="a", deployment=where)
        (held,) = list_graces(policy, replace(image, now=at), verdict, where)
        assert (held.until, held.finding.rule_id) == (NOW + timedelta(days=7), "r0")
        at = next_moment(policy, replace(image, now=at), verdict, where) or NOW
        seen.append(at - NOW)
    assert seen == [timedelta(days=4), timedelta(days=6), timedelta(days=7)]
    verdict = evaluate(policy, replace(image, now=at), analyzer="a", deployment=where)
    assert next_moment(policy, replace(image, now=at), verdict, where) is None
    assert list_graces(policy, replace(image, now=at), verdict, where) == ()


def test_what_has_no_dates_has_no_moments() -> None:
    rule = a_rule("vulnerabilities.found", 0, {"severity": "high"})
    image = facts(matches=matches(match(package("deb", "openssl", "3.0.14"), "CVE-2026-1", severity="high")))
    assert moment_of(rule, image) is None


def test_what_is_beyond_the_calendar_never_comes() -> None:
    far = facts(config=ImageConfig(created="9999-12-30T00:00:00Z"), now=datetime(9999, 12, 30, 12, tzinfo=UTC))
    assert moment_of(a_rule("image.age", 0, {"max_days": 100_000}), far) is None


def test_a_gate_with_a_defect_is_asked_again_the_next_day() -> None:
    def fail(*_: Any) -> Iterator[datetime]:
        raise KeyError("defect")

    rule = a_rule("image.age", 0, {"max_days": 1})
    broken = replace(rule, trigger=replace(rule.trigger, deadlines=fail))
    assert moment_of(broken, facts()) == datetime(2026, 3, 2, tzinfo=UTC)


def test_an_expression_that_asks_for_the_time_is_asked_each_midnight_and_when_it_says() -> None:
    pytest.importorskip("cel")
    asked = trigger("expression.holds")

    def moments(text: str) -> list[datetime]:
        assert asked.deadlines is not None
        return sorted(asked.deadlines(expressions.Holds(expression=Expression(text)), facts()))

    assert moments('now > "2026-03-01T18:30:00+00:00"')[:1] == [datetime(2026, 3, 1, 18, 30, tzinfo=UTC)]
    assert moments('now > "2026-03-01T18:30:00+00:00"')[-1] == datetime(2026, 3, 2, tzinfo=UTC)
    assert moments("packages.size() > 3") == []
