"""What an SBOM holds beyond limits is never let go either."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import pytest

from hullmark.app.check import CheckOptions, judge_by
from hullmark.model.verdict import Outcome
from hullmark.scan.request import ScanResources
from hullmark.scan.sbom import take_part_of_sbom
from tests.walk.test_limits_hide_nothing import HELD, UNSEEN
from tests.walk.world import NAME, NOW, book, lowered, one_rule

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
        partial(take_part_of_sbom, str(document)),
        one_rule("packages"),
        NOW,
        ScanResources(),
        CheckOptions(book=book()),
    )
    assert ask().verdict.verdict is Outcome.STOP
    with lowered(UNSEEN[key], 1):
        assert ask().verdict.verdict in HELD


def test_names_in_cpe_beyond_the_limit_are_told(tmp_path: Path) -> None:
    names = [f"cpe:2.3:a:vendor{number}:good:1:*:*:*:*:*:*:*" for number in range(3)]
    others = [{"name": "syft:cpe23", "value": name} for name in names[1:]]
    component = {"type": "application", "name": "good", "version": "1", "cpe": names[0], "properties": others}
    document = tmp_path / "sbom.json"
    document.write_text(json.dumps({"bomFormat": "CycloneDX", "specVersion": "1.5", "components": [component]}))
    look = partial(take_part_of_sbom, str(document))
    ask = partial(judge_by, look, one_rule("packages"), NOW, ScanResources(), CheckOptions(book=book()))
    assert not any("names in CPE" in problem.reason for problem in ask().verdict.problems)
    with lowered(UNSEEN["hullmark.catalog.sbom.packages", "_MOST_NAMES"], 2):
        assert ask().verdict.verdict in HELD
