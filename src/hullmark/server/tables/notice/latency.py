"""How long it takes from something becoming known until people know what it led to, by stage, counted as Prometheus reads it."""

from __future__ import annotations

import math

import msgspec

from hullmark.server.tables.database import Connection

BOUNDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 30.0, 60.0, 300.0, 3600.0, math.inf)
STAGES = ("seen_written", "written_routed", "routed_sealed", "sealed_delivered", "seen_delivered")
"""From becoming known to being judged and written down, to being decided who hears of it, to being sealed, to having arrived; and all."""

_WITH_TIMES = """
    WITH times AS (
        SELECT cause.seen_at AS seen, transition.recorded_at AS written, coalesce(transition.routed_at, message.opened_at) AS routed,
            message.sealed_at AS sealed, message.delivered_at AS delivered
        FROM message JOIN message_item item ON item.message_id = message.id JOIN transition ON transition.id = item.transition_id
            JOIN cause ON cause.id = transition.cause_id
        WHERE message.id = %(message)s
    ), took AS (
        SELECT stage, greatest(extract(epoch FROM ended - began)::double precision, 0) AS seconds FROM times, LATERAL (VALUES
            ('seen_written', seen, written), ('written_routed', written, routed), ('routed_sealed', routed, sealed),
            ('sealed_delivered', sealed, delivered), ('seen_delivered', seen, delivered)) AS stages(stage, began, ended)
        WHERE began IS NOT NULL AND ended IS NOT NULL
    )
"""


class Histogram(msgspec.Struct, frozen=True, kw_only=True):
    """How many took no longer than each of BOUNDS, and how long all took together, in seconds."""

    counts: tuple[int, ...]
    seconds: float


async def count_latency(connection: Connection, number: int) -> None:
    """Count a message that has arrived: each transition in it once."""
    await connection.execute(
        f"""
        {_WITH_TIMES}, held AS MATERIALIZED (
            SELECT stage, width_bucket(-took.seconds, %(below)s::double precision[]) AS by, count(*) AS count, sum(took.seconds) AS seconds
            FROM took GROUP BY 1, 2
        )
        INSERT INTO notice_latency (stage, at_most, count, seconds)
        SELECT stage, bound, coalesce(sum(count) FILTER (WHERE by >= place), 0), sum(held.seconds)
        FROM held, unnest(%(below)s::double precision[]) WITH ORDINALITY AS negated (below, place), LATERAL (SELECT -below) AS each (bound)
        GROUP BY 1, 2 ORDER BY 1, 2
        ON CONFLICT (stage, at_most) DO UPDATE SET count = notice_latency.count + EXCLUDED.count,
            seconds = notice_latency.seconds + EXCLUDED.seconds
        """,
        {"message": number, "below": [-bound for bound in reversed(BOUNDS)]},
    )


async def latency_of(connection: Connection, number: int) -> dict[str, float]:
    """The seconds that each stage of a message took, for what took longest in it."""
    cursor = await connection.execute(
        f"{_WITH_TIMES} SELECT stage, max(seconds) FROM took GROUP BY 1",
        {"message": number},
    )
    found: dict[str, float] = dict(await cursor.fetchall())
    return {stage: float(found[stage]) for stage in STAGES if stage in found}


async def latencies(connection: Connection) -> dict[str, Histogram]:
    """What was counted so far, by stage."""
    cursor = await connection.execute("SELECT stage, at_most, count, seconds FROM notice_latency")
    rows = {(stage, bound): (int(count), float(seconds)) for stage, bound, count, seconds in await cursor.fetchall()}
    return {
        stage: Histogram(
            counts=tuple(rows.get((stage, bound), (0, 0.0))[0] for bound in BOUNDS),
            seconds=rows.get((stage, math.inf), (0, 0.0))[1],
        )
        for stage in STAGES
    }
