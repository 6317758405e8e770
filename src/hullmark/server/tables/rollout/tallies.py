"""Counts of the whole installation."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec

from hullmark.server.tables.database import Connection

_STATES = ("waiting", "analysing", "analysed", "failed")
_VERDICTS = ("go", "warn", "stop", "unknown")
_EXACT = 100_000


class Tally(msgspec.Struct, frozen=True, kw_only=True):
    """Images by state, verdicts by word, and the date of the youngest advisory. Large tables are estimated."""

    images: dict[str, int]
    verdicts: dict[str, int]
    advisories_at: datetime | None


async def tally(connection: Connection) -> Tally:
    """Count."""
    images = dict.fromkeys(_STATES, 0)
    unfinished = await connection.execute(
        "SELECT state, count(*) FROM image WHERE state IN ('waiting', 'analysing') GROUP BY 1"
    )
    images.update(dict(await unfinished.fetchall()))
    images.update(await _by_word(connection, "image", "state", ("analysed", "failed")))
    found = await (
        await connection.execute("SELECT data_at FROM matching JOIN snapshot ON snapshot.id = snapshot_id")
    ).fetchone()
    return Tally(
        images=images,
        verdicts=dict.fromkeys(_VERDICTS, 0) | await _by_word(connection, "verdict", "verdict", _VERDICTS),
        advisories_at=_moment(found[0]) if found and found[0] else None,
    )


async def _by_word(connection: Connection, table: str, column: str, words: tuple[str, ...]) -> dict[str, int]:
    """How many rows there are of each word: counted in small tables, estimated by the planner's statistics in large ones."""
    row = await (
        await connection.execute("SELECT reltuples::bigint FROM pg_class WHERE relname = %s", (table,))
    ).fetchone()
    size = int(row[0]) if row else 0
    if size > _EXACT:
        cursor = await connection.execute(
            """
            SELECT word, round(share * %s)::bigint FROM pg_stats,
                unnest(most_common_vals::text::text[], most_common_freqs) AS common(word, share) WHERE tablename = %s AND attname = %s
            """,
            (size, table, column),
        )
    else:
        cursor = await connection.execute(f"SELECT {column}, count(*) FROM {table} GROUP BY 1")
    found = {str(word): int(count) for word, count in await cursor.fetchall()}
    return {word: found[word] for word in words if word in found}


def _moment(value: object) -> datetime | None:
    if isinstance(value, datetime):
        return value
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
