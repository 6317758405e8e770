"""Scans that Harbor asked for: what each is about, until some days after. They are stored in the settings, by account and key."""

from __future__ import annotations

from typing import Any

from psycopg.types.json import Jsonb

from hullmark.server.tables.database import Connection
from hullmark.server.tables.settings import keep_setting, setting

_KEPT_DAYS = 7
_FORGOTTEN_AT_ONCE = 1000


def _name(account_id: int, key: str) -> str:
    return f"harbor:{account_id}:{key}"


async def add_scan(connection: Connection, account_id: int, key: str, artifact: dict[str, Any]) -> None:
    """Know a scan; those of last week are forgotten."""
    await connection.execute(
        "DELETE FROM setting WHERE name IN (SELECT name FROM setting WHERE name LIKE 'harbor:%%' "
        "AND updated_at < now() - make_interval(days => %s) LIMIT %s)",
        (_KEPT_DAYS, _FORGOTTEN_AT_ONCE),
    )
    await keep_setting(connection, _name(account_id, key), artifact)


async def scan_of(connection: Connection, account_id: int, key: str) -> Any:
    """The state of a scan; None if there is none."""
    return await setting(connection, _name(account_id, key))


async def scan_failed(connection: Connection, account_id: int, key: str, reason: str) -> None:
    """Write down why a scan failed."""
    await connection.execute(
        "UPDATE setting SET value = value || %s WHERE name = %s",
        (Jsonb({"failed": reason.replace("\0", "\ufffd")}), _name(account_id, key)),
    )


async def waits(connection: Connection, lock: str) -> bool:
    """Whether a job of this lock waits or runs."""
    row = await (
        await connection.execute(
            "SELECT EXISTS (SELECT FROM procrastinate_jobs WHERE queueing_lock = %s AND status IN ('todo', 'doing'))",
            (lock,),
        )
    ).fetchone()
    return row == (True,)
