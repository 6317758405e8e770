"""What a rebuild would heal: packages that images share by layer, and the fixes that are known for them.

Images that were built on the same layer hold the same set of packages (`coordinates`): a rebuild of that layer heals all of them at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, LiteralString

import msgspec
from msgspec.structs import replace
from psycopg.types.json import Jsonb

from hullmark.model.limit import Limit
from hullmark.server.tables.database import Connection

Scope = Literal["running", "tagged"]
"""Images that run, or those that a tag points to."""

MOST_REBUILDS = Limit(500, "rebuilds of a plan, those that heal most first", "shortened")
AGES = (1, 7, 14, 30, 60, 90, 180, 365)
"""Days that divide images by their age: younger than the first … older than the last."""
FIX_AGES = (7, 30, 90, 180, 365)
"""The same for how long fixes have been there."""


class Rebuild(msgspec.Struct, frozen=True, kw_only=True):
    """A set of packages that images share, and what is wrong with it: counts by severity (as SEVERITIES) of findings, of those of them
    that can be fixed, and of those that are gone once it is built anew, nothing else changed: of the distribution's packages, with a fix
    in the same release. `reference` and `digest` are the smallest image that holds it; `packages` are some that a fix is known for.
    `after` is the rebuild that it stands on, which comes first (None: it stands on none of them).
    """

    id: int
    images: int
    places: int
    stopped: int
    reference: str
    digest: str
    distro: str
    findings: list[int]
    fixable: list[int]
    packages: list[str]
    vanishing: list[int] = []
    after: int | None = None

    @property
    def healed(self) -> int:
        """How many findings vanish by building it anew, over all images."""
        return sum(self.vanishing) * self.images

    @property
    def changeable(self) -> int:
        """How many more go if versions that the build names are raised, over all images."""
        return (sum(self.fixable) - sum(self.vanishing)) * self.images

    @property
    def left(self) -> int:
        """How many stay, since no fix is known, over all images."""
        return (sum(self.findings) - sum(self.fixable)) * self.images


class RebuildPlan(msgspec.Struct, frozen=True, kw_only=True):
    """The rebuilds of an account's images in the order in which they are to be done: what others stand on before these, and besides what
    heals most first. `findings` are all of all images; `healed` vanish by rebuilds alone, `fixable` have a fix. `ages` and `fix_ages` count
    images by their age, and fixable findings by how long their fixes have been there, by the bounds of AGES and FIX_AGES; the last number
    is of those without a date."""

    images: int = 0
    findings: int = 0
    healed: int = 0
    fixable: int = 0
    rebuilds: list[Rebuild] = []
    ages: list[int] = []
    fix_ages: list[int] = []


class KeptPlan(msgspec.Struct, frozen=True, kw_only=True):
    """A plan, and when it was made."""

    plan: RebuildPlan
    at: datetime


_RUNNING: LiteralString = """
SELECT ran.image_id, count(*)::bigint AS places FROM placement placed JOIN running_image ran ON ran.id = placed.running_image_id
WHERE placed.account_id = %(account)s AND placed.until IS NULL AND ran.image_id IS NOT NULL GROUP BY 1"""
_TAGGED: LiteralString = """
SELECT DISTINCT tag.image_id, 0::bigint AS places FROM tag WHERE tag.account_id = %(account)s AND tag.is_current"""
_SCOPES: dict[Scope, LiteralString] = {"running": _RUNNING, "tagged": _TAGGED}

# What is exempt in a package's situation is left out once a set was counted as a whole.
_HELD: LiteralString = """
chosen AS MATERIALIZED ({scope}), stopped AS MATERIALIZED (
    SELECT DISTINCT now.image_id FROM verdict now JOIN chosen ON chosen.image_id = now.image_id
    WHERE now.account_id = %(account)s AND NOT now.is_shadow AND now.verdict = 'stop'
), held AS MATERIALIZED (
    SELECT part.set_id, count(*)::bigint AS images, sum(chosen.places)::bigint AS places, count(stopped.image_id)::bigint AS stopped,
        (array_agg(part.image_id ORDER BY image.layer_count, image.id))[1] AS first
    FROM chosen JOIN image_set part ON part.image_id = chosen.image_id JOIN image ON image.id = chosen.image_id
    LEFT JOIN stopped ON stopped.image_id = chosen.image_id GROUP BY 1
), counted AS MATERIALIZED (
    SELECT held.*, coalesce(whole.counts, nullif(ARRAY(
        SELECT coalesce(sum(state.counts[place]), 0)::integer FROM set_member member
        JOIN coordinate_state state ON state.coordinate_id = member.coordinate_id AND state.counts IS NOT NULL
        CROSS JOIN generate_series(1, 12) AS place WHERE member.set_id = held.set_id GROUP BY place ORDER BY place
    ), ARRAY[]::integer[]), array_fill(0, ARRAY[12])) AS counts
    FROM held JOIN package_set whole ON whole.id = held.set_id
), summed AS MATERIALIZED (
    SELECT counted.*, (SELECT sum(one) FROM unnest(counts[1:6]) one) AS all_findings,
        (SELECT sum(one) FROM unnest(counts[7:12]) one) AS all_fixable FROM counted
), healing AS MATERIALIZED (
    -- What a feed says of a release's package is mended in that release; of other packages the build names the version.
    SELECT found.set_id, jsonb_object_agg(found.severity, found.number) AS numbers FROM (
        SELECT member.set_id, advisory.severity, count(*) AS number FROM summed JOIN set_member member ON member.set_id = summed.set_id
        JOIN package ON package.id = member.package_id AND package.is_system
        JOIN coordinate_match match ON match.coordinate_id = member.coordinate_id AND match.fix_state = 'fixed'
            AND match.suppressed_by IS NULL
        JOIN advisory ON advisory.id = match.advisory_id
        WHERE summed.all_fixable > 0 AND NOT EXISTS (SELECT FROM package_exempt exempt
            WHERE exempt.package_id = member.package_id AND exempt.advisory_id = match.advisory_id) GROUP BY 1, 2
    ) found GROUP BY 1
), vanished AS MATERIALIZED (
    SELECT summed.*, ARRAY(SELECT least(summed.counts[6 + place], coalesce((healing.numbers ->> (place - 1)::text)::integer, 0))
        FROM generate_series(1, 6) AS place ORDER BY place) AS vanishing
    FROM summed LEFT JOIN healing USING (set_id)
), rated AS MATERIALIZED (
    SELECT vanished.*, (SELECT sum(one) FROM unnest(vanishing) one) AS all_vanishing FROM vanished
)"""


async def has_more_images(connection: Connection, account_id: int, than: int) -> bool:
    """Whether an account holds more images than so many."""
    cursor = await connection.execute(
        "SELECT count(*) FROM (SELECT FROM account_image WHERE account_id = %s LIMIT %s) found", (account_id, than + 1)
    )
    row = await cursor.fetchone()
    return row is not None and row[0] > than


async def make_plan(connection: Connection, account_id: int, scope: Scope, now: datetime) -> RebuildPlan:
    """The plan for the images of an account, by what is known now."""
    values = {"account": account_id, "most": int(MOST_REBUILDS), "now": now}
    values |= {"ages": list(AGES), "fix_ages": list(FIX_AGES)}
    # One statement: who holds which set is looked up once for all that is counted by it.
    held = _HELD.replace("{scope}", _SCOPES[scope])
    statement = f"WITH {held}, {_REBUILDS}, {_AGES}, {_FIX_AGES} {_PLAN}"
    row = await (await connection.execute(statement, values)).fetchone()
    images, findings, healed, fixable, rebuilds, stands, ages, fix_ages = (
        row if row is not None else (0, 0, 0, 0, [], [], [], [])
    )
    return RebuildPlan(
        images=images,
        findings=findings,
        healed=healed,
        fixable=fixable,
        rebuilds=in_order(
            msgspec.convert(rebuilds, list[Rebuild]), [(int(upper), int(lower)) for upper, lower in stands]
        ),
        ages=_histogram(ages, len(AGES)),
        fix_ages=_histogram(fix_ages, len(FIX_AGES)),
    )


_REBUILDS: LiteralString = """
rebuild AS (
SELECT summed.set_id AS id, summed.images, summed.places, summed.stopped, coalesce(nullif(own.reference, ''), '') AS reference,
    image.digest, image.distro, summed.counts[1:6] AS findings, summed.counts[7:12] AS fixable, summed.vanishing,
    ARRAY(SELECT DISTINCT package.name FROM (
        SELECT member.package_id FROM set_member member JOIN coordinate_match found ON found.coordinate_id = member.coordinate_id
        JOIN advisory ON advisory.id = found.advisory_id
        WHERE member.set_id = summed.set_id AND found.fix_state = 'fixed' AND found.suppressed_by IS NULL
        ORDER BY advisory.risk DESC, advisory.id LIMIT 6) worst
        JOIN package ON package.id = worst.package_id ORDER BY 1 LIMIT 3) AS packages,
    summed.all_vanishing * summed.images AS healing
FROM (SELECT * FROM rated WHERE all_fixable > 0
    ORDER BY all_vanishing * images DESC, all_fixable * images DESC, set_id LIMIT %(most)s) summed
JOIN image ON image.id = summed.first
LEFT JOIN account_image own ON own.account_id = %(account)s AND own.image_id = summed.first
), stand AS (
    -- All images that hold the one hold the other, too.
    SELECT upper.set_id AS id, lower.set_id AS on_id FROM rebuild JOIN image_set upper ON upper.set_id = rebuild.id
    JOIN chosen ON chosen.image_id = upper.image_id JOIN image_set lower ON lower.image_id = upper.image_id
        AND lower.set_id <> upper.set_id AND lower.set_id IN (SELECT id FROM rebuild)
    GROUP BY 1, 2, rebuild.images HAVING count(*) = rebuild.images
)"""
_PLAN: LiteralString = """
-- All of it as one row.
SELECT (SELECT count(*) FROM chosen), (SELECT coalesce(sum(all_findings * images), 0)::bigint FROM summed),
    (SELECT coalesce(sum(all_vanishing * images), 0)::bigint FROM rated),
    (SELECT coalesce(sum(all_fixable * images), 0)::bigint FROM summed),
    (SELECT coalesce(jsonb_agg(to_jsonb(rebuild) ORDER BY rebuild.healing DESC, rebuild.id), '[]') FROM rebuild),
    (SELECT coalesce(jsonb_agg(jsonb_build_array(id, on_id) ORDER BY id, on_id), '[]') FROM stand),
    (SELECT coalesce(jsonb_agg(jsonb_build_array(place, number)), '[]') FROM age),
    (SELECT coalesce(jsonb_agg(jsonb_build_array(place, number)), '[]') FROM fix_age)"""
_AGES: LiteralString = """
age AS (
SELECT CASE WHEN image.created_at IS NULL OR image.created_at < '1990-01-01' THEN -1
    ELSE width_bucket(extract(epoch FROM %(now)s::timestamptz - image.created_at) / 86400.0, %(ages)s::float8[]) END AS place,
    count(*) AS number
FROM chosen JOIN image ON image.id = chosen.image_id GROUP BY 1
)"""
# Dates are counted by hand, to two days: one that no calendar has, as a feed may write it, must not end the query.
_FIX_AGES: LiteralString = """
fix_age AS (
SELECT CASE WHEN found.fix_date !~ '^[12][0-9]{3}-[01][0-9]-[0-3][0-9]' THEN -1
    ELSE width_bucket(extract(epoch FROM %(now)s::timestamptz) / 86400.0 - (left(found.fix_date, 4)::int - 1970) * 365.2425
        - (substr(found.fix_date, 6, 2)::int - 1) * 30.437 - substr(found.fix_date, 9, 2)::int, %(fix_ages)s::float8[]) END AS place,
    sum(summed.images) AS number
FROM summed JOIN set_member member ON member.set_id = summed.set_id
JOIN coordinate_match found ON found.coordinate_id = member.coordinate_id AND found.fix_state = 'fixed' AND found.suppressed_by IS NULL
WHERE summed.all_fixable > 0 GROUP BY 1
)"""


def in_order(rebuilds: Sequence[Rebuild], stands: Sequence[tuple[int, int]]) -> list[Rebuild]:
    """Rebuilds in the order in which they are to be done. `stands` are pairs of which all images that hold the first hold the second.

    Each stands on the one that the fewest other images have besides, and comes behind it; what heals most with all that stands on it comes
    first. Of two that the same images hold, the one that heals more is the base.
    """
    known = {rebuild.id: rebuild for rebuild in rebuilds}
    rank = {rebuild.id: (-rebuild.images, -sum(rebuild.vanishing), rebuild.id) for rebuild in rebuilds}
    below: dict[int, list[int]] = {}
    for upper, lower in stands:
        if upper in known and lower in known and rank[lower] < rank[upper]:
            below.setdefault(upper, []).append(lower)
    base = {upper: max(lowers, key=rank.__getitem__) for upper, lowers in below.items()}
    above: dict[int | None, list[int]] = {}
    heals = {rebuild.id: rebuild.healed for rebuild in rebuilds}
    for number in sorted(known, key=rank.__getitem__, reverse=True):
        above.setdefault(base.get(number), []).append(number)
        if number in base:
            heals[base[number]] += heals[number]
    found: list[Rebuild] = []
    waiting = sorted(above.get(None, ()), key=lambda number: (heals[number], -number))
    while waiting:
        number = waiting.pop()
        found.append(replace(known[number], after=base.get(number)))
        waiting += sorted(above.get(number, ()), key=lambda each: (heals[each], -each))
    return found


def _histogram(found: list[tuple[int, int]], bounds: int) -> list[int]:
    """How many lie below each bound and above the last; the last number is of those without a date."""
    counts = [0] * (bounds + 2)
    for place, count in found:
        counts[place] = int(count)
    return counts


async def kept_plan(connection: Connection, account_id: int, scope: Scope) -> KeptPlan | None:
    """The plan that was kept last; None where none was."""
    cursor = await connection.execute(
        "SELECT body, at FROM rebuild_plan WHERE account_id = %s AND scope = %s", (account_id, scope)
    )
    row = await cursor.fetchone()
    return KeptPlan(plan=msgspec.convert(row[0], RebuildPlan), at=row[1]) if row else None


async def keep_plan(connection: Connection, account_id: int, scope: Scope, plan: RebuildPlan, at: datetime) -> None:
    """Keep a plan in place of the one before."""
    await connection.execute(
        "INSERT INTO rebuild_plan (account_id, scope, body, at) VALUES (%s, %s, %s, %s)"
        " ON CONFLICT (account_id, scope) DO UPDATE SET body = EXCLUDED.body, at = EXCLUDED.at",
        (account_id, scope, Jsonb(msgspec.to_builtins(plan)), at),
    )
