"""Rows of SQLite's tables are shown as text, long ones too; any damage is survived."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.facets.unpacking import archives, sqlite
from hullmark.facets.unpacking.archives import MIB, Allowance, StopReading, look_inside


def made(*statements: str, rows: list[tuple[str, str]] | None = None, encoding: str = "UTF-8") -> bytes:
    """A database that statements make; the last one is run for each of the rows, if there are any."""
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute(f"PRAGMA encoding = '{encoding}'")
        for statement in statements[:-1]:
            connection.execute(statement)
        connection.executemany(statements[-1], [()] if rows is None else rows)
        connection.commit()
        return bytes(connection.serialize())


def database(rows: list[tuple[str, str]], encoding: str = "UTF-8") -> bytes:
    table = "CREATE TABLE settings (id INTEGER PRIMARY KEY, name TEXT, value TEXT)"
    return made(table, "INSERT INTO settings (name, value) VALUES (?, ?)", rows=rows, encoding=encoding)


def shown(body: bytes) -> tuple[dict[str, bytes], str]:
    seen: dict[str, bytes] = {}
    try:
        reason = look_inside(body, seen.__setitem__, Allowance(64 * MIB), (sqlite.database,))
    except StopReading as enough:
        reason = str(enough)
    return seen, reason


def test_a_name_and_its_value_stand_together() -> None:
    seen, reason = shown(database([("api_key", "abc"), ("long", "x" * 20_000)]))
    assert (list(seen), reason) == (["settings.rows"], "")
    lines = seen["settings.rows"].split(b"\n")
    assert b"api_key=abc" in lines
    assert b"value=" + b"x" * 20_000 in lines


def test_all_pages_of_a_table_are_read() -> None:
    seen, _ = shown(database([(f"name{number}", f"value{number}") for number in range(3000)]))
    assert seen["settings.rows"].count(b"value=value") == 3000


def test_text_of_two_bytes_a_letter_is_read() -> None:
    assert b"api_key=abc" in shown(database([("api_key", "abc")], "UTF-16le"))[0]["settings.rows"]


def test_a_row_with_a_number_below_zero_is_read_with_all_that_a_column_may_hold() -> None:
    table = "CREATE TABLE t (id INTEGER PRIMARY KEY, a, b, c DEFAULT 0, d DECIMAL(10, 2), e, f)"
    body = made(table, "INSERT INTO t VALUES (-7, 0, 1, -300, 2.5, NULL, x'4142')")
    assert shown(body) == ({"t.rows": b"a=0\nb=1\nc=-300\nf=AB"}, "")


@pytest.mark.parametrize("length", [5, 3000])
def test_a_table_without_row_numbers_is_read(length: int) -> None:
    rows = [(f"name{number:04}", "x" * length + f"{number:04}") for number in range(300)]
    table = "CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID"
    seen, reason = shown(made(table, "INSERT INTO settings VALUES (?, ?)", rows=rows))
    assert reason == ""
    lines = seen["settings.rows"].split(b"\n")
    assert sorted(line for line in lines if line.startswith(b"value=")) == sorted(
        f"value={value}".encode() for _, value in rows
    )


def test_views_and_tables_that_lie_nowhere_hold_nothing_and_the_others_are_shown() -> None:
    body = made(
        "CREATE TABLE a (x)",
        "CREATE TABLE b (x)",
        "CREATE VIEW c AS SELECT x FROM b",
        "INSERT INTO b VALUES ('B')",
        "PRAGMA writable_schema = ON",
        "UPDATE sqlite_schema SET rootpage = 'lost' WHERE name = 'a'",
    )
    assert shown(body) == ({"b.rows": b"x=B"}, "")


def test_a_table_that_is_too_large_is_shown_in_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MAX_MEMBER_BYTES", MIB)
    rows = [("a" * 600_000, ""), ("b" * 600_000, ""), ("c", "")]
    seen, reason = shown(database(rows))
    assert seen["settings.rows"].count(b"name=") == 2
    assert reason == "a file in it has more than 1 MiB"


def test_of_a_very_long_row_the_beginning_is_shown_and_the_rows_behind_it() -> None:
    long = "".join(f"{number:08}" for number in range(200_000))
    seen, reason = shown(database([("long", long), ("api_key", "abc")]))
    assert reason == "a row of a database in it has more than 1,048,576 bytes"
    lines = seen["settings.rows"].split(b"\n")
    assert b"api_key=abc" in lines
    assert any(
        line.startswith(b"value=") and len(line) > MIB - 100 and long.startswith(line[6:].decode()) for line in lines
    )


@pytest.mark.parametrize("count", [1, 3000])
def test_a_database_that_was_cut_short_is_said_to_be(count: int) -> None:
    body = database([("a", "x" * 100_000)] * (count == 1) + [("a", "b")] * count)
    seen, reason = shown(body[: len(body) - 4096 * 2])
    assert "settings.rows" in seen
    assert reason == "a database in it is damaged"


def test_a_page_of_no_kind_that_there_is_is_said_to_be_damaged() -> None:
    body = bytearray(database([("a", "b")]))
    body[4096] = 7
    assert shown(bytes(body)) == ({}, "a database in it is damaged")


_BODY = database([("a", "b")])


@given(st.lists(st.tuples(st.integers(0, len(_BODY) - 1), st.integers(0, 255)), max_size=20))
def test_any_damage_is_survived(damage: list[tuple[int, int]]) -> None:
    body = bytearray(_BODY)
    for at, byte in damage:
        body[at] = byte
    shown(bytes(body))


def test_a_table_whose_statement_is_damaged_is_shown_without_the_names_of_its_columns() -> None:
    body = made(
        "CREATE TABLE a (x, y)",
        "INSERT INTO a VALUES ('A', 'B')",
        "PRAGMA writable_schema = ON",
        "UPDATE sqlite_schema SET sql = 'CREATE TABLE a (x, y'",
    )
    assert shown(body) == ({"a.rows": b"x=A\ncolumn=B"}, "")
