"""The number of matches of each package set that count: kept with the set, so that a list needs only a few rows for each image.

Triggers make a set's count unknown in the transaction that changes anything about it; until it is counted again, readers count
for themselves.
"""

from __future__ import annotations

from hullmark.model.advisory import SEVERITIES
from hullmark.server.tables.advisories import snapshots
from hullmark.server.tables.database import Connection

_WIDTH = 2 * len(SEVERITIES)

_PLAIN = """
SELECT wanted.id, ARRAY(SELECT coalesce(sum(state.counts[place]), 0)::integer FROM set_member member
    JOIN coordinate_state state ON state.coordinate_id = member.coordinate_id AND state.counts IS NOT NULL
    CROSS JOIN generate_series(1, %(width)s) AS place WHERE member.set_id = wanted.id GROUP BY place ORDER BY place)
FROM unnest(%(sets)s::bigint[]) AS wanted(id)
"""
_EXEMPT = """
SELECT member.set_id, advisory.severity, count(*), count(*) FILTER (WHERE found.fix_state = 'fixed')
FROM set_member member JOIN package_exempt exempt ON exempt.package_id = member.package_id
JOIN coordinate_match found ON found.coordinate_id = member.coordinate_id AND found.advisory_id = exempt.advisory_id
JOIN advisory ON advisory.id = exempt.advisory_id
WHERE member.set_id = ANY(%(sets)s::bigint[]) AND found.suppressed_by IS NULL GROUP BY 1, 2
"""


async def fill(connection: Connection, most: int = 1000) -> int:
    """Count up to `most` sets that are not counted; returns how many were. Writing matches is locked until the transaction
    ends."""
    await snapshots.current_to_change(connection)
    rows = await connection.execute("SELECT id FROM package_set WHERE counts IS NULL ORDER BY id LIMIT %s", (most,))
    sets = [int(number) for (number,) in await rows.fetchall()]
    if not sets:
        return 0
    parameters = {"sets": sets, "width": _WIDTH}
    found = await (await connection.execute(_PLAIN, parameters)).fetchall()
    totals: dict[int, list[int]] = {number: list(counts) or [0] * _WIDTH for number, counts in found}
    for number, rank, count, fixable in await (await connection.execute(_EXEMPT, parameters)).fetchall():
        totals[number][rank] -= count
        totals[number][len(SEVERITIES) + rank] -= fixable
    await connection.execute(
        "UPDATE package_set SET counts = new.counts::integer[] FROM unnest(%s::bigint[], %s::text[]) AS new(id, counts)"
        " WHERE package_set.id = new.id",
        (sets, ["{" + ",".join(map(str, totals[number])) + "}" for number in sets]),
    )
    return len(sets)
