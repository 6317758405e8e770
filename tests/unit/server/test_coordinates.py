"""Packages are kept once, whoever brings them, in whatever order, and at the same time; and found under every name they go by."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import msgspec
import pytest

from hullmark.model.inventory import Inventory
from hullmark.model.package import UNKNOWN_VERSION, Location, Package
from hullmark.server.tables.database import Connection, Database
from hullmark.server.tables.images.coordinates import coordinates_by_id, key_of, store_packages
from tests.support.coordinates import coordinates_in, keys_of
from tests.support.database import database_url  # noqa: F401
from tests.support.matching import inventory, package

TABLES = ("coordinate", "coordinate_key", "package", "package_set", "set_member", "image_set")


def at_layer(layer: int, *packages: Package) -> list[Package]:
    """The packages as one layer brings them."""
    return [msgspec.structs.replace(each, locations=(Location("/x", layer),)) for each in packages]


LIBC = package("deb", "libc6", "2.36-9", source=("glibc", "2.36-9"), arch="amd64")
BASH = package("deb", "bash", "5.2-1", arch="amd64")
FLASK, ODD = package("pypi", "Flask_Login", "2.0"), package("pypi", "odd", UNKNOWN_VERSION)
FIRST = inventory(at_layer(0, LIBC, BASH) + at_layer(3, FLASK), "debian:12")
SECOND = inventory(at_layer(1, BASH, LIBC) + at_layer(2, FLASK, ODD), "debian:12.5")


def test_equal_layers_and_packages_are_kept_once(database_url: str) -> None:  # noqa: F811
    async def story(db: Database) -> None:
        one, other = await kept(db, FIRST), await kept(db, SECOND)
        assert await sizes(db) == {"coordinate": 4, "coordinate_key": 4, "package": 4, "package_set": 3, "set_member": 5,
                                   "image_set": 4}  # fmt: skip
        assert set(one.coordinates) < set(other.coordinates)

    told(database_url, story)


def test_what_an_image_held_before_is_forgotten(database_url: str) -> None:  # noqa: F811
    async def story(db: Database) -> None:
        async with db.system() as conn:
            number = await an_image(conn)
            await store_packages(conn, number, FIRST)
            now = await store_packages(conn, number, SECOND)
            assert await held_by(conn, number) == now.coordinates
            await store_packages(conn, number, inventory([]))
            assert await held_by(conn, number) == ()

    told(database_url, story)


KNOWN_AS = {
    ("rhel:9", "kernel"): {"kernel-core"},
    ("rhel:9.4", "kernel-core"): {"kernel-core"},
    ("rhel:9.4+eus", "kernel"): {"kernel-core"},
    ("rhel:8", "kernel"): set(),
    ("pypi", "flask-login"): {"Flask_Login"},
    ("maven", "org.x:y"): {"x"},
    ("npm", "@s/x"): {"@s/x"},
    ("npm", "x"): set(),
    ("golang", "example.org/a"): {"example.org/a"},
    ("generic", "tool"): {"tool"},
    ("cpe", "a:tool:tool"): {"tool"},
}
"""Names under which advisories may speak of what the image below holds, and of which of its packages they then do."""


def test_coordinates_come_out_as_they_went_in_and_under_every_name(database_url: str) -> None:  # noqa: F811
    many = inventory(
        [
            LIBC,
            FLASK,
            ODD,
            package("maven", "x", "1", space="org.x", notes={"manifest_name": "y"}),
            package("golang", "example.org/a", "v1.0.0", notes={"symbols": "example.org/a: F"}),
            package("npm", "@s/x", "1.0.0", space="@s"),
            package("generic", "python", "3.12.1"),
            package("generic", "tool", "1.0"),
            package("rpm", "kernel-core", "5.14-1.el9", source=("kernel", "5.14-1.el9"), notes={"vendor": "Red Hat"}),
        ],
        "rhel:9.4",
    )

    async def story(db: Database) -> None:
        stored = await kept(db, many, ("eus",))
        async with db.system() as conn:
            found = await coordinates_by_id(conn, stored.coordinates)
            assert set(found.values()) == set(coordinates_in(many, ("eus",)))
            rows = await (await conn.execute("SELECT key, namespace, coordinate_id FROM coordinate_key")).fetchall()
            assert sorted(rows) == sorted(
                (key_of(key), key[0], number) for number, each in found.items() for key in keys_of(each)
            )
            for key, names in KNOWN_AS.items():
                cursor = await conn.execute("SELECT coordinate_id FROM coordinate_key WHERE key = %s", (key_of(key),))
                assert {found[number].name for (number,) in await cursor.fetchall()} == names, key

    told(database_url, story)


def test_a_package_of_which_no_snapshot_can_speak_is_kept_and_found_under_no_name(database_url: str) -> None:  # noqa: F811
    async def story(db: Database) -> None:
        stored = await kept(db, inventory([package("deb", "foo", "1")], "unheard-of:1"))
        assert len(stored.coordinates) == 1
        assert (await sizes(db))["coordinate_key"] == 0

    told(database_url, story)


def test_repositories_decide_by_their_stream_alone_what_is_matched_once(database_url: str) -> None:  # noqa: F811
    old, eus = package("rpm", "kernel", "5.14-1.el9"), "rhel-9-for-x86_64-baseos-eus-rpms"

    async def story(db: Database) -> None:
        async def of(*repositories: str) -> tuple[int, ...]:
            stored = await kept(db, inventory([old], "rhel:9.2", repositories=repositories))
            return tuple(stored.coordinates)

        assert await of() == await of("rhel-9-for-x86_64-baseos-rpms") == await of("a", "b")
        assert await of(eus) == await of(eus, "rhel-9-for-x86_64-appstream-eus-rpms")
        assert await of() != await of(eus)

    told(database_url, story)


def test_a_package_of_a_paid_channel_puts_its_whole_image_into_it(database_url: str) -> None:  # noqa: F811
    paid = package("deb", "foo", "1.0+esm1")

    async def story(db: Database) -> None:
        for packages, channels in (([LIBC, paid], ("esm",)), ([LIBC], ())):
            stored = await kept(db, inventory(packages, "ubuntu:18.04"))
            async with db.system() as conn:
                found = await coordinates_by_id(conn, stored.coordinates)
            assert [each.channels for each in found.values()] == [channels] * len(packages)

    told(database_url, story)


def test_names_that_nobody_would_give_are_kept(database_url: str) -> None:  # noqa: F811
    long = "x" * 20_000
    packages = [package("deb", long, long), package("pypi", "a\0b", "1\0"), package("npm", "@é/" + long, "1")]
    image = inventory([*packages, package("generic", "ü", "1\n")], f"debian:{'1' * 9000}", codename="\0")

    async def story(db: Database) -> None:
        stored = await kept(db, image)
        assert len(stored.coordinates) == len(image.packages)
        async with db.system() as conn:
            assert set((await coordinates_by_id(conn, stored.coordinates)).values()) == set(coordinates_in(image))

    told(database_url, story)


@pytest.mark.parametrize("size", [0, 1, 40, 4000])
def test_the_number_of_statements_is_the_same_for_every_image(size: int, database_url: str) -> None:  # noqa: F811
    image = inventory(
        [each for n in range(size) for each in at_layer(n % 7, package("npm", f"p{n}", "1.0"))], "debian:12"
    )

    async def story(db: Database) -> None:
        async with db.system() as conn:
            number = await an_image(conn)
            counting = Counting(conn)
            await store_packages(counting, number, image)  # type: ignore[arg-type]
            assert counting.statements == 10

    told(database_url, story)


def test_workers_that_store_the_same_new_packages_at_once_wait_for_each_other_and_no_row_is_there_twice(
    database_url: str,  # noqa: F811
) -> None:
    packages = [package("npm", f"p{number}", "1.0", owned_by="") for number in range(300)]
    layered = [each for number, one in enumerate(packages) for each in at_layer(number % 5, one)]
    images = [inventory(layered if worker % 2 else layered[::-1], "debian:12") for worker in range(6)]
    start, failures = threading.Barrier(len(images)), []

    def work(image: Inventory) -> None:
        async def story(db: Database) -> None:
            for _ in range(4):
                async with db.system() as conn:
                    number = await an_image(conn)
                    await store_packages(conn, number, image)

        start.wait()
        try:
            told(database_url, story)
        except BaseException as error:
            failures.append(error)
            raise

    threads = [threading.Thread(target=work, args=(image,)) for image in images]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert failures == []

    async def end(db: Database) -> None:
        assert await sizes(db) == {"coordinate": 300, "coordinate_key": 300, "package": 300, "package_set": 5,
                                   "set_member": 300, "image_set": 6 * 4 * 5}  # fmt: skip

    told(database_url, end)


def test_two_transactions_that_overlap_end_with_one_row(database_url: str) -> None:  # noqa: F811
    async def story(db: Database) -> None:
        async with db.system() as conn:
            await store_packages(conn, await an_image(conn), FIRST)
            late = asyncio.create_task(kept(db, SECOND))
            done, _ = await asyncio.wait([late], timeout=0.3)
            assert not done  # it waits for what is not yet there for it
        stored = await late
        assert (await sizes(db))["coordinate"] == len(stored.coordinates) == 4

    told(database_url, story)


class Counting:
    """A connection that counts what is asked of it."""

    def __init__(self, conn: Connection) -> None:
        self._conn, self.statements = conn, 0

    async def execute(self, *words: Any) -> Any:
        """Pass it on."""
        self.statements += 1
        return await self._conn.execute(*words)


def told(url: str, story: Callable[[Database], Awaitable[None]]) -> None:
    """Run a story on a database."""

    async def main() -> None:
        async with Database(url, most=3) as db:
            await story(db)

    asyncio.run(main())


async def an_image(conn: Connection) -> int:
    row = await (await conn.execute("INSERT INTO image (digest) VALUES (gen_random_uuid()) RETURNING id")).fetchone()
    assert row is not None
    return int(row[0])


async def held_by(conn: Connection, image_id: int) -> tuple[int, ...]:
    """The numbers of the coordinates that an image holds, sorted."""
    cursor = await conn.execute(
        "SELECT DISTINCT coordinate_id FROM image_set JOIN set_member USING (set_id) WHERE image_id = %s ORDER BY 1",
        (image_id,),
    )
    return tuple(number for (number,) in await cursor.fetchall())


async def kept(db: Database, image: Inventory, channels: Sequence[str] = ()) -> Any:
    """Store an image in a transaction of its own."""
    async with db.system() as conn:
        return await store_packages(conn, await an_image(conn), image, channels)


async def sizes(db: Database) -> dict[str, int]:
    """How many rows there are, by table."""
    found = {}
    async with db.system() as conn:
        for table in TABLES:
            row = await (await conn.execute(f"SELECT count(*) FROM {table}")).fetchone()
            assert row is not None
            found[table] = int(row[0])
    return found
