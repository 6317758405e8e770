"""Traps: an image in which something is set to what a rule forbids never passes that rule."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from hullmark.model.verdict import Outcome
from tests.support.traps import Trap, judged
from tests.traps import TRAPS


@pytest.mark.parametrize("trap", TRAPS, ids=lambda trap: trap.name)
def test_a_rule_alone_is_not_passed(trap: Trap, tmp_path: Path) -> None:
    found = judged(trap, tmp_path / "image")
    assert found.outcome in (Outcome.STOP, Outcome.UNKNOWN), found.value
    assert found.outcome is Outcome.STOP or found.is_unread or trap.is_unset
    assert not trap.is_unset or found.outcome is Outcome.UNKNOWN


def test_more_than_a_third_of_them_are_set_by_the_start() -> None:
    counts = Counter(trap.how for trap in TRAPS)
    assert len({trap.name for trap in TRAPS}) == len(TRAPS) >= 120
    assert counts["start"] + counts["script"] >= len(TRAPS) / 3
    assert counts["script"] >= 15
