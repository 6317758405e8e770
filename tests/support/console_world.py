"""A small company to look at: two accounts, people of each role, images that policies judge, advisories that came and went over nine days,
places, applications, channels, exceptions and silences.

`python -m tests.support.console_world --listen 127.0.0.1:8300` serves it until it is interrupted, and goes on working meanwhile.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import socket
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import structlog
from psycopg import sql

from hullmark.model.advisory import Advisory, Cvss, Exploitability, KevEntry, Record
from hullmark.model.isolation import HostPath, Isolation, ResourceLimits
from hullmark.model.place import InventoryReport, Place, RunningContainer, RunningImage
from hullmark.server.stories.judging.deadlines import judge_due, tell_of_exceptions
from hullmark.server.stories.notice.staleness import look_for_stale
from hullmark.server.tables.notice.latency import count_latency
from tests.support.console_images import Recipe, recipes
from tests.support.database import database_in, fresh_database
from tests.support.desk import PASSWORD, Desk
from tests.support.matching import advisory, affected
from tests.support.receivers import Received, receiver
from tests.support.registry import encoded
from tests.support.standing import Standing, standing

ACCOUNT, OTHER = "shipyard", "orchard"
ROLES = {"anna": "admin", "emil": "editor", "ines": "analyst", "vera": "viewer", "otto": "auditor"}
WORDS = "some long enough words"
"""The password of everybody but the operator."""
OPENSSL, XML, CURL, JINJA, WITHDRAWN = (f"CVE-2026-{number}" for number in (21001, 21002, 21003, 21004, 21005))
SECURE = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"
POLICY = """
schema: hullmark-policy/1
name: production
version: "{version}"
description: What runs for customers keeps to this.
grace: {{days: 2, exploited_days: 1}}
rules:
  - {{id: exploited, gate: vulnerabilities, trigger: found, action: stop, params: {{exploited: true}}, message: Update it today.}}
  - {{id: high-with-fix, gate: vulnerabilities, trigger: found, action: stop,
     params: {{severity: high, fix: [fixed], unrated: ignore}}, message: Rebuild on a newer base.}}
  - {{id: medium, gate: vulnerabilities, trigger: found, action: warn, params: {{severities: [medium], unrated: ignore}}}}
  - {{id: not-root, gate: config, trigger: user, action: {root}, params: {{not_root: true}}, source: NIST SP 800-190 4.1.2}}
  - {{id: no-secrets-in-env, gate: config, trigger: secrets, action: stop}}
"""
STRICT = """
schema: hullmark-policy/1
name: next-year
version: "1"
description: What is to hold from January on.
rules:
  - {id: any-medium, gate: vulnerabilities, trigger: found, action: stop, params: {severity: medium, unrated: ignore}}
  - {id: age, gate: image, trigger: age, action: warn, params: {max_days: 120}}
