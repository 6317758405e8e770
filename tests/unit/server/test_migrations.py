"""The database's forms: every earlier one, with a row in each table, comes to the newest and loses nothing."""

from __future__ import annotations

import ast
import itertools
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
import sqlalchemy
from psycopg import sql

pytest.importorskip("alembic")

from alembic import command
from alembic.script import ScriptDirectory

from hullmark.model.errors import HullmarkError
from hullmark.server.tables import migrate as migrations
from hullmark.server.tables.forms import form_of, known_forms, newest_form, require_newest
from hullmark.server.tables.migrate import dialect_url, migrate
from tests.support.database import named
from tests.support.fork_server import RunRequest, run_beside_servers
from tests.support.places import REPOSITORY
from tests.support.processes import PASSWORD, debian_postgres, debian_programs, place

PROGRAM = Path(sys.executable).parent / "hullmark"
BY_TYPE = {
    "text": "x",
    "bigint": 1,
    "integer": 1,
    "smallint": 1,
    "boolean": False,
    "double precision": 0.5,
    "jsonb": "{}",
    "bytea": b"x",
    "uuid": "6ff2ac1c-5d13-4a6f-9c64-5b2c9f3a1d7e",
    "timestamp with time zone": "2026-01-02T03:04:05Z",
    "ARRAY": "{}",
    "date": "2026-01-02",
}
BY_COLUMN = {
    "role": "admin",
    "verdict": "go",
    ("image_alias", "kind"): "manifest",
    ("policy_version", "kind"): "native",
    ("subscription", "type"): "tag_update",
    ("anchore_subscription", "type"): "tag_update",
    ("subscription", "scope"): "watched",
    ("subscription", "mode"): "at-once",
    ("transition", "outcome"): "told",
    ("message", "form"): "group",
    ("message", "state"): "waiting",
    ("delivery_attempt", "outcome"): "delivered",
    ("thread", "state"): "open",
    ("browser_session", "digest"): b"x" * 32,
    ("rebuild_plan", "scope"): "running",
    ("message", "subscription_id"): None,
    ("message", "key"): "0c8b5c1e-2f0e-4d7a-9b65-1f2a3c4d5e6f",
}
"""What a column takes that does not take just anything of its type, by its name, or by its table's and its name."""
RENAMED = {"subscription": ("0005", "anchore_subscription")}
"""Tables that go by another name since a form."""
RENAMED_COLUMNS = {"verdict": {("0008", "is_clouded"): "has_unknowns"}}
"""Columns that have another name since a form, by table: (form, old name) → new name."""
REMOVED_COLUMNS = {"person": {"failed": "0009", "locked_until": "0009"}}
"""Columns that a form took away, as what they held counts no longer: locks of sign-ins end."""
REMOVED = {"coordinate_change": "0005", "image_exempt": "0007", "deployment": "0011"}
"""Tables that a form took away, as they held nothing that lasts, or what they held is elsewhere now."""


@pytest.fixture
def empty(database_server: str) -> str:
    """The URL of a fresh, empty database."""
    name = f"empty_{os.urandom(6).hex()}"
    with psycopg.connect(database_server, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    return named(database_server, name)


def tables(connection: psycopg.Connection[Any]) -> list[str]:
    """Our own tables, those first that others refer to."""
    found = {
        name
        for (name,) in connection.execute(
            "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace"
            " AND relname NOT LIKE 'procrastinate%' AND relname NOT IN ('alembic_version', 'jobs_migration')"
        )
    }
    refers: dict[str, set[str]] = {name: set() for name in found}
    for child, parent in connection.execute(
        "SELECT c.relname, p.relname FROM pg_constraint JOIN pg_class c ON c.oid = conrelid JOIN pg_class p ON p.oid = confrelid"
        " WHERE contype = 'f'"
    ):
        if child in refers and child != parent:
            refers[child].add(parent)
    ordered: list[str] = []
    while len(ordered) < len(found):
        ready = sorted(name for name in found - set(ordered) if refers[name] <= set(ordered))
        assert ready, "tables refer to one another in a circle"
        ordered += ready
    return ordered


def seed(connection: psycopg.Connection[Any], table: str) -> None:
    """One row with something in every column that has no value of its own, and in those that refer to other tables."""
    columns = connection.execute(
        "SELECT column_name, data_type FROM information_schema.columns WHERE table_schema = 'public' AND table_name = %s"
        " AND is_identity = 'NO' AND is_generated = 'NEVER' AND ((is_nullable = 'NO' AND column_default IS NULL)"
        " OR column_name LIKE '%%\\_id' OR data_type = 'uuid')",
        (table,),
    ).fetchall()
    values = {name: BY_COLUMN.get((table, name), BY_COLUMN.get(name, BY_TYPE[kind])) for name, kind in columns}
    if not values:
        return
    statement = sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
        sql.Identifier(table),
        sql.SQL(", ").join(map(sql.Identifier, values)),
        sql.SQL(", ").join(sql.Placeholder() * len(values)),
    )
    connection.execute(statement, list(values.values()))


