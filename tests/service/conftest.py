"""What tests of the server share: folders in memory, and desks that are furnished once for a file."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.database import memory
from tests.support.desk_copies import DeskCopies, desk_copies


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """A folder of the test's own: in memory, where there is room, for a file there costs a fifth; gone with the test."""
    with tempfile.TemporaryDirectory(prefix="hm-test-", dir=memory(), ignore_cleanup_errors=True) as folder:
        yield Path(folder)


@pytest.fixture(scope="module")
def copies(database_server: str) -> Iterator[DeskCopies]:
    """Copies of furnished desks, for the tests of a file."""
    with desk_copies(database_server) as made:
        yield made
