"""Who may what, over HTTP and a real PostgreSQL: sign-in, accounts, persons, keys, the audit log, and the second wall."""

from __future__ import annotations

import asyncio
import base64
import stat
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import msgspec
import psycopg
import pytest
from httpx import ASGITransport, AsyncClient, Response
from litestar import Litestar, Request, Router, get
from litestar.di import Provide
from psycopg import sql

from hullmark.server.api.caller import provide_caller
from hullmark.server.api.problems import HANDLERS
from hullmark.server.api.resources import accounts, audit, federation, keys, persons
from hullmark.server.api.resources.signin import Gate, SignIn, check_routes
from hullmark.server.stories.identity.bootstrap import bootstrap
from hullmark.server.stories.identity.identity import KEEP
from hullmark.server.stories.identity.passwords import Passwords
from hullmark.server.stories.images.retain import retain
from hullmark.server.stories.services import Services, services_for
from hullmark.server.stories.settings import Settings
from hullmark.server.tables.database import Database
from tests.unit.server.test_identity import FakeProvider

pytestmark = pytest.mark.anyio

ADMIN = ("admin", "the operator's words")
ANNA, BERT = ("anna", "anna's own words"), ("bert", "bert's own words")


class World(msgspec.Struct, kw_only=True):
    """A server, with a clock that tests turn."""

    client: AsyncClient
    app: Any
    services: Services
    gate: Gate
    database_url: str
    now: list[datetime]
    seconds: list[float]

    async def ask(
        self, who: tuple[str, str] | str | None, method: str, path: str, body: object = None, account: str = ""
    ) -> Response:
        """A request by name and password, by a bearer's text, or by nobody."""
        headers = {"x-hullmark-account": account} if account else {}
        if isinstance(who, tuple):
            headers["authorization"] = "Basic " + base64.b64encode(":".join(who).encode()).decode()
        elif who is not None:
            headers["authorization"] = f"Bearer {who}"
        url = f"/api/v1{path}"
        return (
            await self.client.request(method, url, json=body, headers=headers)
            if body is not None
            else (await self.client.request(method, url, headers=headers))
        )

    async def ask_from(self, address: str, who: tuple[str, str], method: str, path: str) -> Response:
        """The same from another address."""
        transport = ASGITransport(app=self.app, client=(address, 1))
        async with AsyncClient(transport=transport, base_url="http://server") as client:
            return await msgspec.structs.replace(self, client=client).ask(who, method, path)

    async def team(self, name: str, admin: tuple[str, str]) -> None:
        """An account with its admin."""
        assert (await self.ask(ADMIN, "POST", "/accounts", {"name": name})).status_code == 201
        document = {"name": admin[0], "password": admin[1], "role": "admin"}
        assert (await self.ask(ADMIN, "POST", f"/accounts/{name}/persons", document)).status_code == 201

    async def add(self, account: str, person: tuple[str, str], role: str) -> None:
        document = {"name": person[0], "password": person[1], "role": role}
        assert (await self.ask(ADMIN, "POST", f"/accounts/{account}/persons", document)).status_code == 201

    async def key(self, who: tuple[str, str] | str, **document: Any) -> str:
        answer = await self.ask(who, "POST", "/keys", {"name": "deploy", "role": "ci", **document})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["key"])

    def later(self, seconds: float) -> None:
        self.now[0] += timedelta(seconds=seconds)
        self.seconds[0] += seconds


@get("/images", opt={"permission": "images:read"})
async def _images() -> list[str]:
    return []


async def _provide_services(request: Request[Any, Any, Any]) -> Services:
    return cast("Services", request.app.state.services)


@asynccontextmanager
async def _open(app: Litestar) -> AsyncIterator[None]:
    async with app.state.services.database:
        await bootstrap(app.state.services, app.state.gate.identity.passwords)
        yield


_free: list[Litestar] = []
"""Applications that no test uses now: making one takes longer than most tests."""


@contextmanager
def application(services: Services, gate: Gate) -> Iterator[Litestar]:
    """Identity's routes alone, and one more."""
    routes = [*accounts.ROUTES, *persons.ROUTES, *keys.ROUTES, *federation.ROUTES, *audit.ROUTES, _images]
    app = _free.pop() if _free else None
    app = app or Litestar(
        [Router("/api/v1", route_handlers=routes)],
        middleware=[SignIn()],
        lifespan=[_open],
        on_startup=[check_routes],
        dependencies={"caller": Provide(provide_caller), "services": Provide(_provide_services)},
        exception_handlers=HANDLERS,
    )
    app.state.clear()
    app.state.update({"services": services, "gate": gate})
    yield app
    _free.append(app)