def rows(connection: psycopg.Connection[Any]) -> dict[str, list[dict[str, Any]]]:
    """Every row of every table of ours."""
    question = sql.SQL("SELECT to_jsonb(it) FROM {} it ORDER BY 1")
    return {
        table: [row for (row,) in connection.execute(question.format(sql.Identifier(table)))]
        for table in tables(connection)
    }


def shape(url: str) -> list[tuple[Any, ...]]:
    """Everything of the database's form: columns, indexes, constraints, rules of rows, rights, functions, triggers."""
    questions = (
        "SELECT table_name, column_name, data_type, is_nullable, column_default FROM information_schema.columns"
        " WHERE table_schema = 'public'",
        "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'",
        "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint"
        " WHERE connamespace = 'public'::regnamespace",
        "SELECT tablename, policyname, roles::text, qual, with_check FROM pg_policies",
        "SELECT relname, relrowsecurity, relforcerowsecurity, relacl::text FROM pg_class WHERE relnamespace = 'public'::regnamespace",
        "SELECT proname, md5(prosrc) FROM pg_proc WHERE pronamespace = 'public'::regnamespace",
        "SELECT tgrelid::regclass::text, tgname FROM pg_trigger WHERE NOT tgisinternal",
    )
    with psycopg.connect(url) as connection:
        return [row for question in questions for row in sorted(connection.execute(question), key=repr)]


def down(url: str, form: str) -> None:
    """Take the database back to an earlier form."""
    engine = sqlalchemy.create_engine(dialect_url(url), poolclass=sqlalchemy.NullPool)
    with engine.connect() as connection:
        command.downgrade(migrations._config(connection), form)
        connection.commit()
    engine.dispose()


def comes_up_whole(url: str, form: str) -> None:
    """From a form, with a row in each of its tables, to the newest: all rows are there, with all that they had."""
    assert migrate(url, form) == form
    with psycopg.connect(url) as connection:
        for table in tables(connection):
            if connection.execute(sql.SQL("SELECT FROM {}").format(sql.Identifier(table))).fetchone() is None:
                seed(connection, table)
    with psycopg.connect(url) as connection:
        before = rows(connection)
    assert all(before.values()), [table for table, found in before.items() if not found]
    assert migrate(url) == newest_form()
    with psycopg.connect(url) as connection:
        after = rows(connection)
    for table, found in before.items():
        if form < REMOVED.get(table, ""):
            continue
        since, name = RENAMED.get(table, ("", table))
        table = name if form < since else table
        columns = {old: new for (since, old), new in RENAMED_COLUMNS.get(table, {}).items() if form < since}
        gone = {name for name, since in REMOVED_COLUMNS.get(table, {}).items() if form < since}
        found = [{columns.get(name, name): row[name] for name in row.keys() - gone} for row in found]
        kept = [{name: row[name] for name in old if name in row} for old, row in zip(found, after[table], strict=True)]
        assert kept == found, table
    assert migrate(url) == newest_form()  # and once more changes nothing
    with psycopg.connect(url) as connection:
        assert rows(connection) == after


def test_the_forms_are_alembics() -> None:
    script = ScriptDirectory.from_config(migrations._config(None))
    assert [revision.revision for revision in script.walk_revisions()] == list(reversed(known_forms()))
    assert script.get_current_head() == newest_form()


@pytest.mark.parametrize(
    "form",
    [
        pytest.param(form, marks=[] if form in (known_forms()[0], known_forms()[-2]) else [pytest.mark.slow])
        for form in known_forms()
    ],
)
def test_every_form_with_data_comes_to_the_newest_and_keeps_it(empty: str, form: str) -> None:
    comes_up_whole(empty, form)


def test_what_people_told_of_deployments_becomes_places_and_goes_back(empty: str) -> None:
    migrate(empty, "0010")
    with psycopg.connect(empty) as connection:
        for table in ("account", "image", "account_image", "deployment"):
            seed(connection, table)
        connection.execute("UPDATE deployment SET environment = 'production', place = repeat('p', 1000)")
        told = connection.execute("SELECT * FROM deployment").fetchall()
    migrate(empty)
    with psycopg.connect(empty) as connection:
        asked = """
            SELECT placed.account_id, ran.image_id, placed.environment, placed.told, placed.since, placed.seen_at
            FROM placement placed JOIN running_image ran ON ran.id = placed.running_image_id
            WHERE placed.until IS NULL AND placed.collector_id IS NULL AND placed.platform = 'told'
        """
        assert connection.execute(asked).fetchall() == told
    down(empty, "0010")
    with psycopg.connect(empty) as connection:
        assert connection.execute("SELECT * FROM deployment").fetchall() == told


@pytest.fixture(scope="module")
def debians() -> Iterator[str]:
    """A database of Debian's PostgreSQL, whose user is no superuser."""
    if debian_programs() is None or os.geteuid() != 0:
        pytest.skip("Debian's PostgreSQL is not installed, or we are not root")
    with place() as folder, debian_postgres(folder / "postgres") as made:
        yield made.url()


