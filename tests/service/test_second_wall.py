"""Row-level security: what a tenant's transaction sees when a query forgets to ask for the account, and what it can never do.

tests/service/test_accounts.py has the same for every table with an account_id.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import pytest
from psycopg import sql

from tests.support.database import fresh_database
from tests.support.desk import Desk, desk
from tests.support.furnished import Furnished, advised, furnish

pytestmark = pytest.mark.anyio

THROUGH_IMAGES = {
    "image": "id",
    "image_alias": "image_id",
    "image_layer": "image_id",
    "image_set": "image_id",
}
"""Tables without an account that are bound through the images that it holds, and the column that says which image."""

SHARED = {
    "coordinate",
    "package",
    "package_set",
    "set_member",
    "snapshot",
    "matching",
    "coordinate_state",
    "advisory",
    "advisory_name",
    "advisory_weight",
    "coordinate_match",
    "package_exempt",
    "coordinate_key",
}
"""Tables of what is known of packages in general: they name no image and no account."""


class World(msgspec.Struct, kw_only=True):
    at: Desk
    ours: Furnished
    theirs: Furnished
    account: int
    foreign: int

    async def see(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """What a query gives in our account's transaction."""
        async with self.at.services.database.tenant(self.account) as connection:
            return await (await connection.execute(query, values)).fetchall()

    async def all(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """What it gives to the system."""
        async with self.at.services.database.system() as connection:
            return await (await connection.execute(query, values)).fetchall()


@asynccontextmanager
async def furnished(database_url: str, folder: Path) -> AsyncIterator[World]:
    async with desk(database_url, folder) as at:
        await advised(at)
        ours, theirs = await furnish(at, "ours", "ourmark"), await furnish(at, "theirs", "theirmark")
        async with at.services.database.system() as connection:
            rows = await (await connection.execute("SELECT name, id FROM account")).fetchall()
            ids = {str(name): int(number) for name, number in rows}
        yield World(at=at, ours=ours, theirs=theirs, account=ids["ours"], foreign=ids["theirs"])


@pytest.fixture(scope="module")
async def world(database_server: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    """Two accounts, for tests that only look: what they try to change is refused, or ends with their transaction."""
    async with furnished(fresh_database(database_server), tmp_path_factory.mktemp("world")) as found:
        yield found


@pytest.fixture
async def own_world(database_url: str, tmp_path: Path) -> AsyncIterator[World]:
    """Two accounts, for a test that changes them."""
    async with furnished(database_url, tmp_path) as found:
        yield found


async def test_every_table_is_bound_to_accounts_or_known_to_be_shared(world: World) -> None:
    rows = await world.all(
        "SELECT relname, relrowsecurity FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
        " AND has_table_privilege('hullmark_tenant', oid, 'SELECT')"
    )
    bare = {str(name) for name, is_bound in rows if not is_bound}
    assert bare <= SHARED, f"tenants read all of {sorted(bare - SHARED)}"
    bound = {str(name) for name, is_bound in rows if is_bound}
    assert set(THROUGH_IMAGES) <= bound
    columns = await world.all(
        "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public' AND table_name = ANY(%s)",
        sorted(bare),
    )
    assert not [column for column in columns if column[1] in ("account_id", "image_id", "person_id")]


@pytest.mark.parametrize("table", sorted(THROUGH_IMAGES))
async def test_a_query_that_forgets_the_account_sees_only_images_that_it_holds(world: World, table: str) -> None:
    column = THROUGH_IMAGES[table]
    held = {
        row[0] for row in await world.all("SELECT image_id FROM account_image WHERE account_id = %s", world.account)
    }
    everything = {row[0] for row in await world.all(f"SELECT {column} FROM {table}")}
    assert everything - held, f"{table} holds nothing foreign: the test would prove nothing"
    seen = {row[0] for row in await world.see(f"SELECT {column} FROM {table}")}
    assert seen == everything & held
    assert seen


async def test_an_image_that_two_accounts_hold_is_seen_by_both_and_says_nothing_of_the_other(own_world: World) -> None:
    world = own_world
    await world.at.add("theirmark-tag", "ours")
    rows = await world.see("SELECT digest FROM image")
    assert {row[0] for row in rows} >= {world.ours.digest, world.theirs.digest}
    holders = await world.see("SELECT account_id FROM account_image WHERE image_id IN (SELECT id FROM image)")
    assert {row[0] for row in holders} == {world.account}
    tags = await world.see("SELECT account_id FROM tag")
    assert {row[0] for row in tags} == {world.account}


async def test_from_a_package_no_way_leads_to_the_images_of_others(world: World) -> None:
    """That a package is known to somebody can be seen in the shared tables by a query; who holds it, in none."""
    foreign = await world.all("SELECT id FROM package WHERE name = 'theirmark-package'")
    assert foreign
    way = (
        "SELECT image.digest FROM package JOIN set_member ON set_member.package_id = package.id"
        " JOIN image_set ON image_set.set_id = set_member.set_id JOIN image ON image.id = image_set.image_id"
        " WHERE package.name = %s"
    )
    assert await world.all(way, "theirmark-package") == [(world.theirs.digest,)]
    assert await world.see(way, "theirmark-package") == []
    assert await world.see(way, "ourmark-package") == [(world.ours.digest,)]
    found = await world.at.get("/packages?name=theirmark-package", "ours")
    assert found == {"items": [], "next": None}
    both = await world.at.get("/vulnerabilities/CVE-2026-1/images", "ours")
    assert [item["digest"] for item in both["items"]] == [world.ours.digest]


@pytest.mark.parametrize(
    "query",
    [
        "SELECT password_hash FROM person",
        "SELECT * FROM person",
        "SELECT args FROM procrastinate_jobs",
        "SELECT value FROM setting",
        "UPDATE account SET state = 'disabled'",
        "UPDATE image SET state = 'failed'",
        "DELETE FROM image",
        "DELETE FROM audit",
        "UPDATE audit SET actor = 'me'",
        "DELETE FROM event",
        "DELETE FROM verdict_history",
        "UPDATE membership SET role = 'admin'",
        "INSERT INTO membership (person_id, account_id, role) VALUES (1, 1, 'admin')",
        "INSERT INTO account (name) VALUES ('mine')",
        "CREATE TABLE mine (a int)",
        "ALTER TABLE image DISABLE ROW LEVEL SECURITY",
        "CREATE POLICY mine ON api_key USING (true)",
        "COPY (SELECT 1) TO PROGRAM 'true'",
        "SELECT pg_read_file('/etc/passwd')",
    ],
)
async def test_what_a_tenant_may_not_do_at_all(world: World, query: str) -> None:
    with pytest.raises((psycopg.errors.InsufficientPrivilege, psycopg.errors.RaiseException)):
        await world.see(query)


async def test_digests_of_keys_and_members_of_other_accounts_are_not_seen(world: World) -> None:
    keys = await world.see("SELECT name, digest FROM api_key")
    assert keys
    assert {name.partition("-")[0] for name, _ in keys} == {"ourmark"}
    assert {row[0] for row in await world.see("SELECT account_id FROM membership")} == {world.account}
    assert [row[0] for row in await world.see("SELECT name FROM account")] == ["ours"]


@pytest.mark.parametrize(
    "values",
    [
        "INSERT INTO event (account_id, kind) VALUES (%s, 'made.up')",
        "INSERT INTO audit (account_id, actor, action, resource_type, resource) VALUES (%s, 'me', 'a', 'b', 'c')",
        "INSERT INTO policy (account_id, name) VALUES (%s, 'mine')",
        "INSERT INTO account_image (account_id, image_id) SELECT %s, id FROM image LIMIT 1",
        "UPDATE policy SET account_id = %s",
        "UPDATE api_key SET account_id = %s",
    ],
)
async def test_nothing_is_written_into_another_account(world: World, values: str) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        async with world.at.services.database.tenant(world.account) as connection:
            await connection.execute(values, (world.foreign,))


async def test_values_do_not_end_the_binding(world: World) -> None:
    """Values are sent beside the query: what would set the role back is a text like any other, and one query is one statement."""
    escape = "x'; RESET ROLE; SELECT set_config('hullmark.account', '1', true); --"
    async with world.at.services.database.tenant(world.account) as connection:
        assert await (await connection.execute("SELECT name FROM policy WHERE name = %s", (escape,))).fetchall() == []
        role = await (await connection.execute("SELECT current_user, current_setting('hullmark.account')")).fetchone()
        assert role == ("hullmark_tenant", str(world.account))
        with pytest.raises(psycopg.errors.SyntaxError):
            async with connection.transaction():
                await connection.execute("SELECT name FROM policy WHERE name = %s; RESET ROLE", (escape,))
        role = await (await connection.execute("SELECT current_user")).fetchone()
        assert role == ("hullmark_tenant",)


async def test_the_role_and_the_account_end_with_the_transaction_also_when_it_fails(world: World) -> None:
    with pytest.raises(ZeroDivisionError):
        async with world.at.services.database.tenant(world.account):
            raise ZeroDivisionError
    rows = await world.all("SELECT current_user::text, current_setting('hullmark.account', true)")
    assert rows[0][0] != "hullmark_tenant"
    assert not rows[0][1]


async def test_without_an_account_the_tenants_role_sees_nothing(world: World) -> None:
    async with world.at.services.database.system() as connection:
        await connection.execute("SET LOCAL ROLE hullmark_tenant")
        for table in ("image", "account", "policy", "verdict", "event", "api_key", "audit"):
            found = await (
                await connection.execute(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table)))
            ).fetchone()
            assert found == (0,), table