@pytest.fixture
def open_world(database_url: str, tmp_path: Path) -> Callable[..., Any]:
    @asynccontextmanager
    async def opened(**changes: Any) -> AsyncIterator[World]:
        now, seconds = [datetime(2026, 5, 1, 12, tzinfo=UTC)], [1000.0]
        settings = Settings(data=tmp_path, database_url=database_url, admin_password=ADMIN[1], **changes)
        services = services_for(settings, {})
        services.clock = lambda: now[0]
        gate = Gate(services, lambda: seconds[0])
        gate.identity.passwords = Passwords(time_cost=1, memory_kib=64)
        with application(services, gate) as app:
            # Not Litestar's test client: it answers one request at a time.
            transport = ASGITransport(app=cast("Any", app))
            async with app.lifespan(), AsyncClient(transport=transport, base_url="http://server") as client:
                yield World(
                    client=client,
                    app=app,
                    services=services,
                    gate=gate,
                    database_url=database_url,
                    now=now,
                    seconds=seconds,
                )

    return opened


@pytest.fixture
async def world(open_world: Callable[..., Any]) -> AsyncIterator[World]:
    async with open_world() as world:
        yield world


# Sign-in ----------------------------------------------------------------------------------------------------------


async def test_nobody_gets_in_without_proof(world: World) -> None:
    for who in (
        None,
        ("admin", "wrong"),
        ("nobody", "wrong"),
        ("", ""),
        "hmk_x",
        "a.b.c",
        "hmk_" + "a" * 8 + "_" + "b" * 40,
    ):
        answer = await world.ask(who, "GET", "/whoami")
        assert answer.status_code == 401, who
        assert answer.headers["www-authenticate"].startswith("Bearer")
        assert answer.headers["content-type"] == "application/problem+json"
    for header in ("Basic", "Basic !!!", "Basic YQ==", "Digest x", "Bearer ", "Bearer " + "x" * 20_000, "Basic /w=="):
        assert (await world.client.get("/api/v1/whoami", headers={"authorization": header})).status_code in (401, 429)


async def test_known_and_unknown_names_get_the_same_answer(world: World) -> None:
    known = await world.ask(("admin", "wrong words"), "GET", "/whoami")
    unknown = await world.ask(("nobody", "wrong words"), "GET", "/whoami")
    assert (known.status_code, known.content) == (unknown.status_code, unknown.content)


async def test_the_first_person_is_an_operator(world: World) -> None:
    me = (await world.ask(ADMIN, "GET", "/whoami")).json()
    assert (me["name"], me["account"], me["role"], me["is_operator"]) == ("person:admin", "admin", "operator", True)
    assert "system:write" in me["permissions"]


async def test_the_first_password_is_made_and_read_by_its_owner_only(database_url: str, tmp_path: Path) -> None:
    services = services_for(Settings(data=tmp_path, database_url=database_url), {})
    async with services.database:
        path = await bootstrap(services, Passwords(time_cost=1, memory_kib=64))
        assert path is not None
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert len(path.read_text().strip()) >= 20
        assert await bootstrap(services) is None  # once


async def test_processes_that_start_together_make_one_admin(database_url: str, tmp_path: Path) -> None:
    services = services_for(Settings(data=tmp_path, database_url=database_url), {})
    quick = Passwords(time_cost=1, memory_kib=64)
    async with services.database:
        made = await asyncio.gather(*(bootstrap(services, quick) for _ in range(5)))
    assert sum(path is not None for path in made) == 1


async def test_failures_lock_a_person_longer_each_time_but_not_who_proved_itself(world: World) -> None:
    await world.team("team-a", ANNA)
    for _ in range(10):
        await world.ask((ANNA[0], "wrong"), "GET", "/whoami")
        world.later(KEEP + 3)  # the kept answer and the address's bucket
    assert _one(world, "SELECT failed FROM failed_sign_in") == 10
    assert (await world.ask(ANNA, "GET", "/whoami")).status_code == 401
    world.later(15)
    assert (await world.ask(ANNA, "GET", "/whoami")).status_code == 200
    assert _one(world, "SELECT count(*) FROM failed_sign_in") == 0
    for _ in range(12):
        await world.ask((ANNA[0], "wrong"), "GET", "/whoami")
        world.later(KEEP + 3)
    assert (await world.ask(ANNA, "GET", "/whoami")).status_code == 200  # proven with this password a while ago


async def test_many_guesses_at_once_are_all_counted(world: World) -> None:
    await world.team("team-a", ANNA)
    answers = await asyncio.gather(*(world.ask((ANNA[0], f"guess {n}"), "GET", "/whoami") for n in range(25)))
    assert {answer.status_code for answer in answers} == {401}
    assert _one(world, "SELECT failed FROM failed_sign_in") == 10


async def test_who_guesses_from_many_addresses_locks_nobody_out(world: World) -> None:
    await world.team("team-a", ANNA)
    for number in range(50):
        for guess in range(12):
            answer = await world.ask_from(
                f"198.51.100.{number}", (ANNA[0], f"guess {number} {guess}"), "GET", "/whoami"
            )
            assert answer.status_code == 401
    assert _one(world, "SELECT count(*) FROM failed_sign_in WHERE locked_until IS NOT NULL") == 50
    assert (
        await world.ask_from("198.51.100.7", ANNA, "GET", "/whoami")
    ).status_code == 401  # there nothing is looked at
    assert (await world.ask_from("203.0.113.5", ANNA, "GET", "/whoami")).status_code == 200
    shown = (await world.ask(ANNA, "GET", "/accounts/team-a/persons")).json()["items"]
    assert [person["locked_until"] is not None for person in shown] == [True]
    assert (
        await world.ask(ADMIN, "PATCH", "/accounts/team-a/persons/anna", {"password": "other words"})
    ).status_code < 300
    assert _one(world, "SELECT count(*) FROM failed_sign_in") == 0


