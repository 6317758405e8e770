"""Rules about isolation are judged where a container is to start: the server hands them on, the gate knows what the container asks for."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from hullmark.model.isolation import Isolation, WorkloadContainer
from hullmark.places.gates.decision import Answer, AskedContainer, KnownImages, Question, decide
from hullmark.places.gates.settings import GateSettings, RuntimeClass
from hullmark.server.stories.rollout.settle import settle_some
from tests.service.test_admission import Follower, analysed
from tests.service.test_isolation_rules import ENGINE, POLICY, VM
from tests.service.test_verdicts import LIBC, SHOP, kept
from tests.support.desk import Desk, desk
from tests.support.inventories import Agent, container
from tests.support.matching import advisory, affected

pytestmark = pytest.mark.anyio

OURS = """
schema: hullmark-policy/1
name: ours
version: "1"
rules:
  - {id: ours, gate: isolation, trigger: grade, action: stop, params: {at_least: vm, where: {except_registries: ["127.0.0.1:*"]}}}
  - {id: root, gate: isolation, trigger: setting, action: warn, params: {required: [read-only-root], where: {root: true}}}
  - {id: low, gate: isolation, trigger: needed, action: stop, when_unknown: go}
"""
HIGH = """
  - {id: no-high, gate: vulnerabilities, trigger: found, action: stop, params: {severity: high, unrated: ignore}}
"""


@pytest.fixture
async def at(database_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    async with desk(database_url, tmp_path) as found:
        yield found


def asked(gate: Follower, at: Desk, image: str, isolation: Isolation, settings: GateSettings | None = None) -> Answer:
    """What the gate answers to a new container."""
    started = WorkloadContainer(name="main", image=image, isolation=isolation)
    question = Question(containers=(AskedContainer(container=started),), place="shop", now=at.now, age_seconds=1.0)
    known = KnownImages(gate.verdicts.find, gate.verdicts.tagged, gate.verdicts.ran_at)
    return decide(question, known, settings or GateSettings())


async def test_an_image_that_runs_nowhere_yet_is_let_in_where_it_is_kept_apart_as_its_policy_asks(
    at: Desk, tmp_path: Path
) -> None:
    await kept(at, POLICY)
    digest = await analysed(at, "1.0")
    gate = Follower(at, tmp_path)
    await gate.sync()
    image = f"{at.reference('1.0')}@{digest}"
    assert asked(gate, at, image, VM).allowed
    refused = asked(gate, at, image, ENGINE)
    assert not refused.allowed
    assert (
        "policy apart says stop: The isolation of shop/main is default, and must be at least sandboxed"
        in (refused.reasons[0])
    )
    unknown = asked(gate, at, image, Isolation())
    assert not unknown.allowed, "what cannot be told does not pass"
    kata = GateSettings(runtime_class=RuntimeClass(name="kata", handler="kata-qemu"))
    assert asked(gate, at, image, ENGINE, kata).runtime_class == "kata"
    # Where it runs badly already says nothing of a place that is good enough.
    await Agent(at).list(container(digest=digest, isolation=ENGINE))
    await at.work()
    assert (await at.get(f"/verdicts/{digest}"))[0]["verdict"] == "stop"
    await gate.sync()
    assert asked(gate, at, image, VM).allowed
    assert not asked(gate, at, image, ENGINE).allowed


async def test_conditions_on_the_image_are_looked_at_by_the_server(at: Desk, tmp_path: Path) -> None:
    await kept(at, OURS)
    own = await analysed(at, "1.0", User="7", ExposedPorts={"80/tcp": {}})
    root = await analysed(at, "2.0", {**SHOP, "x": b"2"}, User="0")
    gate = Follower(at, tmp_path)
    await gate.sync()
    assert asked(gate, at, f"x@{own}", ENGINE).warnings == (), "it is ours, and not root"
    (warning,) = asked(gate, at, f"x@{root}", replace(ENGINE, read_only_root=False)).warnings
    assert "read-only-root" in warning
    assert asked(gate, at, f"x@{root}", replace(ENGINE, read_only_root=True)).warnings == ()
    # What the image needs is known to the gate: it names a user that is not a number's, or root where root is forbidden.
    forbidden = replace(ENGINE, run_as_non_root=True, read_only_root=True)
    assert "root is forbidden" in asked(gate, at, f"x@{root}", forbidden).reasons[0]
    assert asked(gate, at, f"x@{own}", forbidden).allowed


async def test_what_is_in_the_image_stops_it_wherever_it_runs(at: Desk, tmp_path: Path) -> None:
    await kept(at, POLICY + HIGH)
    await at.advise(advisory("CVE-2026-0", affected("debian:13", "nothing", "deb", "2")))
    digest = await analysed(at, "1.0")
    gate = Follower(at, tmp_path)
    await gate.sync()
    assert asked(gate, at, f"x@{digest}", VM).allowed
    await at.advise(LIBC)
    await at.work()
    await gate.sync()
    refused = asked(gate, at, f"x@{digest}", VM)
    assert not refused.allowed
    assert "policy apart says stop: 1 finding to stop for" in refused.reasons[0]
    await settle_some(at.services)
    await at.work()
    await gate.sync()
    assert "by rule no-high" in asked(gate, at, f"x@{digest}", VM).reasons[0]
    await at.advise(advisory("CVE-2026-1", affected("debian:13", "nothing", "deb", "2")))
    await at.work()
    await settle_some(at.services)
    await at.work()
    await gate.sync()
    assert asked(gate, at, f"x@{digest}", VM).allowed
    assert not asked(gate, at, f"x@{digest}", ENGINE).allowed


async def test_exceptions_from_rules_about_places_count_at_the_gate_until_they_end(at: Desk, tmp_path: Path) -> None:
    name = await kept(at, POLICY)
    digest = await analysed(at, "1.0")
    body = {"rule": "apart", "subject": "shop/*", "expires": "2026-05-02", "owner": "shop", "reason": "moves to Kata"}
    await at.post("/exceptions", {**body, "policy": name})
    await at.work()
    gate = Follower(at, tmp_path)
    await gate.sync()
    assert asked(gate, at, f"x@{digest}", ENGINE).allowed
    at.now = at.now.replace(day=3)
    assert not asked(gate, at, f"x@{digest}", ENGINE).allowed, "the gate knows the day by itself"
