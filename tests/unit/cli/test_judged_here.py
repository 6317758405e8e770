"""Verdicts that this machine makes: compared with one another, tried on known images, and judged as another program would."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.images import sha256, small_layout
from tests.support.in_process import CommandLine

POLICY = """\
schema: hullmark-policy/1
name: native
rules: [{id: not-root, gate: config, trigger: user, action: ACTION, params: {not_root: true}}]
"""
CLEAN = """\
schema: hullmark-policy/1
name: clean
rules: [{id: no-tool, gate: packages, trigger: forbidden, action: stop, params: {names: [tool]}}]
"""
AT = ("--at", "2026-03-01T12:00:00Z")


@pytest.fixture
def image(hullmark: CommandLine) -> str:
    """A small image, whose user is root, and policies about it."""
    for action in ("warn", "stop"):
        (hullmark.place / f"{action}.yaml").write_text(POLICY.replace("ACTION", action))
    (hullmark.place / "clean.yaml").write_text(CLEAN)
    return f"oci-dir:{small_layout(hullmark.place / 'image')}"


def test_verdicts_that_differ_in_several_inputs_name_the_others_too(hullmark: CommandLine, image: str) -> None:
    """The policy is what made them differ; that the advisories are others, too, is said beside it."""
    for action in ("warn", "stop"):
        hullmark("check", image, "--policy", f"{action}.yaml", "-o", f"json={action}.json", *AT)
    later: dict[str, Any] = json.loads((hullmark.place / "stop.json").read_text())
    later["inputs"]["snapshot"] = sha256(b"later")
    (hullmark.place / "stop.json").write_text(json.dumps(later))
    ran = hullmark("diff", "warn.json", "stop.json")
    assert ran.status == 1
    first, *others = ran.text.splitlines()
    assert first == "warn to stop: policy (most likely: other inputs differ too)"
    assert f"also another snapshot: none, then {sha256(b'later')}" in others
    ran = hullmark("diff", "warn.json", "warn.json")
    assert (ran.status, ran.text.splitlines()[0]) == (0, "warn to warn: nothing")


def test_an_image_of_which_a_draft_finds_nothing_is_listed_without_reasons(hullmark: CommandLine, image: str) -> None:
    """Beside a policy in force, those that it finds no longer are the reasons."""
    assert hullmark("scan", image, "--for-policies", "-o", "json=known.json").status == 0
    ran = hullmark("policy", "simulate", "clean.yaml", "known.json", *AT)
    head, row, *rest = ran.text.splitlines()
    assert (ran.status, head.split(), row.split()) == (0, ["IMAGE", "NOW", "DRAFT", "BY"], [image, "go"])
    assert [line for line in rest if line] == ["1 image: 1 go"]
    ran = hullmark("policy", "simulate", "clean.yaml", "known.json", "--against", "stop.yaml", *AT)
    reasons = [line for line in ran.text.splitlines()[2:] if line]
    assert reasons == [image, "  not-root: no longer counts on user", "1 of 1 verdict would change: 1 stop to go"]


def test_a_native_policy_judges_alike_in_either_profile(hullmark: CommandLine, image: str) -> None:
    """Only of the original's own rules it is said how much they took for absent."""
    runs = [hullmark("check", image, "--policy", "warn.yaml", "--profile", name, *AT) for name in ("native", "compat")]
    assert [(ran.status, ran.err) for ran in runs] == [(0, "")] * 2
    assert runs[0].text == runs[1].text