async def test_failures_of_long_ago_are_forgotten(world: World) -> None:
    await world.team("team-a", ANNA)
    await world.ask((ANNA[0], "wrong"), "GET", "/whoami")
    await retain(world.services)
    assert _one(world, "SELECT count(*) FROM failed_sign_in") == 1
    world.later(25 * 3600)
    await retain(world.services)
    assert _one(world, "SELECT count(*) FROM failed_sign_in") == 0


async def test_an_address_that_only_fails_must_wait(world: World) -> None:
    key = await world.key(ADMIN)
    answers = [await world.ask(("nobody", f"guess {n}"), "GET", "/whoami") for n in range(40)]
    assert answers[0].status_code == 401
    assert answers[-1].status_code == 429
    assert int(answers[-1].headers["retry-after"]) >= 1
    assert (await world.ask(key, "GET", "/images")).status_code == 200  # a key cannot be guessed: it goes on working
    world.later(60)
    assert (await world.ask(("nobody", "guess"), "GET", "/whoami")).status_code == 401


async def test_the_rate_is_limited_for_each_who_asks(open_world: Callable[..., Any]) -> None:
    async with open_world(rate=12) as world:
        key = await world.key(ADMIN)
        answers = [(await world.ask(key, "GET", "/images")).status_code for _ in range(13)]
        assert answers == [200] * 12 + [429]
        assert (await world.ask(ADMIN, "GET", "/whoami")).status_code == 200
        world.later(5)
        assert (await world.ask(key, "GET", "/images")).status_code == 200


async def test_a_short_lived_token(world: World) -> None:
    await world.team("team-a", ANNA)
    answer = await world.ask(None, "POST", "/tokens", {"name": ANNA[0], "password": ANNA[1]})
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    token = answer.json()["access_token"]
    assert (await world.ask(token, "GET", "/whoami")).json()["name"] == "person:anna"
    assert (await world.ask(token, "POST", "/tokens", {})).status_code == 401  # a token gives no longer life
    assert (await world.ask(ANNA, "PUT", "/password", {"old": ANNA[1], "new": "other words"})).status_code == 204
    assert (await world.ask(token, "GET", "/whoami")).status_code == 401  # bound to the password that it was given for
    fresh = (await world.ask(("anna", "other words"), "POST", "/tokens", {})).json()["access_token"]
    assert (await world.ask(fresh, "GET", "/whoami")).status_code == 200
    world.later(901)
    assert (await world.ask(fresh, "GET", "/whoami")).status_code == 401


async def test_a_token_for_a_key_ends_with_the_key(world: World) -> None:
    key = await world.key(ADMIN)
    token = (await world.ask(None, "POST", "/tokens", {"key": key})).json()["access_token"]
    assert (await world.ask(token, "GET", "/images")).status_code == 200
    assert (await world.ask(token, "GET", "/accounts")).status_code == 403
    await world.ask(ADMIN, "POST", "/keys/deploy/rotate")
    assert (await world.ask(token, "GET", "/images")).status_code == 401


async def test_clients_that_know_only_passwords_give_a_key(world: World) -> None:
    key = await world.key(ADMIN)
    assert (await world.ask(("_api_key", key), "GET", "/whoami")).json()["name"] == "key:deploy"
    assert (await world.ask(("_api_key", "wrong"), "GET", "/whoami")).status_code == 401


# Keys -------------------------------------------------------------------------------------------------------------


async def test_a_key_is_shown_once_and_only_its_digest_is_kept(world: World) -> None:
    key = await world.key(ADMIN)
    listed = (await world.ask(ADMIN, "GET", "/keys")).json()["items"]
    assert [each["name"] for each in listed] == ["deploy"]
    secret = key.rpartition("_")[2]
    assert secret not in str(listed)
    dump = _dump(world)
    assert secret not in dump
    assert ADMIN[1] not in dump


async def test_a_key_does_what_its_role_and_scopes_say(world: World) -> None:
    wide, narrow = await world.key(ADMIN), await world.key(ADMIN, name="read", scopes=["images:read"])
    assert (await world.ask(wide, "GET", "/whoami")).json()["permissions"] == [
        "images:read",
        "images:write",
        "scan",
        "verdicts:read",
    ]
    assert (await world.ask(narrow, "GET", "/whoami")).json()["permissions"] == ["images:read"]
    assert (await world.ask(narrow, "GET", "/keys")).status_code == 403
    for document in (
        {"scopes": ["images:eat"]},
        {"scopes": ["audit:read"]},
        {"role": "king"},
        {"name": ""},
        {"name": "a/b"},
        {"expires_at": "2020-01-01T00:00:00Z"},
        {"person": "nobody"},
        {"scopes": ["system:write"]},
    ):
        answer = await world.ask(ADMIN, "POST", "/keys", {"name": "x", "role": "ci", **document})
        assert answer.status_code in (400, 422), document


