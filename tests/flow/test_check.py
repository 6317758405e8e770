"""`hullmark check`: from an image and a policy to go, warn, stop or unknown, with evidence."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.images import Blobs, tagged, write_layout
from tests.support.layers import TarBuilder
from tests.support.places import REPOSITORY, corpus
from tests.support.program import Program, Ran, program_in
from tests.support.shop import INSTRUCTIONS, shop_layout

AT = "2026-03-01T12:00:00Z"

Judge = Callable[..., Ran]


def rule(trigger: str, action: str = "stop", name: str = "it", **params: object) -> dict[str, object]:
    """A rule; the trigger as GATE/TRIGGER."""
    gate, _, trigger = trigger.partition("/")
    return {"id": name, "gate": gate, "trigger": trigger, "action": action, "params": params}


def policy_of(*rules: dict[str, object], **more: object) -> str:
    """A policy. JSON is YAML too."""
    return json.dumps({"schema": "hullmark-policy/1", "name": "test", "rules": rules, **more})


@pytest.fixture
def hullmark(tmp_path: Path) -> Program:
    return program_in(tmp_path / "run")


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shop_layout(tmp_path_factory.mktemp("shop") / "shop")


@pytest.fixture
def judge(hullmark: Program, shop: Path, tmp_path: Path) -> Judge:
    """Judges the shop by these rules, as JSON."""

    def run(*rules: dict[str, object], words: tuple[str, ...] = (), **more: object) -> Ran:
        path = tmp_path / "policy.yaml"
        path.write_text(policy_of(*rules, **more))
        return hullmark("check", "--policy", path, "-o", "json", "--at", AT, *words, shop)

    return run


def verdict(ran: Ran) -> dict[str, Any]:
    """The document of a run that came to a verdict."""
    assert ran.err == ""
    document: dict[str, Any] = json.loads(ran.out)
    assert ran.status == {"go": 0, "warn": 0, "stop": 1, "unknown": 3}[document["verdict"]]
    return document


def unread(document: dict[str, Any]) -> list[dict[str, Any]]:
    """The verdict's problems, but for how much of the image nobody can name."""
    return [problem for problem in document["problems"] if problem["kind"] != "unidentified"]


def test_every_key_of_the_verdict_is_there(judge: Judge) -> None:
    document = verdict(judge(rule("packages/forbidden", names=["tool"])))
    assert document["schema"] == "hullmark-verdict/1"
    assert set(document) == {"schema", "verdict", "reason", "findings", "problems", "inputs"}
    assert set(document["inputs"]) == {"image", "policy", "snapshot", "analyzer", "at"}
    finding = {
        *("gate", "trigger", "trigger_id", "action", "message"),
        *("subject", "rule_id", "evidence", "allowlisted"),
        *("legacy_id", "stable_id", "policy_id", "recommendation"),
    }
    assert [set(each) for each in document["findings"]] == [finding]


@pytest.mark.parametrize(
    ("action", "name", "expected"),
    [("stop", "tool", "stop"), ("warn", "tool", "warn"), ("go", "tool", "go"), ("stop", "telnet", "go")],
)
def test_a_rule_that_fires_does_what_it_says(judge: Judge, action: str, name: str, expected: str) -> None:
    document = verdict(judge(rule("packages/forbidden", action, names=[name])))
    assert document["verdict"] == expected
    assert len(document["findings"]) == (name == "tool")


def test_the_worst_counts(judge: Judge) -> None:
    stop, warn = rule("packages/forbidden", name="a", names=["tool"]), rule("config/healthcheck", "warn", "b")
    document = verdict(judge(warn, stop))
    assert document["verdict"] == "stop"
    assert [finding["rule_id"] for finding in document["findings"]] == ["a", "b"]


def test_evidence_names_layer_and_instruction(judge: Judge) -> None:
    document = verdict(judge(rule("packages/forbidden", names=["tool", "libshop1"])))
    evidence = {finding["subject"].partition("@")[0]: finding["evidence"] for finding in document["findings"]}
    assert evidence["pkg:deb/debian/tool"] == [
        {"path": "/var/lib/dpkg/status", "layer": 1, "created_by": INSTRUCTIONS[1], "detail": "2.0-1"}
    ]
    assert evidence["pkg:deb/debian/libshop1"][0]["created_by"] == INSTRUCTIONS[0]


