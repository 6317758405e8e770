"""Every route, asked by everybody: who may, and that nobody sees or changes a byte of another account.

The routes are the application's own: one that is new and has no case here fails by itself.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from httpx import Response
from litestar import Litestar
from litestar.routes import HTTPRoute

from hullmark.server.api.anchore import absent as not_offered
from hullmark.server.api.permissions import PERMISSIONS, ROLES, SIGNED_IN
from hullmark.server.api.resources.signin import Gate
from hullmark.server.stories.identity.passwords import Passwords
from hullmark.server.tables.identity.keys import OPERATOR_SCOPES
from tests.support.database import fresh_database
from tests.support.desk import PASSWORD, Desk, desk
from tests.support.furnished import WORDS, Furnished, advised, furnish

pytestmark = pytest.mark.anyio

ENDLESS = "/api/v1/events/stream"
OURS, THEIRS = "ourmark", "theirmark"


class Door(msgspec.Struct, frozen=True, kw_only=True):
    """A route with its method."""

    method: str
    path: str
    needs: str | None
    of: str | None
    is_offered: bool

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


class Visitor(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who asks. `may` is None for who is not let in at all."""

    name: str
    may: frozenset[str] | None
    headers: dict[str, str] = {}
    login: tuple[str, str] | None = None


class World(msgspec.Struct, kw_only=True):
    at: Desk
    ours: Furnished
    theirs: Furnished
    visitors: list[Visitor]
    seconds: list[float]

    def visitor(self, name: str) -> Visitor:
        return next(visitor for visitor in self.visitors if visitor.name == name)

    async def ask(self, who: Visitor, method: str, path: str, body: Any = None, account: str = "") -> Response:
        self.seconds[0] += 60  # who fails often is not known to wait
        headers = {**who.headers, **({"x-hullmark-account": account} if account else {})}
        more: dict[str, Any] = {} if body is None else {"json": body}
        if who.login:
            more["auth"] = who.login
        return await self.at.client.request(method, path, headers=headers, **more)


def doors(app: Litestar) -> Iterator[Door]:
    """Every route and method of the application, but for the description's own, and the console's: tests/service/test_console_walls.py."""
    for route in app.routes:
        if route.path_format.startswith("/console"):
            continue
        assert isinstance(route, HTTPRoute) or route.path_format.startswith("/static"), route.path_format
        if not isinstance(route, HTTPRoute) or route.path_format.startswith("/api/v1/openapi"):
            continue
        for method, (handler, _) in route.route_handler_map.items():
            if method == "OPTIONS":
                continue
            opt = handler.opt
            yield Door(
                method=method,
                path=route.path_format,
                needs=opt.get("permission"),
                of=opt.get("of"),
                is_offered=handler.fn.__module__ != not_offered.__name__,
            )


