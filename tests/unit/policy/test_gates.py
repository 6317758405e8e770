"""What all gates owe: they are listed, described, in the schema, and bounded in time."""

from __future__ import annotations

import jsonschema  # type: ignore[import-untyped]
import msgspec
import pytest
import yaml

from hullmark.model.inventory import FileRecord
from hullmark.policy.describe import describe, policy_schema
from hullmark.policy.evaluate import evaluate
from hullmark.policy.gate import Need
from hullmark.policy.gates import TRIGGERS
from hullmark.policy.needs import needs
from tests.support.effort import calls
from tests.support.places import REPOSITORY
from tests.support.policies import native_policy
from tests.unit.policy.building import facts, file, package

GATES = REPOSITORY / "src" / "hullmark" / "policy" / "gates"
EXAMPLE = REPOSITORY / "examples" / "policy.yaml"


def test_every_gate_is_listed_and_lives_in_the_module_of_its_name() -> None:
    modules = {path.stem for path in GATES.glob("*.py")} - {"__init__"}
    assert {trigger.gate for trigger in TRIGGERS} == modules
    for trigger in TRIGGERS:
        assert trigger.check.__module__ == f"hullmark.policy.gates.{trigger.gate}"


def test_no_two_triggers_have_the_same_name() -> None:
    names = [trigger.full_name for trigger in TRIGGERS]
    assert len(names) == len(set(names))


def test_every_trigger_and_parameter_says_what_it_is_for() -> None:
    for row in describe():
        assert row.description.startswith("Fires "), row
        for param in row.params:
            assert param.description.endswith("."), (row.trigger, param)
            assert param.takes
            assert param.required == (param.default == "")


def test_a_trigger_that_looks_into_files_says_so() -> None:
    for trigger in TRIGGERS:
        if Need.CONTENTS in trigger.needs:
            assert trigger.contents is not None
            assert Need.FILES in trigger.needs


def test_the_schema_is_one_and_takes_what_the_loader_takes() -> None:
    schema = policy_schema()
    validator = jsonschema.Draft202012Validator(schema)
    validator.check_schema(schema)
    validator.validate(yaml.safe_load(EXAMPLE.read_text("utf-8")))
    for case in (REPOSITORY / "tests" / "golden" / "policy").glob("*/policy.yaml"):
        validator.validate(
            msgspec.json.decode(msgspec.json.encode(yaml.load(case.read_text("utf-8"), yaml.SafeLoader), enc_hook=str))
        )


@pytest.mark.parametrize(
    "rule",
    [
        {"id": "a", "gate": "nope", "trigger": "setuid", "action": "stop"},
        {"id": "a", "gate": "files", "trigger": "setuid", "action": "halt"},
        {"id": "a", "gate": "files", "trigger": "mode", "action": "stop"},
        {"id": "a", "gate": "files", "trigger": "setuid", "action": "stop", "params": {"other": 1}},
        {
            "id": "a",
            "gate": "image",
            "trigger": "distro",
            "action": "stop",
            "params": {"allowed": [{"id": "x", "y": 1}]},
        },
    ],
)
def test_the_schema_refuses_what_the_loader_refuses(rule: dict[str, object]) -> None:
    document = {"schema": "hullmark-policy/1", "name": "n", "rules": [rule]}
    assert list(jsonschema.Draft202012Validator(policy_schema()).iter_errors(document))


def test_the_example_needs_what_its_rules_say() -> None:
    wanted = needs(native_policy(EXAMPLE.read_bytes()))
    assert (wanted.files, wanted.ghosts, wanted.digests, wanted.config) == (True, True, True, True)
    assert [glob.text for glob in wanted.contents] == [
        "*.key",
        "*.pem",
        "/etc/passwd",
        "id_dsa",
        "id_ecdsa",
        "id_ed25519",
        "id_rsa",
    ]


def test_a_policy_about_packages_needs_nothing_more() -> None:
    text = "schema: hullmark-policy/1\nname: n\nrules: [{id: a, gate: packages, trigger: forbidden, action: stop, params: {names: [x]}}]"
    wanted = needs(native_policy(text.encode()))
    assert (wanted.files, wanted.ghosts, wanted.digests, wanted.config, wanted.contents) == (
        False,
        False,
        False,
        False,
        (),
    )


def many_files(count: int) -> list[FileRecord]:
    return [
        file(
            f"/usr/lib/node_modules/package-{number // 30}/lib/module-{number}.js",
            mode="0755" if number % 50 == 0 else "0644",
        )
        for number in range(count)
    ]


def test_fifty_rules_over_eighty_thousand_files_ask_each_file_a_few_times() -> None:
    rules = "".join(
        f"  - {{id: f{n}, gate: files, trigger: forbidden, action: stop, params: {{paths: [/srv/x{n}/**, '*.pem{n}', '/etc/*.d/{n}']}}}}\n"
        f"  - {{id: p{n}, gate: packages, trigger: forbidden, action: stop, params: {{names: [none{n}*]}}}}\n"
        for n in range(20)
    )
    head = (EXAMPLE.read_text("utf-8").partition("\nrules:\n")[2]).partition("\n# Findings")[0]
    policy = native_policy(f"schema: hullmark-policy/1\nname: n\nrules:\n{rules}\n{head}".encode())
    seen = facts(packages=[package("npm", f"p{n}", "1.0.0") for n in range(500)], files=many_files(80_000))
    assert calls(lambda: evaluate(policy, seen, analyzer="test")) < 8 * 80_000
