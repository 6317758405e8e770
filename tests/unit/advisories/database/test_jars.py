"""An index of Java archives is made of a list or of Trivy's database, and says what went into it."""

from __future__ import annotations

import sqlite3
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.advisories.database import jars
from hullmark.advisories.database.jars import JarTable, import_jars, opened_jars
from hullmark.model.errors import HullmarkError
from hullmark.model.jar import JarIndex, JarName

NOW = datetime(2026, 3, 1, tzinfo=UTC)
SHA1 = "0123456789abcdef0123456789abcdef01234567"
TRIVY = """
CREATE TABLE artifacts(id INTEGER PRIMARY KEY, group_id TEXT, artifact_id TEXT);
CREATE TABLE indices(artifact_id INTEGER, version TEXT, sha1 BLOB, archive_type TEXT, foreign key (artifact_id) references artifacts(id));
CREATE UNIQUE INDEX indices_sha1_idx ON indices(sha1);
INSERT INTO artifacts VALUES (1, 'org.a', 'b'), (2, 'org.c', 'd');
"""


def imported(folder: Path, source: Path) -> JarTable:
    import_jars(source, folder / "jars.sqlite", NOW)
    return JarTable(folder / "jars.sqlite")


def test_trivys_database_is_imported(tmp_path: Path) -> None:
    source = tmp_path / "trivy-java.db"
    with closing(sqlite3.connect(source)) as db:
        db.executescript(TRIVY)
        rows = [
            (1, "1", bytes.fromhex(SHA1), "jar"),
            (2, "2", b"\1" * 20, "jar"),
            (2, "3", b"short", "jar"),
            (9, "4", b"\2" * 20, "jar"),
        ]
        db.executemany("INSERT INTO indices VALUES (?, ?, ?, ?)", rows)
        db.commit()
    index = imported(tmp_path, source)
    assert (index.about.entries, index.about.source, index.about.imported_at) == (
        2,
        "trivy-java.db",
        "2026-03-01T00:00:00+00:00",
    )
    assert index.named([SHA1, "01" * 20, "02" * 20]) == {
        SHA1: JarName("org.a", "b", "1"),
        "01" * 20: JarName("org.c", "d", "2"),
    }


def test_a_list_is_used_as_it_is_or_imported_with_the_same_digest(tmp_path: Path) -> None:
    source = tmp_path / "jars.txt"
    source.write_text(f"# ours\n\n{SHA1.upper()}  org.z:b:1\r\n{SHA1} org.a:b:1\n", "utf-8")
    indexes: list[JarIndex] = [opened_jars(source), imported(tmp_path, source)]
    assert [index.named([SHA1, "0" * 40]) for index in indexes] == [{SHA1: JarName("org.a", "b", "1")}] * 2
    assert indexes[0].digest == indexes[1].digest


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"{SHA1} a:b:1\n{SHA1} a:b\n", "jars.txt:2: not a line"),
        (f"{SHA1[1:]} a:b:1\n", "jars.txt:1: not a line"),
        (f"{SHA1} a:b\x1b:1\n", "jars.txt:1: not a line"),
        (f"{SHA1} a:b:{'1' * 1000}\n", "jars.txt:1: longer than 1000 characters"),
    ],
)
def test_a_wrong_line_is_told_by_its_number(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "jars.txt").write_text(text, "utf-8")
    with pytest.raises(HullmarkError, match=said):
        opened_jars(tmp_path / "jars.txt")
    with pytest.raises(HullmarkError, match=said):
        imported(tmp_path, tmp_path / "jars.txt")


def test_another_database_is_refused_with_advice(tmp_path: Path) -> None:
    source = tmp_path / "trivy-java.db"
    with closing(sqlite3.connect(source)) as db:
        db.executescript(TRIVY)
    with pytest.raises(HullmarkError) as raised:
        opened_jars(source)
    assert "hullmark db jars" in raised.value.advice
    with closing(sqlite3.connect(tmp_path / "other.db")) as db:
        db.execute("CREATE TABLE t(x)")
    with pytest.raises(HullmarkError, match="is not an index of Java archives"):
        imported(tmp_path, tmp_path / "other.db")


def test_what_is_not_there_is_told(tmp_path: Path) -> None:
    for path, reason in ((tmp_path / "gone", "No such file or directory"), (tmp_path, "Is a directory")):
        for read in (lambda: opened_jars(path), lambda: import_jars(path, tmp_path / "jars.sqlite", NOW)):  # noqa: B023
            with pytest.raises(HullmarkError) as told:
                read()
            assert (str(told.value), told.value.advice) == (f"cannot read {path}: {reason}", "check the path")


def test_a_list_that_is_too_large_is_to_be_made_an_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tmp_path / "jars.txt"
    source.write_text(f"{SHA1} a:b:1\n", "utf-8")
    monkeypatch.setattr(jars, "_MAX_LIST", source.stat().st_size)
    assert opened_jars(source).named([SHA1])
    monkeypatch.setattr(jars, "_MAX_LIST", source.stat().st_size - 1)
    with pytest.raises(HullmarkError, match=r"jars\.txt is larger than 0 MiB") as told:
        opened_jars(source)
    assert told.value.advice == f"hullmark db jars {source} makes an index of it"


WORDS = st.text(
    st.characters(codec="utf-8", categories=("L", "N", "P", "S"), exclude_characters=":"), min_size=1, max_size=8
)
ENTRIES = st.lists(st.tuples(st.binary(min_size=20, max_size=20), st.builds(JarName, WORDS, WORDS, WORDS)), max_size=20)


@given(ENTRIES)
def test_what_goes_into_an_index_comes_out_of_it(entries: list[tuple[bytes, JarName]]) -> None:
    expected: dict[str, JarName] = {}
    for digest, name in entries:
        expected[digest.hex()] = min(name, expected.get(digest.hex(), name))
    with TemporaryDirectory() as folder:
        source = Path(folder) / "jars.txt"
        source.write_text("".join(f"{digest.hex()} {name}\n" for digest, name in entries), "utf-8")
        made, used = imported(Path(folder), source), opened_jars(source)
        assert (made.about.entries, made.named(expected), used.named(expected)) == (len(expected), expected, expected)


@given(
    st.binary(max_size=200).flatmap(
        lambda data: st.sampled_from((data, b"SQLite format 3\0" + data, SHA1.encode() + b" " + data))
    )
)
def test_no_bytes_lead_to_anything_but_an_index_or_a_refusal(data: bytes) -> None:
    with TemporaryDirectory() as folder:
        source = Path(folder) / "jars"
        source.write_bytes(data)
        with suppress(HullmarkError):
            opened_jars(source)
        with suppress(HullmarkError):
            imported(Path(folder), source)