BODIES: dict[str, Any] = {
    "POST /api/v1/images": {"reference": "{tag}-absent"},
    "POST /api/v1/images/{digest}/analysis": None,
    "POST /api/v1/images/{digest}/signatures": None,
    "POST /api/v1/uploads": {},
    "POST /api/v1/policies": {"text": "schema: hullmark-policy/1\nname: x\n"},
    "POST /api/v1/activations": {"policy": "{policy}"},
    "POST /api/v1/exceptions": {"rule": "x"},
    "PUT /api/v1/registries/{pattern}": {"kind": "none"},
    "POST /api/v1/registry-tests/{pattern}": None,
    "POST /api/v1/accounts": {"name": "{account}"},
    "PATCH /api/v1/accounts/{name}": {"email": "changed@example.org"},
    "PUT /api/v1/password": {"old": "x", "new": 1},
    "POST /api/v1/accounts/{name}/persons": {"name": "{person}", "role": "viewer", "password": 1},
    "PATCH /api/v1/accounts/{name}/persons/{person}": {"role": "viewer"},
    "POST /api/v1/keys": {"name": "x", "role": "ci", "person": "{person}"},
    "POST /api/v1/keys/{name}/rotate": None,
    "POST /api/v1/federated-credentials": {"name": "{mark}-federation", "issuer": 1},
    "POST /api/v1/tokens/exchange": {"subject_token": "x", "account": "x"},
    "POST /api/v1/tokens": {"name": "{person}", "password": "x"},
    "POST /api/v1/advisories": {},
    "POST /api/v1/advisories/update": {"anew": 1},
    "PUT /api/v1/system/mute": {"reason": 1},
    "POST /api/v1/simulations": {"policy": "{policy}"},
    "POST /api/v1/scan": {"reference": "{tag}-absent", "policy": "{policy}"},
    "POST /api/v1/vulnerability-scan": {"packages": []},
    "POST /api/v1/sboms": {},
    "PUT /api/v1/images/{digest}/deployments": {"since": 1},
    "POST /api/v1/channels": {"name": "{mark}-channel"},
    "PATCH /api/v1/channels/{name}": {"is_active": True},
    "POST /api/v1/channels/{name}/test": None,
    "POST /api/v1/channels/preview": {"kind": "none"},
    "POST /api/v1/channels/{name}/preview": {},
    "POST /api/v1/channels/{name}/replay": {"since": "2026-01-01T00:00:00Z"},
    "POST /api/v1/channels/{name}/rotate": None,
    "POST /api/v1/messages/{number}/redeliver": None,
    "POST /api/v1/watches": {"reference": "{tag}", "repository": "{tag}"},
    "PATCH /api/v1/watches/{number}": {"every": 60},
    "POST /api/v1/watches/{number}/look": None,
    "POST /api/v1/hooks": {"name": "{mark}-hook", "kind": "none"},
    "PATCH /api/v1/hooks/{key}": {"adds": True},
    "POST /api/v1/hooks/{key}/rotate": None,
    "POST /hooks/{key}": {},
    "POST /api/v1/subscriptions": {"name": "{mark}-subscription", "kinds": ["none"]},
    "PATCH /api/v1/subscriptions/{name}": {"severity": "low"},
    "POST /api/v1/subscriptions/{name}/dry-run": {},
    "POST /api/v1/silences": {"owner": "{mark}", "reason": "{mark}", "ends_at": "2020-01-01T00:00:00Z"},
    "POST /api/v1/transitions/causes/{number}/tickets": {"channel": 1},
    "POST /api/v1/inventories": {"platform": "docker", "collector": "{mark}-host", "sequence": "x"},
    "PUT /api/v1/place-settings": {"environments": 1},
    "POST /api/v1/applications": {"name": 1},
    "PUT /api/v1/applications/{name}/versions/{version}": {"state": "none"},
    "PUT /api/v1/applications/{name}/versions/{version}/images/{digest}": None,
    "POST /api/harbor/scan": {},
    "POST /api/harbor/api/v1/scan": {},
    "POST /v1/images": {"tag": "{tag}-absent"},
    "POST /v1/policies": {"id": "{policy}"},
    "PUT /v1/policies/{policy_id}": {"active": True},
    "POST /v1/subscriptions": {"subscription_key": "{tag}"},
    "PUT /v1/subscriptions/{id}": {"active": False},
    "POST /v1/repositories": None,
    "POST /v1/registries": {"registry": "{registry}"},
    "PUT /v1/registries/{pattern}": {"registry": "{registry}"},
    "POST /v1/accounts": {"name": "{account}", "email": 1},
    "PUT /v1/accounts/{name}/state": {"state": "enabled"},
    "POST /v1/accounts/{name}/users": {"username": "{person}", "password": 1},
    "POST /v1/accounts/{name}/users/{person}/credentials": {"type": "password", "value": "changed words here"},
    "POST /v1/user/credentials": {"value": 1},
    "POST /v1/system/feeds": None,
    "POST /v1/system/webhooks/{kind}/test": None,
    "POST /v1/oauth/token": None,
}
"""What is sent to routes that take a body: about something of an account, and not enough to make anything new."""

QUERIES = (
    "/api/v1/packages?name={mark}-package",
    "/api/v1/images?tag={mark}-tag",
    "/api/v1/events?resource={digest}",
    "/api/v1/audit?resource={policy}",
    "/api/v1/audit?actor=key:{mark}-ci",
    "/api/v1/verdicts/{digest}?environment={mark}-place",
    "/api/v1/places?image={digest}",
    "/api/v1/places?cluster={mark}-cluster&namespace={mark}",
    "/api/v1/places?selector=app={mark}-label",
    "/v1/images?fulltag={tag}",
    "/v1/images?fulltag={tag}&history=true",
    "/v1/query/images/by_package?name={mark}-package",
    "/v1/subscriptions?subscription_type=vuln_update&subscription_key={tag}",
    "/v1/events?resource_id={digest}",
)
"""Questions that name something of an account."""


