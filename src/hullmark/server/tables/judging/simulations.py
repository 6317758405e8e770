"""Drafts that are tried on the images of an account, and their results."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from hullmark.model.limit import Limit
from hullmark.server.tables.database import Connection


class SimulationRow(msgspec.Struct, frozen=True, kw_only=True):
    """A trial, and how far it is; lists leave the text of the draft out.

    `policy` is the name of the policy that the draft is a version of, "" for a mere text.
    """

    id: UUID
    account_id: int
    policy: str
    draft: str
    environment: str
    state: str
    reason: str
    done: int
    total: int
    last_image: int
    created_by: str
    created_at: datetime
    ended_at: datetime | None


class RuleHits(msgspec.Struct, frozen=True, kw_only=True):
    """On how many images a rule fires, in the version in force and in the draft, and how often the draft's does in all. Rules whose stage
    lets nothing count are among them; what exceptions cover is not."""

    rule: str
    before: int
    after: int
    findings: int


class FlipRow(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes of one image."""

    image_id: int
    digest: str
    reference: str
    before: str
    after: str
    reasons: list[Any]


class FlipCounts(msgspec.Struct, frozen=True, kw_only=True):
    """How many images get a worse verdict, a better one, or the same for other reasons. `is_cut`: only the first ones are counted."""

    worse: int
    better: int
    same: int
    is_cut: bool


_COUNTED = Limit(20_000, "images with another verdict that a trial's figures count", "shortened")

_COLUMNS = """id, account_id, coalesce((SELECT policy.name FROM policy WHERE policy.id = policy_id), '') AS policy, draft, environment,
    state, reason, done, total, last_image, created_by, created_at, ended_at"""
# Drafts may be megabytes each.
_LISTED = _COLUMNS.replace("draft,", "'' AS draft,")


class NewSimulation(msgspec.Struct, frozen=True, kw_only=True):
    """A trial that is to begin. `policy_id`: the policy that the draft is a version of."""

    id: UUID
    account_id: int
    draft: str
    environment: str
    created_by: str
    policy_id: int | None = None


async def add(connection: Connection, new: NewSimulation) -> None:
    """Keep a trial that is to begin."""
    await connection.execute(
        "INSERT INTO simulation (id, account_id, draft, environment, created_by, policy_id) VALUES (%s, %s, %s, %s, %s, %s)",
        (new.id, new.account_id, new.draft, new.environment, new.created_by, new.policy_id),
    )


async def count_unfinished(connection: Connection, account_id: int) -> int:
    """How many trials of an account have not ended."""
    row = await (
        await connection.execute(
            "SELECT count(*) FROM simulation WHERE account_id = %s AND state IN ('waiting', 'running')", (account_id,)
        )
    ).fetchone()
    return int(row[0]) if row else 0


async def list_simulations(
    connection: Connection, account_id: int, after: tuple[datetime, UUID] | None, limit: int
) -> list[SimulationRow]:
    """Trials of an account, the newest first, after one (created at, id)."""
    async with connection.cursor(row_factory=class_row(SimulationRow)) as cursor:
        await cursor.execute(
            f"""
            SELECT {_LISTED} FROM simulation WHERE account_id = %(account)s
                AND (%(at)s::timestamptz IS NULL OR (created_at, id) < (%(at)s, %(id)s::uuid))
            ORDER BY created_at DESC, id DESC LIMIT %(limit)s
            """,
            {
                "account": account_id,
                "at": after[0] if after else None,
                "id": after[1] if after else None,
                "limit": limit,
            },
        )
        return await cursor.fetchall()


async def by_id(connection: Connection, key: UUID) -> SimulationRow | None:
    """A trial."""
    async with connection.cursor(row_factory=class_row(SimulationRow)) as cursor:
        await cursor.execute(f"SELECT {_COLUMNS} FROM simulation WHERE id = %s", (key,))
        return await cursor.fetchone()


async def begin(connection: Connection, key: UUID, total: int) -> SimulationRow | None:
    """Begin or go on with a trial of `total` images; None if it is over."""
    async with connection.cursor(row_factory=class_row(SimulationRow)) as cursor:
        await cursor.execute(
            f"UPDATE simulation SET state = 'running', total = %s WHERE id = %s AND state IN ('waiting', 'running') RETURNING {_COLUMNS}",
            (total, key),
        )
        return await cursor.fetchone()


class TriedImages(msgspec.Struct, frozen=True, kw_only=True):
    """What some images came to: the last one's number, how many were looked at, which differ, and how often rules fire by rule."""

    last_image: int
    seen: int
    flips: list[FlipRow]
    hits: list[RuleHits]


