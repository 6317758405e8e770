"""Findings are explained: the rule, the place, the smallest change."""

from __future__ import annotations

from hullmark.model.verdict import Action
from hullmark.policy.evaluate import evaluate
from hullmark.policy.explain import explain
from hullmark.policy.facts import Facts
from hullmark.policy.rules import Policy, Rule
from tests.support.policies import native_policy
from tests.unit.policy.building import facts, file, package
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


def test_an_image_that_no_entry_fits_is_explained_too() -> None:
    policy = native_policy(
        b"{schema: hullmark-policy/1, name: t, apply: [{when: {tags: [v*]}, rule_sets: [t]}],"
        b" rules: [{id: s, gate: files, trigger: setuid, action: stop}]}"
    )
    seen = Facts(inventory=SEEN.inventory, now=SEEN.now, reference="app:1")
    (explained,) = explain(evaluate(policy, seen, analyzer="t"), policy, seen)
    assert explained.advice.startswith("Add an entry to apply")
    assert explained.places == ()
