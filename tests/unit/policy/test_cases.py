"""Test cases of policies: what is wrong with their document, and how a verdict differs from what is expected."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from hullmark.model.verdict import Action, Outcome
from hullmark.policy.cases import Expectation, ExpectedFinding, differences, read_cases
from hullmark.policy.document import read_document
from hullmark.policy.evaluate import evaluate
from hullmark.policy.native import InvalidPolicy
from hullmark.policy.values import NameGlob
from tests.support.policies import native_policy
from tests.unit.policy.building import facts, file

POLICY = native_policy(
    b"{schema: hullmark-policy/1, name: t, rules: ["
    b"{id: setuid, gate: files, trigger: setuid, action: stop}, {id: health, gate: config, trigger: healthcheck, action: warn}]}"
)
VERDICT = evaluate(POLICY, facts(files=[file("/bin/su", mode="4755")]), analyzer="t")
SETUID = ExpectedFinding(rule="setuid", subject=NameGlob("/bin/su"), action=Action.STOP)


@pytest.mark.parametrize(
    ("expected", "said"),
    [
        ({"verdict": Outcome.STOP, "findings": (SETUID,)}, []),
        (
            {"verdict": Outcome.GO},
            [f"the verdict is stop, not go: {VERDICT.reason}"],
        ),
        (
            {"verdict": Outcome.STOP, "reason": "because"},
            [f"the reason is {VERDICT.reason!r}, and does not say 'because'"],
        ),
        ({"verdict": Outcome.STOP, "reason": "setuid"}, []),
        (
            {"verdict": Outcome.STOP, "absent": ("setuid",)},
            ["the rule setuid must not fire, and does on /bin/su"],
        ),
        (
            {"verdict": Outcome.STOP, "findings": (SETUID,), "only": True},
            ["the rule health fires on healthcheck, which is not expected"],
        ),
        (
            {"verdict": Outcome.STOP, "findings": (ExpectedFinding(rule="setuid", subject=NameGlob("/bin/mount")),)},
            ["there is no finding of the rule setuid about /bin/mount; it fires on /bin/su (stop)"],
        ),
        (
            {"verdict": Outcome.STOP, "findings": (ExpectedFinding(rule="other", action=Action.WARN),)},
            ["there is no finding of the rule other with the action warn"],
        ),
    ],
)
def test_each_difference_is_a_sentence(expected: dict[str, Any], said: list[str]) -> None:
    assert list(differences(Expectation(**expected), VERDICT)) == said


CASE = {"name": "a", "image": "x", "expect": {"verdict": "go"}}


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ({"cases": [CASE, CASE]}, "cases: two cases have the same name"),
        ({"cases": [CASE], "schema": "x"}, "schema: expected hullmark-policy-tests/1, not 'x'"),
        ({"cases": [{**CASE, "inventory": "y"}]}, "cases[0]: expected one of recipe, inventory and image"),
    ],
)
def test_what_is_wrong_with_a_document_of_cases_is_named(document: dict[str, Any], said: str) -> None:
    text = msgspec.json.encode({"schema": "hullmark-policy-tests/1", **document})
    with pytest.raises(InvalidPolicy) as caught:
        read_cases(read_document(text), "p.test.yaml")
    assert [str(mistake) for mistake in caught.value.mistakes] == [f"p.test.yaml, line 1: {said}"]
