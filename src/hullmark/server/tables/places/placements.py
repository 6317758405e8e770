"""Placements: which image ran at which place, from when until when; lists of them, and what they say of images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, LiteralString

import msgspec
from psycopg.rows import class_row

from hullmark.model.limit import Limit
from hullmark.model.selector import PLACE_PREFIX, Requirement, Selector
from hullmark.server.tables.database import Connection
from hullmark.server.tables.places.running import running_images_of

_FEW = 2000
"""So many images, sets of labels or isolation facts are looked for by their numbers; with more, placements are gone through in order."""
_CHANGED = Limit(5000, "transitions of a cause whose images are looked for at places", "shortened")
_SORTED = 20_000
"""So many placements are sorted for a page of a list; where there may be more, placements are gone through in order."""
_MORE = 8
"""So many times as many of the sorted placements are looked at where too few of the first of them fit."""


class PlacementRow(msgspec.Struct, frozen=True, kw_only=True):
    """An image at a place for a time; see model.place.Place. `told`: the place as somebody called it who told of it.

    `image_digest` is that of the account's image ("": it has none), `digest` what the platform named. `grade` is a place in GRADES (None:
    nobody told). `verdict` is the worst in force on the image in the place's environment ("": none).
    `last_heard_at`: the collector is silent, and was heard of then last.
    """

    id: int
    platform: str
    cluster: str
    namespace: str
    workload: str
    container: str
    kind: str
    told: str
    environment: str
    image_id: int | None
    image_digest: str
    reference: str
    digest: str
    config_digest: str
    architecture: str
    is_inferred: bool
    containers: int
    since: datetime
    until: datetime | None
    grade: int | None
    grade_reason: str
    labels: dict[str, str]
    verdict: str
    last_heard_at: datetime | None


class PlacementFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which placements are wanted; "" and None ask for nothing. `digest`: any of an image's digests; `verdict` may be "none".

    `grade`: at most this one, by its place in GRADES, or just this one (`is_exact`; -1: nobody told).
    `at`: that ran at this moment (None: that run).
    """

    digest: str = ""
    platform: str = ""
    cluster: str = ""
    namespace: str = ""
    environment: str = ""
    selector: Selector = Selector()
    grade: int | None = None
    is_exact: bool = False
    verdict: str = ""
    at: datetime | None = None


Position = tuple[str, str, str, str, int]
"""Where a list of placements goes on: behind this cluster, namespace, workload, container and number."""

WORST_VERDICT: LiteralString = """coalesce((SELECT now.verdict FROM verdict now
    WHERE now.account_id = placed.account_id AND now.image_id = ran.image_id AND NOT now.is_shadow
        AND now.environment IN ('', placed.environment)
    ORDER BY array_position(ARRAY['stop', 'unknown', 'warn', 'go'], now.verdict) LIMIT 1), '')"""
"""The worst verdict in force on the image `ran` of the placement `placed`, as SQL; "" for none."""

PLACEMENT_ROWS: LiteralString = f"""
SELECT placed.id, placed.platform, placed.cluster, placed.namespace, placed.workload, placed.container, placed.kind, placed.told,
    placed.environment, ran.image_id, coalesce((SELECT image.digest FROM image WHERE image.id = ran.image_id), '') AS image_digest,
    ran.reference, ran.digest, ran.config_digest, ran.architecture, ran.is_inferred, placed.containers, placed.since, placed.until,
    facts.grade, coalesce(facts.reason, '') AS grade_reason, coalesce(label_set.labels, '{{}}') AS labels, {WORST_VERDICT} AS verdict,
    (SELECT collector.reported_at FROM collector WHERE collector.id = placed.collector_id AND placed.until IS NULL
        AND collector.silent_since IS NOT NULL) AS last_heard_at
FROM page placed JOIN running_image ran ON ran.id = placed.running_image_id
LEFT JOIN isolation facts ON facts.id = placed.isolation_id LEFT JOIN label_set ON label_set.id = placed.label_set_id"""
"""The rows of the placements that `page` names, as SQL."""


async def list_placements(
    connection: Connection, account_id: int, wanted: PlacementFilter, after: Position | None, limit: int
) -> list[PlacementRow]:
    """Placements by cluster, namespace, workload and container, after one."""
    sought = await _Search.begun(connection, account_id, wanted)
    if sought is None:
        return []
    order = ("namespace", "cluster") if wanted.namespace and not wanted.cluster else ("cluster", "namespace")
    keys = (*order, "workload", "container", "id")
    if after is not None:
        cluster, namespace, workload, container, number = after
        sought.values |= {"k_cluster": cluster, "k_namespace": namespace, "k_workload": workload}
        sought.values |= {"k_container": container, "k_id": number}
        sought.conditions.append(f"({_columns(keys)}) > ({', '.join(f'%(k_{name})s' for name in keys)})")
    first = limit
    while True:
        values = {**sought.values, "limit": limit, "first": first}
        async with connection.cursor(row_factory=class_row(PlacementRow)) as cursor:
            await cursor.execute(
                f"WITH page AS MATERIALIZED ({sought.page(keys)} LIMIT %(limit)s) {PLACEMENT_ROWS} ORDER BY {_columns(keys)}",
                values,
            )
            rows = await cursor.fetchall()
        if len(rows) == limit or sought.few is None or first >= sought.few:
            return rows
        first *= _MORE


