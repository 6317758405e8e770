"""What the oracles of configuration have in common."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.configured import configured_root


@pytest.fixture(scope="module")
def root() -> Path:
    """The root file system with servers in it. Skips the test where there is none."""
    return configured_root()


@pytest.fixture
def scratch(root: Path, tmp_path: Path) -> Iterator[Path]:
    """An empty folder in the root file system that goes away again."""
    folder = root / "tmp" / f"{tmp_path.parent.name}-{tmp_path.name}"
    shutil.rmtree(folder, ignore_errors=True)  # of a run that was ended
    folder.mkdir()
    yield folder
    shutil.rmtree(folder)