def _absent() -> Furnished:
    """What things would be called that there are not."""
    return Furnished(
        account="absentmark",
        mark="absentmark",
        digest="sha256:" + "0" * 64,
        tag="127.0.0.1:1/shop:absentmark-tag",
        registry="absentmark.example.org",
        verdict=987_654_321,
        activation=987_654_321,
        exception="00000000-0000-4000-8000-000000000000",
        simulation="00000000-0000-4000-8000-000000000000",
        event=987_654_321,
        subscription="0" * 32,
        scan="00000000-0000-4000-8000-000000000000",
    )


ABSENT = _absent()
SIGNING_KEY = ec.generate_private_key(ec.SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
"""What the server signs verdicts with."""


def filled(template: Any, by: Furnished) -> Any:
    """A body or a query with what things of an account are called."""
    if isinstance(template, dict):
        return {name: filled(value, by) for name, value in template.items()}
    if not isinstance(template, str):
        return template
    for name in ("tag", "policy", "account", "person", "registry", "mark", "digest"):
        template = template.replace(f"{{{name}}}", getattr(by, name))
    return template


def named(by: Furnished) -> list[str]:
    """All that things of an account are called, the longest first."""
    own = [str(getattr(by, field)) for field in Furnished.__struct_fields__ if field != "keys"]
    marked = (f"{by.mark}-{word}" for word in ("ci", "tag", "application", "version"))
    return sorted({*own, by.policy, by.person, *marked}, key=len, reverse=True)


def body_of(door: Door, by: Furnished) -> Any:
    if door.method in ("GET", "DELETE") or not door.is_offered:
        return None
    assert str(door) in BODIES, f"{door} has no case: add a body to BODIES"
    return filled(BODIES[str(door)], by)


def path_of(door: Door, by: Furnished) -> str:
    path = by.path(door.path)
    assert "{" not in path, f"{door} has no case: say in tests/support/furnished.py what stands for its parameters"
    return path


@asynccontextmanager
async def furnished(database_url: str, folder: Path) -> AsyncIterator[World]:
    (folder / "key.pem").write_bytes(SIGNING_KEY)
    async with desk(database_url, folder, signing_key=str(folder / "key.pem")) as at:
        await advised(at)
        ours = await furnish(at, "ours", OURS)
        theirs = await furnish(at, "theirs", THEIRS)
        answer = await at.ask("PATCH", f"/accounts/ours/persons/{OURS}-viewer", {"state": "disabled"})
        assert answer.is_success
        at.now += timedelta(hours=2)
        seconds = [1000.0]
        at.app.state["gate"] = gate = Gate(at.services, lambda: seconds[0])
        gate.identity.passwords = Passwords(time_cost=1, memory_kib=64)

        def bearer(name: str) -> dict[str, str]:
            return {"authorization": f"Bearer {ours.keys[name]}"}

        visitors = [
            Visitor(name="nobody", may=None),
            Visitor(name="disabled", may=None, login=(f"{OURS}-viewer", f"{WORDS} {OURS}")),
            Visitor(name="revoked", may=None, headers=bearer("revoked")),
            Visitor(name="expired", may=None, headers=bearer("expired")),
            Visitor(name="narrow", may=frozenset(("images:read",)), headers=bearer("narrow")),
            *(Visitor(name=role, may=ROLES[role], headers=bearer(role)) for role in ROLES),
            Visitor(name="person", may=ROLES["admin"], login=(f"{OURS}-admin", f"{WORDS} {OURS}")),
            Visitor(name="operator", may=PERMISSIONS, login=("admin", PASSWORD)),
        ]
        yield World(at=at, ours=ours, theirs=theirs, visitors=visitors, seconds=seconds)


@pytest.fixture(scope="module")
async def world(database_server: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    """For tests that ask for what is read, for what there is not, and for what is refused."""
    async with furnished(fresh_database(database_server), tmp_path_factory.mktemp("world")) as found:
        yield found


@pytest.fixture
async def own_world(database_url: str, tmp_path: Path) -> AsyncIterator[World]:
    """For a test that changes it."""
    async with furnished(database_url, tmp_path) as found:
        yield found


SOME_OR_ALL = pytest.mark.parametrize("most", [3, pytest.param(100, marks=pytest.mark.slow)], ids=["some", "everybody"])
"""How many of those who take turns come to each door."""


def in_turns(doors: Iterable[Door], visitors: Sequence[Visitor], most: int) -> Iterator[tuple[Door, Visitor]]:
    """Who comes to which door: `most` of them, others to the next one, and such as stand far apart, who may do different things."""
    stride = 5
    assert math.gcd(stride, len(visitors)) == 1, "or some would never come"
    turns = itertools.count()
    for door in doors:
        for _ in range(min(most, len(visitors))):
            yield door, visitors[next(turns) * stride % len(visitors)]


@SOME_OR_ALL
async def test_who_may_use_which_route(own_world: World, most: int) -> None:
    world = own_world
    wrong = []
    nobody, every = world.visitor("nobody"), list(doors(world.at.app))
    others = [who for who in world.visitors if who is not nobody]
    for door, who in itertools.chain(((door, nobody) for door in every), in_turns(every, others, most)):
        if door.path == ENDLESS and who.may is not None and door.needs in who.may:
            continue
        account = "ours" if who.name == "operator" else ""
        is_done = door.needs == "system:write" and who.name == "operator"  # nothing is to happen to the account itself
        path = path_of(door, ABSENT if is_done else msgspec.structs.replace(ABSENT, account="ours"))
        answer = await world.ask(who, door.method, path, body_of(door, ABSENT), account)
        if not _expected(door, who, answer.status_code):
            wrong.append(f"{who.name}: {door} → {answer.status_code} {answer.text[:200]}")
        if who.name != "operator" and (THEIRS in answer.text or world.theirs.digest in answer.text):
            wrong.append(f"{who.name}: {door} tells of another account: {answer.text[:300]}")
    assert not wrong, "\n".join(wrong)


_BY_WHAT_IS_ASKED = {"/api/v1/export/{kind}": "images:read"}
"""Routes whose permission depends on what is asked for, and the one that is asked for here."""


def _expected(door: Door, who: Visitor, status: int) -> bool:
    if door.needs is None:
        return status not in (403, 500)  # what is public, or asks for a password itself
    if who.may is None:
        return status == 401
    needs = _BY_WHAT_IS_ASKED.get(door.path, door.needs)
    if needs != SIGNED_IN and needs not in who.may:
        return status == 403
    return status not in (401, 403, 500)


@SOME_OR_ALL
async def test_what_one_may_read_is_read(world: World, most: int) -> None:
    """And holds nothing of another account, in any list and for any role. The admin reads all in any case."""
    wrong = []
    admin = world.visitor("admin")
    others = [who for who in world.visitors if who.may is not None and who.name not in ("admin", "operator")]
    read = [door for door in doors(world.at.app) if door.method == "GET" and door.path != ENDLESS]
    for door, who in itertools.chain(((door, admin) for door in read), in_turns(read, others, most // 2)):
        path = path_of(door, world.ours) + filled(_QUERIES.get(door.path, ""), world.ours)
        answer = await world.ask(who, "GET", path)
        if THEIRS in answer.text or world.theirs.digest in answer.text:
            wrong.append(f"{who.name}: {door} tells of another account: {answer.text[:300]}")
        wanted = (403 if door.needs in OPERATOR_SCOPES else 200) if door.is_offered else 501
        if who is admin and answer.status_code != wanted and door.path not in _NOT_THERE:
            wrong.append(f"{door} → {answer.status_code} {answer.text[:200]}")
    assert not wrong, "\n".join(wrong)


_QUERIES = {
    "/api/v1/packages": "?name=libc6",
    "/v1/query/images/by_package": "?name=libc6",
    "/v1/query/images/by_vulnerability": "?vulnerability_id=CVE-2026-1",
    "/v1/images/{digest}/check": "?tag={tag}",
    "/v1/images/by_id/{digest}/check": "?tag={tag}",
}
_NOT_THERE = ("/v1/system/services/{name}/{host}", "/")


async def rows_of(at: Desk, account: str) -> dict[str, str]:
    """A digest of everything in the database that is an account's, by table."""
    found: dict[str, str] = {}
    async with at.services.database.system() as connection:
        cursor = await connection.execute(
            "SELECT table_name FROM information_schema.columns JOIN information_schema.tables USING (table_schema, table_name)"
            " WHERE column_name = 'account_id' AND table_schema = 'public' AND table_type = 'BASE TABLE' ORDER BY 1"
        )
        for (table,) in await cursor.fetchall():
            told = await connection.execute(
                f"SELECT md5(coalesce(string_agg(row::text, '|' ORDER BY row::text), '')) FROM {table} row"
                " WHERE account_id = (SELECT id FROM account WHERE name = %s)",
                (account,),
            )
            row = await told.fetchone()
            found[str(table)] = str(row[0]) if row else ""
        told = await connection.execute("SELECT account::text FROM account WHERE name = %s", (account,))
        found["account"] = str(await told.fetchone())
    return found


@pytest.mark.parametrize(
    "names",
    [("admin",), pytest.param(("ci", "editor", "narrow", "person"), marks=pytest.mark.slow)],
    ids=["some", "the others"],
)
async def test_things_of_another_account_are_answered_like_things_that_there_are_not(
    world: World, names: tuple[str, ...]
) -> None:
    """By their identifiers in the address and the body, by name of the account in the address and in the header."""
    before = await rows_of(world.at, "theirs")
    absent = msgspec.structs.replace(ABSENT, tag=world.theirs.tag.replace(THEIRS, ABSENT.mark))
    wrong = []
    for door, name in itertools.product(list(doors(world.at.app)), names):
        if door.path == ENDLESS:
            continue
        who = world.visitor(name)
        for account in ((world.theirs.account, ABSENT.account), ("", "")):
            if door.method == "DELETE" and "{" not in door.path and not account[0]:
                continue  # names nothing: what goes is one's own
            foreign, nothing = [
                await world.ask(who, door.method, path_of(door, by), body_of(door, by), each)
                for by, each in zip((world.theirs, absent), account, strict=True)
            ]
            if difference := difference_of(foreign, nothing, (world.theirs, absent)):
                wrong.append(f"{name}: {door} {account[0]}: {difference}")
            is_closed = door.needs is not None and (account[0] or door.of)
            if is_closed and foreign.status_code != 403:
                wrong.append(f"{name}: {door} {account[0]} → {foreign.status_code}")
    for query, name in itertools.product(QUERIES, ("admin", "ci", "auditor")):
        who = world.visitor(name)
        foreign, nothing = [await world.ask(who, "GET", filled(query, by)) for by in (world.theirs, absent)]
        if difference := difference_of(foreign, nothing, (world.theirs, absent)):
            wrong.append(f"{name}: {query}: {difference}")
    assert not wrong, "\n".join(wrong)
    assert await rows_of(world.at, "theirs") == before


def difference_of(foreign: Response, nothing: Response, both: tuple[Furnished, Furnished]) -> str:
    """What tells a thing of another account from one that there is not; "" for nothing."""
    if foreign.status_code != nothing.status_code:
        return f"{foreign.status_code} and {nothing.status_code}: {foreign.text[:150]} {nothing.text[:150]}"
    texts = [foreign.text, nothing.text]
    if texts[0] != texts[1]:
        for number, by in enumerate(both):
            for each in named(by):
                texts[number] = re.sub(rf"\b{re.escape(each)}\b", "…", texts[number])
    if foreign.headers.get("content-type", "").endswith("json") and texts[0] != texts[1]:
        return f"{texts[0][:300]} and {texts[1][:300]}"
    return f"tells of them: {texts[0][:300]}" if THEIRS in texts[0] else ""


async def test_a_disabled_account_answers_nobody_but_operators(own_world: World) -> None:
    assert (await own_world.at.ask("PATCH", "/accounts/ours", {"state": "disabled"})).is_success
    for door in doors(own_world.at.app):
        if door.needs is None or door.path == ENDLESS:
            continue
        answer = await own_world.ask(
            own_world.visitor("admin"), door.method, path_of(door, own_world.ours), body_of(door, ABSENT)
        )
        assert answer.status_code in (401, 403), f"{door} → {answer.status_code} {answer.text[:200]}"
