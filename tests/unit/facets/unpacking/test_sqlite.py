"""Rows of SQLite's tables are shown as text, long ones too; any damage is survived."""

from __future__ import annotations

import sqlite3
from contextlib import closing

from hypothesis import given
from hypothesis import strategies as st

from hullmark.facets.unpacking import sqlite
from hullmark.facets.unpacking.archives import MIB, Allowance, StopReading, look_inside


def database(rows: list[tuple[str, str]], encoding: str = "UTF-8") -> bytes:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute(f"PRAGMA encoding = '{encoding}'")
        connection.execute("CREATE TABLE settings (id INTEGER PRIMARY KEY, name TEXT, value TEXT)")
        connection.executemany("INSERT INTO settings (name, value) VALUES (?, ?)", rows)
        connection.commit()
        return bytes(connection.serialize())


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


_BODY = database([("a", "b")])


@given(st.lists(st.tuples(st.integers(0, len(_BODY) - 1), st.integers(0, 255)), max_size=20))
def test_any_damage_is_survived(damage: list[tuple[int, int]]) -> None:
    body = bytearray(_BODY)
    for at, byte in damage:
        body[at] = byte
    shown(bytes(body))
