"""What tests of the server share: folders in memory, and desks that are furnished once for a file."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.database import memory
from tests.support.desk import Desk, desk
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


@pytest.fixture
async def at(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Desk]:
    """A server with its first person, or furnished as the test says (`furnished_by`)."""
    furnished: tuple[Any, ...] = getattr(request, "param", ())
    if furnished:
        made = request.getfixturevalue("copies").desk(tmp_path, *furnished)
    else:
        made = desk(request.getfixturevalue("database_url"), tmp_path)
    async with made as found:
        yield found
