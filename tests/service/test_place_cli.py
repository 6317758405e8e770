"""`hullmark place`, `hullmark collector` and `hullmark application` against a running server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from hullmark.model.place import InventoryReport
from tests.support.inventories import container
from tests.support.processes import place
from tests.support.program import Program, Ran, program_in
from tests.support.server import Running, running_server

AT = datetime(2026, 5, 1, 12, tzinfo=UTC)


class World:
    """A server with a cluster that was listed, and the program that asks it."""

    def __init__(self, server: Running, program: Program) -> None:
        self.server = server
        self.program = program

    def __call__(self, *words: str) -> Ran:
        return self.program(*words, env=self.server.environment(), seconds=120)

    def json(self, *words: str) -> Any:
        return self(*words, "-o", "json").document


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with place("hm-places-") as folder, running_server() as server:
        found = World(server, program_in(folder / "run"))
        running = (
            container("Deployment/web", labels={"app": "web", "env": "live"}),
            container("Deployment/jobs", labels={"app": "jobs"}, namespace="batch"),
        )
        report = InventoryReport(
            platform="kubernetes", collector="eu-1", sequence=1, at=AT, list="a", last=True, running=running
        )
        server.client.must("POST", "/api/v1/inventories", json.loads(msgspec.json.encode(report)))
        yield found


def test_places_are_listed_and_chosen(world: World) -> None:
    lines = world("place", "list").text.splitlines()
    assert lines[0].split() == ["PLACE", "IMAGE", "VERDICT", "GRADE", "ENVIRONMENT", "COUNT", "SINCE", "LAST", "HEARD"]
    assert [line.split()[0] for line in lines[1:]] == [
        "eu-1/batch/Deployment/jobs/main",
        "eu-1/shop/Deployment/web/main",
    ]
    assert [each["workload"] for each in world.json("place", "list", "--selector", "app=web")] == ["Deployment/web"]
    assert world("place", "list", "--namespace", "nowhere").text == "nothing runs\n"
    assert len(world.json("place", "list", "--at", "2026-04-15T00:00:00Z", "--grade", "host")) == 2
    assert "not valid" in world("place", "list", "--selector", "app in").refusal[0]


def test_rules_name_environments(world: World) -> None:
    said = world(
        "place", "set", "--rule", "production:env in (prod,live)", "--analyse-unknown", "no", "--silent-after", "2h"
    )
    assert said.text == "1 rule names environments of places\n"
    rules = [{"selector": "env in (prod,live)", "environment": "production"}]
    assert world.json("place", "settings") == {"environments": rules, "analyses_unknown": False, "silent_after": 7200}
    assert world.json("place", "set", "--rule", "")["environments"] == []


def test_an_application_has_versions(world: World) -> None:
    assert world("application", "add", "shop", "--description", "sells").text == "application shop added\n"
    said = world("application", "set-version", "shop", "1.2", "--state", "released", "--selector", "app=web")
    assert said.text == "version 1.2 is released: unknown, 1 image at 1 place\n"
    (version,) = world.json("application", "versions", "shop")
    assert (version["name"], version["verdict"], version["places"]) == ("1.2", "unknown", 1)
    assert len(world.json("application", "images", "shop", "1.2")) == 1
    assert "there is no image" in world("application", "add-image", "shop", "1.2", f"sha256:{'0' * 64}").refusal[0]
    assert world("application", "delete-version", "shop", "1.2").text == "version 1.2 deleted\n"
    assert world("application", "delete", "shop").text == "application shop deleted\n"
    assert world("application", "list").text == "no application\n"


def test_who_tells_is_listed_and_ended(world: World) -> None:
    (collector,) = world.json("collector", "list")
    assert (collector["name"], collector["places"]) == ("eu-1", 2)
    assert "--platform" in " ".join(world("collector", "end", "eu-1").refusal)
    ended = world("collector", "end", "eu-1", "--platform", "kubernetes")
    assert ended.text == "nothing runs there any more: eu-1\n"
    assert world("place", "list").text == "nothing runs\n"