async def advance(connection: Connection, row: SimulationRow, tried: TriedImages) -> bool:
    """Write some images' results and how far the trial is; False if it was cancelled, or another worker was faster."""
    cursor = await connection.execute(
        "SELECT hits FROM simulation WHERE id = %s AND state = 'running' AND last_image = %s FOR UPDATE",
        (row.id, row.last_image),
    )
    known = await cursor.fetchone()
    if known is None:
        return False
    await connection.execute(
        "UPDATE simulation SET done = done + %s, last_image = %s, hits = %s WHERE id = %s",
        (tried.seen, tried.last_image, Jsonb(_add_hits(known[0], tried.hits)), row.id),
    )
    for flip in tried.flips:
        await connection.execute(
            """
            INSERT INTO simulation_flip (simulation_id, account_id, image_id, reference, before, after, reasons)
            VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING
            """,
            (row.id, row.account_id, flip.image_id, flip.reference, flip.before, flip.after, Jsonb(flip.reasons)),
        )
    return True


def _add_hits(known: Mapping[str, list[int]], more: list[RuleHits]) -> dict[str, list[int]]:
    """Counts by rule, with those of more images."""
    counts = {rule: list(numbers) for rule, numbers in known.items()}
    for rule_count in more:
        old = counts.get(rule_count.rule, [0, 0, 0])
        counts[rule_count.rule] = [
            a + b for a, b in zip(old, (rule_count.before, rule_count.after, rule_count.findings), strict=True)
        ]
    return counts


async def hits_of(connection: Connection, key: UUID) -> list[RuleHits]:
    """How often rules fire in a trial so far, those that fire on most images first."""
    row = await (await connection.execute("SELECT hits FROM simulation WHERE id = %s", (key,))).fetchone()
    counts = row[0] if row is not None else {}
    found = [RuleHits(rule=rule, before=n[0], after=n[1], findings=n[2]) for rule, n in counts.items()]
    return sorted(found, key=lambda hits: (-hits.after, -hits.before, hits.rule))


async def flip_counts(connection: Connection, key: UUID) -> FlipCounts:
    """The images that differ in a trial, counted by whether that is for the worse. None in force before is as good as go."""
    cursor = await connection.execute(
        """
        SELECT sign(array_position(%(order)s, flip.after) - array_position(%(order)s, coalesce(nullif(flip.before, ''), 'go'))), count(*)
        FROM (SELECT before, after FROM simulation_flip WHERE simulation_id = %(key)s LIMIT %(most)s) flip GROUP BY 1
        """,
        {"key": key, "order": ["go", "warn", "unknown", "stop"], "most": int(_COUNTED) + 1},
    )
    found = {int(sign): int(number) for sign, number in await cursor.fetchall()}
    return FlipCounts(
        worse=found.get(1, 0), better=found.get(-1, 0), same=found.get(0, 0), is_cut=sum(found.values()) > _COUNTED
    )


async def last_of_policy(
    connection: Connection, account_id: int, policy_id: int, text: str, limit: int
) -> list[SimulationRow]:
    """The last trials of a policy's versions, the newest first. Their `draft` is there where it is this text, else empty."""
    columns = _COLUMNS.replace("draft,", "CASE WHEN draft = %(text)s THEN draft ELSE '' END AS draft,")
    async with connection.cursor(row_factory=class_row(SimulationRow)) as cursor:
        await cursor.execute(
            f"""
            SELECT {columns} FROM simulation WHERE account_id = %(account)s AND policy_id = %(policy)s
            ORDER BY created_at DESC, id DESC LIMIT %(limit)s
            """,
            {"account": account_id, "policy": policy_id, "text": text, "limit": limit},
        )
        return await cursor.fetchall()


async def end(connection: Connection, key: UUID, state: str, reason: str = "") -> bool:
    """End a trial: done, failed or cancelled."""
    cursor = await connection.execute(
        "UPDATE simulation SET state = %s, reason = %s, ended_at = now() WHERE id = %s AND state IN ('waiting', 'running')",
        (state, reason, key),
    )
    return cursor.rowcount == 1


async def flips(connection: Connection, key: UUID, after: tuple[int, str] | None, limit: int) -> list[FlipRow]:
    """The images with another verdict under the draft, by number."""
    last = after or (0, "")
    async with connection.cursor(row_factory=class_row(FlipRow)) as cursor:
        await cursor.execute(
            """
            SELECT flip.image_id, image.digest, flip.reference, flip.before, flip.after, flip.reasons
            FROM simulation_flip flip JOIN image ON image.id = flip.image_id
            WHERE flip.simulation_id = %s AND (flip.image_id, flip.reference) > (%s, %s) ORDER BY flip.image_id, flip.reference LIMIT %s
            """,
            (key, *last, limit),
        )
        return await cursor.fetchall()
