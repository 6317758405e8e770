"""Two shelves of advisories, between which snapshots go."""

from __future__ import annotations

from pathlib import Path

import pytest

from hullmark.advisories.database.shelf import Shelf


@pytest.fixture
def here(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path / "here")


@pytest.fixture
def there(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path / "there")
