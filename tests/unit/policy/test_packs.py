"""The ready policies: valid, tested, and each rule with the source of what it demands."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema  # type: ignore[import-untyped]
import pytest
import yaml

from hullmark.app.policies import case_files, load_cases, load_native
from hullmark.app.trials import list_failures, try_cases
from hullmark.source import SourceOptions
from tests.support.places import REPOSITORY

PACKS = sorted(path for path in (REPOSITORY / "policies").glob("*.yaml") if not path.stem.endswith(".test"))
WANTED = {
    "baseline",
    "cis-docker-images",
    "isolation",
    "licence-commercial",
    "minimal-attack-surface",
    "nist-800-190",
    "strict",
    "supply-chain",
}


def test_the_packs_are_all_there() -> None:
    assert {pack.stem for pack in PACKS} == WANTED


@pytest.mark.parametrize("pack", PACKS, ids=lambda pack: pack.stem)
def test_each_rule_of_a_pack_names_its_source_and_fires_in_a_case(pack: Path) -> None:
    policy = load_native(pack)
    assert [rule.id for rule in policy.rules if not rule.source] == []
    trial = try_cases(policy, [(file, load_cases(file)) for file in case_files(pack)], SourceOptions())
    assert list_failures(trial) == []
    assert trial.never_fired == ()


@pytest.mark.parametrize("path", [*PACKS, REPOSITORY / "examples" / "policy.yaml"], ids=lambda path: path.stem)
def test_the_published_schema_takes_what_is_shipped(path: Path) -> None:
    schema = json.loads((REPOSITORY / "docs" / "reference" / "policy.schema.json").read_bytes())
    document = yaml.safe_load(path.read_bytes())
    assert [error.message for error in jsonschema.Draft202012Validator(schema).iter_errors(document)] == []


def test_all_packs_together_are_one_policy() -> None:
    together = load_native(REPOSITORY / "policies")
    assert len(together.rules) == sum(len(load_native(pack).rules) for pack in PACKS)