@pytest.mark.parametrize(
    "form", [known_forms()[0], *(pytest.param(form, marks=pytest.mark.slow) for form in known_forms()[1:])]
)
def test_the_same_on_debians_postgresql_by_a_user_that_is_no_superuser(debians: str, form: str) -> None:
    with psycopg.connect(debians) as connection:
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public AUTHORIZATION pg_database_owner")
    comes_up_whole(debians, form)


@pytest.mark.slow
def test_down_from_each_form_and_up_again_is_the_same_form(empty: str) -> None:
    """Step by step: down to one, up again, and down to it once more, from where the next step begins."""
    migrate(empty)
    for form, lower in itertools.pairwise(reversed(known_forms())):
        before = shape(empty)
        down(empty, lower)
        assert form_of(empty) == lower
        assert shape(empty) != before, form
        assert migrate(empty, form) == form
        assert shape(empty) == before, form
        down(empty, lower)


def test_down_to_the_beginning_and_up_again_is_the_newest_form(empty: str) -> None:
    migrate(empty)
    newest = shape(empty)
    down(empty, "base")
    assert form_of(empty) == ""
    assert shape(empty) != newest
    migrate(empty)
    assert shape(empty) == newest


def test_processes_that_migrate_at_the_same_time_wait_for_one_another(empty: str, tmp_path: Path) -> None:
    environment = {
        "PATH": os.environ["PATH"],
        "HULLMARK_DATABASE_URL": empty,
        "HULLMARK_DATA": str(tmp_path / "data"),
        "HULLMARK_ADMIN_PASSWORD": PASSWORD,
    }
    running = [
        subprocess.Popen([PROGRAM, "migrate"], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        for _ in range(3)
    ]
    said = [process.communicate(timeout=120)[0].decode() for process in running]
    assert [process.returncode for process in running] == [0, 0, 0], said
    assert all(f"has {newest_form()} now" in words for words in said)
    with psycopg.connect(empty) as connection:
        people = connection.execute("SELECT name, is_operator, password_hash LIKE '$argon2id$%' FROM person").fetchall()
    assert people == [("admin", True, True)]  # who can sign in now, before any other process has run


def test_a_form_that_a_newer_program_made_is_refused(empty: str) -> None:
    migrate(empty)
    require_newest(empty)
    with psycopg.connect(empty) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    for refuse in (migrate, require_newest):
        with pytest.raises(HullmarkError, match="9999, which a newer hullmark made"):
            refuse(empty)
    assert form_of(empty) == "9999"


@pytest.mark.parametrize("role", ["api", "worker", "scheduler"])
def test_no_role_runs_over_a_database_that_is_not_in_the_newest_form(
    database_server: str,
    empty: str,
    tmp_path: Path,
    role: str,
) -> None:
    environment = {
        "PATH": os.environ["PATH"],
        "HULLMARK_DATABASE_URL": empty,
        "HULLMARK_DATA": str(tmp_path / "data"),
        "HULLMARK_LISTEN": "127.0.0.1:0",
    }

    def refused() -> str:
        ran = run_beside_servers(RunRequest(["serve", "--role", role], environment, str(tmp_path)), 60)
        assert ran is not None
        assert ran.returncode == 2, ran.stderr
        return ran.stderr.decode()

    said = refused()
    assert "the database has the form (empty)" in said
    assert "run: hullmark migrate" in said
    migrate(empty, known_forms()[-2])
    assert f"the database has the form {known_forms()[-2]}, and this version works with {newest_form()}" in refused()
    migrate(empty)
    with psycopg.connect(empty) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    assert "a newer hullmark made" in refused()


def statements() -> Iterator[tuple[str, str]]:
    """The statements that stand whole in the modules of tables, but for those that change their form, with where they stand."""
    for path in sorted((REPOSITORY / "src/hullmark/server/tables").rglob("*.py")):
        if "migrations" in path.parts:
            continue
        tree = ast.parse(path.read_text("utf-8"))
        parts = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in parts:
                text = node.value.strip()
                if re.match(r"(SELECT|INSERT INTO|UPDATE|DELETE FROM|WITH)\b", text) and "{" not in text:
                    yield f"{path.name}:{node.lineno}", text


def test_every_table_and_column_that_is_asked_for_is_there(empty: str) -> None:
    migrate(empty)
    understood, wrong = 0, {}
    with psycopg.connect(empty, autocommit=True) as connection:
        for where, text in statements():
            places: dict[str, int] = {}

            def numbered(found: re.Match[str], places: dict[str, int] = places) -> str:
                return f"${places.setdefault(found[1] or f'#{found.start()}', len(places) + 1)}"

            question = re.sub(r"%(?:\((\w+)\))?[sbt]", numbered, text).replace("%%", "%")
            try:
                connection.execute(f"PREPARE asked AS {question}")
                connection.execute("DEALLOCATE asked")
                understood += 1
            except (
                psycopg.errors.UndefinedTable,
                psycopg.errors.UndefinedColumn,
                psycopg.errors.UndefinedFunction,
            ) as error:
                wrong[where] = str(error)
            except psycopg.errors.IndeterminateDatatype:
                understood += 1  # everything in it was found, and only a parameter may be of several types
            except psycopg.errors.SyntaxError:
                continue  # half of a statement
    assert wrong == {}
    assert understood > 100
