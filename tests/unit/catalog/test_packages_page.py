"""The page about packages has a row for each cataloger, with the types that it gives."""

from __future__ import annotations

import re

import pytest

from hullmark.catalog import CATALOGERS, DECLARED
from hullmark.catalog.cataloger import Cataloger
from tests.support.places import REPOSITORY

PAGE = (REPOSITORY / "docs" / "reference" / "packages.md").read_text("utf-8")
INSTALLED, DECLARING = (part.split("\n## ")[0] for part in PAGE.split("\n## What ")[1:3])
BY_CONTENT = frozenset(("claims", "graalvm", "unread", "lock-unread"))


def rows(part: str) -> dict[str, list[str]]:
    """The rows of a part's table: the first cell's name → all cells."""
    cells = (
        [cell.strip() for cell in line.strip("|").split("|")] for line in part.splitlines() if line.startswith("| `")
    )
    return {row[0].strip("`"): row for row in cells}


def test_there_is_a_row_for_each_cataloger() -> None:
    assert set(rows(INSTALLED)) == {cataloger.name for cataloger in CATALOGERS}
    assert set(rows(DECLARING)) == {each.name for each in DECLARED}


@pytest.mark.parametrize("cataloger", CATALOGERS + DECLARED, ids=lambda each: each.name)
def test_a_row_tells_the_types(cataloger: Cataloger) -> None:
    row = (rows(INSTALLED) | rows(DECLARING))[cataloger.name]
    if cataloger.name not in BY_CONTENT:
        assert sorted(re.split(r", ?", row[2])) == sorted(cataloger.types)


@pytest.mark.parametrize("cataloger", CATALOGERS, ids=lambda each: each.name)
def test_a_row_tells_whether_files_are_owned(cataloger: Cataloger) -> None:
    owns = rows(INSTALLED)[cataloger.name][3]
    assert (bool(owns), "system" in owns) == (cataloger.owned is not None, cataloger.system)
