"""A real PostgreSQL for tests: one server for a run, and for each test a fresh database in the newest form.

`tests/conftest.py` hands the fixtures to all tests: one server serves them all.
"""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import sql

from hullmark.server.postgres.embedded import Embedded
from hullmark.server.tables.migrate import migrate

_TEMPLATE = "form"
_numbers = itertools.count()


@pytest.fixture(scope="session")
def database_server() -> Iterator[str]:
    """The URL of a database on a server of the test run's own, beside which others can be made."""
    with tempfile.TemporaryDirectory(prefix="hm-pg-") as folder:
        Path(folder).chmod(0o755)
        server = Embedded(Path(folder) / "server")
        url = server.start()
        try:
            _forgo_durability(url)
            _make(url, _TEMPLATE)
            migrate(named(url, _TEMPLATE))
            yield url
        finally:
            server.stop()


@pytest.fixture
def database_url(database_server: str) -> str:
    """The URL of a fresh database in the newest form."""
    return fresh_database(database_server)


def fresh_database(server: str) -> str:
    """The URL of one more database in the newest form on the server of `database_server`."""
    name = f"test_{next(_numbers)}"
    _make(server, name, _TEMPLATE)
    return named(server, name)


def named(url: str, database: str) -> str:
    """The URL of another database on the same server."""
    return urlsplit(url)._replace(path=f"/{database}").geturl()


def _forgo_durability(url: str) -> None:
    """Wait for no disk: what these databases hold may go with the machine."""
    with psycopg.connect(url, autocommit=True) as connection:
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            connection.execute(sql.SQL("ALTER SYSTEM SET {} = off").format(sql.Identifier(setting)))
        connection.execute("SELECT pg_reload_conf()")


def _make(url: str, name: str, template: str = "template1") -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))
        )
