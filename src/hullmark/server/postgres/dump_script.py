"""Puts the script that pg_restore writes into a server that is older than pg_restore, in one transaction.

A script begins with settings of the session, some of which an older server does not know; psql, which would only warn, is not
available.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import IO

import psycopg

_COPY = re.compile(rb"COPY .* FROM stdin;\n\Z")
_SETTING = re.compile(rb"SET (transaction_timeout) = [^;]*;\n\Z")
_END = b"\\.\n"
_AT_ONCE = 1 << 20


def run_script(connection: psycopg.Connection, script: IO[bytes]) -> None:
    """Run a script of pg_restore's, all of it or nothing. Raises psycopg.Error."""
    with connection.transaction():
        pending: list[bytes] = []
        for line in script:
            if _COPY.match(line):
                _run(connection, pending)
                _copy(connection, line, script)
            elif not (line.startswith(b"\\") or _SETTING.match(line)):
                pending.append(line)
        _run(connection, pending)


def _run(connection: psycopg.Connection, pending: list[bytes]) -> None:
    """Run the collected statements: without parameters the server accepts any number at once."""
    text = b"".join(pending)
    pending.clear()
    if text.strip():
        connection.execute(text)


def _copy(connection: psycopg.Connection, statement: bytes, script: IO[bytes]) -> None:
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        for rows in _rows(script):
            copy.write(rows)


def _rows(script: IO[bytes]) -> Iterator[bytes]:
    """The rows of a table as the script has them, many at once."""
    rows, size = [], 0
    for line in script:
        if line == _END:
            break
        rows.append(line)
        size += len(line)
        if size >= _AT_ONCE:
            yield b"".join(rows)
            rows, size = [], 0
    yield b"".join(rows)
