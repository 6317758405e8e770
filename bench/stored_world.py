"""A world of `bench.world` in the server's database, written by COPY as the server itself would have it; all matches by its own code.

`python -m bench.stored_world --images N --database URL --world DIR`
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import pickle
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, LiteralString

import psycopg

from bench.world import Size, World, changed, names_of, records_of, scaled, snapshot_of, world_of
from hullmark.advisories.database.snapshot import Snapshot
from hullmark.advisories.match.coordinates import list_lookups, package_of
from hullmark.policy.load import load_any
from hullmark.server.stories.images.documents import fingerprint
from hullmark.server.tables.advisories import snapshots
from hullmark.server.tables.database import Database
from hullmark.server.tables.images import coordinates
from hullmark.server.tables.migrate import migrate
from hullmark.server.tables.rollout import set_counts
from tests.support.adoption import adopt_snapshot

ACCOUNTS = 4
REPOSITORIES = 20_000
AT = "2026-02-01"
_START = datetime(2026, 1, 1, tzinfo=UTC)
POLICY = """
schema: hullmark-policy/1
name: baseline
version: 1
rules:
  - {id: exploited, gate: vulnerabilities, trigger: found, action: stop, params: {exploited: true}}
  - id: critical-with-fix
    gate: vulnerabilities
    trigger: found
    action: stop
    params: {severity: critical, fix: [fixed], unrated: ignore}
  - {id: high, gate: vulnerabilities, trigger: found, action: warn, params: {severity: high, unrated: ignore}}
"""
"""What is in force in every account."""
_FOUND: LiteralString = """
SELECT coordinate_id, sum(exploited + critical), sum(high) FROM (
    SELECT coordinate_id, max((kev_added IS NOT NULL)::int) AS exploited, max((severity = 5 AND fix_state = 'fixed')::int) AS critical,
        max((severity >= 4)::int) AS high
    FROM coordinate_match JOIN advisory ON advisory.id = advisory_id WHERE suppressed_by IS NULL AND kind <> 'cpe'
    GROUP BY coordinate_id, CASE WHEN cve <> '' THEN cve ELSE advisory.name END) AS told
GROUP BY 1 HAVING sum(exploited + critical + high) > 0
"""
"""How many findings of POLICY there are in each coordinate."""


def main() -> None:
    """Make the world where it is not there, and store it."""
    parser = argparse.ArgumentParser(prog="python -m bench.stored_world", description=__doc__)
    parser.add_argument("--images", type=int, default=Size.images)
    parser.add_argument("--database", required=True)
    parser.add_argument("--world", type=Path, required=True)
    parser.add_argument("--accounts", type=int, default=ACCOUNTS)
    wanted = parser.parse_args()
    store(wanted.database, wanted.world, scaled(wanted.images), wanted.accounts)


def store(database: str, folder: Path, size: Size, accounts: int = ACCOUNTS) -> None:
    """Fill an empty database with a world, which is made in a folder where it is not there."""
    world = made(size, folder)
    migrate(database)
    with psycopg.connect(database) as connection:
        for name, keep in (
            ("packages", lambda: _packages(connection, world)),
            ("sets", lambda: _sets(connection, world)),
            ("images", lambda: _images(connection, world, accounts)),
        ):
            _timed(name, keep)
            connection.commit()
    _timed("matches", lambda: asyncio.run(_match(database, folder / "previous")))
    with psycopg.connect(database) as connection:
        _timed("verdicts", lambda: _verdicts(connection, world, accounts))
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("VACUUM (ANALYZE)")


def _timed(name: str, do: Callable[[], None]) -> None:
    began = time.perf_counter()
    do()
    print(f"{name}: {time.perf_counter() - began:.0f} s", flush=True)


def made(size: Size, folder: Path) -> World:
    """A world, kept in a folder with the snapshots of two days."""
    folder.mkdir(parents=True, exist_ok=True)
    kept = folder / f"world-{size.images}"
    if kept.exists():
        return pickle.loads(kept.read_bytes())  # type: ignore[no-any-return]  # noqa: S301 - made by this very program
    names = names_of(size)
    world = world_of(size, names)
    records = records_of(size, names)
    for name, each in (("previous", records), ("next", changed(size, records))):
        (folder / name).unlink(missing_ok=True)
        (folder / f"{name}.digest").write_text(snapshot_of(folder / name, each))
    kept.write_bytes(pickle.dumps(world, protocol=5))
    return world


def digest_of_image(number: int) -> str:
    """The manifest digest of an image of the world."""
    return "sha256:" + hashlib.sha256(b"manifest %d" % number).hexdigest()


def repository_of(number: int) -> str:
    """The repository that an image of the world lies in."""
    return f"team-{number % REPOSITORIES % 200}/app-{number % REPOSITORIES}"


def account_of(number: int, accounts: int = ACCOUNTS) -> int:
    """The account that holds an image: three of five are the first's."""
    return 1 if number % 5 < 3 or accounts == 1 else 2 + number % (accounts - 1)


