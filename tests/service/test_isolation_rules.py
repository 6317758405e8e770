"""Rules about isolation are judged by where an image runs, as collectors tell."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from hullmark.model.isolation import HostPath, Isolation
from tests.service.test_verdicts import SHOP, kept
from tests.support.desk import Desk, desk
from tests.support.inventories import Agent, container

pytestmark = pytest.mark.anyio

POLICY = """
schema: hullmark-policy/1
name: apart
version: "1"
rules:
  - {id: apart, gate: isolation, trigger: grade, action: stop, params: {at_least: sandboxed}}
"""
VM = Isolation(boundary="vm", runtime="kata-qemu", privileged=False, host_network=False)
ENGINE = Isolation(
    boundary="process",
    privileged=False,
    host_network=False,
    host_pid=False,
    host_ipc=False,
    unmasked_proc=False,
    seccomp="runtime-default",
)


@pytest.fixture
async def at(database_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    async with desk(database_url, tmp_path) as found:
        yield found


async def verdict(at: Desk, digest: str) -> tuple[str, list[str]]:
    """The verdict in force, and the subjects of its findings."""
    await at.work()
    (row,) = await at.get(f"/images/{digest}/verdicts")
    document: Any = await at.get(f"/history/{row['id']}")
    return row["verdict"], [finding["subject"] for finding in document["findings"]]


async def test_an_image_is_judged_by_all_places_where_it_runs(at: Desk) -> None:
    await kept(at, POLICY)
    digest = at.push("1.0", SHOP)
    await at.add("1.0")
    assert await verdict(at, digest) == ("unknown", []), "nobody told how it runs"
    agent = Agent(at)
    await agent.list(container(digest=digest, isolation=VM))
    assert await verdict(at, digest) == ("go", [])
    await agent.change(container("Deployment/api", digest=digest, isolation=ENGINE))
    assert await verdict(at, digest) == ("stop", ["eu-1/shop/Deployment/api/main"])
    await agent.list(container(digest=digest, isolation=VM))
    assert await verdict(at, digest) == ("go", [])
    await agent.list()
    assert (await verdict(at, digest))[0] == "unknown"


async def test_who_hears_of_it_hears_that_the_place_is_why(at: Desk) -> None:
    await kept(at, POLICY)
    digest = at.push("1.0", SHOP)
    await at.add("1.0")
    agent = Agent(at)
    await agent.list(container(digest=digest, isolation=VM))
    await at.work()
    await agent.change(container("Deployment/api", digest=digest, isolation=ENGINE))
    await at.work()
    (cause, *_) = [item for item in (await at.get("/transitions"))["items"] if item["kind"] == "compliance.lost"]
    assert (cause["before"], cause["after"], cause["is_deployed"]) == ("go", "stop", True)
    assert cause["cause"]["sentence"] == f"Where {at.reference('1.0')} runs, or how it is kept apart there, changed."
    assert "at least sandboxed" in cause["evidence"][0]["message"]


async def test_an_environments_policy_looks_at_its_own_places(at: Desk) -> None:
    await at.ask("PUT", "/place-settings", {"environments": [{"selector": "env=prod", "environment": "production"}]})
    await kept(at, POLICY, environment="production")
    digest = at.push("1.0", SHOP)
    await at.add("1.0")
    await Agent(at).list(
        container(digest=digest, isolation=VM, labels={"env": "prod"}),
        container("Deployment/test", digest=digest, isolation=ENGINE, labels={"env": "test"}),
    )
    assert await verdict(at, digest) == ("go", [])


async def test_facts_that_are_not_all_kept_are_never_good_enough(at: Desk) -> None:
    await kept(at, POLICY)
    digest = at.push("1.0", SHOP)
    await at.add("1.0")
    paths = tuple(HostPath(path=f"/data/{number}", target=f"/data/{number}") for number in range(300))
    told = {name: getattr(VM, name) for name in VM.__struct_fields__}
    await Agent(at).list(container(digest=digest, isolation=Isolation(**{**told, "host_paths": paths})))
    assert (await verdict(at, digest))[0] == "unknown"
