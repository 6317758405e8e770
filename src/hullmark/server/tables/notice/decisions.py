"""Which subscriptions transitions fit, and which silences: asked of the database for many at a time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal, get_args
from uuid import UUID

import msgspec
from psycopg.rows import kwargs_row
from psycopg.types.json import Jsonb

from hullmark.model.notice import TransitionKind
from hullmark.server.tables.database import Connection
from hullmark.server.tables.notice.subscriptions import Scope, Stopped
from hullmark.server.tables.places.running import build_stopped_condition, runs

Stage = Literal[
    "no subscription",
    "kind",
    "reference",
    "environment",
    "not deployed",
    "not watched",
    "severity",
    "no channel",
    "not carried",
    "fits",
]
_STAGES: tuple[Stage, ...] = get_args(Stage)
"""How far a transition came with the subscription that came nearest to fitting, by number."""

EVERYTHING = 100
"""Above all severities: quiet hours that hold everything."""


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """A subscription as the database compares it: patterns of LIKE, the channels that are there, what quiet hours hold right now.

    None is all. `not_carried` are the kinds that none of the channels carries. `quiet_below`: what weighs less is held (0: nothing is,
    EVERYTHING: everything is). `stopped`: how what concerns images that run nowhere any more is told.
    """

    position: int
    kinds: list[str] | None = None
    selectors: tuple[str, ...] = ("%",)
    environments: list[str] | None = None
    severity: int = 0
    scope: Scope = "watched"
    channels: list[UUID] = []
    not_carried: list[str] = []
    is_digest: bool = False
    quiet_below: int = 0
    stopped: Stopped = "digest"


class CarriedKinds(msgspec.Struct, frozen=True, kw_only=True):
    """The only kinds that a channel carries."""

    channel: UUID
    kinds: list[str]


class SilenceRule(msgspec.Struct, frozen=True, kw_only=True):
    """A silence as the database compares it; `why` is written to what it silences."""

    position: int
    why: str
    starts: datetime
    ends: datetime
    kinds: list[str] | None = None
    selectors: tuple[str, ...] = ("%",)
    subject: str = "%"


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """One decision about some transitions of one cause and kind.

    With a channel: they go there by the subscription at `position`; those of several channels stand in several decisions. Without: nobody
    hears of them, as `stage` says, or as `silence` says if that is not "". `is_digest`: they wait for the subscription's next digest.
    """

    cause_id: int
    kind: str
    channel: UUID | None
    position: int | None
    is_held: bool
    stage: Stage
    silence: str
    ids: list[int]
    is_digest: bool = False


def like(wildcards: str) -> str:
    """The pattern of LIKE for a text in which `*` is any characters and `?` one."""
    for special in ("\\", "%", "_"):
        wildcards = wildcards.replace(special, f"\\{special}")
    return wildcards.replace("*", "%").replace("?", "_")


def likes(selector: str) -> tuple[str, ...]:
    """The patterns of a selector: several with commas between."""
    return tuple(like(part.strip()) for part in selector.split(",") if part.strip())


ABOUT_FINDINGS: tuple[TransitionKind, ...] = (
    "compliance.lost",
    "compliance.regained",
    "finding.new",
    "finding.worse",
    "finding.retracted",
    "fix.available",
)
"""Kinds of transitions that concern an image whether it runs or not: of one that ran and runs no more they can wait."""

_PARAMETERS = f"""
batch AS MATERIALIZED (
    SELECT t.id, t.cause_id, t.kind, t.reference, t.environment, t.at, cause.subject,
        -- What starts or changes at a place is news of the place, whatever the image is.
        (t.image_id IS NOT NULL OR t.image_digest <> '') AND NOT starts_with(t.kind, 'place.') AS is_of_image,
        CASE t.severity WHEN 0 THEN cause.severity ELSE t.severity END AS severity,
        t.is_certified OR t.is_deployed OR coalesce(former.is_certified OR former.is_deployed, false) AS is_watched,
        t.is_deployed OR coalesce(former.is_deployed, false) AS is_deployed,
        NOT t.is_deployed AND NOT coalesce(former.is_deployed, false) AND t.kind = ANY(%(about_findings)s::text[])
            AND EXISTS (SELECT FROM collector WHERE collector.account_id = %(account)s)
            AND {build_stopped_condition("t.account_id", "t.image_id")} AS is_stopped
    FROM transition t JOIN cause ON cause.id = t.cause_id
    -- Where a tag moved, what it leads to now is as well known as what it led to before: who hears that it is out of compliance hears
    -- that it is back, too.
    LEFT JOIN LATERAL (
        SELECT bool_or(held.certified_at IS NOT NULL) AS is_certified, bool_or({runs("tag.account_id", "tag.image_id")}) AS is_deployed
        FROM tag JOIN account_image held ON held.account_id = tag.account_id AND held.image_id = tag.image_id
        WHERE tag.account_id = t.account_id AND tag.registry = split_part(t.reference, '/', 1)
            AND tag.repository = substring(t.reference FROM '^[^/]*/(.*):[^:/]*$') AND tag.tag = substring(t.reference FROM ':([^:/]*)$')
            AND t.reference <> '' AND (cause.kind = 'image' OR NOT (t.is_certified OR t.is_deployed))
    ) former ON true
    WHERE t.account_id + 0 = %(account)s AND t.id = ANY(%(ids)s::bigint[])
), rule AS MATERIALIZED (
    SELECT * FROM jsonb_to_recordset(%(rules)s) AS r(position integer, kinds text[], selectors text[], environments text[],
        severity integer, scope text, channels uuid[], not_carried text[], is_digest boolean, quiet_below integer,
        stopped text)
), carried AS MATERIALIZED (
    SELECT * FROM jsonb_to_recordset(%(carried)s) AS c(channel uuid, kinds text[])
), hush AS MATERIALIZED (
    SELECT * FROM jsonb_to_recordset(%(silences)s) AS s(position integer, why text, starts timestamptz, ends timestamptz, kinds text[],
        selectors text[], subject text)
)"""

# No join by number: what is written a moment ago is not analysed yet, and the planner takes many rows for one.
_DECIDE = f"""
WITH {_PARAMETERS}, weighed AS (
    SELECT batch.*, rule.position, rule.channels, rule.is_digest OR batch.is_stopped AND rule.stopped = 'digest' AS is_digest,
        rule.quiet_below, CASE
        WHEN rule.position IS NULL THEN 0
        WHEN NOT coalesce(batch.kind LIKE ANY(rule.kinds), true) THEN 1
        WHEN NOT batch.reference LIKE ANY(rule.selectors) THEN 2
        WHEN batch.environment <> '' AND NOT coalesce(batch.environment = ANY(rule.environments), true) THEN 3
        WHEN batch.is_of_image AND rule.scope = 'deployed' AND NOT batch.is_deployed THEN 4
        WHEN batch.is_of_image AND rule.scope = 'watched' AND NOT batch.is_watched THEN 5
        WHEN batch.severity > 0 AND batch.severity < rule.severity THEN 6
        WHEN cardinality(rule.channels) = 0 THEN 7
        WHEN batch.kind = ANY(rule.not_carried) THEN 8
        ELSE 9 END AS stage
    FROM batch LEFT JOIN rule ON true
), nearest AS (
    SELECT weighed.*, max(stage) OVER each AS nearest, row_number() OVER each AS place FROM weighed WINDOW each AS (PARTITION BY id)
), judged AS MATERIALIZED (
    SELECT nearest.*, silenced.why FROM nearest LEFT JOIN LATERAL (
        SELECT hush.why FROM hush
        WHERE nearest.nearest = 9 AND nearest.at >= hush.starts AND nearest.at < hush.ends
            AND coalesce(nearest.kind LIKE ANY(hush.kinds), true) AND nearest.reference LIKE ANY(hush.selectors)
            AND nearest.subject LIKE hush.subject
        ORDER BY hush.position LIMIT 1
    ) AS silenced ON true
), told AS (
    -- Of several subscriptions of one channel: at once before in a digest, now before after quiet hours, the older one before the newer.
    SELECT DISTINCT ON (judged.id, heard.channel) judged.id, judged.cause_id, judged.kind, heard.channel, judged.position, judged.is_digest,
        NOT judged.is_digest AND judged.severity < judged.quiet_below AS is_held
    FROM judged CROSS JOIN unnest(judged.channels) AS heard (channel)
    WHERE judged.stage = 9 AND judged.why IS NULL
        AND NOT EXISTS (SELECT FROM carried WHERE carried.channel = heard.channel AND NOT judged.kind = ANY(carried.kinds))
    ORDER BY judged.id, heard.channel, judged.is_digest, is_held, judged.position
)
SELECT cause_id, kind, channel, position, is_held, 9 AS stage, '' AS silence, is_digest, array_agg(id ORDER BY id) AS ids
FROM told GROUP BY 1, 2, 3, 4, 5, is_digest
UNION ALL
SELECT cause_id, kind, NULL, NULL, false, nearest, coalesce(why, ''), false, array_agg(id ORDER BY id)
FROM judged WHERE place = 1 AND (nearest < 9 OR why IS NOT NULL) GROUP BY 1, 2, 6, 7
"""


async def decide(
    connection: Connection,
    account_id: int,
    ids: Sequence[int],
    rules: Sequence[Rule],
    silences: Sequence[SilenceRule],
    carried: Sequence[CarriedKinds] = (),
) -> list[Decision]:
    """What these rules and silences say about transitions of an account: one statement, however many there are. Channels that are not in
    `carried` carry all kinds."""
    values: dict[str, Any] = {
        "account": account_id,
        "ids": list(ids),
        "rules": Jsonb(msgspec.to_builtins(rules)),
        "carried": Jsonb(msgspec.to_builtins(carried)),
        "silences": Jsonb(msgspec.to_builtins(silences)),
        "about_findings": list(ABOUT_FINDINGS),
    }
    async with connection.cursor(row_factory=kwargs_row(_decision)) as cursor:
        await cursor.execute(_DECIDE, values)
        found = await cursor.fetchall()
    return sorted(
        found,
        key=lambda decision: (
            decision.cause_id,
            decision.kind,
            str(decision.channel),
            decision.position or 0,
            decision.ids[:1],
        ),
    )


def _decision(*, stage: int, **values: Any) -> Decision:
    return Decision(stage=_STAGES[stage], **values)
