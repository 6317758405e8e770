"""Images that begin with the same layers: what one is built on, and what is built on it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from hullmark.model.limit import Limit
from hullmark.server.tables.database import Connection

MOST_LOOKED_AT = Limit(2000, "images of an account, the newest, among which relatives of one are looked for", "unseen")


class Relative(NamedTuple):
    """An image, and how many layers it and the other begin with in common."""

    image_id: int
    shared: int


async def relatives(
    connection: Connection, account_id: int, image_id: int, layers: Sequence[str], limit: int
) -> list[Relative]:
    """Images of an account that begin as one with these layers (digests, from the bottom), those with most in common first."""
    if not layers:
        return []
    cursor = await connection.execute(
        """
        WITH newest AS MATERIALIZED (
            SELECT image_id FROM account_image WHERE account_id = %(account)s AND image_id <> %(image)s
            ORDER BY added_at DESC, image_id DESC LIMIT %(most)s
        ), kin AS MATERIALIZED (
            SELECT newest.image_id FROM newest JOIN image_layer lowest ON lowest.image_id = newest.image_id AND lowest.position = 0
                AND lowest.digest = %(lowest)s
        ), same AS (
            SELECT kin.image_id, layer.position, own.digest = layer.digest AS is_same FROM kin
            JOIN image_layer layer ON layer.image_id = kin.image_id
            LEFT JOIN unnest(%(layers)s::text[]) WITH ORDINALITY AS own(digest, number) ON own.number = layer.position + 1
        )
        -- They have in common what lies below the first layer that differs.
        SELECT image_id, coalesce(min(position) FILTER (WHERE is_same IS NOT TRUE), max(position) + 1) AS shared FROM same
        GROUP BY image_id ORDER BY shared DESC, image_id DESC LIMIT %(limit)s
        """,
        {
            "account": account_id,
            "image": image_id,
            "lowest": layers[0],
            "layers": list(layers),
            "most": int(MOST_LOOKED_AT),
            "limit": limit,
        },
    )
    return [Relative(int(number), int(shared)) for number, shared in await cursor.fetchall()]