async def test_a_key_expires(world: World) -> None:
    key = await world.key(ADMIN, expires_at=(world.now[0] + timedelta(seconds=3)).isoformat())
    assert (await world.ask(key, "GET", "/images")).status_code == 200
    world.now[0] += timedelta(seconds=3)  # also while it is kept
    assert (await world.ask(key, "GET", "/images")).status_code == 401


async def test_a_revoked_key_ends_here_at_once_and_elsewhere_after_what_is_kept(world: World) -> None:
    key, other = await world.key(ADMIN), await world.key(ADMIN, name="other")
    for each in (key, other):
        assert (await world.ask(each, "GET", "/images")).status_code == 200
    assert (await world.ask(ADMIN, "DELETE", "/keys/deploy")).status_code == 204
    assert (await world.ask(key, "GET", "/images")).status_code == 401
    await world.ask(other, "GET", "/images")
    _run(world, "UPDATE api_key SET revoked_at = now() WHERE name = 'other'")  # as another process does it
    assert (await world.ask(other, "GET", "/images")).status_code == 200
    world.later(KEEP)
    assert (await world.ask(other, "GET", "/images")).status_code == 401
    assert (await world.ask(ADMIN, "GET", "/keys")).json()["items"] == []
    assert len((await world.ask(ADMIN, "GET", "/keys?revoked=true")).json()["items"]) == 2
    assert await world.key(ADMIN) != key  # the name is free again


async def test_a_key_of_a_person_may_no_more_than_the_person_and_ends_with_it(world: World) -> None:
    await world.team("team-a", ANNA)
    await world.add("team-a", BERT, "viewer")
    key = await world.key(ANNA, role="editor", person="bert")
    assert "images:write" not in (await world.ask(key, "GET", "/whoami")).json()["permissions"]
    await world.ask(ANNA, "PATCH", "/accounts/team-a/persons/bert", {"role": "analyst"})
    assert "images:write" in (await world.ask(key, "GET", "/whoami")).json()["permissions"]
    await world.ask(ANNA, "PATCH", "/accounts/team-a/persons/bert", {"state": "disabled"})
    assert (await world.ask(key, "GET", "/whoami")).status_code == 401
    await world.ask(ANNA, "PATCH", "/accounts/team-a/persons/bert", {"state": "enabled"})
    assert (await world.ask(key, "GET", "/whoami")).status_code == 200
    await world.ask(ANNA, "DELETE", "/accounts/team-a/persons/bert")
    assert (await world.ask(key, "GET", "/whoami")).status_code == 401


async def test_an_operators_key_is_one_only_if_it_says_so(world: World) -> None:
    plain = await world.key(ADMIN, name="plain", role="admin", person="admin")
    assert (await world.ask(plain, "POST", "/accounts", {"name": "x"})).status_code == 403
    scopes = ["system:write", "accounts:read"]
    key = await world.key(ADMIN, name="ops", role="admin", person="admin", scopes=scopes)
    assert (await world.ask(key, "POST", "/accounts", {"name": "team-a"})).status_code == 201
    assert (await world.ask(key, "GET", "/whoami", account="team-a")).json()["account"] == "team-a"
    assert (await world.ask(key, "GET", "/keys")).status_code == 403
    await world.team("team-b", ANNA)
    stolen = {"name": "x", "role": "admin", "person": "admin", "scopes": scopes}
    assert (await world.ask(ANNA, "POST", "/keys", stolen)).status_code == 403
    assert (await world.ask(plain, "POST", "/keys", stolen)).status_code == 403
    assert (await world.ask(plain, "POST", "/keys/ops/rotate")).status_code == 403


async def test_nobody_gives_or_takes_more_than_he_has(world: World) -> None:
    await world.team("team-a", ANNA)
    scopes = ["keys:write", "keys:read", "accounts:write", "accounts:read", "images:read"]
    clerk = await world.key(ANNA, role="admin", scopes=scopes)
    assert (await world.ask(clerk, "POST", "/keys", {"name": "x", "role": "viewer"})).status_code == 403
    less = {"name": "x", "role": "viewer", "scopes": ["images:read"]}
    assert (await world.ask(clerk, "POST", "/keys", less)).status_code == 201
    await world.key(ANNA, name="strong", role="editor")
    assert (await world.ask(clerk, "POST", "/keys/strong/rotate")).status_code == 403
    document = {"name": "carl", "password": "carl's own words", "role": "viewer"}
    assert (await world.ask(clerk, "POST", "/accounts/team-a/persons", document)).status_code == 403
    take_over = {"password": "mine from now on"}
    assert (await world.ask(clerk, "PATCH", "/accounts/team-a/persons/anna", take_over)).status_code == 403


# Accounts and persons -----------------------------------------------------------------------------------------------


