"""What gates go by, image by image: all of it once, then what has changed.

Changes are ordered by the transactions that made them. One is handed out once no transaction is at work that began before it ended, so
that none can come to stand before what was handed out.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

import msgspec
from psycopg.rows import class_row

from hullmark.model.admission import AdmissibleImage, PolicyVerdict
from hullmark.model.limit import Limit
from hullmark.server.tables.database import Connection

_MOST_NAMES = Limit(1000, "tags, and indexes, of one image that gates get", "refused")


class GateState(NamedTuple):
    """The gates of an account: which asking that is (`id` is another one where it began anew), the transaction that it began with, the
    first transaction that is still at work, or none yet, and when a gate asked, to an hour."""

    id: str
    since: int
    settled: int
    asked_at: datetime


class AdmissionRow(msgspec.Struct, frozen=True, kw_only=True):
    """An image as gates see it; without verdicts where nobody judges it."""

    image_id: int
    changed_by: int
    digest: str
    config: str
    platform: str
    indexes: list[str]
    tags: list[str]
    certified_at: datetime | None
    verdicts: list[dict[str, object]]

    def image(self) -> AdmissibleImage:
        """As it is handed out."""
        values = {name: getattr(self, name) for name in ("digest", "config", "platform", "certified_at")}
        verdicts = msgspec.convert(self.verdicts, tuple[PolicyVerdict, ...])
        return AdmissibleImage(indexes=tuple(self.indexes), tags=tuple(self.tags), verdicts=verdicts, **values)


async def note_gate(connection: Connection, account_id: int, now: datetime) -> None:
    """Note that an account has gates. Changes are noted from the end of this transaction on."""
    await connection.execute(
        "INSERT INTO admission_gate (account_id, asked_at) VALUES (%s, %s)"
        " ON CONFLICT (account_id) DO UPDATE SET asked_at = EXCLUDED.asked_at",
        (account_id, now),
    )


async def gate_of(connection: Connection, account_id: int) -> GateState | None:
    """The gates of an account; None: none has asked yet."""
    cursor = await connection.execute(
        """
        SELECT id::text, since::text::bigint, pg_snapshot_xmin(pg_current_snapshot())::text::bigint, asked_at
        FROM admission_gate WHERE account_id = %s
        """,
        (account_id,),
    )
    row = await cursor.fetchone()
    return GateState(str(row[0]), int(row[1]), int(row[2]), row[3]) if row is not None else None


_VERDICTS = """
    coalesce((SELECT jsonb_agg(jsonb_build_object('policy', policy.name, 'environment', now.environment, 'verdict', now.verdict,
            'reason', now.reason, 'since', to_jsonb(coalesce((
                SELECT min(run.at) FROM verdict_history run WHERE run.account_id = now.account_id AND run.image_id = now.image_id
                    AND run.policy_id = now.policy_id AND run.environment = now.environment AND NOT run.is_shadow
                    AND run.id > coalesce((SELECT max(other.id) FROM verdict_history other WHERE other.account_id = now.account_id
                        AND other.image_id = now.image_id AND other.policy_id = now.policy_id AND other.environment = now.environment
                        AND NOT other.is_shadow AND (other.verdict IN ('go', 'warn')) <> (now.verdict IN ('go', 'warn'))), 0)
                ), now.judged_at)),
            'grace_until', to_jsonb(now.grace_until), 'grace_reason', now.grace_reason,
            'stops', now.stops, 'demands', now.demands) ORDER BY policy.name, now.environment)
        FROM verdict now JOIN policy ON policy.id = now.policy_id
        WHERE now.account_id = %(account)s AND now.image_id = {image} AND NOT now.is_shadow), '[]') AS verdicts,
    ARRAY(SELECT alias.digest FROM image_alias alias WHERE alias.image_id = {image} AND alias.kind = 'index'
        ORDER BY 1 LIMIT %(most)s) AS indexes,
    ARRAY(SELECT tag.registry || '/' || tag.repository || ':' || tag.tag FROM tag WHERE tag.account_id = %(account)s
        AND tag.image_id = {image} AND tag.is_current ORDER BY 1 LIMIT %(most)s) AS tags"""


async def list_images(connection: Connection, account_id: int, after: int, limit: int) -> list[AdmissionRow]:
    """The images with verdicts in force, by their numbers, after one."""
    async with connection.cursor(row_factory=class_row(AdmissionRow)) as cursor:
        await cursor.execute(
            f"""
            SELECT image.id AS image_id, 0 AS changed_by, image.digest, image.config_digest AS config, image.platform,
                held.certified_at, {_VERDICTS.format(image="image.id")}
            FROM account_image held JOIN image ON image.id = held.image_id
            WHERE held.account_id = %(account)s AND held.image_id > %(after)s AND EXISTS (SELECT FROM verdict
                WHERE verdict.account_id = %(account)s AND verdict.image_id = held.image_id AND NOT verdict.is_shadow)
            ORDER BY held.image_id LIMIT %(limit)s
            """,
            {"account": account_id, "after": after, "limit": limit, "most": _MOST_NAMES},
        )
        return await cursor.fetchall()


async def list_changed_images(
    connection: Connection, account_id: int, after: tuple[int, int], settled: int, limit: int
) -> list[AdmissionRow]:
    """The images that changed after one (transaction and number), in transactions before `settled`."""
    async with connection.cursor(row_factory=class_row(AdmissionRow)) as cursor:
        await cursor.execute(
            f"""
            SELECT change.image_id, change.changed_by::text::bigint AS changed_by, change.digest,
                coalesce(image.config_digest, '') AS config, coalesce(image.platform, '') AS platform, held.certified_at,
                {_VERDICTS.format(image="change.image_id")}
            FROM admission_change change LEFT JOIN image ON image.id = change.image_id
            LEFT JOIN account_image held ON held.account_id = change.account_id AND held.image_id = change.image_id
            WHERE change.account_id = %(account)s
                AND (change.changed_by, change.image_id) > (%(transaction)s::text::xid8, %(image)s)
                AND change.changed_by < %(settled)s::text::xid8
            ORDER BY change.changed_by, change.image_id LIMIT %(limit)s
            """,
            {
                "account": account_id,
                "transaction": str(after[0]),
                "image": after[1],
                "settled": str(settled),
                "limit": limit,
                "most": _MOST_NAMES,
            },
        )
        return await cursor.fetchall()


async def forget_gates(connection: Connection, before: datetime) -> None:
    """Forget the gates of accounts that none has asked in since a moment; one that asks again begins anew."""
    await connection.execute("DELETE FROM admission_gate WHERE asked_at < %s", (before,))
