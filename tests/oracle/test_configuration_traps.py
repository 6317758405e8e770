"""Traps are such: the real programs say that they run with what the rule forbids."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.traps import Trap, answer_of, overlaid
from tests.traps import TRAPS

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def merged(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The root file system with programs that say what they would run with. Skips where overlays cannot be mounted."""
    try:
        with overlaid(root, tmp_path_factory.mktemp("overlay")) as folder:
            yield folder
    except subprocess.CalledProcessError as error:
        pytest.skip(f"no overlay can be mounted: {error.stderr!r}")


@pytest.mark.parametrize("trap", TRAPS, ids=lambda trap: trap.name)
def test_the_program_runs_with_what_is_forbidden(trap: Trap, merged: Path) -> None:
    said = answer_of(trap, merged)
    assert re.search(trap.says, said), said[-1000:]