FIRING = {
    "a version": (rule("packages/forbidden", names=["libshop1"], version="< 1:1.1"), "pkg:deb/debian/libshop1@1:1.0-2"),
    "a package that is lacking": (rule("packages/required", names=["ca-certificates"]), "ca-certificates"),
    "setuid": (rule("files/setuid"), "/usr/bin/su"),
    "an unowned executable": (rule("integrity/unowned_executables", allow=["/app/**"]), "/usr/bin/tool-again"),
    "a changed file": (rule("integrity/changed"), "/usr/lib/libshop.so.1"),
    "a missing file": (rule("integrity/missing"), "/usr/share/shop/data"),
    "a deleted key": (rule("integrity/ghosts", paths=["*.key"]), "/app/server.key"),
    "a file's content": (rule("contents/forbidden", paths=["/app/**"], pattern="SELLS *= *True"), "seller/__init__.py"),
    "a port": (rule("config/exposed_ports", forbidden=["8000-9000"]), "8080"),
    "a setting": (rule("config/env", forbidden=["SHOP"]), "SHOP"),
    "no health check": (rule("config/healthcheck"), "healthcheck"),
    "the size": (rule("image/size", max="100B"), "size"),
    "the age": (rule("image/age", max_days=10), "age"),
    "the distribution": (rule("image/distro", allowed=[{"id": "alpine"}]), "distro"),
}
QUIET = {
    "a version": rule("packages/forbidden", names=["libshop1"], version="< 1:1.0"),
    "a package that is there": rule("packages/required", names=["libshop1"], version=">= 1:1.0-2"),
    "setuid that is allowed": rule("files/setuid", allow=["/usr/bin/su"]),
    "content that is not there": rule("contents/forbidden", paths=["/app/**"], pattern="PRIVATE KEY"),
    "the user": rule("config/user", not_root=True),
    "the age": rule("image/age", max_days=1000),
}


@pytest.mark.parametrize("case", FIRING)
def test_a_fact_of_the_image_makes_a_rule_fire(judge: Judge, case: str) -> None:
    fired, subject = FIRING[case]
    document = verdict(judge(fired))
    assert document["verdict"] == "stop"
    assert [finding["subject"] for finding in document["findings"] if subject in finding["subject"]] != []
    assert unread(document) == []


@pytest.mark.parametrize("case", QUIET)
def test_without_the_fact_the_rule_is_quiet(judge: Judge, case: str) -> None:
    document = verdict(judge(QUIET[case]))
    assert (document["verdict"], document["findings"], unread(document)) == ("go", [], [])


def test_a_finding_in_a_file_names_its_line_and_never_its_text(judge: Judge) -> None:
    ran = judge(rule("contents/forbidden", paths=["/etc/shop.conf"], pattern="^port = (?P<number>[0-9]+)$"))
    [finding] = verdict(ran)["findings"]
    [place] = finding["evidence"]
    assert (place["path"], place["layer"], place["detail"]) == ("/etc/shop.conf", 1, "line 1")
    assert b"8080" not in ran.out


def test_the_time_that_counts_as_now_decides_the_age(judge: Judge) -> None:
    old = rule("image/age", max_days=30)
    assert verdict(judge(old, words=("--at", "2025-01-20")))["verdict"] == "go"
    assert verdict(judge(old, words=("--at", "2025-03-01")))["verdict"] == "stop"
    assert verdict(judge(old, words=("--at", "2025-01-20T12:00:00+02:00")))["inputs"]["at"] == "2025-01-20T10:00:00Z"


def test_an_exception_counts_until_its_day_is_over(judge: Judge) -> None:
    excepted = {"rule": "it", "subject": "/usr/bin/su", "expires": "2026-03-31", "owner": "us", "reason": "needed"}
    setuid = rule("files/setuid")
    document = verdict(judge(setuid, exceptions=[excepted], words=("--at", "2026-03-31T23:59:59Z")))
    assert document["verdict"] == "go"
    assert document["findings"][0]["allowlisted"]["reason"] == "needed"
    later = verdict(judge(setuid, exceptions=[excepted], words=("--at", "2026-04-01T00:00:00Z")))
    assert (later["verdict"], len(unread(later))) == ("stop", 1)


