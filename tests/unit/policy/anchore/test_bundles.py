"""Anchore policies as a whole: formats, mistakes, exceptions, and that nothing takes an evaluation down."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hullmark.model.errors import HullmarkError
from hullmark.model.verdict import Finding, Outcome, PolicyProblem, Verdict
from hullmark.policy.anchore.bundle import Bundle, InvalidBundle
from hullmark.policy.anchore.deadlines import next_bundle_deadline
from hullmark.policy.anchore.evaluate import evaluate_bundle
from hullmark.policy.anchore.gates import TRIGGERS
from hullmark.policy.anchore.needs import bundle_needs
from hullmark.policy.anchore.params import Kind
from hullmark.policy.anchore.profile import COMPAT, NATIVE, PROFILES
from hullmark.policy.anchore.trigger import legacy_id
from hullmark.policy.context import Ancestor, Context, PreviousPackage
from hullmark.policy.load import load_any
from hullmark.policy.question import Question
from tests.unit.policy.anchore.building import NOW, bundle, every_rule, facts, rule, sample, second

EXAMPLES = int(os.environ.get("HULLMARK_BUNDLES", "200"))
"""How many random policies are tried; 10,000 take some minutes."""

ELSEWHERE = ("stig", "image_source_drift")
KNOWN = Context(
    malware={},
    content_search=("PASSWORD=.*password.*",),
    ancestors=(Ancestor(digest="sha256:b", tags=("docker.io/debian:12",), is_base=True),),
    previous_packages=(PreviousPackage(type="deb", name="zsh", version="1"),),
)


def read(document: dict[str, Any]) -> Bundle:
    found = load_any(json.dumps(document).encode())
    assert isinstance(found, Bundle)
    return found


def judged(document: dict[str, Any], profile: str = "native", **more: Any) -> Verdict:
    question = Question(profile=PROFILES[profile], context=KNOWN)
    return evaluate_bundle(read(document), facts(**more), question, analyzer="test")


def ids(findings: tuple[Finding, ...]) -> list[str]:
    return [finding.trigger_id for finding in findings]


def test_thirteen_gates_and_forty_triggers_are_the_original_s() -> None:
    own = [trigger for trigger in TRIGGERS if not trigger.is_enterprise]
    assert (len({each.gate for each in own}), len(own)) == (13, 40)


@pytest.mark.parametrize("profile", ["native", "compat"])
def test_every_trigger_is_judged_without_a_problem_it_should_not_have(profile: str) -> None:
    verdict = judged(second(*every_rule()), profile)
    assert all(any(gate in problem.reason for gate in ELSEWHERE) for problem in verdict.problems), verdict.problems
    assert verdict.verdict is Outcome.STOP


@pytest.mark.parametrize("profile", ["native", "compat"])
def test_where_nothing_was_collected_rules_cannot_tell_and_none_crashes(profile: str) -> None:
    bare = facts().inventory
    bare = type(bare)(source=bare.source, distro=None, packages=(), problems=())
    verdict = judged(second(*every_rule()), profile, inventory=bare, matches=None, contents={})
    assert not any("defect" in problem.reason for problem in verdict.problems)
    assert any("hullmark db update" in problem.reason for problem in verdict.problems)


def test_both_formats_give_the_same_findings() -> None:
    params = {"ports": "22", "type": "blacklist"}
    first = judged(bundle(rule("dockerfile", "exposed_ports", params)), dockerfile_text="FROM a\nEXPOSE 22\n")
    newer = {**params, "type": "denylist"}
    later = judged(second(rule("dockerfile", "exposed_ports", newer)), dockerfile_text="FROM a\nEXPOSE 22\n")
    assert ids(first.findings) == ids(later.findings) != []


def test_new_words_keep_the_old_id_and_exceptions_by_either_count() -> None:
    bash = rule("packages", "denylist", {"name": "bash"})
    (found,) = judged(second(bash), "compat").findings
    assert found.trigger == "denylist"
    assert found.legacy_id == legacy_id("packages", "blacklist", "Package is blacklisted: bash")
    for name in ("blacklist", "denylist"):
        item = {"id": "i", "gate": "packages", "trigger_id": legacy_id("packages", name, found.message)}
        assert judged(second(bash, items=(item,)), "compat").verdict is Outcome.GO


@pytest.mark.parametrize(
    ("item", "covers"),
    [
        ({"trigger_id": "always"}, True),
        ({"trigger_id": "alw*"}, True),
        ({"trigger_id": "*ways"}, True),
        ({"trigger_id": "a*w*s"}, True),
        ({"trigger_id": "regexp:al.*"}, True),
        ({"trigger_id": "regexp:ways"}, False),
        ({"trigger_id": "ALWAYS"}, False),
        ({"trigger_id": "al*x"}, False),
        ({"trigger_id": "always-there*"}, False),
        ({"trigger_id": "always", "gate": "ALWAYS"}, True),
        ({"trigger_id": "always", "gate": "files"}, False),
        ({"trigger_id": "always", "expires_on": "2026-03-01T12:00:00Z"}, False),
        ({"trigger_id": "always", "expires_on": "2026-03-01T12:00:00.5Z"}, True),
        ({"trigger_id": "always", "expires_on": ""}, True),
    ],
)
def test_an_exception_covers_by_gate_and_id_until_it_expires(item: dict[str, str], covers: bool) -> None:
    verdict = judged(bundle(rule("always", "always"), items=({"id": "i", "gate": "always", **item},)), "compat")
    assert (verdict.verdict is Outcome.GO) is covers
    assert (verdict.findings[0].allowlisted is not None) is covers


def test_the_first_of_several_exceptions_is_named() -> None:
    items = tuple({"id": name, "gate": "always", "trigger_id": text} for name, text in (("a", "al*"), ("b", "always")))
    (found,) = judged(bundle(rule("always", "always"), items=items)).findings
    assert found.allowlisted == {"id": "w", "name": "w", "matched_rule_id": "a"}


def test_a_stable_id_can_be_excepted_in_the_native_profile_only() -> None:
    (found,) = judged(bundle(rule("always", "always"))).findings
    item = {"id": "i", "gate": "always", "trigger_id": found.stable_id}
    assert judged(bundle(rule("always", "always"), items=(item,))).verdict is Outcome.GO
    assert judged(bundle(rule("always", "always"), items=(item,)), "compat").verdict is Outcome.STOP


def test_validation_names_path_expectation_and_nearest_name_of_all_mistakes_at_once() -> None:
    document = second(
        rule("vulnerabilites", "package"),
        rule("packages", "denylst", {"name": "x"}),
        rule("dockerfile", "exposed_ports", {"ports": "a", "type": "none"}),
        rule("always", "always", action="HALT"),
    )
    document["mappings"][0]["rule_set_ids"] = ["q"]
    with pytest.raises(InvalidBundle) as caught:
        read(document).require_valid()
    said = "\n".join(map(str, caught.value.mistakes))
    assert "rule_sets[0].rules[0].gate: there is no gate 'vulnerabilites'; did you mean 'vulnerabilities'?" in said
    assert "rule_sets[0].rules[1].trigger: the gate packages has no trigger 'denylst'" in said
    assert "rule_sets[0].rules[2].params[0].value: ports: expected whole numbers with commas between, not 'a'" in said
    assert "rule_sets[0].rules[2].params[1].value: type: expected one of whitelist, blacklist, not 'none'" in said
    assert "rule_sets[0].rules[3].action: expected GO, WARN or STOP, not 'HALT'" in said
    assert "mappings[0]: there is no rule set 'q'" in said
    assert len(caught.value.mistakes) == 6


def test_mistakes_that_an_image_does_not_come_by_do_not_count() -> None:
    document = bundle(rule("always", "always", action="GO"))
    document["policies"].append({"id": "other", "version": "1_0", "rules": [rule("nothing", "nothing")]})
    assert judged(document).verdict is Outcome.GO
    assert read(document).every_mistake() != []


def test_one_rule_that_fails_stops_and_leaves_the_others() -> None:
    verdict = judged(bundle(rule("files", "name_match", {"regex": "("}), rule("always", "always", action="GO")))
    assert verdict.verdict is Outcome.STOP
    assert [finding.gate for finding in verdict.findings] == ["always"]
    assert [problem.problem_type for problem in verdict.problems if isinstance(problem, PolicyProblem)] == [
        "TriggerEvaluationError"
    ]


@pytest.mark.parametrize("unmapped", list(Outcome))
def test_what_no_mapping_fits_comes_to_what_was_asked_for(unmapped: Outcome) -> None:
    document = bundle(rule("always", "always"), mappings=[])
    verdict = evaluate_bundle(read(document), facts(), Question(unmapped=unmapped), analyzer="test")
    assert verdict.verdict is unmapped
    assert "no mapping of the policy fits docker.io/library/app:1" in verdict.reason


def test_a_quirk_can_be_dropped_by_itself() -> None:
    document = bundle(rule("dockerfile", "instruction", {"instruction": "USER", "check": "exists"}))
    text = "FROM a\nRUN x \\\nUSER fake\n"
    for profile, count in ((COMPAT, 1), (COMPAT.without("Q7"), 0), (NATIVE, 0)):
        found = evaluate_bundle(
            read(document), facts(dockerfile_text=text), Question(profile=profile), analyzer="test"
        ).findings
        assert len(found) == count


def test_a_quirk_that_there_is_not_cannot_be_dropped() -> None:
    with pytest.raises(ValueError, match="there is no quirk 'Q0'"):
        COMPAT.without("Q7", "Q0")


def test_yaml_is_read_like_json() -> None:
    text = b"version: '2'\nrule_sets:\n- {id: p, rules: [{id: r, gate: always, trigger: always, action: warn, params: []}]}\n"
    found = load_any(text + b"mappings: []\n")
    assert isinstance(found, Bundle)
    assert found.rule_sets[0].rules[0].gate == "always"


def test_a_large_allowlist_is_looked_up_not_searched() -> None:
    items = tuple({"id": str(n), "gate": "always", "trigger_id": f"id-{n}"} for n in range(5000))
    last = ({"id": "last", "gate": "always", "trigger_id": "always"},)
    verdict = judged(bundle(*[rule("always", "always")] * 500, items=items + last))
    assert verdict.verdict is Outcome.GO


def test_of_very_many_rules_that_fail_a_thousand_are_told_and_all_are_counted() -> None:
    verdict = judged(bundle(*[rule("files", "name_match", {"regex": "("})] * 1001))
    assert len(verdict.problems) == 1000
    assert verdict.reason == "1001 rules cannot be judged, p/files-name_match among them"


@pytest.mark.parametrize("profile", ["native", "compat"])
def test_a_mapping_that_takes_too_long_to_compare_with_an_image_stops(profile: str) -> None:
    slow = "regexp:" + "(" * 60 + "a" + ")*" * 60 + "b"
    document = bundle(rule("always", "always", action="GO"))
    document["mappings"][0]["repository"] = slow
    image = "a" * 100 + "cb"
    verdict = judged(document, profile, reference=image)
    said = "it cannot be told which mapping fits: its regular expression may take too long, and it is nested too deep"
    assert verdict.verdict is Outcome.STOP
    assert [problem.reason for problem in verdict.problems] == [said]
    assert verdict.reason == (said if profile == "native" else "policy_evaluation")
    question = Question(profile=PROFILES[profile], context=KNOWN)
    assert next_bundle_deadline(read(document), facts(reference=image), verdict, question) is None


def test_a_verdict_is_due_again_when_the_item_ends_that_covers_a_finding() -> None:
    item = {"id": "i", "gate": "always", "trigger_id": "always", "expires_on": "2026-04-01T00:00:00:5Z"}
    later = {**item, "id": "j", "trigger_id": "never", "expires_on": "2026-03-02T00:00:00Z"}
    document = bundle(rule("always", "always"), items=(later, item))
    verdict = judged(document)
    assert verdict.verdict is Outcome.GO
    due = next_bundle_deadline(read(document), facts(), verdict, Question(context=KNOWN))
    assert due == datetime(2026, 4, 1, 0, 0, 0, 500_000, tzinfo=UTC)


def test_a_rule_that_waits_for_a_fix_has_no_day_while_nobody_has_matched() -> None:
    params = {"package_type": "all", "fix_available": "true", "max_days_since_fix": "10"}
    document, bare = bundle(rule("vulnerabilities", "package", params)), facts(matches=None)
    verdict = judged(document, matches=None)
    assert verdict.verdict is Outcome.UNKNOWN
    assert next_bundle_deadline(read(document), bare, verdict) is None


def test_only_files_with_a_path_that_can_be_in_an_image_are_read() -> None:
    asked = [
        rule("retrieved_files", "content_regex", {"path": path, "regex": "x", "check": "match"})
        for path in ("/etc/app.conf", "/etc/../etc/x", "etc/x")
    ]
    context = Context(retrieve_files=("/etc/app.conf", "/etc/../etc/x", "etc/x"))
    needs = bundle_needs(read(bundle(*asked)), Question(context=context))
    assert [glob.text for glob in needs.contents] == ["/etc/app.conf"]


VALUES = st.one_of(st.text(max_size=12), st.none(), st.booleans(), st.integers(-5, 10**12), st.floats(allow_nan=False))
ODD = st.one_of(VALUES, st.lists(VALUES, max_size=2), st.dictionaries(st.text(max_size=5), VALUES, max_size=2))


@st.composite
def rules(draw: st.DrawFn) -> Any:
    """Mostly sound rules."""
    trigger = draw(st.sampled_from(TRIGGERS))
    params = []
    for parameter in trigger.parameters:
        good = st.sampled_from(parameter.choices) if parameter.kind is Kind.CHOICE else st.just(sample(parameter))
        if parameter.is_required or draw(st.booleans()):
            odd = draw(st.integers(0, 9)) == 0
            params.append(
                {"name": parameter.name, "value": draw(VALUES if odd else st.one_of(good, st.text(max_size=8)))}
            )
    made = rule(trigger.gate, trigger.name, action=draw(st.sampled_from(("GO", "warn", "STOP", "x"))))
    made["params"] = params
    if draw(st.integers(0, 19)) == 0:
        made[draw(st.sampled_from(sorted(made)))] = draw(ODD)
    return made


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    """Mostly sound policies, of either format."""
    items = st.fixed_dictionaries(
        {"gate": st.sampled_from(("always", "files")), "trigger_id": st.text("a*l.(:regxp", max_size=8)},
        optional={"expires_on": st.text(max_size=22), "id": VALUES},
    )
    make = draw(st.sampled_from((bundle, second)))
    document: dict[str, Any] = make(
        *draw(st.lists(rules(), max_size=4)), items=tuple(draw(st.lists(items, max_size=3)))
    )
    if draw(st.integers(0, 9)) == 0:
        document[draw(st.sampled_from(sorted(document)))] = draw(ODD)
    return document


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(documents(), st.sampled_from(("native", "compat")), st.text(max_size=30))
def test_no_policy_takes_an_evaluation_down(document: dict[str, Any], profile: str, text: str) -> None:
    try:
        found = load_any(json.dumps(document).encode())
    except HullmarkError:
        return  # it is none of Anchore's any more
    assert isinstance(found, Bundle)
    question = Question(profile=PROFILES[profile], context=KNOWN)
    verdict = evaluate_bundle(found, facts(dockerfile_text=text, reference=text), question, analyzer="test")
    assert not any("defect" in problem.reason for problem in verdict.problems)
    again = evaluate_bundle(found, facts(dockerfile_text=text, reference=text), question, analyzer="test")
    assert verdict == again


@given(
    st.dictionaries(st.sampled_from(("policies", "mappings", "version", "whitelists", "rule_sets")), ODD, min_size=1)
)
def test_any_document_is_read(document: dict[str, Any]) -> None:
    try:
        found = load_any(json.dumps(document).encode())
    except HullmarkError:
        return
    if isinstance(found, Bundle):
        evaluate_bundle(found, facts(now=NOW + timedelta(days=1)), analyzer="test")
        found.every_mistake()
