"""Backups of the database: pg_dump's custom format, written whole or not at all, and put back in one transaction."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from hullmark.model.errors import HullmarkError
from hullmark.server.postgres.dump_script import run_script
from hullmark.server.postgres.installation import binary, last_line

_MAGIC = b"PGDMP"
_CONNECT_SECONDS = 30
_KNOWS_ALL_SETTINGS = 170_000


def dump(url: str, target: Path) -> None:
    """Write a backup of the database at this URL. Raises HullmarkError."""
    conninfo, environment = _connection(url)
    half = target.with_name(target.name + ".part")
    try:
        half.unlink(missing_ok=True)
        os.close(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))  # pg_dump would let everybody read it
        words = ("--format=custom", "--no-password", f"--file={half}", f"--dbname={conninfo}")
        _run([str(binary("pg_dump")), *words], environment, f"no backup can be written to {target}")
        with half.open("rb") as stream:
            os.fsync(stream.fileno())
        half.replace(target)
    except OSError as error:
        raise HullmarkError(
            f"no backup can be written to {target}: {error.strerror or error}", advice="choose another file"
        ) from error
    finally:
        if half.parent.is_dir():
            half.unlink(missing_ok=True)


def restore(url: str, source: Path, roles: Sequence[str] = ()) -> None:
    """Put a backup back: what is in the database and in the backup is replaced, all of it or nothing.

    `roles` are those that the backup grants rights to; what is missing of them is made first, as they are not part of a
    database. Raises HullmarkError.
    """
    try:
        with source.open("rb") as stream:
            is_dump = stream.read(len(_MAGIC)) == _MAGIC
    except OSError as error:
        raise HullmarkError(
            f"the backup {source} cannot be read: {error.strerror or error}", advice="name another file"
        ) from error
    if not is_dump:
        raise HullmarkError(f"{source} is not a backup", advice="name a file that `pg_dump -Fc` has written")
    conninfo, environment = _connection(url)
    _create_roles(conninfo, environment.get("PGPASSWORD"), roles)
    program = [str(binary("pg_restore")), "--clean", "--if-exists", "--no-owner", str(source.absolute())]
    failure = f"{source} cannot be restored"
    if not _is_older(conninfo, environment.get("PGPASSWORD")):
        words = ("--single-transaction", "--exit-on-error", "--no-password", f"--dbname={conninfo}")
        _run([*program, *words], environment, failure)
        return
    with TemporaryDirectory(prefix="hullmark-restore-") as folder:
        script = Path(folder) / "script"
        _run([*program, f"--file={script}"], environment, failure)
        try:
            with (
                psycopg.connect(conninfo, password=environment.get("PGPASSWORD"), autocommit=True) as connection,
                script.open("rb") as lines,
            ):
                run_script(connection, lines)
        except psycopg.Error as error:
            raise HullmarkError(
                f"{failure}: {last_line(str(error))}", advice="is the database there, and nothing else in it?"
            ) from error


def _is_older(conninfo: str, password: str | None) -> bool:
    """Whether the server is older than the settings that pg_restore begins with (PostgreSQL 17)."""
    try:
        with psycopg.connect(conninfo, password=password, connect_timeout=_CONNECT_SECONDS) as connection:
            return connection.info.server_version < _KNOWS_ALL_SETTINGS
    except psycopg.Error as error:
        raise HullmarkError(
            f"the database cannot be reached: {last_line(str(error))}", advice="is it there, and its URL right?"
        ) from error


def _create_roles(conninfo: str, password: str | None, roles: Sequence[str]) -> None:
    if not roles:
        return
    try:
        with psycopg.connect(conninfo, password=password, connect_timeout=_CONNECT_SECONDS) as connection:
            superuser = connection.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user").fetchone()
            for role in roles:
                if connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (role,)).fetchone() is None:
                    connection.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(sql.Identifier(role)))
                    if superuser != (True,):  # its creator is not a member of it without a grant
                        connection.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(sql.Identifier(role)))
    except psycopg.Error as error:
        raise HullmarkError(
            f"the roles that the backup needs cannot be made: {last_line(str(error))}",
            advice="make them as the database's superuser",
        ) from error


def _connection(url: str) -> tuple[str, dict[str, str]]:
    """The programs' arguments and environment: a command line is visible to all, so the password is not on it."""
    try:
        parts = conninfo_to_dict(url)
    except psycopg.Error as error:
        raise HullmarkError(
            "the database's URL cannot be understood", advice="write postgresql://USER@HOST/DATABASE"
        ) from error
    password = parts.pop("password", None)
    environment = {**os.environ, "LC_ALL": "C"}
    if password is not None:
        environment["PGPASSWORD"] = str(password)
    parts.setdefault("connect_timeout", str(_CONNECT_SECONDS))
    return make_conninfo("", **parts), environment


def _run(program: Sequence[str], environment: dict[str, str], failure: str) -> None:
    with subprocess.Popen(  # noqa: S603
        program,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=environment,
    ) as process:
        assert process.stderr is not None  # noqa: S101  # a pipe was asked for
        output = b""
        while piece := process.stderr.read(4096):
            output = (output + piece)[-8000:]
    if process.returncode != 0:
        text = output.decode("utf-8", "replace")
        advice = (
            "make room there"
            if "No space left" in text
            else "is the database there, and PostgreSQL's version the same?"
        )
        raise HullmarkError(f"{failure}: {last_line(text)}", advice=advice)
