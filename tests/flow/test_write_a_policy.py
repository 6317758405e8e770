"""docs/how-to/write-a-policy.md is true: its files are written, its commands run, and what it shows is what comes."""

from __future__ import annotations

from pathlib import Path

from tests.support.images import small_layout
from tests.support.pages import commands_that_hold
from tests.support.places import REPOSITORY
from tests.support.program import program_in

PAGE = REPOSITORY / "docs" / "how-to" / "write-a-policy.md"


def test_a_newcomer_gets_from_nothing_to_an_enforced_policy_in_ten_commands(tmp_path: Path) -> None:
    hullmark = program_in(tmp_path / "run")
    small_layout(hullmark.place / "app")
    (hullmark.place / "known").mkdir()
    assert commands_that_hold(PAGE, hullmark) == 10
