"""Verdicts with changed counts, many at a time: read, written again, and announced.

Numbers go to the database as texts of arrays, and texts that many rows have in common once: a million rows pass here.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import LiteralString, NamedTuple

from hullmark.server.tables.database import Connection
from hullmark.server.tables.images.coordinates import columns
from hullmark.server.tables.judging.policies import PolicyVersion
from hullmark.server.tables.judging.turns import KNOWN_SINCE
from hullmark.server.tables.places.running import runs

WORDS = ("go", "warn", "stop", "unknown")
"""Outcomes; rows name them by place."""
_SAME: LiteralString = (
    "verdict.account_id = new.account_id AND verdict.image_id = new.image_id AND verdict.policy_id = new.policy_id "
    "AND verdict.environment = new.environment AND verdict.is_shadow = new.is_shadow"
)
_WORD: LiteralString = "(ARRAY['go', 'warn', 'stop', 'unknown'])[1 + "


class Row(NamedTuple):
    """A current verdict and its inputs. `changes`: how many findings were added and removed since its document was written;
    below 0: unknown. `is_matched`: there were advisories when it was made."""

    account_id: int
    image_id: int
    policy_id: int
    environment: str
    is_shadow: bool
    history_id: int
    verdict: str
    stops: int
    warns: int
    finding_count: int | None
    has_unknowns: bool
    next_at: datetime | None
    policy_version: int
    exceptions_digest: str
    changes: int
    is_matched: bool = True


class NewRow(NamedTuple):
    """A verdict that replaces the one with a number. `reason` is None where it stays, `changes` are the numbers of what came
    since."""

    history_id: int
    verdict: str
    reason: str | None
    stops: int
    warns: int
    finding_count: int
    next_at: datetime | None
    changes: tuple[int, ...]


class NewTransition(NamedTuple):
    """A transition of the verdict with a number. `evidence` is JSON, the same object for many."""

    history_id: int
    cause_id: int
    kind: str
    before: str
    after: str
    severity: int
    evidence: str


async def rows_of(
    conn: Connection,
    images: Sequence[int],
    policies: Collection[int],
    snapshot_id: int | None,
    version: int | None = None,
) -> list[Row]:
    """The current verdicts of images by policies that were not judged with this snapshot (None: all) or by this version, nor are to be
    judged anyway; they are locked until the transaction ends."""
    cursor = await conn.execute(
        "SELECT now.account_id, now.image_id, now.policy_id, now.environment, now.is_shadow, now.history_id, now.verdict, "
        "now.stops, now.warns, now.finding_count, now.has_unknowns, now.next_at, history.policy_version, "
        "history.exceptions_digest, CASE jsonb_typeof(history.changes) WHEN 'array' THEN "
        "jsonb_array_length(history.changes) WHEN 'object' THEN -1 ELSE 0 END, now.snapshot_id IS NOT NULL "
        "FROM verdict now JOIN verdict_history history ON history.id = now.history_id "
        "WHERE now.image_id = ANY(%s::bigint[]) AND now.policy_id = ANY(%s::bigint[]) AND NOT now.is_awaiting "
        "AND (%s::bigint IS NULL OR now.snapshot_id IS DISTINCT FROM %s) "
        "AND (%s::integer IS NULL OR history.policy_version <> %s) "
        "ORDER BY now.account_id, now.image_id, now.policy_id, now.environment, now.is_shadow "
        "FOR UPDATE OF now",
        (_array(images), _array(sorted(policies)), snapshot_id, snapshot_id, version, version),
    )
    return [Row(*row) for row in await cursor.fetchall()]


def _array(numbers: Iterable[object]) -> str:
    """Numbers as PostgreSQL writes an array of them."""
    return "{" + ",".join(map(str, numbers)) + "}"


def _places(values: Iterable[str]) -> tuple[list[str], list[int]]:
    """Each value once, and the place (from 1) of each."""
    known: dict[str, int] = {}
    places = [known.setdefault(value, len(known) + 1) for value in values]
    return list(known), places


_WRITE: LiteralString = (
    "WITH new AS MATERIALIZED (SELECT * FROM unnest(%(ids)s::bigint[], %(old)s::bigint[], %(words)s::smallint[], "
    "%(reasons_at)s::integer[], %(stops)s::integer[], %(warns)s::integer[], %(counts)s::integer[], %(next)s::timestamptz[], "
    "%(changes)s::jsonb[]) AS new (id, old_id, word, reason_at, stops, warns, finding_count, next_at, changes) "
    "JOIN (SELECT reason AS new_reason, place FROM unnest(%(reasons)s::text[]) WITH ORDINALITY AS each (reason, place)) AS said "
    "ON place = reason_at), "
    "written AS (INSERT INTO verdict_history (id, account_id, image_id, policy_id, policy_version, environment, reference, is_shadow, "
    "verdict, reason, stops, warns, document, image_digest, policy_digest, exceptions_digest, snapshot_digest, analyzer, cause, at, "
    "changes) OVERRIDING SYSTEM VALUE SELECT new.id, old.account_id, old.image_id, old.policy_id, "
    "coalesce(%(version)s, old.policy_version), "
    "old.environment, old.reference, old.is_shadow, "
    + _WORD
    + "new.word], CASE new.new_reason WHEN '' THEN old.reason ELSE "
    "new.new_reason END, new.stops, new.warns, old.document, old.image_digest, "
    "coalesce(%(policy)s, old.policy_digest), old.exceptions_digest, %(digest)s, "
    "old.analyzer, %(cause)s, %(now)s, coalesce(old.changes, '[]') || new.changes FROM new JOIN verdict_history old "
    "ON old.id = new.old_id RETURNING id, account_id, image_id, policy_id, environment, is_shadow, verdict, reason, stops, warns), "
    # By the way: what the verdicts say in another word now.
    "turned AS (INSERT INTO verdict_change (account_id, image_id, policy_id, environment, before, after, at, history_id, known_since, "
    "kind) SELECT new.account_id, new.image_id, new.policy_id, new.environment, new.before, new.after, new.at, new.id, "
    + KNOWN_SINCE
    + ", CASE WHEN %(version)s::integer IS NULL THEN 'advisory' ELSE 'policy' END FROM (SELECT new.id, old.account_id, old.image_id, "
    "old.policy_id, old.environment, old.verdict AS before, "
    + _WORD
    + "new.word] AS after, %(now)s::timestamptz AS at FROM new JOIN verdict_history old ON old.id = new.old_id AND NOT old.is_shadow) new "
    "WHERE new.before <> new.after), "
    # By itself: how many rows the verdicts leave is estimated far too low, and then each row of the one is compared with each of the other.
    "whole AS MATERIALIZED (SELECT written.*, new.finding_count, new.next_at FROM written JOIN new USING (id)) "
    "UPDATE verdict SET history_id = new.id, verdict = new.verdict, reason = new.reason, stops = new.stops, warns = new.warns, "
    "finding_count = new.finding_count, next_at = new.next_at, judged_at = %(now)s FROM whole new WHERE "
    + _SAME
    +
    # The images of a part lie close together: without bounds all verdicts there are would be gone through for each part.
    " AND verdict.image_id BETWEEN (SELECT min(image_id) FROM whole) AND (SELECT max(image_id) FROM whole)"
)


async def write(
    conn: Connection,
    rows: Sequence[NewRow],
    snapshot_digest: str,
    cause: str,
    now: datetime,
    version: PolicyVersion | None = None,
) -> list[int]:
    """Replace verdicts by others; answers their numbers. The history gets rows with what came since the documents were written.
    `version`: that of the policy, where it is another one."""
    cursor = await conn.execute(
        "SELECT nextval(pg_get_serial_sequence('verdict_history', 'id')) FROM generate_series(1, %s)", (len(rows),)
    )
    ids = [int(number) for (number,) in await cursor.fetchall()]
    reasons, reason_at = _places(row.reason or "" for row in rows)
    await conn.execute(
        _WRITE,
        {
            "ids": _array(ids),
            "old": _array(row.history_id for row in rows),
            "words": _array(WORDS.index(row.verdict) for row in rows),
            "reasons": reasons,
            "reasons_at": _array(reason_at),
            "stops": _array(row.stops for row in rows),
            "warns": _array(row.warns for row in rows),
            "counts": _array(row.finding_count for row in rows),
            "next": _array(f'"{row.next_at.isoformat()}"' if row.next_at else "NULL" for row in rows),
            "changes": _array(f'"[{",".join(map(str, row.changes))}]"' for row in rows),
            "digest": snapshot_digest,
            "cause": cause,
            "now": now,
            "version": version.version if version is not None else None,
            "policy": version.digest if version is not None else None,
        },
        prepare=False,
    )
    return ids


async def bring_forward(conn: Connection, rows: Sequence[tuple[Row, datetime]]) -> None:
    """Set the first time at which unchanged verdicts may change."""
    if rows:
        await conn.execute(
            "UPDATE verdict SET next_at = new.next_at FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::text[], %s::boolean[], "
            "%s::timestamptz[]) AS new (account_id, image_id, policy_id, environment, is_shadow, next_at) WHERE "
            + _SAME,
            columns([(*row[:5], moment) for row, moment in rows], 6),
        )


async def await_judging(conn: Connection, rows: Sequence[Row]) -> None:
    """Nothing is added to these verdicts until their images are judged as wholes, which is to be asked for."""
    if rows:
        await conn.execute(
            "UPDATE verdict SET is_awaiting = true FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::text[], %s::boolean[]) "
            "AS new (account_id, image_id, policy_id, environment, is_shadow) WHERE " + _SAME,
            columns([row[:5] for row in rows], 5),
        )


async def add_transitions(conn: Connection, rows: Sequence[NewTransition], now: datetime) -> int:
    """Write down the transitions of verdicts, in this order, without repeats; returns how many are new."""
    if not rows:
        return 0
    kinds, kind_at = _places(row.kind for row in rows)
    evidence, evidence_at = _places(row.evidence for row in rows)
    cursor = await conn.execute(
        "INSERT INTO transition (account_id, cause_id, kind, key, image_id, image_digest, reference, policy_id, policy, environment, "
        "before, after, severity, history_id, evidence, at, is_certified, is_deployed) "
        "SELECT history.account_id, new.cause_id, kinds.kind, left(history.id || ':' || kinds.kind || ':' || cause.key, 1000), "
        "history.image_id, history.image_digest, history.reference, history.policy_id, coalesce(policy.name, ''), history.environment, "
        + _WORD
        + "new.before], "
        + _WORD
        + "new.after], new.severity, history.id, told.evidence, %(now)s, held.certified_at IS NOT NULL, "
        + runs("history.account_id", "history.image_id")
        + " FROM unnest(%(history)s::bigint[], %(cause)s::bigint[], %(kind_at)s::integer[], %(before)s::smallint[], %(after)s::smallint[], "
        "%(severity)s::smallint[], %(evidence_at)s::integer[]) WITH ORDINALITY "
        "AS new (history_id, cause_id, kind_at, before, after, severity, evidence_at, place) "
        "JOIN unnest(%(kinds)s::text[]) WITH ORDINALITY AS kinds (kind, at) ON kinds.at = new.kind_at "
        "JOIN jsonb_array_elements(%(evidence)s::jsonb) WITH ORDINALITY AS told (evidence, at) ON told.at = new.evidence_at "
        "JOIN cause ON cause.id = new.cause_id JOIN verdict_history history ON history.id = new.history_id "
        "LEFT JOIN policy ON policy.id = history.policy_id "
        "LEFT JOIN account_image held ON held.account_id = history.account_id AND held.image_id = history.image_id "
        "ORDER BY new.place ON CONFLICT (account_id, key) DO NOTHING",
        {
            "history": _array(row.history_id for row in rows),
            "cause": _array(row.cause_id for row in rows),
            "kinds": kinds,
            "kind_at": _array(kind_at),
            "before": _array(WORDS.index(row.before) for row in rows),
            "after": _array(WORDS.index(row.after) for row in rows),
            "severity": _array(row.severity for row in rows),
            "evidence": f"[{','.join(evidence)}]",
            "evidence_at": _array(evidence_at),
            "now": now,
        },
        prepare=False,
    )
    return cursor.rowcount


async def certify(conn: Connection, holdings: Iterable[tuple[int, int]], now: datetime) -> None:
    """Note that verdicts in force let images (account, image) pass, if none ever did."""
    wanted = sorted(set(holdings))
    if wanted:
        await conn.execute(
            "UPDATE account_image held SET certified_at = %s FROM unnest(%s::bigint[], %s::bigint[]) AS new (account_id, image_id) "
            "WHERE held.account_id = new.account_id AND held.image_id = new.image_id AND held.certified_at IS NULL",
            (now, *columns(wanted, 2)),
        )


class Flip(NamedTuple):
    """A verdict that differs from the one before, as it is announced."""

    account_id: int
    history_id: int
    digest: str
    policy: str
    environment: str
    reference: str
    after: str
    reason: str


async def flips_of(conn: Connection, numbers: Sequence[int]) -> list[Flip]:
    """The transitions of verdicts by their numbers, in this order."""
    cursor = await conn.execute(
        "SELECT history.account_id, history.id, history.image_digest, coalesce(policy.name, ''), history.environment, history.reference, "
        "history.verdict, history.reason FROM unnest(%s::bigint[]) WITH ORDINALITY AS new (id, place) "
        "JOIN verdict_history history ON history.id = new.id LEFT JOIN policy ON policy.id = history.policy_id ORDER BY new.place",
        (_array(numbers),),
    )
    return [Flip(*row) for row in await cursor.fetchall()]


class UnsettledImages(NamedTuple):
    """Images (by account) whose current verdicts had something added to them, and the last number of the history that was looked at."""

    images: list[tuple[int, int]]
    last: int


async def unsettled_after(conn: Connection, after: int, most: int) -> UnsettledImages:
    """The next of them, behind a number of the history."""
    cursor = await conn.execute(
        "SELECT history.id, history.account_id, history.image_id, now.history_id IS NOT NULL FROM ("
        "SELECT * FROM verdict_history WHERE changes IS NOT NULL AND id > %s ORDER BY id LIMIT %s) AS history "
        "LEFT JOIN verdict now ON now.account_id = history.account_id AND now.image_id = history.image_id "
        "AND now.policy_id = history.policy_id AND now.environment = history.environment AND now.is_shadow = history.is_shadow "
        "AND now.history_id = history.id ORDER BY history.id",
        (after, most),
    )
    rows = await cursor.fetchall()
    images = {(account, image) for _, account, image, is_current in rows if is_current}
    return UnsettledImages(sorted(images), int(rows[-1][0]) if rows else after)