def _columns(keys: Sequence[str]) -> str:
    return ", ".join(f"placed.{name}" for name in keys)


async def placements_of_cause(
    connection: Connection, account_id: int, cause_id: int, after: int, limit: int
) -> list[PlacementRow]:
    """Where the images run that the newest transitions of a cause are about, by number, above one."""
    async with connection.cursor(row_factory=class_row(PlacementRow)) as cursor:
        await cursor.execute(
            f"""
            WITH page AS MATERIALIZED (
                SELECT placed.* FROM placement placed
                WHERE placed.account_id = %(account)s AND placed.until IS NULL AND placed.id > %(after)s AND placed.running_image_id IN (
                    SELECT ran.id FROM (SELECT image_id FROM transition WHERE account_id = %(account)s AND cause_id = %(cause)s
                        ORDER BY id DESC LIMIT %(most)s) changed
                    JOIN running_image ran ON ran.image_id = changed.image_id AND ran.account_id = %(account)s)
                ORDER BY placed.id LIMIT %(limit)s
            ) {PLACEMENT_ROWS} ORDER BY placed.id
            """,
            {"account": account_id, "cause": cause_id, "after": after, "limit": limit, "most": int(_CHANGED)},
        )
        return await cursor.fetchall()


class ImageCount(msgspec.Struct, frozen=True, kw_only=True):
    """At how many places of an environment an image runs."""

    running_image_id: int
    environment: str
    places: int


async def count_images(connection: Connection, account_id: int, wanted: PlacementFilter) -> list[ImageCount]:
    """The images that run at places, by number and environment."""
    sought = await _Search.begun(connection, account_id, wanted)
    if sought is None:
        return []
    async with connection.cursor(row_factory=class_row(ImageCount)) as cursor:
        await cursor.execute(
            f"""
            SELECT placed.running_image_id, placed.environment, count(*) AS places FROM placement placed {sought.joins}
            WHERE {" AND ".join(sought.conditions)} GROUP BY 1, 2 ORDER BY 1, 2
            """,
            sought.values,
        )
        return await cursor.fetchall()


def position_of(row: PlacementRow) -> Position:
    """Where a list goes on behind a placement."""
    return (row.cluster, row.namespace, row.workload, row.container, row.id)


