"""What two versions of a policy differ in, rule by rule."""

from __future__ import annotations

import pytest

from hullmark.policy.document import read_document
from hullmark.policy.native import read_native
from hullmark.policy.rules import Policy
from hullmark.policy.version_changes import FieldChange, RuleChange, changes_between

FIRST = """
schema: hullmark-policy/1
name: shop
rules:
  - {id: root, gate: config, trigger: user, action: warn, params: {not_root: true}}
  - {id: few, gate: image, trigger: layers, action: warn, params: {max: 9}}
"""


def read(text: str) -> Policy:
    """The policy of a text."""
    return read_native(read_document(text.encode()))


def of_rule(name: str, field: str, before: str, after: str) -> RuleChange:
    """A rule of which one key differs."""
    return RuleChange(rule=name, kind="changed", fields=(FieldChange(name=field, before=before, after=after),))


@pytest.mark.parametrize(
    ("old", "new", "change"),
    [
        (
            "action: warn, params: {not_root",
            "action: stop, params: {not_root",
            of_rule("root", "action", "warn", "stop"),
        ),
        ("{max: 9}", "{max: 12}", of_rule("few", "params.max", "9", "12")),
        ("max: 9}}", "max: 9}, message: Merge some.}", of_rule("few", "message", "", "Merge some.")),
        ("max: 9}}", "max: 9}, when_unknown: stop}", of_rule("few", "when_unknown", "unknown", "stop")),
        ("{not_root: true}", "{not_root: true, allowed: [app]}", of_rule("root", "params.allowed", "", '["app"]')),
        ("id: few", "id: few", None),
    ],
)
def test_a_key_of_a_rule_differs(old: str, new: str, change: RuleChange | None) -> None:
    assert old in FIRST
    found = changes_between(read(FIRST), read(FIRST.replace(old, new)))
    assert found.rules == ((change,) if change else ())
    assert found.fields == ()


def test_rules_come_and_go_and_their_order_does_not_count() -> None:
    lines = FIRST.splitlines(keepends=True)
    turned = "".join((*lines[:-2], lines[-1], lines[-2]))
    assert changes_between(read(FIRST), read(turned)).rules == ()
    other = FIRST.replace("id: few", "id: slim")
    found = changes_between(read(FIRST), read(other)).rules
    assert [(change.rule, change.kind) for change in found] == [("few", "removed"), ("slim", "added")]


def test_a_stage_is_said_of_each_rule_of_its_set() -> None:
    found = changes_between(read(FIRST + "stage: shadow\n"), read(FIRST))
    assert found.rules == (of_rule("few", "stage", "shadow", "enforce"), of_rule("root", "stage", "shadow", "enforce"))


def test_keys_of_the_policy_differ() -> None:
    found = changes_between(read(FIRST), read(FIRST + "description: New.\ngrace: {days: 3}\n"))
    assert [(field.name, field.before, field.after) for field in found.fields] == [
        ("description", "", "New."),
        ("grace", "", '{"days":3}'),
    ]