async def test_one_account_does_not_see_another(world: World) -> None:
    await world.team("team-a", ANNA)
    await world.team("team-b", BERT)
    await world.key(BERT, name="berts")
    foreign = await world.ask(ANNA, "GET", "/accounts/team-b")
    missing = await world.ask(ANNA, "GET", "/accounts/no-such")
    assert (foreign.status_code, foreign.content) == (missing.status_code, missing.content) == (403, missing.content)
    for method, path, body in (
        ("GET", "/accounts/team-b/persons", None),
        ("PATCH", "/accounts/team-b", {"email": "x"}),
        ("POST", "/accounts/team-b/persons", {"name": "eve", "password": "eve's own words", "role": "admin"}),
        ("PATCH", "/accounts/team-b/persons/bert", {"role": "viewer"}),
        ("DELETE", "/accounts/team-b/persons/bert", None),
        ("POST", "/accounts", {"name": "mine"}),
        ("DELETE", "/accounts/team-a", None),
        ("PATCH", "/accounts/team-a", {"state": "disabled"}),
    ):
        assert (await world.ask(ANNA, method, path, body)).status_code == 403, path
    for path in ("/whoami", "/keys", "/audit", "/images"):
        assert (await world.ask(ANNA, "GET", path, account="team-b")).status_code == 403
    assert (await world.ask(ANNA, "DELETE", "/keys/berts")).status_code == 404
    assert [item["name"] for item in (await world.ask(ANNA, "GET", "/accounts")).json()["items"]] == ["team-a"]


async def test_who_belongs_to_several_accounts_chooses_one(world: World) -> None:
    await world.team("team-a", ANNA)
    await world.team("team-b", BERT)
    joined = {"name": "anna", "role": "viewer"}
    assert (await world.ask(BERT, "POST", "/accounts/team-b/persons", joined)).status_code == 409
    assert (await world.ask(ADMIN, "POST", "/accounts/team-b/persons", joined)).status_code == 201
    assert (await world.ask(ANNA, "GET", "/whoami")).json()["account"] == "team-a"
    there = (await world.ask(ANNA, "GET", "/whoami", account="team-b")).json()
    assert (there["account"], there["role"]) == ("team-b", "viewer")
    assert (await world.ask(ANNA, "GET", "/accounts/team-b/persons")).status_code == 200
    assert (await world.ask(ANNA, "PATCH", "/accounts/team-b", {"email": "x"})).status_code == 403
    old = await world.client.get(
        "/api/v1/whoami", headers={"x-anchore-account": "team-b", "authorization": _basic(ANNA)}
    )
    assert old.json()["account"] == "team-b"
    # The admin of one of the accounts does not sign in to the other by way of the person.
    take_over = {"password": "mine from now on"}
    assert (await world.ask(BERT, "PATCH", "/accounts/team-b/persons/anna", take_over)).status_code == 403
    assert (await world.ask(BERT, "PATCH", "/accounts/team-b/persons/anna", {"state": "disabled"})).status_code == 403
    assert (await world.ask(BERT, "DELETE", "/accounts/team-b/persons/anna")).status_code == 204
    assert (await world.ask(ANNA, "GET", "/whoami")).status_code == 200


async def test_an_operator_is_not_for_the_admin_of_its_account(world: World) -> None:
    await world.add("admin", ANNA, "admin")
    changes: list[dict[str, Any]] = [{"password": "mine from now on"}, {"state": "disabled"}, {"role": "viewer"}]
    for body in (*changes, {"is_operator": False}):
        assert (await world.ask(ANNA, "PATCH", "/accounts/admin/persons/admin", body)).status_code == 403
    assert (await world.ask(ANNA, "DELETE", "/accounts/admin/persons/admin")).status_code == 403
    assert (await world.ask(ANNA, "PATCH", "/accounts/admin/persons/anna", {"is_operator": True})).status_code == 403
    document = {"name": "eve", "password": "eve's own words", "role": "admin", "is_operator": True}
    assert (await world.ask(ANNA, "POST", "/accounts/admin/persons", document)).status_code == 403


async def test_the_last_admin_and_the_last_operator_stay(world: World) -> None:
    await world.team("team-a", ANNA)
    for who in (ANNA, ADMIN):
        for body in ({"role": "viewer"}, {"state": "disabled"}):
            assert (await world.ask(who, "PATCH", "/accounts/team-a/persons/anna", body)).status_code == 409
        assert (await world.ask(who, "DELETE", "/accounts/team-a/persons/anna")).status_code == 409
    changes: list[dict[str, Any]] = [{"is_operator": False}, {"state": "disabled"}]
    for body in changes:
        assert (await world.ask(ADMIN, "PATCH", "/accounts/admin/persons/admin", body)).status_code == 409
    await world.add("team-a", BERT, "admin")
    assert (await world.ask(BERT, "DELETE", "/accounts/team-a/persons/anna")).status_code == 204
    assert (await world.ask(ANNA, "GET", "/whoami")).status_code == 401


async def test_two_admins_cannot_remove_each_other_at_the_same_time(world: World) -> None:
    await world.team("team-a", ANNA)
    await world.add("team-a", BERT, "admin")
    for who in (ANNA, BERT):
        await world.ask(who, "GET", "/whoami")
    async with await psycopg.AsyncConnection.connect(world.database_url) as other:
        await other.execute("SELECT FROM account WHERE name = 'team-a' FOR UPDATE")
        asked = [
            asyncio.create_task(world.ask(ANNA, "DELETE", "/accounts/team-a/persons/bert")),
            asyncio.create_task(world.ask(BERT, "PATCH", "/accounts/team-a/persons/anna", {"role": "viewer"})),
        ]
        waiting = (
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        )
        async with asyncio.timeout(30):
            while await asyncio.to_thread(_one, world, waiting) < 2:
                await asyncio.sleep(0.02)
    statuses = [(await each).status_code for each in asked]
    assert sorted(statuses) in ([200, 409], [204, 409])
    assert _one(world, "SELECT count(*) FROM membership WHERE role = 'admin' AND account_id <> 1") == 1


