"""What an SBOM holds beyond limits is never let go either."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hullmark.app.check import CheckOptions, judge_by
from hullmark.model.problem import Problem
from hullmark.model.verdict import Outcome, Verdict
from hullmark.scanning.request import ScanResources
from hullmark.scanning.sbom import take_part_of_sbom
from tests.walk.test_limits_hide_nothing import HELD, UNSEEN
from tests.walk.world import NAME, NOW, known_advisories, lowered, one_rule

_GOOD = {"type": "library", "name": "good", "version": "1", "purl": "pkg:pypi/good@1"}
_BAD = {"type": "library", "name": NAME, "version": "1", "purl": f"pkg:pypi/{NAME}@1"}
CASES = {
    ("hullmark.catalog.sbom.document", "MAX_COMPONENTS"): [_GOOD, _BAD],
    ("hullmark.catalog.sbom.cyclonedx", "_DEEPEST"): [
        {**_GOOD, "components": [{**_GOOD, "version": "2", "components": [_BAD]}]}
    ],
}


@pytest.mark.parametrize("key", CASES, ids=lambda key: ".".join(key))
def test_what_an_sbom_holds_beyond_a_limit_is_never_let_go(key: tuple[str, str], tmp_path: Path) -> None:
    document = tmp_path / "sbom.json"
    document.write_text(json.dumps({"bomFormat": "CycloneDX", "specVersion": "1.5", "components": CASES[key]}))
    ask = partial(
        judge_by,
        partial(take_part_of_sbom, str(document), resources=ScanResources()),
        one_rule("packages"),
        NOW,
        ScanResources(),
        CheckOptions(advisories=known_advisories()),
    )
    assert ask().verdict.verdict is Outcome.STOP
    with lowered(UNSEEN[key], 1):
        assert ask().verdict.verdict in HELD


_SOURCE = {"kind": "registry", "reference": "x", "digest": "", "config_digest": "", "platform": "", "layers": []}
_INVENTORY: dict[str, Any] = {"schema": "hullmark-inventory/1", "tool": {"name": "hullmark", "version": "0.1.0"}, "source": _SOURCE,
              "distro": None, "packages": []}  # fmt: skip


def _inventory(**kind: str) -> dict[str, object]:
    problem = {"path": "/opt/a.jar", "layer": 0, "room": "java-archive", "reason": "is damaged", **kind}
    return {**_INVENTORY, "problems": [problem]}


def _cyclonedx(**kind: str) -> dict[str, object]:
    said = {"path": "/opt/a.jar", "reason": "is damaged", "room": "java-archive", **kind}
    properties = [{"name": f"hullmark:problem:0:{name}", "value": value} for name, value in said.items()]
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "components": [_GOOD],
        "metadata": {"properties": properties},
    }


@pytest.mark.parametrize("written", [_inventory, _cyclonedx])
def test_a_problem_of_which_an_older_document_does_not_say_the_kind_is_something_not_seen(
    written: Callable[..., dict[str, object]], tmp_path: Path
) -> None:
    document = tmp_path / "sbom.json"

    def verdict(**kind: str) -> Verdict:
        document.write_text(json.dumps(written(**kind)))
        look = partial(take_part_of_sbom, str(document), resources=ScanResources())
        return judge_by(
            look, one_rule("packages"), NOW, ScanResources(), CheckOptions(advisories=known_advisories())
        ).verdict

    told = verdict()
    assert told.verdict is Outcome.UNKNOWN
    assert [problem.kind for problem in told.problems if problem.path == "/opt/a.jar"] == ["unseen", "unseen"]
    assert verdict(kind="note").verdict is Outcome.GO


def test_what_a_server_kept_before_problems_had_kinds_is_something_not_seen() -> None:
    kept = {"path": "", "layer": 0, "room": "rootfs", "reason": "the layer was cut short"}
    for problem in (
        msgspec.json.decode(msgspec.json.encode(kept), type=Problem),
        msgspec.msgpack.decode(msgspec.msgpack.encode(kept), type=Problem),
    ):
        assert (problem.kind, problem.facts, problem.is_open) == ("unseen", (), True)


def test_names_in_cpe_beyond_the_limit_are_told(tmp_path: Path) -> None:
    names = [f"cpe:2.3:a:vendor{number}:good:1:*:*:*:*:*:*:*" for number in range(3)]
    others = [{"name": "syft:cpe23", "value": name} for name in names[1:]]
    component = {"type": "application", "name": "good", "version": "1", "cpe": names[0], "properties": others}
    document = tmp_path / "sbom.json"
    document.write_text(json.dumps({"bomFormat": "CycloneDX", "specVersion": "1.5", "components": [component]}))
    look = partial(take_part_of_sbom, str(document), resources=ScanResources())
    ask = partial(
        judge_by, look, one_rule("packages"), NOW, ScanResources(), CheckOptions(advisories=known_advisories())
    )
    assert not any("names in CPE" in problem.reason for problem in ask().verdict.problems)
    with lowered(UNSEEN["hullmark.catalog.sbom.packages", "_MOST_NAMES"], 2):
        assert ask().verdict.verdict in HELD


def test_relations_beyond_the_limit_are_told(tmp_path: Path) -> None:
    components = [{**_GOOD, "bom-ref": str(number), "version": str(number)} for number in range(3)]
    dependencies = [{"ref": "0", "dependsOn": ["1", "2"]}]
    document = tmp_path / "sbom.json"
    document.write_text(
        json.dumps(
            {"bomFormat": "CycloneDX", "specVersion": "1.5", "components": components, "dependencies": dependencies}
        )
    )
    look = partial(take_part_of_sbom, str(document), resources=ScanResources())
    ask = partial(
        judge_by, look, one_rule("packages"), NOW, ScanResources(), CheckOptions(advisories=known_advisories())
    )
    assert not any("relations" in problem.reason for problem in ask().verdict.problems)
    with lowered(UNSEEN["hullmark.catalog.sbom.document", "_MAX_EDGES"], 1):
        assert any("only the first 1 were read" in problem.reason for problem in ask().verdict.problems)
