"""What many places share, each kept once by the digest of its content: sets of labels, isolation facts, and images as places name them.

They are added in one order, so that reports which add the same never wait for one another in a circle.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from psycopg.types.json import Jsonb

from hullmark.model.place import RunningImage
from hullmark.server.tables.database import Connection


class GradedFacts(NamedTuple):
    """Isolation facts as JSON, the place of their grade in GRADES, and the reason for it."""

    facts: Any
    grade: int
    reason: str


async def label_sets(
    connection: Connection, account_id: int, wanted: Mapping[bytes, Mapping[str, str]]
) -> dict[bytes, int]:
    """The numbers of sets of labels by their digests; those that are new are kept."""
    query = "SELECT digest, id FROM label_set WHERE account_id = %s AND digest = ANY(%s::bytea[])"
    found = await _numbers(connection, query, account_id, list(wanted))
    missing = sorted(digest for digest in wanted if digest not in found)
    if missing:
        await connection.execute(
            """
            WITH added AS (
                INSERT INTO label_set (account_id, digest, labels) SELECT %s, * FROM unnest(%s::bytea[], %s::jsonb[])
                ON CONFLICT DO NOTHING RETURNING id, account_id, labels
            )
            INSERT INTO label (label_set_id, account_id, key, value)
            SELECT added.id, added.account_id, each.key, each.value FROM added, jsonb_each_text(added.labels) each
            """,
            (account_id, missing, [Jsonb(dict(wanted[digest])) for digest in missing]),
        )
        found |= await _numbers(connection, query, account_id, missing)
    return found


async def isolations(connection: Connection, account_id: int, wanted: Mapping[bytes, GradedFacts]) -> dict[bytes, int]:
    """The numbers of isolation facts by their digests; those that are new are kept, and those that are graded otherwise now noted."""
    query = "SELECT digest, id FROM isolation WHERE account_id = %s AND digest = ANY(%s::bytea[])"
    await _grade_again(connection, account_id, wanted)
    found = await _numbers(connection, query, account_id, list(wanted))
    missing = sorted(digest for digest in wanted if digest not in found)
    if missing:
        graded = [wanted[digest] for digest in missing]
        await connection.execute(
            """
            INSERT INTO isolation (account_id, digest, facts, grade, reason)
            SELECT %s, * FROM unnest(%s::bytea[], %s::jsonb[], %s::smallint[], %s::text[]) ON CONFLICT DO NOTHING
            """,
            (
                account_id,
                missing,
                [Jsonb(facts.facts) for facts in graded],
                [facts.grade for facts in graded],
                [facts.reason for facts in graded],
            ),
        )
        found |= await _numbers(connection, query, account_id, missing)
    return found


async def _grade_again(connection: Connection, account_id: int, wanted: Mapping[bytes, GradedFacts]) -> None:
    """Another version of this program may grade the same facts otherwise."""
    digests = sorted(wanted)
    await connection.execute(
        """
        UPDATE isolation SET grade = told.grade, reason = told.reason
        FROM unnest(%s::bytea[], %s::smallint[], %s::text[]) AS told (digest, grade, reason)
        WHERE isolation.account_id = %s AND isolation.digest = told.digest
            AND (isolation.grade, isolation.reason) <> (told.grade, told.reason)
        """,
        (digests, [wanted[key].grade for key in digests], [wanted[key].reason for key in digests], account_id),
    )


async def running_images(
    connection: Connection, account_id: int, wanted: Mapping[bytes, RunningImage]
) -> dict[bytes, int]:
    """The numbers of images as places name them, by their keys; those that are new are kept, and joined to the account's images."""
    query = "SELECT key, id FROM running_image WHERE account_id = %s AND key = ANY(%s::bytea[])"
    found = await _numbers(connection, query, account_id, list(wanted))
    missing = sorted(key for key in wanted if key not in found)
    if missing:
        named = [wanted[key] for key in missing]
        await connection.execute(
            """
            INSERT INTO running_image (account_id, key, reference, digest, config_digest, architecture, is_inferred, image_id)
            SELECT %(account)s, new.*, image_that_runs(%(account)s, new.digest, new.config_digest, new.architecture)
            FROM unnest(%(keys)s::bytea[], %(references)s::text[], %(digests)s::text[], %(configs)s::text[], %(architectures)s::text[],
                %(inferred)s::boolean[]) AS new (key, reference, digest, config_digest, architecture, is_inferred)
            ON CONFLICT DO NOTHING
            """,
            {
                "account": account_id,
                "keys": missing,
                "references": [image.reference for image in named],
                "digests": [image.digest for image in named],
                "configs": [image.config_digest for image in named],
                "architectures": [image.architecture for image in named],
                "inferred": [image.is_inferred for image in named],
            },
        )
        found |= await _numbers(connection, query, account_id, missing)
    return found


async def _numbers(connection: Connection, query: str, account_id: int, keys: list[bytes]) -> dict[bytes, int]:
    cursor = await connection.execute(query, (account_id, keys))
    return {bytes(key): int(number) for key, number in await cursor.fetchall()}
