"""What collectors report is kept as places and intervals: compared as sets, known again, joined to images, and listed at any moment."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from hullmark.model.isolation import Isolation
from hullmark.model.place import LIST_NEEDED
from hullmark.server.stories.images.retain import forget_places
from tests.service.test_verdicts import NOT_ROOT, SHOP, kept
from tests.support.desk import Desk, desk
from tests.support.inventories import BEFORE, Agent, container, ended

pytestmark = pytest.mark.anyio

DIGEST = f"sha256:{'d' * 64}"


@pytest.fixture
async def at(database_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    async with desk(database_url, tmp_path) as found:
        yield found


async def places(at: Desk, query: str = "") -> list[dict[str, Any]]:
    return list((await at.get(f"/places?limit=200&{query}"))["items"])


async def names(at: Desk, query: str = "") -> list[str]:
    return [each["workload"].rpartition("/")[2] for each in await places(at, query)]


async def sql(at: Desk, statement: str, *values: Any) -> list[tuple[Any, ...]]:
    async with at.services.database.system() as connection:
        return await (await connection.execute(statement, values)).fetchall()


async def test_a_list_in_parts_is_what_runs(at: Desk) -> None:
    agent = Agent(at)
    web, api, jobs = (container(f"Deployment/{name}", digest=DIGEST) for name in ("web", "api", "jobs"))
    assert await agent.list(web, api, jobs, part=1) == {"sequence": 3, "list_needed": False}
    (first, *_), found = await places(at), await names(at)
    assert found == ["api", "jobs", "web"]
    assert (first["digest"], first["cluster"], first["since"]) == (DIGEST, "eu-1", "2026-04-01T00:00:00Z")
    assert (first["containers"], first["until"], first["verdict"], first["image"]) == (1, None, "", "")
    (collector,) = (await at.get("/collectors"))["items"]
    assert (collector["name"], collector["places"], collector["listed_at"]) == ("eu-1", 3, "2026-05-01T12:00:00Z")
    (event,) = (await at.get("/events?kind=collector.listed"))["items"]
    assert event["body"] == {"platform": "kubernetes", "collector": "eu-1", "places": 3}
    at.now += timedelta(hours=1)
    await agent.list(web, jobs, part=1)
    assert await names(at) == ["jobs", "web"]
    assert await names(at, "at=2026-05-01T12:30:00Z") == ["api", "jobs", "web"]
    assert await names(at, "at=2026-03-01T12:30:00Z") == []
    (gone,) = [each for each in await places(at, "at=2026-05-01T12:30:00Z") if each["workload"] == "Deployment/api"]
    assert gone["until"] == "2026-05-01T13:00:00Z"


async def test_replicas_are_one_place_until_the_last_has_ended(at: Desk) -> None:
    agent = Agent(at)
    one, two = (
        container(id=name, labels={"app": "web", "pod-template-hash": name}, node=name) for name in ("one", "two")
    )
    await agent.list(one, two)
    (place,) = await places(at)
    assert (place["containers"], place["labels"]) == (2, {"app": "web"})
    at.now += timedelta(hours=1)
    await agent.change(ended=[ended(one, at.now)])
    assert [each["containers"] for each in await places(at)] == [1]
    # Another replica takes over: the place goes on.
    three = container(id="three", labels={"app": "web"}, since=at.now)
    await agent.change(three, ended=[ended(two, at.now)])
    (place,) = await places(at)
    assert (place["containers"], place["since"]) == (1, "2026-04-01T00:00:00Z")
    at.now += timedelta(hours=1)
    await agent.change(ended=[ended(three, at.now - timedelta(minutes=5))])
    assert await places(at) == []
    (row,) = await sql(at, "SELECT until, containers FROM placement")
    assert row == (at.now - timedelta(minutes=5), 1)


async def test_a_list_of_what_is_known_writes_no_row_but_that_it_came(at: Desk) -> None:
    agent = Agent(at)
    running = [container(f"Deployment/w{number}", labels={"app": str(number % 7)}) for number in range(50)]
    await agent.list(*running, part=20)
    began, kept_before = await _moment(at), await _kept(at)
    await agent.list(*reversed(running), part=20)
    # Each of three parts is noted, its containers remembered until the list is complete; nothing of a place is written.
    noted = {"collector": 1, "collector_report": 3}
    assert await _written(at, began) == {**dict.fromkeys(TABLES, 0), **noted}
    assert await _kept(at) == kept_before
    at.now += timedelta(hours=1)
    began = await _moment(at)
    await agent.list(*running[1:], container("Deployment/w1", "new", labels={"app": "1"}), part=20)
    found = await _written(at, began)
    # One container ended with its placement, one more came to a placement that is there already.
    assert {name: found[name] for name in ("placement", "running_container", "label_set", "isolation", "event")} == {
        "placement": 2,
        "running_container": 1,
        "label_set": 0,
        "isolation": 0,
        "event": 0,
    }
    assert await _kept(at) == kept_before


TABLES = (
    "collector",
    "collector_report",
    "idempotency",
    "placement",
    "running_container",
    "label_set",
    "label",
    "isolation",
    "running_image",
    "event",
)


async def _moment(at: Desk) -> int:
    """The number of a transaction: what is written later has one above it."""
    ((number,),) = await sql(at, "SELECT pg_current_xact_id()::text::bigint")
    return int(number)


async def _written(at: Desk, since: int) -> dict[str, int]:
    """How many rows there are that were written since, by table."""
    rows = {name: await sql(at, f"SELECT count(*) FROM {name} WHERE xmin::text::bigint > %s", since) for name in TABLES}
    return {name: int(count) for name, ((count,),) in rows.items()}


async def _kept(at: Desk) -> dict[str, int]:
    """How many rows there are, by table, of those that a report does not add to by itself."""
    rows = {name: await sql(at, f"SELECT count(*) FROM {name}") for name in TABLES if name != "collector_report"}
    return {name: int(count) for name, ((count,),) in rows.items()}


async def test_a_report_that_comes_again_is_answered_and_changes_nothing(at: Desk) -> None:
    agent = Agent(at)
    web = container()
    await agent.list(web)
    at.now += timedelta(hours=1)
    await agent.change(ended=[ended(web, at.now)])
    await agent.change(container(since=at.now))
    first, second, third = agent.sent
    assert await agent.send(second) == {"sequence": 3, "list_needed": False}
    assert await agent.send(first, second, third) == {"sequence": 3, "list_needed": False}
    assert len(await places(at)) == 1
    assert len(await sql(at, "SELECT FROM placement")) == 2


async def test_who_builds_on_nothing_or_lost_count_is_asked_for_a_list(at: Desk) -> None:
    agent = Agent(at)
    answer = await agent.post(agent.report(running=(container(),)))
    told = answer.json()
    assert (answer.status_code, told["type"], told["sequence"]) == (409, LIST_NEEDED, 0)
    await agent.list(container())
    agent.sequence = 1
    answer = await agent.post(agent.report(list="anew", last=True, running=()))
    told = answer.json()
    assert (answer.status_code, told["type"], told["sequence"]) == (409, LIST_NEEDED, 2)
    assert len(await places(at)) == 1
    agent.sequence = told["sequence"] + 100  # gaps are nothing
    await agent.list()
    assert await places(at) == []


async def test_a_change_within_a_list_is_part_of_it_and_a_list_that_never_ends_ends_nothing(at: Desk) -> None:
    agent = Agent(at)
    old = container("Deployment/old")
    await agent.list(old)
    await agent.send(agent.report(list="half", running=(container("Deployment/one"),)))
    await agent.change(container("Deployment/between"))
    await agent.send(agent.report(list="whole", running=(container("Deployment/two"),)))
    await agent.change(container("Deployment/three"))
    assert await names(at) == ["between", "old", "one", "three", "two"]
    await agent.send(agent.report(list="whole", last=True))
    assert await names(at) == ["three", "two"]


async def test_a_container_that_began_anew_has_not_ended(at: Desk) -> None:
    agent = Agent(at, platform="docker")
    web = container()
    await agent.list(web)
    again = container(since=BEFORE + timedelta(days=2))
    await agent.change(again, ended=[ended(web, BEFORE + timedelta(days=1))])
    await agent.change(ended=[ended(web, BEFORE + timedelta(days=1))])
    assert len(await places(at)) == 1


async def test_selectors_and_filters_choose_places(at: Desk) -> None:
    agent = Agent(at)
    vm = Isolation(boundary="vm", runtime="kata-qemu", privileged=False, host_network=False)
    await agent.list(
        container("Deployment/web", labels={"app": "web", "env": "prod"}, digest=DIGEST),
        container("Deployment/api", labels={"app": "api", "env": "staging"}, isolation=vm),
        container("Deployment/jobs", labels={"app": "jobs"}, namespace="batch", isolation=Isolation(privileged=True)),
    )
    for query, found in {
        "selector=app": ["jobs", "api", "web"],
        "selector=app%3Dweb": ["web"],
        "selector=env in (prod,staging),!canary": ["api", "web"],
        "selector=env!%3Dprod": ["jobs", "api"],
        "selector=!env": ["jobs"],
        "selector=place/namespace%3Dshop,app notin (web)": ["api"],
        "selector=!place/cluster": [],
        "namespace=batch": ["jobs"],
        "namespace=shop": ["api", "web"],
        "cluster=eu-1&namespace=shop": ["api", "web"],
        "cluster=us-1": [],
        "platform=docker": [],
        "grade=host": ["jobs", "web"],
        "grade=sandboxed": ["jobs", "web"],
        "grade=vm": ["jobs", "api", "web"],
        f"image={DIGEST}": ["web"],
        "image=sha256:0": [],
        "verdict=none": ["jobs", "api", "web"],
        "verdict=stop": [],
    }.items():
        assert await names(at, query) == found, query
    for bad in ("selector=app in", "selector=place/nowhere", "verdict=perhaps", "grade=good"):
        answer = await at.ask("GET", f"/places?{bad}")
        assert answer.status_code in (400, 422), bad
    page = await at.get("/places?namespace=shop&limit=1")
    rest = await at.get(f"/places?namespace=shop&limit=1&cursor={page['next']}")
    assert [each["workload"] for each in page["items"] + rest["items"]] == ["Deployment/api", "Deployment/web"]
    assert rest["next"] is None


async def test_a_verdict_of_one_environment_is_found_behind_many_places_of_another(at: Desk) -> None:
    digest = at.push("1.0", SHOP)
    await kept(at, NOT_ROOT, environment="production")
    await at.add("1.0")
    await at.work()
    rules = [{"selector": "env=prod", "environment": "production"}]
    await at.ask("PUT", "/place-settings", {"environments": rules})
    staged = (container(f"Deployment/a{number:02}", digest=digest) for number in range(30))
    stopped = (container(f"Deployment/b{number}", digest=digest, labels={"env": "prod"}) for number in range(2))
    other = container("Deployment/a99", digest=DIGEST)
    await Agent(at).list(*staged, *stopped, other)
    page = await at.get("/places?verdict=stop&limit=1")
    rest = await at.get(f"/places?verdict=stop&limit=1&cursor={page['next']}")
    assert [each["workload"] for each in page["items"] + rest["items"]] == ["Deployment/b0", "Deployment/b1"]
    assert rest["next"] is None
    assert len(await places(at, "verdict=none")) == 31


async def test_an_image_that_nobody_added_is_joined_when_somebody_does(at: Desk) -> None:
    digest = at.push("1.0", SHOP)
    agent = Agent(at)
    await agent.list(container(digest=digest, reference=at.reference("1.0")))
    assert [(each["image"], each["verdict"]) for each in await places(at)] == [("", "")]
    await kept(at, NOT_ROOT)
    await at.add("1.0")
    await at.work()
    (found,) = (await at.get(f"/images/{digest}/places"))["items"]
    assert (found["image"], found["verdict"]) == (digest, "stop")
    assert await names(at, "verdict=stop") == ["web"]
    config = (await at.get(f"/images/{digest}"))["config_digest"]
    assert len((await at.get(f"/images/{config}/places"))["items"]) == 1
    assert len(await places(at, f"image={at.reference('1.0')}")) == 1
    # A host that knows the configuration's digest only means the same image.
    await Agent(at, "host-1", "docker").list(container(cluster="host-1", digest=config))
    assert [each["image"] for each in await places(at)] == [digest, digest]
    assert (await at.ask("DELETE", f"/images/{digest}")).is_success
    assert [each["image"] for each in await places(at)] == ["", ""]


async def test_images_that_run_are_added_where_the_account_wants_it(at: Desk) -> None:
    agent = Agent(at)
    digest = at.push("1.0", SHOP)
    await agent.list(container(digest=digest, reference=at.reference("1.0")))
    await at.work()
    assert (await at.get("/images"))["items"] == []
    settings = {"analyses_unknown": True}
    assert (await at.ask("PUT", "/place-settings", settings)).is_success
    other = at.push("2.0", {**SHOP, "other": b"x"})
    await agent.change(
        container("Deployment/api", digest=other, reference=at.reference("2.0")),
        container("Deployment/lost", reference=at.reference("none")),
    )
    await at.work()
    assert {item["digest"] for item in (await at.get("/images"))["items"]} == {digest, other}
    assert {each["image"] for each in await places(at)} == {digest, other, ""}
    (event,) = [item for item in (await at.get("/events"))["items"] if item["kind"] == "place.not_added"]
    assert event["body"]["reference"] == at.reference("none")


async def test_rules_name_the_environments_of_places(at: Desk) -> None:
    agent = Agent(at)
    rules = [
        {"selector": "env in (prod,live)", "environment": "production"},
        {"selector": "place/namespace=batch", "environment": "batch"},
    ]
    answer = await at.ask("PUT", "/place-settings", {"environments": rules})
    assert answer.json() == {"environments": rules, "analyses_unknown": False, "silent_after": 3600}
    await agent.list(
        container("Deployment/web", labels={"env": "live"}),
        container("Deployment/jobs", namespace="batch", labels={}),
        container("Deployment/api", labels={}),
    )
    listed = {each["workload"]: each["environment"] for each in await places(at)}
    assert listed == {"Deployment/web": "production", "Deployment/jobs": "batch", "Deployment/api": ""}
    await at.ask("PUT", "/place-settings", {"environments": [{"selector": "!env", "environment": "rest"}]})
    assert "place_again" in await at.work()
    assert {each["environment"] for each in await places(at)} == {"", "rest"}
    assert await names(at, "environment=rest") == ["jobs", "api"]
    bad = await at.ask("PUT", "/place-settings", {"environments": [{"selector": "a in", "environment": "x"}]})
    assert bad.status_code == 422


async def test_what_people_told_is_a_place_too(at: Desk) -> None:
    digest = at.push("1.0", SHOP)
    await at.add("1.0")
    put = {"environment": "production", "place": "eu/shop", "since": "2026-04-01T00:00:00Z"}
    assert (await at.ask("PUT", f"/images/{digest}/deployments", put)).is_success
    (place,) = (await at.get(f"/images/{digest}/places"))["items"]
    assert (place["platform"], place["place"], place["environment"], place["cluster"]) == (
        "told",
        "eu/shop",
        "production",
        "",
    )
    assert (place["grade"], place["image"]) == (None, digest)
    await Agent(at).list(container(digest=digest))
    assert len((await at.get(f"/images/{digest}/deployments"))["items"]) == 1, "the route tells what people told"
    at.now += timedelta(hours=1)
    path = f"/images/{digest}/deployments?environment=production&place=eu/shop"
    assert (await at.ask("DELETE", path)).is_success
    assert [each["platform"] for each in await places(at)] == ["kubernetes"]
    then = await places(at, "at=2026-05-01T12:30:00Z")
    assert {each["platform"]: each["until"] for each in then} == {"kubernetes": None, "told": "2026-05-01T13:00:00Z"}


async def test_a_cluster_that_is_no_more_runs_nothing(at: Desk) -> None:
    agent = Agent(at)
    await agent.list(container())
    at.now += timedelta(hours=1)
    assert (await at.ask("DELETE", "/collectors?platform=kubernetes&name=eu-1")).status_code == 204
    assert (await at.ask("DELETE", "/collectors?platform=kubernetes&name=us-1")).status_code == 404
    (collector,) = (await at.get("/collectors"))["items"]
    assert (await places(at), collector["places"], collector["ended_at"]) == ([], 0, "2026-05-01T13:00:00Z")
    assert len(await places(at, "at=2026-05-01T12:30:00Z")) == 1
    answer = await agent.post(agent.report(running=(container(),)))
    assert answer.status_code == 409
    await agent.list(container())
    (collector,) = (await at.get("/collectors"))["items"]
    assert (len(await places(at)), collector["places"], collector["ended_at"]) == (1, 1, None)


async def test_what_ran_long_ago_is_forgotten(at: Desk) -> None:
    agent = Agent(at)
    old, lasting = container("Deployment/old", digest=DIGEST), container("Deployment/lasting")
    await agent.list(old, lasting)
    await agent.change(ended=[ended(old, at.now)])
    at.now += timedelta(days=399)
    await forget_places(at.services)
    assert len(await places(at, "at=2026-04-15T00:00:00Z")) == 2
    at.now += timedelta(days=2)
    await forget_places(at.services)
    assert await names(at, "at=2026-04-15T00:00:00Z") == ["lasting"]
    assert await sql(at, "SELECT reference, (SELECT count(*) FROM label_set) FROM running_image") == [
        ("registry.example.org/shop/web:1.0", 1)
    ]


async def test_what_cannot_be_kept_is_refused_whole(at: Desk) -> None:
    agent = Agent(at)
    await agent.list()
    for bad in (
        container("x" * 701),
        container(id="y" * 1001),
        container(digest="z" * 1001),
        container("with\0zero"),
    ):
        answer = await agent.post(agent.report(running=(container("Deployment/good"), bad)))
        assert answer.status_code == 422, answer.text
    many = tuple(container(id=str(number)) for number in range(2001))
    assert (await agent.post(agent.report(running=many))).status_code == 422
    assert (await agent.post()).status_code == 422
    assert await places(at) == []
    labels = {f"k{number}": "v" * 600 for number in range(150)} | {"k" * 400: "x", "zero": "a\0b"}
    await agent.change(container(labels=labels, since=at.now + timedelta(days=1)))
    (place,) = await places(at)
    assert (len(place["labels"]), {len(value) for value in place["labels"].values()}) == (100, {500})
    assert place["since"] == "2026-05-01T12:00:00Z", "nothing runs since tomorrow"


async def test_an_agents_key_may_report_and_nothing_else(at: Desk) -> None:
    key = (await at.post("/keys", {"name": "agent", "role": "agent"}))["key"]
    headers = {"Authorization": f"Bearer {key}"}
    body = {
        "platform": "docker",
        "collector": "h",
        "sequence": 1,
        "at": "2026-05-01T12:00:00Z",
        "list": "a",
        "last": True,
    }
    assert (await at.client.post("/api/v1/inventories", json=body, headers=headers)).status_code == 200
    for path in ("/places", "/images", "/collectors", "/verdicts/sha256:0"):
        assert (await at.client.get(f"/api/v1{path}", headers=headers)).status_code == 403
    viewer = (await at.post("/keys", {"name": "viewer", "role": "viewer"}))["key"]
    headers = {"Authorization": f"Bearer {viewer}"}
    assert (await at.client.get("/api/v1/places", headers=headers)).status_code == 200
    assert (await at.client.post("/api/v1/inventories", json=body, headers=headers)).status_code == 403


async def test_an_account_sees_its_own_places_alone(at: Desk) -> None:
    await at.post("/accounts", {"name": "other"})
    await Agent(at).list(container(digest=DIGEST))
    other = Agent(at, account="other")
    await other.list(container("Deployment/theirs", digest=DIGEST))
    assert await names(at) == ["web"]
    theirs = (await at.get("/places", account="other"))["items"]
    assert [each["workload"] for each in theirs] == ["Deployment/theirs"]
    assert len((await at.get(f"/images/{DIGEST}/places"))["items"]) == 1


async def test_another_version_grades_what_it_is_told_again_and_nothing_starts_anew(at: Desk) -> None:
    agent = Agent(at)
    await agent.list(container())
    await sql(at, "UPDATE isolation SET grade = 4, reason = 'as it was thought' RETURNING id")
    assert [each["grade"] for each in await places(at)] == ["vm"]
    await agent.list(container())
    assert [each["grade"] for each in await places(at)] == ["host"]
    assert len(await sql(at, "SELECT FROM placement")) == 1


async def test_an_index_means_the_image_of_the_nodes_architecture(at: Desk) -> None:
    digests = [at.push(f"{number}.0", {**SHOP, "n": str(number).encode()}) for number in range(2)]
    for number in range(2):
        await at.add(f"{number}.0")
    await sql(
        at,
        "WITH known AS (UPDATE image SET platform = CASE digest WHEN %s THEN 'linux/amd64' ELSE 'linux/arm64' END RETURNING id)"
        " INSERT INTO image_alias (digest, image_id, kind) SELECT %s, id, 'index' FROM known RETURNING image_id",
        digests[0],
        DIGEST,
    )
    await Agent(at).list(
        *(
            container(f"Deployment/{name or 'any'}", digest=DIGEST, architecture=name)
            for name in ("amd64", "arm64", "s390x", "")
        )
    )
    found = {each["workload"].removeprefix("Deployment/"): each["image"] for each in await places(at)}
    # Where nobody tells the architecture it may be either: it is none.
    assert found == {"amd64": digests[0], "arm64": digests[1], "s390x": "", "any": ""}
    assert len((await at.get(f"/images/{DIGEST}/places"))["items"]) == 4


async def test_an_account_that_goes_takes_its_places_along(at: Desk) -> None:
    await at.post("/accounts", {"name": "other"})
    digest = at.push("1.0", SHOP)
    await at.add("1.0", account="other")
    await at.ask("PUT", f"/images/{digest}/deployments", {"place": "eu"}, account="other")
    await Agent(at, account="other").list(container(digest=digest))
    await Agent(at).list(container())
    assert (await at.ask("PATCH", "/accounts/other", {"state": "disabled"})).is_success
    assert (await at.ask("DELETE", "/accounts/other")).is_success
    assert "delete_account" in await at.work()
    left = await _kept(at)
    assert (left["placement"], left["running_container"], left["running_image"], left["label_set"]) == (1, 1, 1, 1)