class _Search:
    """Conditions on placements, as SQL, and their values. `last` is looked at once they are in order, only for as many as are wanted.

    `few`: how many placements are looked for by numbers that are known and then sorted, at most; None: they are gone through in order.
    """

    def __init__(self, account_id: int) -> None:
        self.conditions = ["placed.account_id = %(account)s"]
        self.values: dict[str, Any] = {"account": account_id}
        self.joins = ""
        self.last = ""
        self.few: int | None = None

    @classmethod
    async def begun(cls, connection: Connection, account_id: int, wanted: PlacementFilter) -> _Search | None:
        """The search for what is wanted; None where nothing can fit."""
        search = cls(account_id)
        for name in ("platform", "cluster", "namespace", "environment"):
            if value := getattr(wanted, name):
                search.conditions.append(f"placed.{name} = %({name})s")
                search.values[name] = value
        search._at(wanted.at)
        steps = (search._of_image, search._restrict_to_labels, search._restrict_to_grade, search._restrict_to_verdict)
        for step in steps:
            if not await step(connection, wanted):
                return None
        return search

    def page(self, keys: Sequence[str]) -> str:
        """SQL for the placements in the order of these columns. Of those that are sorted only the first `first` are looked at, and
        their rows are read only then: all else is in an index."""
        inner = f"FROM placement placed {self.joins} WHERE {' AND '.join(self.conditions)}"
        if self.few is None:
            ordered = f"SELECT placed.* {inner} ORDER BY {_columns(keys)}"
            return f"SELECT * FROM ({ordered} OFFSET 0) placed WHERE {self.last}" if self.last else ordered
        # OFFSET 0 keeps the planner from going through all placements in order until enough of them fit.
        found = (
            f"SELECT * FROM (SELECT {_columns(keys)} {inner} OFFSET 0) placed ORDER BY {_columns(keys)} LIMIT %(first)s"
        )
        whole = "CROSS JOIN LATERAL (SELECT * FROM placement WHERE placement.id = first.id) placed"
        return f"SELECT placed.* FROM ({found}) first {whole} WHERE {self.last or 'true'} ORDER BY {_columns(keys)}"

    def _at(self, at: datetime | None) -> None:
        if at is None:
            self.conditions.append("placed.until IS NULL")
        else:
            self.conditions.append("placed.since <= %(at)s AND (placed.until IS NULL OR placed.until > %(at)s)")
            self.values["at"] = at

    async def _of_image(self, connection: Connection, wanted: PlacementFilter) -> bool:
        if not wanted.digest:
            return True
        found = await running_images_of(connection, self.values["account"], wanted.digest)
        return await self._among(connection, wanted.at, "running_image_id", found)

    async def _among(self, connection: Connection, at: datetime | None, column: str, numbers: Sequence[int]) -> bool:
        """Only of these. Where they have few placements these are looked for by their numbers, and sorted; else placements are gone through
        in their order, for which the addition hides the index. Of one image the index hands its placements on in their order."""
        name = f"some_{len(self.conditions)}"
        self.values[name] = list(numbers)
        if column == "running_image_id" and len(numbers) == 1:
            self.conditions.append(f"placed.{column} = (%({name})s::bigint[])[1]")
            return True
        runs = "" if at is not None else "AND until IS NULL"
        cursor = await connection.execute(
            f"SELECT count(*) FROM (SELECT FROM placement WHERE {column} = ANY(%s::bigint[]) {runs} LIMIT %s) found",
            (list(numbers), _SORTED + 1),
        )
        row = await cursor.fetchone()
        found = row[0] if row is not None else 0
        if found <= _SORTED:
            self.few = found if self.few is None else min(found, self.few)
        self.conditions.append(f"placed.{column}{'' if found <= _SORTED else ' + 0'} = ANY(%({name})s::bigint[])")
        return bool(found)

    async def _restrict_to_labels(self, connection: Connection, wanted: PlacementFilter) -> bool:
        of_labels: list[Requirement] = []
        for at, requirement in enumerate(wanted.selector.requirements):
            if requirement.key.startswith(PLACE_PREFIX):
                self.values[f"of_key{at}"] = list(requirement.values)
                self.conditions.append(_of_place(requirement, at))
            else:
                of_labels.append(requirement)
        if not of_labels:
            return True
        found = await _few_label_sets(connection, self.values["account"], of_labels)
        if found is not None:
            return await self._among(connection, wanted.at, "label_set_id", found)
        for at, requirement in enumerate(of_labels):
            self.values |= _label_values(requirement, at)
        self.joins = _LABELS
        self.conditions += [_of_label(requirement, at) for at, requirement in enumerate(of_labels)]
        return True

    async def _restrict_to_grade(self, connection: Connection, wanted: PlacementFilter) -> bool:
        if wanted.grade is None:
            return True
        if wanted.grade < 0:
            self.conditions.append("placed.isolation_id IS NULL")
            return True
        compared: LiteralString = "=" if wanted.is_exact else "<="
        sought: LiteralString = (
            f"SELECT id FROM isolation WHERE account_id = %(account)s AND grade {compared} %(grade)s"
        )
        found = await _few(connection, sought, {"account": self.values["account"], "grade": wanted.grade})
        if found is not None:
            return await self._among(connection, wanted.at, "isolation_id", found)
        self.conditions.append(
            f"EXISTS (SELECT FROM isolation facts WHERE facts.id = placed.isolation_id AND facts.grade {compared} %(grade)s)"
        )
        self.values["grade"] = wanted.grade
        return True

    async def _restrict_to_verdict(self, connection: Connection, wanted: PlacementFilter) -> bool:
        if not wanted.verdict:
            return True
        worse = _WORST_FIRST[: _WORST_FIRST.index(wanted.verdict)] if wanted.verdict != "none" else _WORST_FIRST
        self.values |= {"verdict": [wanted.verdict], "worse": list(worse)}
        has_none_worse = _IN_FORCE.format("worse") + " IS NULL" if worse else "true"
        self.last = (
            f"{_IN_FORCE.format('verdict')} AND {has_none_worse}" if wanted.verdict != "none" else has_none_worse
        )
        sought = _UNJUDGED if wanted.verdict == "none" else _JUDGED
        found = await _few(connection, sought, {"account": self.values["account"], "verdict": wanted.verdict})
        return await self._among(connection, wanted.at, "running_image_id", found) if found is not None else True


_WORST_FIRST = ("stop", "unknown", "warn", "go")
_IN_FORCE = """(SELECT true FROM running_image ran JOIN verdict now ON now.account_id = placed.account_id AND now.image_id = ran.image_id
    AND NOT now.is_shadow AND now.environment IN ('', placed.environment) AND now.verdict = ANY(%({})s::text[])
    WHERE ran.id = placed.running_image_id LIMIT 1)"""
