"""Findings are explained: the rule, the place, the smallest change."""

from __future__ import annotations

import pytest

from hullmark.model.verdict import Action
from hullmark.policy.evaluate import evaluate
from hullmark.policy.explain import explain
from hullmark.policy.facts import Facts
from hullmark.policy.rules import Policy, Rule
from tests.support.policies import native_policy
from tests.unit.policy.building import facts, file, match, matches, package
from tests.unit.policy.test_rollout import VULNERABLE, Nothing, with_match

TEXT = """
schema: hullmark-policy/1
name: t
rules:
  - {id: s, gate: files, trigger: setuid, action: stop, source: CIS 4.8, params: {allow: [/x]}}
  - {id: t, gate: packages, trigger: forbidden, action: warn, message: Take it out., params: {names: [telnet]}}
exceptions:
  - {rule: t, subject: "*", expires: 2027-01-01, owner: us, reason: so}
"""
SEEN = facts(files=[file("/bin/su", mode="4755")], packages=[package("deb", "telnet", "1")])


def test_a_finding_is_explained_by_its_rule_its_layer_and_what_to_do() -> None:
    policy = native_policy(TEXT.encode())
    first, second = explain(evaluate(policy, SEEN, analyzer="t"), policy, SEEN)
    assert (first.finding.rule_id, second.finding.rule_id) == ("s", "t")
    assert (first.params, first.source, first.rule_set) == ('{"allow":["/x"]}', "CIS 4.8", "t")
    assert first.asks.startswith("Fires for each regular file that runs with the rights")
    assert [(p.evidence.path, p.digest, p.instruction) for p in first.places] == [("/bin/su", "sha256:a", "ADD base")]
    assert "/bin/su" in first.advice
    assert second.ends == "it is excepted by us until the end of 2027-01-01"


def test_a_vulnerability_is_mended_by_the_version_without_it() -> None:
    seen = with_match("high", None)
    policy = Policy(
        name="p", version="1", rules=(Rule(id="v", trigger=VULNERABLE, action=Action.STOP, params=Nothing()),)
    )
    (explained,) = explain(evaluate(policy, seen, analyzer="t"), policy, seen)
    assert explained.advice == "Upgrade x from 1 to 2."


UNMENDED = (
    "There is no version without it yet: remove curl, or state why it is not affected (VEX), or except it for a time."
)


@pytest.mark.parametrize(
    ("state", "version", "advice"),
    [
        ("fixed", "9", "Upgrade curl from 8 to 9."),
        ("fixed", "", UNMENDED),
        ("not-fixed", "", UNMENDED),
        ("wont-fix", "", "Its supplier will not fix it: remove curl, or state why it is not affected (VEX)."),
    ],
)  # fmt: skip
def test_what_has_no_fix_is_removed_or_explained(state: str, version: str, advice: str) -> None:
    policy = native_policy(
        b"{schema: hullmark-policy/1, name: t, rules: [{id: v, gate: vulnerabilities, trigger: found, action: stop}]}"
    )
    bash, curl = package("deb", "bash", "5"), package("deb", "curl", "8")
    other = match(bash, "CVE-2026-0001", fix_state="fixed", fix_version="6")
    found = match(curl, "CVE-2026-0001", fix_state=state, fix_version=version)
    seen = facts(packages=[bash, curl], matches=matches(other, found, packages=[bash, curl]))
    by_subject = {
        each.finding.subject: each.advice for each in explain(evaluate(policy, seen, analyzer="t"), policy, seen)
    }
    assert by_subject["CVE-2026-0001+pkg:deb/curl@8"] == advice


def test_old_data_is_about_no_vulnerability_that_could_be_mended() -> None:
    policy = native_policy(
        b"{schema: hullmark-policy/1, name: t, rules: [{id: v, gate: vulnerabilities, trigger: stale_data, action: stop,"
        b" params: {max_days: 1}}]}"
    )
    curl = package("deb", "curl", "8")
    seen = facts(matches=matches(match(curl, "CVE-2026-0001"), packages=[curl], data_at="2026-01-01"))
    (explained,) = explain(evaluate(policy, seen, analyzer="t"), policy, seen)
    assert "curl" not in explained.advice
    assert explained.advice != ""


def test_a_finding_of_a_rule_set_in_shadow_does_not_count_and_says_until_when() -> None:
    policy = native_policy(
        b"{schema: hullmark-policy/1, name: t, apply: [{rule_sets: [t], stage: shadow}],"
        b" rules: [{id: s, gate: files, trigger: setuid, action: stop}]}"
    )
    (explained,) = explain(evaluate(policy, SEEN, analyzer="t"), policy, SEEN)
    assert explained.ends == "it does not count while the rule set t is in shadow"


def test_an_image_that_no_entry_fits_is_explained_too() -> None:
    policy = native_policy(
        b"{schema: hullmark-policy/1, name: t, apply: [{when: {tags: [v*]}, rule_sets: [t]}],"
        b" rules: [{id: s, gate: files, trigger: setuid, action: stop}]}"
    )
    seen = Facts(inventory=SEEN.inventory, now=SEEN.now, reference="app:1")
    (explained,) = explain(evaluate(policy, seen, analyzer="t"), policy, seen)
    assert explained.advice.startswith("Add an entry to apply")
    assert explained.places == ()