def test_a_verdict_is_the_same_each_time(judge: Judge) -> None:
    rules = (rule("files/setuid", name="a"), rule("integrity/changed", name="b"), rule("config/user", name="c"))
    first = judge(*rules)
    assert first.out == judge(*rules).out == judge(*reversed(rules), words=("--no-cache",)).out


def test_an_image_that_does_not_say_is_not_passed(hullmark: Program, tmp_path: Path) -> None:
    blobs = Blobs()
    undated = blobs.image(config=lambda made: {**made, "created": None})
    layout = write_layout(tmp_path / "undated", blobs, [tagged(undated, "latest")])
    path = tmp_path / "policy.yaml"
    for when_unknown, status in (("unknown", 3), ("stop", 1), ("warn", 0), ("go", 0)):
        path.write_text(policy_of({**rule("image/age", max_days=30), "when_unknown": when_unknown}))
        ran = hullmark("check", "--policy", path, "-o", "json", layout)
        assert (ran.status, ran.err) == (status, "")
        assert "age" in json.loads(ran.out)["problems"][0]["reason"]


def test_a_file_too_large_to_look_into_is_not_passed(hullmark: Program, tmp_path: Path) -> None:
    blobs = Blobs()
    layer = TarBuilder().add("app/big", b"x" * (2 << 20)).add("app/small", b"x").done()
    layout = write_layout(tmp_path / "layout", blobs, [tagged(blobs.image([layer]), "latest")])
    path = tmp_path / "policy.yaml"
    for skipped, status in ((False, 3), (True, 0)):
        path.write_text(policy_of(rule("contents/forbidden", paths=["/app/*"], pattern="y", skip_large=skipped)))
        ran = hullmark("check", "--policy", path, "-o", "json", layout)
        assert (ran.status, ran.err) == (status, "")


def test_several_images_end_with_the_worst_status(hullmark: Program, shop: Path, tmp_path: Path) -> None:
    other = write_layout(tmp_path / "other", blobs := Blobs(), [tagged(blobs.image(), "latest")])
    path = tmp_path / "policy.yaml"
    path.write_text(policy_of(rule("packages/forbidden", names=["tool"])))
    for order in ((shop, other), (other, shop)):
        ran = hullmark("check", "--policy", path, "-o", "json", *order)
        assert ran.status == 1
        assert sorted(json.loads(line)["verdict"] for line in ran.text.splitlines()) == ["go", "stop"]


