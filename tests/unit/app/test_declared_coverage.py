"""A folder of advisories is a part of what is known, unless it declares what it is whole of."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hullmark.advisories.database.shelf import Shelf
from hullmark.advisories.match.find import find
from hullmark.app.advisories import open_snapshot
from hullmark.app.declared_coverage import declared_in
from hullmark.model.errors import HullmarkError
from tests.support.matching import inventory, package

RECORD = {
    "id": "A-1",
    "affected": [{"package": {"ecosystem": "npm", "name": "left-pad"}, "ranges": [], "versions": ["1"]}],
}
WHOLE = {"schema": "hullmark-coverage/1", "whole": {"debian:13": "2026-06-01", "npm": "2026-06-01"}}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "a.json").write_text(json.dumps(RECORD))
    return tmp_path


def gaps(folder: Path, at: str = "2026-06-02") -> list[tuple[str, str]]:
    packages = [package("npm", "left-pad", "1"), package("deb", "x", "1")]
    with open_snapshot(Shelf(folder / "shelf"), folder=folder) as snapshot:
        result = find(inventory(packages, "debian:13"), snapshot, at=at)
    assert [match.advisory.id for match in result.matches] == ["A-1"]
    return [(each.namespace, each.reason) for each in result.uncovered]


def test_a_folder_that_declares_nothing_covers_nothing(folder: Path) -> None:
    assert gaps(folder) == [
        ("debian:13", "nothing can be said of the system's packages: the snapshot has no advisories for Debian 13"),
        ("npm", "the snapshot has only a part of the advisories for npm: the folder does not declare them whole"),
    ]


def test_what_a_folder_declares_is_known_for_as_long_as_any_feed_would_be(folder: Path) -> None:
    (folder / "coverage.json").write_text(json.dumps(WHOLE))
    assert gaps(folder) == []
    assert [reason for _, reason in gaps(folder, "2026-07-02")] == [
        "the advisories for debian:13 end on 2026-06-01, 31 days ago: what came since is not known",
        "the advisories for npm end on 2026-06-01, 31 days ago: what came since is not known",
    ]


def test_a_folder_may_declare_that_nothing_is_known(tmp_path: Path) -> None:
    (tmp_path / "coverage.json").write_text(json.dumps(WHOLE))
    with open_snapshot(Shelf(tmp_path / "shelf"), folder=tmp_path) as snapshot:
        assert find(inventory([package("npm", "x", "1")]), snapshot, at="2026-06-02").uncovered == ()


def test_a_file_of_records_covers_nothing(folder: Path) -> None:
    assert declared_in(folder / "a.json") == {}
    with open_snapshot(Shelf(folder / "shelf"), folder=folder / "a.json") as snapshot:
        assert not snapshot.namespaces["npm"].is_known("2026-06-02")


@pytest.mark.parametrize(
    ("declared", "reason"),
    [
        (b'{"schema": ', "truncated"),
        (b"[]", "Expected `object`"),
        ({"whole": {}}, "missing required field `schema`"),
        ({**WHOLE, "schema": "hullmark-coverage/2"}, "Invalid enum value"),
        ({**WHOLE, "part": {}}, "unknown field `part`"),
        ({**WHOLE, "whole": {"npm": 1}}, "Expected `str`"),
        ({**WHOLE, "whole": {"debian:*": "2026-06-01"}}, "not a namespace"),
        ({**WHOLE, "whole": {"npm": "today"}}, "not a day"),
        ({**WHOLE, "whole": {"npm": "20260601"}}, "not a day"),
        ({**WHOLE, "whole": {f"n{number}": "2026-06-01" for number in range(1001)}}, "more than 1,000"),
        (b" " * (1 << 20) + b"{}", "larger than 1 MiB"),
    ],
)
def test_a_declaration_that_cannot_be_read_is_refused(folder: Path, declared: object, reason: str) -> None:
    (folder / "coverage.json").write_bytes(declared if isinstance(declared, bytes) else json.dumps(declared).encode())
    with pytest.raises(HullmarkError, match=reason):
        declared_in(folder)


def test_the_example_declares_what_it_speaks_of() -> None:
    examples = Path(__file__).resolve().parents[3] / "examples" / "advisories"
    assert set(declared_in(examples)) == {"npm", "pypi"}