"""
_HARDENED = Isolation(
    boundary="process", privileged=False, capabilities_dropped=("ALL",), seccomp="runtime-default", user_namespace=True,
    read_only_root=True, no_new_privileges=True, user="10001", run_as_non_root=True, host_pid=False, host_ipc=False,
    host_network=False, limits=ResourceLimits(memory=256 << 20, cpu=500, pids=200), service_account_token=False,
)  # fmt: skip
_USUAL = Isolation(boundary="process", privileged=False, seccomp="runtime-default", host_pid=False, host_network=False)
_HOST = Isolation(
    boundary="process", privileged=True, host_pid=True, host_paths=(HostPath(path="/var/run", target="/run"),)
)
_SANDBOX = Isolation(boundary="sandbox", runtime_class="gvisor", privileged=False, seccomp="runtime-default")
PLACES: tuple[tuple[str, str, str, str, Isolation], ...] = (
    ("eu-production", "shop", "Deployment/web", "shop/web:2.4.0", _HARDENED),
    ("eu-production", "shop", "Deployment/web-canary", "shop/web:2.4.1", _HARDENED),
    ("eu-production", "shop", "Deployment/api", "shop/api:1.9.3", _USUAL),
    ("eu-production", "shop", "StatefulSet/worker", "shop/worker:0.7.2", _USUAL),
    ("eu-production", "payments", "Deployment/billing", "payments/billing:5.2", _HOST),
    ("eu-production", "platform", "DaemonSet/gateway", "platform/gateway:3.0.0", _SANDBOX),
    ("staging", "shop", "Deployment/web", "shop/web:2.4.1", _USUAL),
    ("staging", "shop", "Deployment/api", "shop/api:1.9.3", _USUAL),
    ("staging", "platform", "Deployment/legacy", "platform/legacy:1.0", Isolation()),
)  # fmt: skip
"""What runs in clusters of Kubernetes: cluster, namespace, workload, image, and how it is kept apart."""


class World(msgspec.Struct, kw_only=True):
    """What stands there: digests of images by REPOSITORY:TAG, numbers of causes by their subject, where the server is, and what it told."""

    digests: dict[str, str]
    causes: dict[str, int] = {}
    exceptions: dict[str, str] = {}
    url: str = ""
    told: list[Received] = []
    account: str = ACCOUNT
    other: str = OTHER

    def page(self, path: str = "") -> str:
        """The address of a page of the account: `images/sha256:…`."""
        return f"{self.url}/console/{self.account}/{path}"

    def login(self, person: str) -> dict[str, Any]:
        """Options of a browser's context in which each request says who asks, as a program's do."""
        return {"extra_http_headers": {"Authorization": f"Basic {encoded((person, self.password(person)))}"}}

    def password(self, person: str) -> str:
        """How somebody signs in."""
        return PASSWORD if person == "admin" else WORDS


def advisories(day: int, first: datetime) -> list[Record]:
    """What is known `day` days after the first one."""

    def on(days: int) -> str:
        return (first + timedelta(days=days)).date().isoformat()

    told: list[Record] = [
        _advisory("CVE-2025-9001", affected("debian:13", "nginx", "deb", "1.26.3-4"), "medium", 5.3, on(-180)),
        _advisory("CVE-2025-9002", affected("debian:13", "zlib1g", "deb", ""), "low", 3.1, on(-300)),
        _advisory(CURL, affected("debian:13", "libcurl4t64", "deb", "8.14.1-3"), "medium", 6.5, on(-80)),
        _advisory(XML, affected("alpine:3.22", "libxml2", "apk", "2.13.9-r0"), "medium", 6.8, on(-60)),
        _advisory("CVE-2025-9003", affected("pypi", "requests", "pep440", "2.32.0"), "medium", 5.6, on(-340)),
        Exploitability(XML, 0.02 + 0.09 * day, min(0.5 + 0.05 * day, 0.99), on(day)),
        Exploitability("CVE-2025-9001", 0.004, 0.31, on(0)),
        Exploitability(CURL, 0.11, 0.84, on(0)),
    ]
    if day >= 4:
        told.append(_advisory(OPENSSL, affected("debian:13", "openssl", "deb", "3.5.1-2"), "critical", 9.8, on(3)))
        told.append(Exploitability(OPENSSL, 0.35 + 0.06 * (day - 4), 0.97, on(day)))
    if day >= 5:
        gone = f"{on(7)}T00:00:00Z" if day >= 7 else ""
        part = affected("pypi", "urllib3", "pep440", "2.2.2")
        told.append(_advisory(WITHDRAWN, part, "high", 7.5, on(5), withdrawn=gone))
    if day >= 6:
        told.append(KevEntry(cve=XML, source="cisa", added=on(6), due=on(27), action="Apply updates.", name="libxml2"))
    if day >= 8:
        told.append(_advisory(JINJA, affected("pypi", "jinja2", "pep440", "3.1.5"), "high", 7.8, on(8)))
        told.append(Exploitability(JINJA, 0.07, 0.9, on(8)))
    return told


def _advisory(name: str, part: Any, severity: Any, score: float, published: str, **more: Any) -> Advisory:
    references = (f"https://nvd.example/{name}", f"https://security.example/{name.lower()}")
    summary = f"A flaw in {part.name} lets others read more than they should"
    words = {"summary": summary, "published": f"{published}T09:00:00Z", "references": references, "cwes": ("CWE-125",)}
    return advisory(name, part, severity=severity, cvss=(Cvss("3.1", SECURE, score),), **{**words, **more})


async def furnish(at: Desk, hook: str = "http://127.0.0.1:9/hook") -> World:
    """Make the accounts, and let nine days pass. `hook`: where a channel leads to."""
    first = datetime.now(UTC).replace(microsecond=0) - timedelta(days=9)
    made = recipes()
    world = World(digests={name: _pushed(at, name, recipe) for name, recipe in made.items()})
    for day in range(10):
        at.now = first + timedelta(days=day)
        began = await _database_time(at)
        if day == 0:
            await _begin(at, hook)
        await at.advise(*advisories(day, first))
        await at.work()
        await _happenings(at, world, day)
        await judge_due(at.services)
        await at.work()
        if day < 9:
            await _grow_older(at, began)
    await look_for_stale(at.services)
    await tell_of_exceptions(at.services)
    await at.work()
    await _find_causes(at, world)
    return world


def _pushed(at: Desk, name: str, recipe: Recipe) -> str:
    repository, _, tag = name.partition(":")
    descriptor = recipe.put(at.registry.blobs)
    digest = str(descriptor["digest"])
    at.registry.others.setdefault(repository, {})[tag] = digest
    return digest


async def _begin(at: Desk, hook: str) -> None:
    for account in (ACCOUNT, OTHER):
        await at.post("/accounts", {"name": account, "email": f"security@{account}.example"})
        assert (await at.ask("PUT", f"/registries/{at.registry.host}", {"verify": False}, account)).is_success
    for name, role in ROLES.items():
        await at.post(f"/accounts/{ACCOUNT}/persons", {"name": name, "password": WORDS, "role": role})
    await at.post(f"/accounts/{OTHER}/persons", {"name": "olga", "password": WORDS, "role": "admin"})
    await at.post("/policies", {"text": POLICY.format(version=1, root="warn"), "note": "the first one"}, ACCOUNT)
    for environment in ("production", "staging"):
        await at.post("/activations", {"policy": "production", "environment": environment}, ACCOUNT)
    await at.post("/policies", {"text": STRICT, "note": "to be looked at until January"}, ACCOUNT)
    await at.post("/activations", {"policy": "next-year", "environment": "production", "shadow": True}, ACCOUNT)
    await at.post("/policies", {"text": POLICY.format(version=1, root="stop").replace("production", "orchard")}, OTHER)
    await at.post("/activations", {"policy": "orchard"}, OTHER)
    await at.post("/channels", {"name": "chat", "kind": "webhook", "settings": {"url": hook}}, ACCOUNT)
    broken = {"name": "pager", "kind": "webhook", "settings": {"url": "http://127.0.0.1:9/pager"}}
    await at.post("/channels", broken, ACCOUNT)
    await at.post("/subscriptions", {"name": "production", "selector": "*", "environments": ["production"]}, ACCOUNT)
    rules = [
        {"selector": f"place/cluster={name}", "environment": name.removeprefix("eu-")}
        for name in ("eu-production", "staging")
    ]
    assert (await at.ask("PUT", "/place-settings", {"environments": rules}, ACCOUNT)).is_success


async def _happenings(at: Desk, world: World, day: int) -> None:
    """What people and clusters did on a day."""
    if day == 0:
        await _add(at, [name for name in recipes() if name != "shop/web:2.4.1"])
        await _add(at, ["shop/web:2.4.0"], OTHER)
        await _report(at, world, 1, [place for place in PLACES if place[3] != "shop/web:2.4.1"])
        await _applications(at, world)
    elif day == 2:
        await at.post(
            "/policies", {"text": POLICY.format(version=2, root="stop"), "note": "nobody is root any more"}, ACCOUNT
        )
        for environment in ("production", "staging"):
            await at.post("/activations", {"policy": "production", "environment": environment}, ACCOUNT)
    elif day == 3:
        await _add(at, ["shop/web:2.4.1"])
        await _report(at, world, 2, PLACES)
    elif day == 5:
        reason = "the page is not reachable from outside; the new base comes with the next release"
        await _except(at, world, "high-with-fix", f"{OPENSSL}*", 102, reason, images="*/shop/web:2.4.1")
        await _except(at, world, "medium", "CVE-2019-*", 24 * 90, "none of the old ones matters to us", owner="vera")
    elif day == 7:
        silence = {"owner": "emil", "reason": "the move to the new cluster", "selector": "*/platform/*"}
        await at.post("/silences", {**silence, "ends_at": (at.now + timedelta(days=5)).isoformat()}, ACCOUNT)
    elif day == 8:
        await at.post("/simulations", {"policy": "next-year", "environment": "production"}, ACCOUNT)
        await _except(
            at, world, "not-root", "*", 24 * 40, "it needs port 80; the rewrite is planned", images="*/payments/*"
        )


async def _add(at: Desk, names: list[str], account: str = ACCOUNT) -> None:
    for name in names:
        await at.post("/images", {"reference": f"{at.registry.host}/{name}"}, account)
    await at.work()


async def _report(at: Desk, world: World, sequence: int, places: Any) -> None:
    for cluster in ("eu-production", "staging"):
        running = [
            RunningContainer(
                id=f"{namespace}/{workload}/{replica}",
                place=Place(
                    platform="kubernetes", cluster=cluster, namespace=namespace, workload=workload, container="main"
                ),
                image=RunningImage(reference=f"{at.registry.host}/{image}", digest=world.digests[image]),
                since=at.now - timedelta(hours=2),
                isolation=isolation,
                labels={"app": workload.rpartition("/")[2], "team": namespace},
                node=f"node-{replica}",
            )
            for where, namespace, workload, image, isolation in places
            if where == cluster
            for replica in range(2)
        ]
        report = InventoryReport(
            platform="kubernetes", collector=cluster, sequence=sequence, at=at.now, list=f"list-{sequence}", last=True,
            running=tuple(running),
        )  # fmt: skip
        await at.post("/inventories", msgspec.to_builtins(report), ACCOUNT)
    await at.work()


async def _applications(at: Desk, world: World) -> None:
    for name, words in (("Storefront", "What customers see."), ("Payments", "Bills and refunds.")):
        await at.post("/applications", {"name": name, "description": words}, ACCOUNT)
        selector = {"Storefront": "team=shop", "Payments": "team=payments"}[name]
        version = f"/applications/{name}/versions/2026.5"
        assert (await at.ask("PUT", version, {"selector": selector}, ACCOUNT)).is_success
    image = world.digests["payments/billing:5.2"]
    assert (await at.ask("PUT", f"/applications/Payments/versions/2026.5/images/{image}", None, ACCOUNT)).is_success


async def _except(
    at: Desk, world: World, rule: str, subject: str, hours: int, reason: str, *, owner: str = "ines", images: str = "*"
) -> None:
    ends = (at.now + timedelta(hours=hours)).strftime("%Y-%m-%dT%H:00:00Z")
    body = {"rule": rule, "subject": subject, "expires": ends, "owner": owner, "reason": reason, "images": images}
    found = await at.post("/exceptions", {**body, "ticket": f"SEC-{hours}"}, ACCOUNT)
    world.exceptions[rule] = found["id"]


async def _database_time(at: Desk) -> datetime:
    async with at.services.database.system() as connection:
        row = await (await connection.execute("SELECT clock_timestamp()")).fetchone()
    assert row is not None
    return row[0]  # type: ignore[no-any-return]


async def _grow_older(at: Desk, began: datetime) -> None:
    """What the database dated itself since a moment is dated as of the day that passed."""
    async with at.services.database.system() as connection:
        columns = await connection.execute(
            "SELECT table_name, column_name FROM information_schema.columns JOIN information_schema.tables USING (table_schema, table_name)"
            " WHERE table_schema = 'public' AND data_type = 'timestamp with time zone' AND table_type = 'BASE TABLE'"
            " AND table_name NOT LIKE 'procrastinate%%' AND table_name <> 'judging_use'"
        )
        found = await columns.fetchall()
        await connection.execute("SET LOCAL session_replication_role = replica")
        age = await _database_time(at) - at.now
        for table, column in found:
            moved = sql.SQL(
                "UPDATE {table} SET {column} = {column} - %(age)s WHERE {column} BETWEEN %(began)s AND clock_timestamp()"
            )
            names = {"table": sql.Identifier(table), "column": sql.Identifier(column)}
            await connection.execute(moved.format(**names), {"age": age, "began": began})
        await connection.execute("TRUNCATE notice_latency")
        for (number,) in await (
            await connection.execute("SELECT id FROM message WHERE delivered_at IS NOT NULL")
        ).fetchall():
            await count_latency(connection, number)


async def _find_causes(at: Desk, world: World) -> None:
    async with at.services.database.system() as connection:
        cursor = await connection.execute(
            "SELECT subject, max(cause.id) FROM cause JOIN account ON account.id = account_id WHERE account.name = %s GROUP BY 1",
            (ACCOUNT,),
        )
        world.causes = {str(subject): int(number) for subject, number in await cursor.fetchall()}


@contextlib.contextmanager
def console_world(database_server: str, folder: Path, port: int = 0) -> Iterator[tuple[World, Standing]]:
    """The company behind a real HTTP server, over a database of its own."""
    made: list[World] = []
    port = port or _free_port()
    with receiver((200, {}, b"ok")) as hook:

        async def begin(at: Desk) -> None:
            made.append(await furnish(at, f"{hook.url}/chat"))

        reached = f"http://127.0.0.1:{port}"
        with standing(fresh_database(database_server), folder, begin, port=port, public_url=reached) as server:
            world = made[0]
            world.url, world.told = server.url, hook.requests
            yield world, server


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


async def keep_working(at: Desk) -> None:
    """Do what people ask for, with the clock of this machine, until it is cancelled."""
    while True:
        at.now = datetime.now(UTC)
        await judge_due(at.services)
        if not await at.work():
            await asyncio.sleep(0.5)


def main() -> None:
    """Serve it until it is interrupted."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--listen", default="127.0.0.1:8300")
    port = int(options.parse_args().listen.rpartition(":")[2])
    began = time.monotonic()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(30))
    with tempfile.TemporaryDirectory(prefix="hm-console-") as folder, database_in(Path(folder)) as database:
        place = Path(folder) / "server"
        place.mkdir()
        with console_world(database, place, port) as (world, server):
            print(f"made in {time.monotonic() - began:.0f} s")
            print(f"{world.page()}\n  {', '.join(ROLES)}: {WORDS}\n  admin (operator): {PASSWORD}", flush=True)
            with contextlib.suppress(KeyboardInterrupt):
                server.run(keep_working(server.at), seconds=10**9)


if __name__ == "__main__":
    main()