def _copy(connection: psycopg.Connection[Any], statement: LiteralString, rows: Iterable[tuple[Any, ...]]) -> None:
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row(row)


def _packages(connection: psycopg.Connection[Any], world: World) -> None:
    """Coordinates are numbered from 1 in their order, and each is one package."""
    keys: list[tuple[bytes, str, int]] = []

    def bodies() -> Iterator[tuple[int, bytes, bytes]]:
        for number, coordinate in enumerate(world.coordinates, 1):
            body = coordinates._encode(coordinate)
            names = {
                (lookup.ask.namespace, lookup.ask.name) for lookup in list_lookups(package_of(coordinate), coordinate)
            }
            keys.extend((coordinates.key_of(key), key[0], number) for key in names)
            yield number, hashlib.sha256(body).digest(), body

    _copy(connection, "COPY coordinate (id, digest, body) FROM STDIN", bodies())
    _copy(connection, "COPY coordinate_key (key, namespace, coordinate_id) FROM STDIN", keys)
    keys.clear()

    def packages() -> Iterator[tuple[Any, ...]]:
        for number, coordinate in enumerate(world.coordinates, 1):
            digest = hashlib.sha256(coordinates._encode(coordinate)).digest()
            row = coordinates._row(package_of(coordinate), digest, None, None)
            yield (
                number, row.digest, number, row.type, row.name, row.version, row.arch, row.purl, row.is_system, "", True,
            )  # fmt: skip

    _copy(
        connection,
        "COPY package (id, digest, coordinate_id, type, name, version, arch, purl, is_system, owned_by, is_settled) FROM STDIN",
        packages(),
    )


def _sets(connection: psycopg.Connection[Any], world: World) -> None:
    _copy(
        connection,
        "COPY package_set (id, digest) FROM STDIN",
        ((number + 1, hashlib.sha256(b"set %d" % number).digest()) for number in range(len(world.sets))),
    )
    _copy(
        connection,
        "COPY set_member (set_id, package_id, coordinate_id) FROM STDIN",
        ((number, member + 1, member + 1) for number, members in enumerate(world.sets, 1) for member in members),
    )


def _images(connection: psycopg.Connection[Any], world: World, accounts: int) -> None:
    count = len(world.images)
    for number in range(1, accounts + 1):
        connection.execute("INSERT INTO account (name) VALUES (%s)", (f"team-{number}",))
    when = [_START + timedelta(seconds=2 * number) for number in range(count)]
    _copy(
        connection,
        "COPY image (id, digest, config_digest, state, platform, size, distro, package_count, layer_count, added_at, analysed_at,"
        " fingerprint) FROM STDIN",
        (
            (number + 1, digest_of_image(number), "", "analysed", "linux/amd64", 50_000_000 + number % 1000, "debian:13", 350, 6,
             when[number], when[number], fingerprint())
            for number in range(count)
        ),
    )  # fmt: skip
    _copy(
        connection,
        "COPY image_alias (digest, image_id, kind) FROM STDIN",
        ((digest_of_image(number), number + 1, "manifest") for number in range(count)),
    )
    _copy(
        connection,
        "COPY account_image (account_id, image_id, reference, added_at) FROM STDIN",
        ((account_of(number, accounts), number + 1, reference_of(number), when[number]) for number in range(count)),
    )
    _copy(
        connection,
        "COPY tag (account_id, registry, repository, tag, image_id, seen_at) FROM STDIN",
        (
            (
                account_of(number, accounts),
                "registry.example",
                repository_of(number),
                str(number),
                number + 1,
                when[number],
            )
            for number in range(count)
        ),
    )
    connection.execute(
        "INSERT INTO tag_move (account_id, registry, repository, tag, image_id, at)"
        " SELECT account_id, registry, repository, tag, image_id, seen_at FROM tag"
    )
    _copy(
        connection,
        "COPY image_set (image_id, set_id) FROM STDIN",
        ((number, each + 1) for number, sets in enumerate(world.images, 1) for each in sets),
    )
    for table in ("coordinate", "package", "package_set", "image"):
        connection.execute(
            f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), (SELECT max(id) FROM {table}))"  # noqa: S608
        )


