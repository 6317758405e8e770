"""Databases of tests that are used again are as new, whatever the test before did; and connections to them remember nothing."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from hullmark.server.tables.database import connect, watchful
from tests.support.database import clean_database, drop_template, fresh_database

_STATE = "SELECT (SELECT array_agg(name ORDER BY id) FROM account), (SELECT array_agg(m) FROM matching m)"
_ADDED = "INSERT INTO account (name) VALUES (%s) RETURNING id"


def _rows(url: str, question: str, *given: Any) -> list[tuple[Any, ...]]:
    with psycopg.connect(url, autocommit=True) as connection:
        return connection.execute(question.encode(), given).fetchall()


def _do(url: str, *deeds: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        for deed in deeds:
            connection.execute(deed.encode())


@pytest.fixture
def template(database_server: str) -> Any:
    """The name of a database in which there is an account."""
    made = fresh_database(database_server)
    _rows(made, _ADDED, "first")
    name = made.rpartition("/")[2].partition("?")[0]
    yield name
    drop_template(database_server, name)


@pytest.mark.parametrize(
    "deeds",
    [
        ("INSERT INTO account (name) VALUES ('second'), ('third')",),
        ("UPDATE account SET name = 'other'", "UPDATE matching SET at = 'x'"),
        ("DELETE FROM account", "DELETE FROM matching"),
        ("DELETE FROM account", "VACUUM account"),
        ("TRUNCATE account CASCADE",),
        ("ALTER TABLE account ADD COLUMN more text", "INSERT INTO account (name) VALUES ('second')"),
        ("CREATE TABLE more (id int)",),
        ("ALTER TABLE account DISABLE TRIGGER account_hears_by_default",),
    ],
)
def test_the_next_one_finds_it_as_it_was(database_server: str, template: str, deeds: tuple[str, ...]) -> None:
    with clean_database(database_server, template) as url:
        before = _rows(url, _STATE)
        _do(url, *deeds)
    with clean_database(database_server, template) as url:
        assert _rows(url, _STATE) == before
        assert _rows(url, "SELECT to_regclass('more')") == [(None,)]
        assert _rows(url, "SELECT 1 FROM pg_trigger WHERE tgrelid = 'account'::regclass AND tgenabled <> 'O'") == []
        assert _rows(url, "SELECT 1 FROM pg_attribute WHERE attname = 'more'") == []
        assert _rows(url, _ADDED, "next") == [(2,)]


def test_a_database_whose_form_was_left_alone_is_used_again(database_server: str, template: str) -> None:
    used = set()
    for _ in range(3):
        with clean_database(database_server, template) as url:
            _rows(url, _ADDED, "second")
            used.add(url)
    assert len(used) == 1


@pytest.mark.anyio
async def test_a_connection_comes_back_without_what_was_set_locked_and_listened_to(database_url: str) -> None:
    first = await connect(watchful(database_url))
    backend = first.info.backend_pid
    await first.execute("SET statement_timeout = 7000")
    await first.execute("SELECT pg_advisory_lock(7)")
    await first.execute("LISTEN something")
    await first.execute("CREATE TEMP TABLE mine (id int)")
    await first.close()
    again = await connect(watchful(database_url))
    assert again.info.backend_pid == backend
    cursor = await again.execute(
        "SELECT current_setting('statement_timeout'), to_regclass('mine'), (SELECT count(*) FROM pg_listening_channels()),"
        " (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid())"
    )
    assert await cursor.fetchone() == ("0", None, 0, 0)
    await again.close()


@pytest.mark.anyio
async def test_a_connection_in_a_transaction_or_that_was_ended_does_not_come_back(database_url: str) -> None:
    first = await connect(watchful(database_url))
    ended = first.info.backend_pid
    await first.execute("BEGIN")
    await first.close()
    second = await connect(watchful(database_url))
    assert second.info.backend_pid != ended
    await second.close()
    _do(database_url, f"SELECT pg_terminate_backend({second.info.backend_pid}, 10000)")
    third = await connect(watchful(database_url))
    assert await (await third.execute("SELECT 1")).fetchone() == (1,)
    await third.close()
