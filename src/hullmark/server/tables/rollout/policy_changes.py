"""Another version of a policy in the database: what it changes of findings, by package and by package set, and the images of each.

Changes are numbered before verdicts name them. One of a set names those of its packages (`parts`); one that names none says only by what
policy the verdict is.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, cast

import msgspec

from hullmark.server.tables.advisories.match_changes import HeldPackage
from hullmark.server.tables.database import Connection

_CLOSED = 0
"""The wave of changes that are in none."""


class ChangedBy(NamedTuple):
    """The version that changes something: account, policy, number, digest of the account's exceptions, and the snapshot that counts."""

    account_id: int
    policy_id: int
    version: int
    exceptions_digest: str
    snapshot_id: int


class PolicySummary(NamedTuple):
    """A policy in short: its digest, and how many rules it has."""

    digest: str
    rule_count: int


async def packages_by_id(conn: Connection, ids: Iterable[int]) -> list[HeldPackage]:
    """The packages of these numbers, in their order."""
    cursor = await conn.execute(
        "SELECT id, coordinate_id, situation IS NOT NULL, name, version, arch, purl FROM package "
        "WHERE id = ANY(%s::bigint[]) ORDER BY id",
        (sorted(set(ids)),),
    )
    return [HeldPackage(*row) for row in await cursor.fetchall()]


async def sets_of(conn: Connection, images: Sequence[int]) -> dict[int, list[int]]:
    """The package sets that images hold."""
    cursor = await conn.execute(
        "SELECT image_id, array_agg(set_id ORDER BY set_id) FROM image_set WHERE image_id = ANY(%s::bigint[]) GROUP BY 1",
        (list(images),),
    )
    return dict(cast("list[tuple[int, list[int]]]", await cursor.fetchall()))


async def matched_members_of(conn: Connection, sets: Iterable[int]) -> dict[int, list[int]]:
    """The packages of package sets that advisories match; a set without any is left out."""
    cursor = await conn.execute(
        "SELECT set_id, array_agg(package_id ORDER BY package_id) FROM set_member member WHERE set_id = ANY(%s::bigint[]) "
        "AND EXISTS (SELECT FROM coordinate_match found WHERE found.coordinate_id = member.coordinate_id) GROUP BY 1",
        (sorted(set(sets)),),
    )
    return dict(cast("list[tuple[int, list[int]]]", await cursor.fetchall()))


async def keep_changes(
    conn: Connection, by: ChangedBy, changes: Sequence[tuple[int, Sequence[Any], Sequence[Any]]]
) -> list[int]:
    """Write down what changes in packages: (package, lost, gained), as JSON; returns their numbers."""
    ids = await _numbers(conn, len(changes))
    rows = [
        {"id": number, "package": package, "lost": lost, "gained": gained}
        for number, (package, lost, gained) in zip(ids, changes, strict=True)
    ]
    document = msgspec.json.encode(rows).decode().replace("\\u0000", "\ufffd")
    await conn.execute(
        "INSERT INTO finding_change (id, snapshot_id, account_id, policy_id, policy_version, exceptions_digest, package_id, stage, "
        "wave_id, lost, gained) OVERRIDING SYSTEM VALUE SELECT id, %s, %s, %s, %s, %s, package, 2, %s, lost, gained "
        "FROM jsonb_to_recordset(%s::jsonb) AS new (id bigint, package bigint, lost jsonb, gained jsonb)",
        (*_columns(by), _CLOSED, document),
    )
    return ids


async def keep_sums(
    conn: Connection, by: ChangedBy, policy: PolicySummary, parts: Sequence[Sequence[int]]
) -> list[int]:
    """Write down which changes package sets bring together, and the policy; returns their numbers."""
    ids = await _numbers(conn, len(parts))
    await conn.execute(
        "INSERT INTO finding_change (id, snapshot_id, account_id, policy_id, policy_version, exceptions_digest, package_id, stage, "
        "wave_id, parts, policy_digest, rule_count) OVERRIDING SYSTEM VALUE "
        "SELECT id, %s, %s, %s, %s, %s, 0, 2, %s, parts::bigint[], %s, %s "
        "FROM unnest(%s::bigint[], %s::text[]) AS new (id, parts)",
        (*_columns(by), _CLOSED, *policy, ids, ["{" + ",".join(map(str, sorted(some))) + "}" for some in parts]),
    )
    return ids


def _columns(by: ChangedBy) -> tuple[Any, ...]:
    return by.snapshot_id, by.account_id, by.policy_id, by.version, by.exceptions_digest


async def _numbers(conn: Connection, count: int) -> list[int]:
    cursor = await conn.execute(
        "SELECT nextval(pg_get_serial_sequence('finding_change', 'id')) FROM generate_series(1, %s)", (count,)
    )
    return sorted(int(number) for (number,) in await cursor.fetchall())
