"""The database's form: which one it has, which ones this program knows. Cheap to ask; `migrate` is what changes it."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import psycopg

from hullmark.model.errors import HullmarkError
from hullmark.server.tables.database import DatabaseUnreachable, watchful

_VERSIONS = Path(__file__).parent / "migrations" / "versions"


@cache
def known_forms() -> tuple[str, ...]:
    """The names of all forms that this program can bring to the newest, the oldest first: the numbers that its migrations begin with."""
    return tuple(sorted(path.name.partition("_")[0] for path in _VERSIONS.glob("[0-9]*_*.py")))


def newest_form() -> str:
    """The name of the form that this program works with."""
    return known_forms()[-1]


def form_of(url: str) -> str:
    """The name of the database's form, "" for an empty one. Raises DatabaseUnreachable."""
    try:
        with psycopg.connect(watchful(url)) as connection:
            if connection.execute("SELECT to_regclass('alembic_version') IS NULL").fetchone() == (True,):
                return ""
            row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    except psycopg.OperationalError as error:
        raise DatabaseUnreachable(
            f"the database cannot be reached: {str(error).strip().splitlines()[0]}",
            advice="check HULLMARK_DATABASE_URL",
        ) from error
    return str(row[0]) if row else ""


def require_newest(url: str) -> None:
    """Raises HullmarkError unless the database has the form that this program works with; DatabaseUnreachable if it does not answer."""
    form, newest = form_of(url), newest_form()
    if form == newest:
        return
    if form and form not in known_forms():
        raise HullmarkError(
            f"the database has the form {form}, which a newer hullmark made", advice="run that version, or a newer one"
        )
    raise HullmarkError(
        f"the database has the form {form or '(empty)'}, and this version works with {newest}",
        advice="run: hullmark migrate",
    )