"""Whether one of some verdicts is in force on the image of a placement: NULL if not. It is asked row by row, of as many as are wanted."""
_JUDGED: LiteralString = """
SELECT ran.id FROM (SELECT DISTINCT image_id FROM verdict WHERE account_id = %(account)s AND verdict = %(verdict)s AND NOT is_shadow
    ORDER BY image_id) held
CROSS JOIN LATERAL (SELECT id FROM running_image WHERE account_id = %(account)s AND image_id = held.image_id OFFSET 0) ran"""
"""Images that may have a verdict. It stops at the first that are too many: the order is the index's, and `OFFSET 0` keeps the planner from
looking all of them up first."""
_UNJUDGED: LiteralString = """
(SELECT ran.id FROM running_image ran WHERE ran.account_id = %(account)s AND ran.image_id IS NULL LIMIT %(few)s)
UNION ALL
(SELECT ran.id FROM running_image ran WHERE ran.account_id = %(account)s AND ran.image_id IS NOT NULL AND NOT EXISTS (
    SELECT FROM verdict now WHERE now.account_id = %(account)s AND now.image_id = ran.image_id AND NOT now.is_shadow
        AND now.environment = '') LIMIT %(few)s)"""
"""Images that may have no verdict at a place: none of any environment."""


async def _few(connection: Connection, sought: LiteralString, values: Mapping[str, Any]) -> list[int] | None:
    """The numbers that a query finds, as `id`; None where they are more than _FEW, which are then not fetched either."""
    cursor = await connection.execute(
        f"SELECT CASE WHEN count(*) <= {_FEW} THEN coalesce(array_agg(id), '{{}}') END FROM ({sought} LIMIT {_FEW + 1}) found",
        {**values, "few": _FEW + 1},
    )
    row = await cursor.fetchone()
    return list(row[0]) if row is not None and row[0] is not None else None


_LABELS = """LEFT JOIN LATERAL (SELECT label_set.labels FROM label_set WHERE label_set.id = placed.label_set_id OFFSET 0) named ON true"""
"""The labels of a placement, looked up for each: `OFFSET 0` keeps the planner from going through all of them first."""


async def _few_label_sets(
    connection: Connection, account_id: int, requirements: Sequence[Requirement]
) -> list[int] | None:
    """The sets of labels that fit, where one of the requirements alone leaves only few; None where none does."""
    few: list[int] | None = None
    for requirement in requirements:
        if requirement.operator not in ("in", "exists"):
            continue
        is_one: LiteralString = "AND value = ANY(%(values)s::text[])" if requirement.operator == "in" else ""
        sought: LiteralString = (
            f"SELECT label_set_id AS id FROM label WHERE account_id = %(account)s AND key = %(key)s {is_one}"
        )
        told = {"account": account_id, "key": requirement.key, "values": list(requirement.values)}
        found = await _few(connection, sought, told)
        if found is not None and (few is None or len(found) < len(few)):
            few = found
    if few is None:
        return None
    values: dict[str, Any] = {"few": few}
    for at, requirement in enumerate(requirements):
        values |= _label_values(requirement, at)
    conditions = " AND ".join(_of_label(requirement, at) for at, requirement in enumerate(requirements))
    cursor = await connection.execute(
        f"SELECT named.id FROM label_set named WHERE named.id = ANY(%(few)s::bigint[]) AND {conditions}", values
    )
    return [int(number) for (number,) in await cursor.fetchall()]


def _label_values(requirement: Requirement, at: int) -> dict[str, Any]:
    return {f"label{at}": requirement.key, f"of_label{at}": list(requirement.values)}


def _of_label(requirement: Requirement, at: int) -> str:
    """A condition on the labels `named.labels`."""
    value = f"(named.labels ->> %(label{at})s::text)"
    if requirement.operator in ("exists", "absent"):
        return f"{value} IS {'NOT ' if requirement.operator == 'exists' else ''}NULL"
    is_one = f"coalesce({value} = ANY(%(of_label{at})s::text[]), false)"
    return is_one if requirement.operator == "in" else f"NOT {is_one}"


def _of_place(requirement: Requirement, at: int) -> str:
    """A condition on the place itself; its key is one of PLACE_KEYS."""
    column = f"placed.{requirement.key.removeprefix(PLACE_PREFIX)}"
    if requirement.operator in ("in", "notin"):
        is_one = f"{column} = ANY(%(of_key{at})s::text[])"
        return is_one if requirement.operator == "in" else f"NOT {is_one}"
    return "true" if requirement.operator == "exists" else "false"