def _verdicts(connection: psycopg.Connection[Any], world: World, accounts: int) -> None:
    """What the policy says of every image: of each vulnerability in each package it holds."""
    digest = load_any(POLICY.encode()).digest
    for account in range(1, accounts + 1):
        connection.execute("INSERT INTO policy (account_id, name) VALUES (%s, 'baseline')", (account,))
        connection.execute(
            "INSERT INTO policy_version (account_id, policy_id, version, text, digest, kind) VALUES (%s, %s, 1, %s, %s, 'native')",
            (account, account, POLICY, digest),
        )
        connection.execute("INSERT INTO activation (account_id, version_id) VALUES (%s, %s)", (account, account))
    counted = counts_of_images(connection, world)
    row = connection.execute(
        "SELECT snapshot_id, digest FROM matching JOIN snapshot ON snapshot.id = snapshot_id"
    ).fetchone()
    assert row is not None
    common = (digest, row[1], "hullmark", _START)
    _copy(
        connection,
        "COPY verdict_history (id, account_id, image_id, policy_id, policy_version, environment, reference, verdict, reason, stops,"
        " warns, document, image_digest, policy_digest, snapshot_digest, analyzer, at) FROM STDIN",
        (
            (n + 1, account_of(n, accounts), n + 1, account_of(n, accounts), 1, "", reference_of(n), *word_of(*counts), *counts,
             f"verdicts/{n % 5000}",
             digest_of_image(n), *common)
            for n, counts in enumerate(counted)
        ),
    )  # fmt: skip
    _copy(
        connection,
        "COPY verdict (account_id, image_id, policy_id, reference, history_id, verdict, reason, stops, warns, judged_at, snapshot_id,"
        " finding_count) FROM STDIN",
        (
            (
                account_of(n, accounts),
                n + 1,
                account_of(n, accounts),
                reference_of(n),
                n + 1,
                *word_of(*counts),
                *counts,
                _START,
                row[0],
                sum(counts),
            )
            for n, counts in enumerate(counted)
        ),
    )
    connection.execute(
        "UPDATE account_image held SET certified_at = %s FROM verdict WHERE verdict.image_id = held.image_id"
        " AND verdict.account_id = held.account_id AND verdict = 'go'",
        (_START,),
    )
    connection.execute(
        "SELECT setval(pg_get_serial_sequence('verdict_history', 'id'), (SELECT max(id) FROM verdict_history))"
    )


def counts_of_images(connection: psycopg.Connection[Any], world: World) -> list[tuple[int, int]]:
    """How many findings stop and warn in each image. A package counts once, however many sets hold it."""
    found = connection.execute(_FOUND).fetchall()
    packages = {int(number) - 1: (int(stops), int(warns)) for number, stops, warns in found}
    told = [tuple(member for member in members if member in packages) for members in world.sets]
    counted: list[tuple[int, int]] = []
    for sets in world.images:
        held = {each for one in sets for each in told[one]}
        counted.append((sum(packages[each][0] for each in held), sum(packages[each][1] for each in held)))
    return counted


def word_of(stops: int, warns: int) -> tuple[str, str]:
    """The outcome and the reason."""
    if stops:
        return "stop", f"{stops} findings to stop for"
    return ("warn", f"{warns} warnings") if warns else ("go", "nothing to stop or warn for in 3 rules")


def reference_of(number: int) -> str:
    """The reference that an image is judged under."""
    return f"registry.example/{repository_of(number)}:{number}"


async def _match(url: str, path: Path) -> None:
    digest = path.with_name(f"{path.name}.digest").read_text()
    async with Database(url, most=2) as database:
        with Snapshot(path, digest) as stored:
            async with database.system() as connection:
                number = await snapshots.add_snapshot(
                    connection, digest, data_at=stored.data_at, object=f"snapshots/{digest[7:]}.zst", namespaces={}
                )
            await adopt_snapshot(database, number, stored, None, at=AT, size=2000)
        counted = True
        while counted:
            async with database.system() as connection:
                counted = bool(await set_counts.fill(connection, 2000))


if __name__ == "__main__":
    main()