async def test_a_token_of_an_identity_provider(open_world: Callable[..., Any]) -> None:
    provider = FakeProvider()
    provider.add("one", "ES256")
    try:
        async with open_world(
            oidc_issuer=provider.issuer,
            oidc_audience="hullmark",
            oidc_groups="devs=team-a:editor,gone=no-such:admin",
            allow_addresses="127.0.0.0/8",
        ) as world:
            await world.team("team-a", ANNA)
            by_group = provider.sign("one", "ES256", sub="carl-1", groups=["devs", "gone"])
            me = (await world.ask(by_group, "GET", "/whoami")).json()
            assert (me["name"], me["account"], me["role"]) == (f"oidc:{provider.issuer}#carl-1", "team-a", "editor")
            by_claim = provider.sign("one", "ES256", sub="carl-2", hullmark=["team-a:auditor"])
            assert (await world.ask(by_claim, "GET", "/audit")).status_code == 200
            nothing = provider.sign("one", "ES256", sub="carl-3", preferred_username="admin", email="admin")
            assert (await world.ask(nothing, "GET", "/whoami")).status_code == 403
            document = {"name": "carl", "subject": "carl-1", "role": "viewer"}
            assert (await world.ask(ANNA, "POST", "/accounts/team-a/persons", document)).status_code == 201
            me = (await world.ask(by_group, "GET", "/whoami")).json()
            assert (me["name"], me["role"]) == ("person:carl", "viewer")  # what an administrator wrote down goes first
            await world.ask(ANNA, "PATCH", "/accounts/team-a/persons/carl", {"state": "disabled"})
            assert (await world.ask(by_group, "GET", "/whoami")).status_code == 401
            assert (await world.ask(("carl", ""), "GET", "/whoami")).status_code == 401
            assert (await world.ask(by_group, "POST", "/tokens", {})).status_code == 401
    finally:
        provider.close()


async def test_a_subject_needs_an_identity_provider(world: World) -> None:
    document = {"name": "carl", "subject": "carl-1", "role": "viewer"}
    assert (await world.ask(ADMIN, "POST", "/accounts/admin/persons", document)).status_code == 422
    assert (
        await world.ask(ADMIN, "POST", "/accounts/admin/persons", {"name": "carl", "role": "viewer"})
    ).status_code == 422


async def test_a_disabled_account_answers_nobody_and_is_deleted_in_one_transaction_with_its_job(world: World) -> None:
    await world.team("team-a", ANNA)
    key = await world.key(ANNA)
    token = (await world.ask(ANNA, "POST", "/tokens", {})).json()["access_token"]
    for who in (key, token):
        assert (await world.ask(who, "GET", "/images")).status_code == 200
    assert (await world.ask(ADMIN, "DELETE", "/accounts/team-a")).status_code == 409
    assert (await world.ask(ADMIN, "PATCH", "/accounts/team-a", {"state": "disabled"})).status_code == 200
    answers = [(await world.ask(who, "GET", "/images")).status_code for who in (ANNA, key, token)]
    assert answers == [403, 401, 403]
    assert (await world.ask(ADMIN, "GET", "/whoami", account="team-a")).status_code == 200
    deleted = await world.ask(ADMIN, "DELETE", "/accounts/team-a")
    assert (deleted.status_code, deleted.json()["state"]) == (202, "deleting")
    assert (await world.ask(ADMIN, "DELETE", "/accounts/team-a")).status_code == 202
    assert _one(world, "SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'delete_account'") == 1
    assert (await world.ask(ADMIN, "GET", "/whoami", account="team-a")).status_code == 404
    assert (await world.ask(ADMIN, "PATCH", "/accounts/team-a", {"state": "enabled"})).status_code == 409
    assert (await world.ask(ADMIN, "PATCH", "/accounts/admin", {"state": "disabled"})).status_code == 409


@pytest.mark.parametrize("name", ["", "A", "-a", "a" * 64, "a/b", "a\n", "a b"])
async def test_names_that_no_account_has(world: World, name: str) -> None:
    assert (await world.ask(ADMIN, "POST", "/accounts", {"name": name})).status_code in (400, 422)


@pytest.mark.parametrize("path", ["/accounts/%00", "/accounts/admin/persons/%00", "/keys/%00", "/audit?actor=%00"])
async def test_a_nul_is_no_fault_of_the_server(world: World, path: str) -> None:
    method = "DELETE" if "audit" not in path and path != "/accounts/%00" else "GET"
    assert (await world.ask(ADMIN, method, path)).status_code in (400, 404)
    assert (await world.ask(("a\0b", "x"), "GET", "/whoami")).status_code == 401


