"""`hullmark policy` and `hullmark diff`: policies are checked, tested and tried, and verdicts are compared."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.support.places import REPOSITORY
from tests.support.program import Program, program_in
from tests.support.shop import shop_layout

RULES: list[dict[str, Any]] = [
    {"id": "not-root", "gate": "config", "trigger": "user", "action": "stop", "params": {"not_root": True}},
    {"id": "setuid", "gate": "files", "trigger": "setuid", "action": "warn"},
]
CASES = """\
schema: hullmark-policy-tests/1
cases:
  - name: root is stopped
    recipe: {}
    expect: {verdict: stop, only: true, findings: [{rule: not-root, subject: user}]}
  - name: an ordinary user passes
    recipe: {settings: {user: "1000"}}
    expect: {verdict: go, absent: [not-root]}
"""


@pytest.fixture
def hullmark(tmp_path: Path) -> Program:
    return program_in(tmp_path / "run")


def written(path: Path, **parts: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"schema": "hullmark-policy/1", "name": path.stem, **parts}))
    return path


def test_validate_names_every_mistake_on_a_line_of_its_own(hullmark: Program, tmp_path: Path) -> None:
    good = written(tmp_path / "good.yaml", rules=RULES)
    folder = tmp_path / "two"
    written(folder / "a.yaml", rules=RULES)
    written(folder / "b.yaml", rules=[{**RULES[0], "gate": "confg"}])
    ran = hullmark("policy", "validate", good, folder)
    assert ran.status == 2
    first, *rest = ran.text.splitlines()
    assert first.startswith(f"{good}: valid, 2 rules, sha256:")
    assert rest == [
        f"{folder}/b.yaml:1: rules[0].gate: there is no gate 'confg'; did you mean 'config'?",
        f"{folder}/b.yaml:1: rules[0].id: another rule is called 'not-root' already in a.yaml",
    ]
    (valid,) = hullmark("policy", "validate", "-o", "json", good).document
    assert (valid["rules"], valid["mistakes"]) == (2, [])


def test_cases_beside_a_policy_are_judged_and_rules_that_never_fire_are_named(
    hullmark: Program, tmp_path: Path
) -> None:
    policy = written(tmp_path / "p.yaml", rules=RULES)
    assert "has no test cases" in hullmark("policy", "test", policy).refusal[0]
    (tmp_path / "p.test.yaml").write_text(CASES)
    ran = hullmark("policy", "test", policy)
    assert ran.status == 0
    assert ran.text.splitlines() == [
        "passed  root is stopped (stop)",
        "passed  an ordinary user passes (go)",
        "no case makes these rules fire: setuid",
        "p: 2 of 2 cases passed",
    ]
    assert hullmark("policy", "test", "--coverage", policy).status == 1
    (trial,) = hullmark("policy", "test", "-o", "json", policy).document
    assert trial["never_fired"] == ["setuid"]


def test_a_case_that_does_not_go_as_expected_fails_with_what_differs(hullmark: Program, tmp_path: Path) -> None:
    policy = written(tmp_path / "p.yaml", rules=RULES)
    wrong = CASES.replace("verdict: go", "verdict: warn").replace("subject: user", "subject: group")
    (tmp_path / "p.test.yaml").write_text(wrong)
    ran = hullmark("policy", "test", policy)
    assert ran.status == 1
    assert "        the verdict is go, not warn: nothing to stop or warn for in 2 rules" in ran.text.splitlines()
    assert (
        "        there is no finding of the rule not-root about group; it fires on user (stop)" in ran.text.splitlines()
    )


@pytest.mark.parametrize(
    ("case", "said"),
    [
        ("{name: x, recipe: {packages: [bash]}, expect: {verdict: go}}", "not a package URL"),
        ("{name: x, expect: {verdict: go}}", "expected one of recipe, inventory and image"),
        ("{name: x, recipe: {}, expect: {verdict: good}}", "expected one of go, stop, unknown, warn"),
        ("{name: x, recipe: {files: {/a: {base64: '!'}}}, expect: {verdict: go}}", "not base64"),
        ("{name: x, recipe: {files: {/a: {texts: a}}}, expect: {verdict: go}}", "did you mean 'text'?"),
        ("{name: x, recipe: {}, at: soon, expect: {verdict: go}}", "is not a time"),
        ("{name: x, inventory: none.json, expect: {verdict: go}}", "cannot read"),
        ("{name: x, recipe: {}, no_data: ['pkg:a/b'], expect: {verdict: go}}", "is not in the image"),
    ],
)
def test_a_case_that_makes_no_sense_is_refused(hullmark: Program, tmp_path: Path, case: str, said: str) -> None:
    policy = written(tmp_path / "p.yaml", rules=RULES)
    (tmp_path / "p.test.yaml").write_text(f"schema: hullmark-policy-tests/1\ncases: [{case}]\n")
    what, _ = hullmark("policy", "test", policy).refusal
    assert said in what


def test_cases_may_name_an_image_or_an_inventory(hullmark: Program, tmp_path: Path) -> None:
    shop_layout(tmp_path / "shop")
    hullmark("scan", "--files", "-o", f"json={tmp_path}/shop.json", f"oci-dir:{tmp_path}/shop")
    policy = written(
        tmp_path / "p.yaml",
        rules=[
            {"id": "tool", "gate": "packages", "trigger": "forbidden", "action": "stop", "params": {"names": ["tool"]}}
        ],
    )
    (tmp_path / "p.test.yaml").write_text(
        "schema: hullmark-policy-tests/1\ncases:\n"
        "  - {name: image, image: 'oci-dir:shop', expect: {verdict: stop, findings: [{rule: tool}]}}\n"
        "  - {name: inventory, inventory: shop.json, expect: {verdict: stop, findings: [{rule: tool}]}}\n"
    )
    ran = hullmark("policy", "test", "--coverage", policy)
    assert ran.status == 0, ran.text + ran.err


def test_simulate_shows_which_verdicts_a_draft_would_change_and_why(hullmark: Program, tmp_path: Path) -> None:
    shop_layout(tmp_path / "shop")
    known = tmp_path / "known"
    known.mkdir()
    hullmark("scan", "--files", "-o", f"json={known}/shop.json", f"oci-dir:{tmp_path}/shop")
    rule: dict[str, Any] = {
        "id": "tool",
        "gate": "packages",
        "trigger": "forbidden",
        "action": "warn",
        "params": {"names": ["tool"]},
    }
    current = written(tmp_path / "current.yaml", rules=[rule])
    draft = written(tmp_path / "draft.yaml", rules=[{**rule, "action": "stop"}])
    ran = hullmark("policy", "simulate", draft, known, "--against", current)
    assert ran.status == 0
    assert ran.text.splitlines()[-1] == "1 of 1 verdict would change: 1 warn to stop"
    assert "  tool: Package tool " in ran.text
    document = hullmark("policy", "simulate", "-o", "json", draft, known).document
    assert document["totals"] == {"stop": 1}
    assert [image["rules"] for image in document["images"]] == [["tool"]]
    same = hullmark("policy", "simulate", current, known, "--against", current)
    assert same.text.splitlines() == ["0 of 1 verdict would change: 1 warn to warn"]
    assert "holds 0 inventories" in hullmark("policy", "simulate", draft, tmp_path / "run").refusal[0]


def test_diff_names_the_one_cause(hullmark: Program, tmp_path: Path) -> None:
    shop_layout(tmp_path / "shop")
    before, after = tmp_path / "before.json", tmp_path / "after.json"
    for path, names in ((before, ["telnet"]), (after, ["tool"])):
        rule = {"id": "r", "gate": "packages", "trigger": "forbidden", "action": "stop", "params": {"names": names}}
        policy = written(tmp_path / f"{path.stem}.yaml", rules=[rule])
        hullmark("check", "--policy", policy, "-o", f"json={path}", f"oci-dir:{tmp_path}/shop")
    ran = hullmark("diff", before, after)
    assert ran.status == 1
    assert ran.text.startswith("go to stop: policy\nThe policy is another one (policy: sha256:")
    document = json.loads(hullmark("diff", "-o", "json", before, after).out)
    assert (document["cause"], document["is_certain"]) == ("policy", True)
    (found,) = json.loads(after.read_text())["findings"]
    assert [change["finding"] for change in document["changes"]] == [found], "as the verdict shows it, and no more"
    assert hullmark("diff", after, after).text == "stop to stop: nothing\nBoth say the same.\n"
    assert "is not a verdict" in hullmark("diff", before, tmp_path / "before.yaml").refusal[0]


def test_convert_writes_a_native_policy_and_names_what_it_leaves_out(hullmark: Program, tmp_path: Path) -> None:
    rules = [
        {
            "id": "r1",
            "gate": "packages",
            "trigger": "required_package",
            "action": "STOP",
            "params": [{"name": "name", "value": "bash"}],
        },
        {"id": "r2", "gate": "files", "trigger": "content_regex_match", "action": "WARN", "params": []},
    ]
    mapping = {
        "id": "m1",
        "name": "all",
        "registry": "*",
        "repository": "*",
        "image": {"type": "tag", "value": "*"},
        "policy_ids": ["p1"],
        "whitelist_ids": [],
    }
    bundle = {
        "id": "b1",
        "name": "old",
        "version": "1_0",
        "policies": [{"id": "p1", "name": "p1", "version": "1_0", "rules": rules}],
        "whitelists": [],
        "mappings": [mapping],
        "whitelisted_images": [],
        "blacklisted_images": [],
    }
    path, native = tmp_path / "bundle.json", tmp_path / "native.yaml"
    path.write_text(json.dumps(bundle))
    ran = hullmark("policy", "convert", path, "--file", native)
    assert ran.status == 1
    assert ran.text.startswith("left out: rule p1/r2: files.content_regex_match has no equal: it searches all files")
    assert hullmark("policy", "validate", native).text.startswith(f"{native}: valid, 1 rules")
    assert native.read_text().startswith("# left out: rule p1/r2")
    del rules[1]
    path.write_text(json.dumps(bundle))
    assert hullmark("policy", "convert", path).status == 0
    assert "is a native policy already" in hullmark("policy", "convert", native).refusal[0]


def test_gates_and_their_parameters_are_described(hullmark: Program) -> None:
    assert hullmark("policy", "gates").text.startswith("TRIGGER")
    described = hullmark("policy", "describe", "files.setuid").text
    assert described.startswith("files.setuid\n  Fires for each regular file")
    assert "  setgid: true or false (default true)\n" in described
    assert "did you mean 'files'?" in hullmark("policy", "describe", "fils").refusal[0]


def test_the_reference_page_and_the_schema_are_as_the_code_has_them(hullmark: Program) -> None:
    pages = {"policy.md": ("gates", "-o", "markdown"), "policy.schema.json": ("schema",)}
    for name, words in pages.items():
        page = REPOSITORY / "docs" / "reference" / name
        made = hullmark("policy", *words).text
        if os.environ.get("HULLMARK_GOLDEN") == "write":
            page.write_text(made, "utf-8")
        assert page.read_text("utf-8") == made, "HULLMARK_GOLDEN=write writes it anew"