def test_the_table_says_the_verdict_first_and_last(hullmark: Program, shop: Path, tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text(policy_of(rule("files/setuid")))
    ran = hullmark("check", "--policy", path, shop)
    lines = ran.text.splitlines()
    assert (ran.status, lines[0][:4], lines[-1][:5]) == (1, "STOP", "STOP:")
    assert f"in layer 0, by {INSTRUCTIONS[0]}" in ran.text


def test_the_documents_of_a_folder_are_one_policy(hullmark: Program, shop: Path, tmp_path: Path) -> None:
    folder = tmp_path / "policies"
    folder.mkdir()
    assert "holds 0 policies" in hullmark("check", "--policy", folder, shop).refusal[0]
    (folder / "one.yaml").write_text(policy_of(rule("files/setuid")))
    assert hullmark("check", "--policy", folder, shop).status == 1
    (folder / "two.json").write_text(policy_of(rule("files/setuid")))
    assert "another rule is called 'it' already in one.yaml" in hullmark("check", "--policy", folder, shop).refusal[0]
    (folder / "two.json").write_text(policy_of(rule("packages/forbidden", name="other", names=["tool"])))
    ran = hullmark("check", "--policy", folder, "-o", "json", shop)
    assert {finding["rule_id"] for finding in verdict(ran)["findings"]} == {"it", "other"}


def test_every_mistake_in_a_policy_is_listed_with_its_place(hullmark: Program, shop: Path, tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text(
        """\
schema: hullmark-policy/1
name: wrong
rules:
  - {id: a, gate: pakages, trigger: forbidden, action: stop, params: {names: [x]}}
  - {id: b, gate: packages, trigger: forbiden, action: stop, params: {names: [x]}}
  - {id: c, gate: packages, trigger: forbidden, action: halt, params: {names: [x]}}
  - {id: d, gate: packages, trigger: forbidden, action: stop, params: {nams: [x]}}
exceptions:
  - {rule: e, subject: x, expires: 2026-03-01, owner: us, reason: so}
"""
    )
    what, _ = hullmark("check", "--policy", path, shop).refusal
    for place in ("rules[0].gate", "rules[1].trigger", "rules[2].action", "rules[3].params", "exceptions[0].rule"):
        assert place in what, what
    for line in ("line 4", "line 5", "line 6", "line 7", "line 9"):
        assert line in what, what
    assert "did you mean 'packages'" in what


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "empty"),
        ("a: [", "YAML"),
        ("schema: hullmark-policy/9\nname: x\nrules: []", "hullmark-policy/1"),
        ("a: !!python/object/apply:os.system [id]", "tag"),
        ("a: &a [*a]", "a"),
        ("\0", "YAML"),
    ],
)
def test_what_is_no_policy_is_refused(hullmark: Program, shop: Path, tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text(text)
    assert said in hullmark("check", "--policy", path, shop).refusal[0]


# Real images.


def test_the_example_judges_a_real_image(hullmark: Program) -> None:
    reference = f"oci-dir:{corpus('oci', 'nginx')}"
    ran = hullmark("check", "--policy", REPOSITORY / "examples" / "policy.yaml", "-o", "json", reference)
    document = verdict(ran)
    subjects = {(finding["rule_id"], finding["subject"]) for finding in document["findings"]}
    assert {("setuid", "/usr/bin/su"), ("setuid", "/usr/bin/mount")} <= subjects
    assert "no-mount" in {rule_id for rule_id, _ in subjects}


def test_secrets_are_found_and_not_shown(hullmark: Program, tmp_path: Path) -> None:
    reference = f"oci-dir:{corpus('oci', 'secrets')}"
    shutil.copy(REPOSITORY / "examples" / "policy.yaml", tmp_path / "policy.yaml")
    ran = hullmark("check", "--policy", tmp_path / "policy.yaml", "-o", "json", reference)
    document = verdict(ran)
    subjects = {(finding["rule_id"], finding["subject"]) for finding in document["findings"]}
    assert document["verdict"] == "stop"
    assert {("no-private-keys", "/app/config/server.key"), ("no-private-keys", "/root/.ssh/id_ed25519")} <= subjects
    assert {("setuid", "/odd/suid"), ("world-writable", "/odd/world")} <= subjects
    assert b"wJalrXUtnFEMI" not in ran.out
    assert b"BEGIN RSA" not in ran.out


def test_compat_says_on_standard_error_how_much_the_original_s_rules_did_not_know(
    hullmark: Program, shop: Path, tmp_path: Path
) -> None:
    vulnerable = {"name": "package_type", "value": "all"}
    rules = [
        {"id": "v", "gate": "vulnerabilities", "trigger": "package", "action": "STOP", "params": [vulnerable]},
        {"id": "a", "gate": "always", "trigger": "always", "action": "WARN", "params": []},
    ]
    mapping = {"registry": "*", "repository": "*", "image": {"type": "tag", "value": "*"}, "whitelist_ids": []}
    path = tmp_path / "bundle.json"
    advisories = tmp_path / "advisories.json"
    advisories.write_text("[]")
    for chosen, is_told in ((rules, True), (rules[1:], False)):
        policies = [{"id": "p", "version": "1_0", "rules": chosen}]
        path.write_text(
            json.dumps({"version": "1_0", "policies": policies, "mappings": [{**mapping, "policy_ids": ["p"]}]})
        )
        words = ("--policy", path, "--profile", "compat", "--advisories", advisories, "--at", AT, "-o", "json")
        ran = hullmark("check", *words, shop)
        assert ran.document["verdict"] == "warn"
        open_ones = [
            problem
            for problem in ran.document["problems"]
            if not problem["problem_type"] and problem.get("kind", "unseen") in ("uncovered", "unseen")
        ]
        things = "1 thing was" if len(open_ones) == 1 else f"{len(open_ones)} things were"
        line = f"hullmark: the original's rules judged this; {things} not seen or not covered, see problems\n"
        assert bool(open_ones) is is_told
        assert ran.err == (line if is_told else "")
        assert "judged this" not in hullmark("check", *words, "--profile", "native", shop).err