async def test_one_changes_ones_own_password(world: World) -> None:
    await world.team("team-a", ANNA)
    key = await world.key(ANNA, role="admin", person="anna")
    document = {"old": ANNA[1], "new": "other words"}
    assert (await world.ask(key, "PUT", "/password", document)).status_code == 403
    assert (await world.ask(ANNA, "PUT", "/password", {**document, "old": "wrong"})).status_code == 403
    assert (await world.ask(ANNA, "PUT", "/password", {"old": ADMIN[1], "new": "other words"})).status_code == 403
    assert (await world.ask(ANNA, "PUT", "/password", {**document, "new": "short"})).status_code == 422
    assert (await world.ask(ANNA, "PUT", "/password", document)).status_code == 204
    assert (await world.ask(ANNA, "GET", "/whoami")).status_code == 401
    assert (await world.ask(("anna", "other words"), "GET", "/whoami")).status_code == 200


async def test_lists_come_in_pages(world: World) -> None:
    for number in range(5):
        await world.key(ADMIN, name=f"key-{number}")
    for path, names in (("/keys", "name"), ("/audit", "resource")):
        seen: list[str] = []
        cursor: str | None = ""
        while cursor is not None:
            answer = (await world.ask(ADMIN, "GET", f"{path}?limit=2&cursor={cursor}")).json()
            assert len(answer["items"]) <= 2
            seen += [item[names] for item in answer["items"]]
            cursor = answer["next"]
        assert [name for name in seen if name.startswith("key-")] in (
            [f"key-{n}" for n in range(5)],
            [f"key-{n}" for n in reversed(range(5))],
        )
    assert (await world.ask(ADMIN, "GET", "/audit?cursor=nonsense")).status_code == 400


# The audit log, and the second wall -----------------------------------------------------------------------------------


async def test_every_change_is_written_down_without_secrets(world: World) -> None:
    await world.team("team-a", ANNA)
    await world.add("team-a", BERT, "viewer")
    await world.ask(ANNA, "PATCH", "/accounts/team-a", {"email": "a@example.org"})
    await world.ask(ANNA, "PATCH", "/accounts/team-a/persons/bert", {"role": "editor", "password": "new words here"})
    await world.key(ANNA)
    await world.ask(ANNA, "POST", "/keys/deploy/rotate")
    await world.ask(ANNA, "DELETE", "/keys/deploy")
    await world.ask(ANNA, "DELETE", "/accounts/team-a/persons/bert")
    items = (await world.ask(ANNA, "GET", "/audit")).json()["items"]
    assert [item["action"] for item in reversed(items)] == [
        "account.create",
        "person.add",
        "person.add",
        "account.change",
        "person.change",
        "key.create",
        "key.rotate",
        "key.revoke",
        "person.remove",
    ]
    assert {item["actor"] for item in items} == {"person:admin", "person:anna"}
    changed = next(item for item in items if item["action"] == "person.change")
    assert (changed["before"]["role"], changed["after"]["role"], changed["after"]["password"]) == (
        "viewer",
        "editor",
        True,
    )
    assert "new words" not in _dump(world)
    only = (await world.ask(ANNA, "GET", "/audit?action=key.*&actor=person:anna&resource=deploy")).json()["items"]
    assert len(only) == 3
    assert (await world.ask(ANNA, "GET", "/audit?since=2999-01-01T00:00:00Z")).json()["items"] == []
    assert (await world.ask(BERT, "GET", "/audit")).status_code == 401


async def test_what_was_refused_is_not_written_down(world: World) -> None:
    await world.team("team-a", ANNA)
    before = _one(world, "SELECT count(*) FROM audit")
    await world.ask(ANNA, "DELETE", "/accounts/team-a/persons/anna")
    await world.ask(ANNA, "POST", "/accounts/team-a/persons", {"name": "anna", "password": "some words", "role": "ci"})
    assert _one(world, "SELECT count(*) FROM audit") == before


