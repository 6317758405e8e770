"""A real PostgreSQL for tests: one server for a run, and for each test a fresh database in the newest form.

`tests/conftest.py` hands the fixtures to all tests: one server serves them all.
"""

from __future__ import annotations

import contextlib
import itertools
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import sql

from hullmark.server.postgres.embedded import EmbeddedPostgres
from hullmark.server.tables.migrate import migrate
from tests.support.cleaning import CleanDatabase
from tests.support.kept_connections import forget, keep, kept

_MEMORY = Path("/dev/shm")  # noqa: S108 - not a temporary file, but the folder of memory
_ROOM = 6 << 30
"""Bytes that a run's databases may take at most, as far as was seen: they are made in memory only where there is more than that."""

_TEMPLATE = "form"
_free: dict[tuple[str, str], list[CleanDatabase]] = {}
"""Databases that no test uses, and that are as their template; by server and template."""
_numbers = itertools.count()


@pytest.fixture(scope="session")
def database_server() -> Iterator[str]:
    """The URL of a database on a server of the test run's own, beside which others can be made."""
    with tempfile.TemporaryDirectory(prefix="hm-pg-", dir=memory()) as folder, database_in(Path(folder)) as url:
        yield url


@contextlib.contextmanager
def database_in(folder: Path) -> Iterator[str]:
    """The same, with its files in a folder."""
    folder.chmod(0o755)
    server = EmbeddedPostgres(folder / "database")
    url = server.start()
    try:
        _forgo_durability(url)
        _make(url, _TEMPLATE)
        migrate(named(url, _TEMPLATE))
        yield url
    finally:
        for key in [key for key in _free if key[0] == url]:
            for each in _free.pop(key):
                _let_go(each)
        server.stop()


@pytest.fixture
def database_url(database_server: str) -> Iterator[str]:
    """The URL of a fresh database in the newest form, which is gone after the test."""
    with clean_database(database_server) as url:
        yield url


@contextlib.contextmanager
def clean_database(server: str, template: str = _TEMPLATE) -> Iterator[str]:
    """The URL of a database that nobody else uses, as `fresh_database` makes it; one that was used before is cleaned."""
    free = _free.setdefault((server, template), [])
    mine = free.pop() if free else _new(server, template)
    try:
        yield mine.url
    finally:
        if mine.clean(kept(mine.url)):
            free.append(mine)
        else:
            _end(server, mine)


def drop_template(server: str, template: str) -> None:
    """Have a database be no more of which `clean_database` made copies, and these neither."""
    for each in _free.pop((server, template), ()):
        _end(server, each)
    drop_database(server, named(server, template))


def _new(server: str, template: str) -> CleanDatabase:
    made = CleanDatabase.at(fresh_database(server, template))
    keep(made.url)
    return made


def _end(server: str, database: CleanDatabase) -> None:
    _let_go(database)
    drop_database(server, database.url)


def _let_go(database: CleanDatabase) -> None:
    forget(database.url)
    database.connection.close()


def fresh_database(server: str, template: str = _TEMPLATE) -> str:
    """The URL of one more database on the server of `database_server`: a copy of another there, or in the newest form."""
    name = f"test_{next(_numbers)}"
    _make(server, name, template)
    return named(server, name)


def drop_database(server: str, url: str) -> None:
    """Have a database of that server be no more, whoever looks at it."""
    with contextlib.suppress(psycopg.Error), psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(urlsplit(url).path[1:])))


def named(url: str, database: str) -> str:
    """The URL of another database on the same server."""
    return urlsplit(url)._replace(path=f"/{database}").geturl()


def memory() -> str | None:
    """A folder in memory, where a database is made in a seventh of the time; None where there is little room: the usual place."""
    try:
        return str(_MEMORY) if shutil.disk_usage(_MEMORY).free > _ROOM and _available() > 2 * _ROOM else None
    except OSError:
        return None


def _available() -> int:
    """Bytes of memory that can be had."""
    lines = Path("/proc/meminfo").read_text().splitlines()
    return next((int(line.split()[1]) << 10 for line in lines if line.startswith("MemAvailable:")), 0)


def _forgo_durability(url: str) -> None:
    """Wait for no disk: what these databases hold may go with the machine."""
    with psycopg.connect(url, autocommit=True) as connection:
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            connection.execute(sql.SQL("ALTER SYSTEM SET {} = off").format(sql.Identifier(setting)))
        connection.execute("ALTER SYSTEM SET max_wal_size = '256MB'")
        connection.execute("SELECT pg_reload_conf()")


def _make(url: str, name: str, template: str = "template1") -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        # Files that lie in memory are copied as files, which takes half of what pages in a log take.
        made = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy")
        connection.execute(made.format(sql.Identifier(name), sql.Identifier(template)))
