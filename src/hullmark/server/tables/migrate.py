"""Migrates a database to the schema of this program: our own tables with Alembic, those of jobs with Procrastinate's files."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import psycopg
import sqlalchemy
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from procrastinate.schema import SchemaManager, migrations_path

from hullmark.model.errors import HullmarkError
from hullmark.server.tables.database import DatabaseUnreachable
from hullmark.server.tables.forms import known_forms

_LOCK = 7_310_579_302
"""Key of the advisory lock that only one migrating process holds at a time."""


def migrate(url: str, target: str = "head") -> str:
    """Migrate the database to the newest schema (or `target`); returns its name. Only one process migrates at a time; others
    wait.

    Raises HullmarkError if it cannot be reached, is too old a PostgreSQL, or was made by a newer program.
    """
    engine = sqlalchemy.create_engine(dialect_url(url), poolclass=sqlalchemy.NullPool)
    try:
        with engine.connect() as connection:
            _check_server(connection)
            connection.exec_driver_sql(f"SELECT pg_advisory_lock({_LOCK})")
            connection.commit()
            try:
                _migrate_jobs(cast("Any", connection.connection.driver_connection))
                _refuse_newer(connection)
                command.upgrade(_config(connection), target)
                connection.commit()
            finally:
                connection.rollback()
                connection.exec_driver_sql(f"SELECT pg_advisory_unlock({_LOCK})")
                connection.commit()
            return _current(connection)
    except (sqlalchemy.exc.OperationalError, sqlalchemy.exc.PendingRollbackError, psycopg.OperationalError) as error:
        raise DatabaseUnreachable(
            f"the database cannot be used: {_first_line(error)}",
            advice="check HULLMARK_DATABASE_URL and the server's log",
        ) from error
    finally:
        engine.dispose()


def dialect_url(url: str) -> str:
    """A database URL as SQLAlchemy wants it. Raises HullmarkError for one that is not PostgreSQL's."""
    for start in ("postgresql://", "postgres://"):
        if url.startswith(start):
            return "postgresql+psycopg://" + url.removeprefix(start)
    raise HullmarkError(
        "the database must be PostgreSQL",
        advice="HULLMARK_DATABASE_URL is written postgresql://USER:PASSWORD@HOST/NAME",
    )


def _first_line(error: Exception) -> str:
    return str(getattr(error, "orig", error)).strip().splitlines()[0]


def _config(connection: sqlalchemy.Connection | None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def _current(connection: sqlalchemy.Connection) -> str:
    return MigrationContext.configure(connection).get_current_revision() or ""


def _check_server(connection: sqlalchemy.Connection) -> None:
    version = int(connection.exec_driver_sql("SHOW server_version_num").scalar_one())
    if version < 150_000:
        raise HullmarkError(
            f"PostgreSQL {version // 10_000} is too old", advice="PostgreSQL 15 or newer is needed: upgrade the server"
        )


def _refuse_newer(connection: sqlalchemy.Connection) -> None:
    current = _current(connection)
    if current and current not in known_forms():
        raise HullmarkError(
            f"the database has the form {current}, which a newer hullmark made",
            advice="run that version, or restore the backup from before the upgrade",
        )


def _migrate_jobs(connection: psycopg.Connection[Any]) -> None:
    """Procrastinate's tables. Each of its files that was run is written down, so that a newer library's files run once."""
    files = sorted(path.name for path in migrations_path.glob("*.sql"))
    with connection.transaction():
        connection.execute("CREATE TABLE IF NOT EXISTS jobs_migration (name text PRIMARY KEY)")
        if connection.execute("SELECT to_regclass('procrastinate_jobs') IS NULL").fetchone() == (True,):
            connection.execute(SchemaManager.get_schema())
            connection.execute("INSERT INTO jobs_migration SELECT unnest(%s::text[]) ON CONFLICT DO NOTHING", (files,))
    done = {name for (name,) in connection.execute("SELECT name FROM jobs_migration")}
    for name in files:
        if name not in done:
            with connection.transaction():
                connection.execute((migrations_path / name).read_text(encoding="utf-8"))
                connection.execute("INSERT INTO jobs_migration VALUES (%s)", (name,))
    connection.commit()