async def test_a_query_that_forgets_the_account_sees_nothing_of_another(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        a, b = _two_accounts_with_everything(connection)
        tables = [
            str(name)
            for (name,) in connection.execute(
                "SELECT table_name FROM information_schema.columns JOIN information_schema.tables USING (table_schema, table_name)"
                " WHERE column_name = 'account_id' AND table_schema = 'public' AND table_type = 'BASE TABLE' ORDER BY 1"
            )
        ]
    assert {"api_key", "audit", "membership", "registry", "verdict"} <= set(tables)
    async with Database(database_url) as database:
        for table in tables:
            await _check_wall(database, table, a, b)
        async with database.tenant(a) as connection:
            seen = await (await connection.execute("SELECT id FROM account")).fetchall()
            assert seen == [(a,)]
        async with database.system() as connection:  # the role and the account end with their transaction
            seen = await (await connection.execute("SELECT count(*) FROM account")).fetchall()
            assert seen == [(2,)]


async def _check_wall(database: Database, table: str, a: int, b: int) -> None:
    name = sql.Identifier(table)
    async with database.system() as connection:
        there = await (await connection.execute(sql.SQL("SELECT DISTINCT account_id FROM {}").format(name))).fetchall()
        assert {a, b} <= {account for (account,) in there}, f"{table} holds nothing: the test would prove nothing"
    async with database.tenant(a) as connection:
        readable = await (await connection.execute("SELECT has_table_privilege(%s, 'SELECT')", (table,))).fetchone()
        if readable == (True,):
            seen = await (
                await connection.execute(sql.SQL("SELECT DISTINCT account_id FROM {}").format(name))
            ).fetchall()
            assert seen == [(a,)], table
        for privilege, statement in (
            ("UPDATE", "UPDATE {} SET account_id = account_id WHERE account_id = %s"),
            ("DELETE", "DELETE FROM {} WHERE account_id = %s"),
        ):
            allowed = await (
                await connection.execute("SELECT has_table_privilege(%s, %s)", (table, privilege))
            ).fetchone()
            if allowed == (True,) and readable == (True,):
                cursor = await connection.execute(sql.SQL(statement).format(name), (b,))
                assert cursor.rowcount == 0, table


def _two_accounts_with_everything(connection: psycopg.Connection[Any]) -> tuple[int, int]:
    """A row in each table with an account_id, for two accounts: each column by its type, rules on the values aside."""
    connection.execute("SET session_replication_role = replica")  # references need not lead anywhere here
    made = [
        connection.execute("INSERT INTO account (name) VALUES (%s) RETURNING id", (name,)).fetchone()
        for name in ("a", "b")
    ]
    a, b = (int(row[0]) for row in made if row is not None)
    for (table,) in connection.execute(
        "SELECT table_name FROM information_schema.columns JOIN information_schema.tables USING (table_schema, table_name)"
        " WHERE column_name = 'account_id' AND table_schema = 'public' AND table_type = 'BASE TABLE'"
    ).fetchall():
        for (check,) in connection.execute(
            "SELECT conname FROM pg_constraint WHERE contype = 'c' AND conrelid = %s::regclass", (table,)
        ).fetchall():
            connection.execute(
                sql.SQL("ALTER TABLE {} DROP CONSTRAINT {}").format(sql.Identifier(table), sql.Identifier(check))
            )
        for account in (a, b):
            _insert_any(connection, str(table), account)
    connection.commit()
    connection.execute("SET session_replication_role = DEFAULT")
    return a, b


def _insert_any(connection: psycopg.Connection[Any], table: str, account: int) -> None:
    columns = connection.execute(
        "SELECT column_name, data_type FROM information_schema.columns WHERE table_schema = 'public' AND table_name = %s"
        " AND is_nullable = 'NO' AND column_default IS NULL AND is_identity = 'NO'",
        (table,),
    ).fetchall()
    values = {name: _value(kind, account) for name, kind in columns} | {"account_id": str(account)}
    connection.execute(
        sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
            sql.Identifier(table),
            sql.SQL(", ").join(map(sql.Identifier, values)),
            sql.SQL(", ").join(sql.Literal(value) for value in values.values()),
        )
    )


def _value(kind: str, account: int) -> str:
    match kind:
        case "uuid":
            return f"00000000-0000-0000-0000-{account:012}"
        case "timestamp with time zone":
            return "2026-01-01T00:00:00Z"
        case "jsonb" | "ARRAY":
            return "{}"
        case "boolean":
            return "false"
        case "text" | "bytea":
            return f"x{account}"
    return str(account)


def _one(world: World, query: str) -> Any:
    with psycopg.connect(world.database_url) as connection:
        row = connection.execute(query.encode()).fetchone()
        return row[0] if row else None


def _run(world: World, statement: str) -> None:
    with psycopg.connect(world.database_url) as connection:
        connection.execute(statement.encode())


def _dump(world: World) -> str:
    """All that the database holds, as text."""
    with psycopg.connect(world.database_url) as connection:
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        return "\n".join(
            str(connection.execute(sql.SQL("SELECT t::text FROM {} t").format(sql.Identifier(name))).fetchall())
            for (name,) in tables
        )


def _basic(who: tuple[str, str]) -> str:
    return "Basic " + base64.b64encode(":".join(who).encode()).decode()


async def test_the_address_of_a_page_chooses_the_account_for_reading_alone(world: World) -> None:
    await world.team("team-a", ANNA)
    await world.team("team-b", BERT)
    await world.add("team-a", ("carl", "carl's own words"), "admin")
    joined = {"name": "carl", "role": "admin"}
    assert (await world.ask(ADMIN, "POST", "/accounts/team-b/persons", joined)).status_code == 201
    carl, chosen = ("carl", "carl's own words"), "?format=html&account=team-b"
    assert (await world.ask(carl, "GET", f"/whoami{chosen}")).json()["account"] == "team-b"
    assert (await world.ask(carl, "POST", f"/keys{chosen}", {"name": "k", "role": "ci"})).status_code == 201
    assert [key["name"] for key in (await world.ask(carl, "GET", "/keys")).json()["items"]] == ["k"]
    assert (await world.ask(carl, "GET", "/keys", account="team-b")).json()["items"] == []
    assert (await world.ask(ANNA, "GET", f"/whoami{chosen}")).status_code == 403
