"""How a policy comes into force: several documents, sets, stages, selectors, grace."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.model.advisory import Severity
from hullmark.model.image import ImageConfig
from hullmark.model.match import Fix, Kev, Match, MatchedAdvisory, Matches, SnapshotInfo
from hullmark.model.verdict import Action, Outcome, Verdict
from hullmark.policy.describe import policy_schema
from hullmark.policy.document import read_document
from hullmark.policy.evaluate import evaluate
from hullmark.policy.facts import Facts
from hullmark.policy.gate import Need, Params, Trigger, Violation, trigger_id
from hullmark.policy.native import InvalidPolicy, read_together
from hullmark.policy.needs import needs
from hullmark.policy.rollout import Deployment, Grace, RuleSet, Stage
from hullmark.policy.rules import Policy, Rule
from hullmark.policy.select import read_name
from tests.support.policies import native_policy
from tests.unit.policy.building import NOW, facts, file, package

SETUID = {"id": "setuid", "gate": "files", "trigger": "setuid", "action": "stop"}
HEALTH = {"id": "health", "gate": "config", "trigger": "healthcheck", "action": "stop"}
TELNET: dict[str, Any] = {
    "id": "telnet",
    "gate": "packages",
    "trigger": "forbidden",
    "action": "stop",
    "params": {"names": ["telnet"]},
}
SEEN = facts(files=[file("/bin/su", mode="4755")], packages=[package("deb", "telnet", "1")])


def document(**parts: Any) -> dict[str, Any]:
    return {"schema": "hullmark-policy/1", "name": "test", **parts}


def load(**parts: Any) -> Policy:
    return native_policy(msgspec.json.encode(document(**parts)))


def mistakes(**parts: Any) -> list[str]:
    with pytest.raises(InvalidPolicy) as caught:
        load(**parts)
    return [f"{mistake.where}: {mistake.reason}" for mistake in caught.value.mistakes]


def judge(policy: Policy, seen: Facts = SEEN, **deployment: Any) -> Verdict:
    return evaluate(policy, seen, analyzer="test", deployment=Deployment(**deployment))


def named(reference: str, **labels: str) -> Facts:
    """Facts about an image that fails all rules and has a name and labels."""
    config = ImageConfig(labels=labels)
    seen = facts(files=[file("/bin/su", mode="4755")], packages=[package("deb", "telnet", "1")], config=config)
    return Facts(inventory=seen.inventory, now=NOW, ghosts=True, reference=reference)


def rules_of(verdict: Verdict) -> list[str]:
    return sorted(finding.rule_id for finding in verdict.findings)


@pytest.mark.parametrize(
    ("stage", "outcome", "action", "held"),
    [
        ("enforce", Outcome.STOP, Action.STOP, None),
        ("warn", Outcome.WARN, Action.WARN, None),
        ("shadow", Outcome.GO, Action.GO, {"stage": "shadow", "action": "stop", "rule_set": "test"}),
    ],
)
def test_a_stage_decides_how_much_findings_count(
    stage: str, outcome: Outcome, action: Action, held: dict[str, str] | None
) -> None:
    verdict = judge(load(stage=stage, rules=[SETUID]))
    (finding,) = verdict.findings
    assert (verdict.verdict, finding.action, finding.allowlisted) == (outcome, action, held)


@pytest.mark.parametrize(("stage", "outcome"), [("enforce", "unknown"), ("warn", "go"), ("shadow", "go")])
def test_what_cannot_be_told_counts_only_where_a_set_is_enforced(stage: str, outcome: str) -> None:
    verdict = judge(load(stage=stage, rules=[SETUID]), facts(files=None))
    assert verdict.verdict == outcome
    assert [problem.room for problem in verdict.problems] == ["policy"]


def test_an_exception_counts_before_the_stage() -> None:
    excepted = {"rule": "setuid", "subject": "*", "expires": "2027-01-01", "owner": "us", "reason": "so"}
    (finding,) = judge(load(stage="shadow", rules=[SETUID], exceptions=[excepted])).findings
    assert finding.allowlisted is not None
    assert finding.allowlisted["owner"] == "us"


SETS = {"base": [SETUID], "extra": {"stage": "warn", "rules": [TELNET]}}
APPLY = [
    {"when": {"environments": ["dev*"]}, "rule_sets": ["base", "extra"], "stage": "shadow"},
    {"when": {"images": ["docker.io/library/free:*"]}, "rule_sets": []},
    {"when": {"labels": {"team": "pay*"}, "repositories": ["shop/*"]}, "rule_sets": ["extra"]},
    {"when": {"tags": ["v*"]}, "rule_sets": ["base", "extra"]},
    {"when": {"digests": ["sha256:0123"], "repositories": ["*/pinned"]}, "rule_sets": ["base"]},
]


@pytest.mark.parametrize(
    ("seen", "environment", "outcome", "rules"),
    [
        (named("other:1"), "", Outcome.STOP, ["unmatched"]),
        (named("other:1"), "development", Outcome.GO, ["setuid", "telnet"]),
        (named("free"), "production", Outcome.GO, []),
        (named("r.example:5000/shop/app:1", team="payments"), "", Outcome.WARN, ["telnet"]),
        (named("r.example:5000/shop/app:1", team="search"), "", Outcome.STOP, ["unmatched"]),
        (named("r.example:5000/shop/app:v1"), "", Outcome.STOP, ["setuid", "telnet"]),
        (named("x/pinned:1"), "", Outcome.STOP, ["setuid"]),
    ],
)
def test_the_first_entry_that_fits_decides(seen: Facts, environment: str, outcome: Outcome, rules: list[str]) -> None:
    verdict = judge(load(rule_sets=SETS, apply=APPLY), seen, environment=environment)
    assert (verdict.verdict, rules_of(verdict)) == (outcome, rules)


@pytest.mark.parametrize("action", list(Action))
def test_an_image_that_no_entry_fits_comes_to_what_unmatched_says(action: Action) -> None:
    policy = load(rule_sets=SETS, apply=APPLY, unmatched=action.value)
    verdict = judge(policy, named("other:1"), environment="production")
    assert verdict.verdict.value == action.value
    assert verdict.reason == "no entry of the policy's apply fits other:1 in the environment production"


def test_labels_that_nobody_could_read_make_the_verdict_unknown() -> None:
    apply = [{"when": {"labels": {"team": "*"}}, "rule_sets": []}]
    policy = load(rule_sets=SETS, apply=apply)
    assert judge(policy, facts(config=None)).verdict is Outcome.UNKNOWN
    assert needs(policy).config
    assert not needs(load(rules=[TELNET])).config


@pytest.mark.parametrize(
    ("text", "full", "path", "tag"),
    [
        ("nginx", "docker.io/library/nginx:latest", "library/nginx", "latest"),
        ("shop/app:1", "docker.io/shop/app:1", "shop/app", "1"),
        ("localhost/app", "localhost/app:latest", "app", "latest"),
        ("r.example:5000/a/b:2@sha256:00", "r.example:5000/a/b:2", "a/b", "2"),
        ("r.example:5000/a/b@sha256:00", "r.example:5000/a/b", "a/b", ""),
        ("", "", "", ""),
    ],
)
def test_a_name_is_filled_in_as_registries_do(text: str, full: str, path: str, tag: str) -> None:
    name = read_name(text)
    assert (name.full, name.path, name.tag) == (full, path, tag)


@given(st.text(max_size=40))
def test_any_text_can_be_read_as_a_name(text: str) -> None:
    assert read_name(text).written == text


def test_several_documents_are_one_policy() -> None:
    parts = [
        ("a.yaml", document(rules=[SETUID])),
        ("b.yaml", {"schema": "hullmark-policy/1", "name": "more", "version": 3, "rule_sets": {"extra": [TELNET]}}),
        (
            "c.yaml",
            {
                "schema": "hullmark-policy/1",
                "exceptions": [
                    {"rule": "setuid", "subject": "*", "expires": "2027-01-01", "owner": "us", "reason": "so"}
                ],
            },
        ),
    ]
    policy = read_together([(name, read_document(msgspec.json.encode(part))) for name, part in parts])
    assert (policy.name, policy.version) == ("test + more", "1 + 3")
    assert [rule.id for rule in policy.rules] == ["setuid", "telnet"]
    assert [(rule_set.name, rule_set.stage) for rule_set in policy.rule_sets] == [
        ("test", "enforce"),
        ("extra", "enforce"),
    ]
    assert judge(policy).reason == "1 finding to stop for, by rule telnet"


def test_documents_of_one_name_are_parts_of_one_set() -> None:
    parts = [("a.yaml", document(rules=[SETUID], stage="warn")), ("b.yaml", document(rules=[TELNET], stage="warn"))]
    policy = read_together([(name, read_document(msgspec.json.encode(part))) for name, part in parts])
    assert (policy.name, policy.version, len(policy.rules)) == ("test", "1", 2)
    assert [(rule_set.name, rule_set.stage) for rule_set in policy.rule_sets] == [("test", "warn")]
    parts[1] = ("b.yaml", document(rule_sets={"test": [TELNET]}))
    with pytest.raises(InvalidPolicy, match="another rule set is called 'test' already"):
        read_together([(name, read_document(msgspec.json.encode(part))) for name, part in parts])


def test_what_documents_have_twice_is_a_mistake_with_both_names() -> None:
    parts = [
        ("a.yaml", document(rules=[SETUID], grace={"days": 1})),
        ("b.yaml", document(rules=[SETUID], grace={"days": 2}, stage="warn")),
    ]
    with pytest.raises(InvalidPolicy) as caught:
        read_together([(name, read_document(msgspec.json.encode(part))) for name, part in parts])
    assert [str(mistake) for mistake in caught.value.mistakes] == [
        "line 1: grace: is given in more than one document",
        "b.yaml, line 1: name: another rule set is called 'test' already",
        "b.yaml, line 1: rules[0].id: another rule is called 'setuid' already in a.yaml",
    ]


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        (
            {"rule_sets": SETS, "apply": [{"rule_sets": ["bace"]}]},
            "apply[0].rule_sets: there is no rule set 'bace'; did you mean 'base'?",
        ),
        ({"rules": [SETUID], "unmatched": "go"}, "unmatched: means nothing without apply"),
        ({"rules": [SETUID], "grace": {"days": 0}}, "grace.days: expected a whole number from 1 to 366, not 0"),
        ({"rules": [SETUID], "grace": {"days": 9, "severity_days": {"critcal": 3}}}, "did you mean 'critical'?"),
        ({"rules": [SETUID], "stage": "block"}, "stage: expected one of enforce, shadow, warn, not 'block'"),
        ({"rule_sets": {"a": {"stage": "warn"}}}, "rule_sets.a.rules: is missing"),
        ({"rule_sets": {"a": [SETUID], "b": [SETUID]}}, "rule_sets.b[0].id: another rule is called 'setuid' already"),
        ({"rule_sets": {"a": {"rules": [{**SETUID, "gate": "filez"}]}}}, "rule_sets.a.rules[0].gate: there is no gate"),
        ({"rule_sets": {"a": []}}, "rules: expected 1 to 1000 rules, not 0"),
        ({"rules": [{**SETUID, "id": f"r{number}"} for number in range(1001)]}, "not 1001"),
    ],
)
def test_mistakes_of_sets_selectors_and_grace_are_named(parts: dict[str, Any], expected: str) -> None:
    assert any(expected in found for found in mistakes(**parts)), mistakes(**parts)


def test_grouping_rules_does_not_change_the_digest_and_staging_them_does() -> None:
    plain = load(rules=[SETUID, TELNET])
    assert load(rule_sets={"a": [SETUID], "b": [TELNET]}).digest == plain.digest
    digests = {
        plain.digest,
        load(rules=[SETUID, TELNET], stage="warn").digest,
        load(rule_sets={"a": [SETUID], "b": {"rules": [TELNET], "stage": "warn"}}).digest,
        load(rule_sets=SETS, apply=APPLY).digest,
        load(rule_sets=SETS, apply=APPLY[:-1]).digest,
        load(rule_sets=SETS, apply=APPLY, unmatched="go").digest,
        load(rules=[SETUID, TELNET], grace={"days": 3}).digest,
    }
    assert len(digests) == 7


def test_the_schema_takes_what_the_loader_takes() -> None:
    validator = jsonschema.Draft202012Validator(policy_schema())
    whole = document(rule_sets=SETS, apply=APPLY, unmatched="warn", grace={"days": 14, "severity_days": {"high": 7}})
    assert list(validator.iter_errors(whole)) == []
    assert list(validator.iter_errors(document(rules=[SETUID], stage="warn"))) == []
    wrongs: tuple[dict[str, Any], ...] = (
        {},
        {"rules": [SETUID], "stage": "block"},
        {"rules": [SETUID], "apply": [{"name": "x"}]},
        {"rules": []},
    )
    for wrong in wrongs:
        assert list(validator.iter_errors(document(**wrong))), wrong


# Grace.


class Nothing(Params, frozen=True, kw_only=True):
    """Fires on one vulnerability."""


VULNERABLE = Trigger(
    gate="vulnerabilities",
    name="given",
    params=Nothing,
    check=lambda params, seen: iter([Violation("CVE-2026-1 pkg:deb/x@1", "It is vulnerable.")]),
    needs=frozenset((Need.MATCHES,)),
)
TRIGGER_ID = trigger_id("vulnerabilities", "given", "CVE-2026-1 pkg:deb/x@1")


def with_match(severity: Severity, kev: Kev | None, gap: str = "") -> Facts:
    seen = facts()
    advisory = MatchedAdvisory(
        id="DSA-1", cve="CVE-2026-1", source="debian", namespace="deb", severity=severity, kev=kev
    )
    match = Match(
        package=package("deb", "x", "1"),
        advisory=advisory,
        fix=Fix(state="fixed", version="2"),
        kind="direct",
        name="x",
        version="1",
        why="",
    )
    known = SnapshotInfo(digest="sha256:5a", exploited_gap=gap)
    matches = Matches(source=seen.inventory.source, distro=None, snapshot=known, matches=(match,), unknown=())
    return Facts(inventory=seen.inventory, now=NOW, matches=matches)


def graced(severity: Severity = "low", kev: Kev | None = None, gap: str = "", **deployment: Any) -> Verdict:
    policy = Policy(
        name="p",
        version="1",
        rules=(Rule(id="v", trigger=VULNERABLE, action=Action.STOP, params=Nothing()),),
        rule_sets=(RuleSet(name="", stage=Stage.ENFORCE),),
        grace=Grace(days=14, exploited_days=3, severity_days={"critical": 7}),
    )
    return judge(policy, with_match(severity, kev, gap), **deployment)


@pytest.mark.parametrize(
    ("severity", "kev", "days", "outcome"),
    [
        ("low", None, 13, Outcome.WARN),
        ("low", None, 14, Outcome.STOP),
        ("critical", None, 6, Outcome.WARN),
        ("critical", None, 7, Outcome.STOP),
        ("low", Kev(added="2026-01-01"), 2, Outcome.WARN),
        ("low", Kev(added="2026-01-01"), 3, Outcome.STOP),
    ],
)
def test_what_runs_may_start_again_for_some_days_after_a_new_finding(
    severity: Severity, kev: Kev | None, days: int, outcome: Outcome
) -> None:
    first = NOW - timedelta(days=days)
    verdict = graced(severity, kev, running_since=first - timedelta(days=30), first_seen={TRIGGER_ID: first})
    assert verdict.verdict is outcome


@pytest.mark.parametrize(("days", "outcome"), [(2, Outcome.WARN), (3, Outcome.STOP)])
def test_without_a_whole_list_of_what_is_exploited_grace_counts_as_for_that(days: int, outcome: Outcome) -> None:
    first = NOW - timedelta(days=days)
    verdict = graced(gap="there is no list", running_since=first - timedelta(days=30), first_seen={TRIGGER_ID: first})
    assert verdict.verdict is outcome


def test_when_a_vulnerability_was_first_met_may_be_told_by_its_name_and_package() -> None:
    first = {"CVE-2026-1+x": NOW - timedelta(days=1)}
    assert graced(running_since=NOW - timedelta(days=9), first_seen=first).verdict is Outcome.WARN
    assert graced(running_since=NOW - timedelta(days=9), first_seen={"CVE-2026-1+y": NOW}).verdict is Outcome.STOP


def test_there_is_no_grace_for_what_nobody_knows_or_what_was_started_with_the_finding() -> None:
    first = NOW - timedelta(days=1)
    for deployment in (
        {},
        {"running_since": NOW - timedelta(days=30)},
        {"first_seen": {TRIGGER_ID: first}},
        {"running_since": NOW, "first_seen": {TRIGGER_ID: first}},
    ):
        assert graced(**deployment).verdict is Outcome.STOP
    message = graced(running_since=first, first_seen={TRIGGER_ID: first}).findings[0].message
    assert message.endswith("may start again until 2026-03-14T12:00:00Z.)")
