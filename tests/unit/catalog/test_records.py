"""Each kind of record gives its package, in images or in folders, and nothing is reported."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest

from hullmark.catalog import CATALOGERS, DECLARED
from hullmark.catalog.cataloger import Cataloger
from tests.support.records import LOCKS, RECORDS, Record
from tests.support.views import FakeView

ALL = RECORDS | LOCKS
QUIET = {
    key: record for key, record in ALL.items() if key not in (("languages.perl", "PACKLIST"), ("systems.snap", "FILE"))
}


def cataloger_of(key: tuple[str, str]) -> Cataloger:
    """The cataloger that first declares a read."""
    read: Any = getattr(import_module(f"hullmark.catalog.{key[0]}"), key[1])
    return next(each for each in CATALOGERS + DECLARED if any(one is read for one in each.reads))


def found(record: Record, cataloger: Cataloger) -> tuple[list[str], list[str]]:
    """The purls of a record's packages, and what was reported."""
    view = FakeView({record.path: record.body, **record.beside}, cataloger)
    return [package.purl for package in cataloger.assemble(view)], [str(reason) for _, reason in view.problems]


@pytest.mark.parametrize("key", ALL, ids=".".join)
def test_a_record_is_its_packages(key: tuple[str, str]) -> None:
    assert found(ALL[key], cataloger_of(key))[0] == list(ALL[key].purls)


@pytest.mark.parametrize("key", QUIET, ids=".".join)
def test_nothing_is_reported_of_a_sound_record(key: tuple[str, str]) -> None:
    assert found(QUIET[key], cataloger_of(key))[1] == []


@pytest.mark.parametrize("key", LOCKS, ids=".".join)
def test_what_projects_name_is_looked_for_in_folders_alone(key: tuple[str, str]) -> None:
    assert cataloger_of(key) in DECLARED


@pytest.mark.parametrize("key", RECORDS, ids=".".join)
def test_what_is_installed_is_looked_for_in_images_too(key: tuple[str, str]) -> None:
    assert cataloger_of(key) in CATALOGERS
