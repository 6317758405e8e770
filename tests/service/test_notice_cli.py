"""`hullmark subscription`, `hullmark silence` and `hullmark event report` against a running server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.processes import place
from tests.support.program import Program, Ran, program_in
from tests.support.server import Running, running_server


class World:
    """A server, and the program that asks it."""

    def __init__(self, server: Running, program: Program) -> None:
        self.server = server
        self.program = program

    def __call__(self, *words: str) -> Ran:
        return self.program(*words, env=self.server.environment(), seconds=120)

    def json(self, *words: str) -> Any:
        return self(*words, "-o", "json").document


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with place("hm-notice-") as folder, running_server() as server:
        yield World(server, program_in(folder / "run"))


def test_a_subscription_from_the_beginning_to_the_end(world: World) -> None:
    said = ("--kind", "compliance.*", "--kind", "fix.available", "--images", "*:latest", "--severity", "high")
    made = world.json("subscription", "add", "night", *said, "--digest-at", "07:30", "--digest-days", "mon,fri",
                      "--timezone", "Europe/Berlin", "--quiet-hours", "22:00-07:00", "--quiet-unless", "critical")  # fmt: skip
    assert (made["kinds"], made["selector"], made["severity"]) == (
        ["compliance.*", "fix.available"],
        "*:latest",
        "high",
    )
    assert (made["mode"], made["digest_at"], made["digest_days"]) == ("digest", "07:30", [1, 5])
    quiet = {"from": "22:00", "until": "07:00", "days": [1, 2, 3, 4, 5, 6, 7], "unless_severity": "critical"}
    assert made["quiet"] == quiet
    text = world("subscription", "list").text
    assert "in a digest at 07:30 Europe/Berlin" in text
    assert text.splitlines()[1].startswith("default")
    changed = world.json("subscription", "change", "night", "--quiet-days", "sat,sun", "--kind", "", "--at-once")
    assert (changed["quiet"], changed["kinds"], changed["mode"]) == ({**quiet, "days": [6, 7]}, [], "at-once")
    assert world.json("subscription", "change", "night", "--no-quiet", "--name", "day")["quiet"] is None
    assert "quiet" in world("subscription", "show", "day").text
    assert world("subscription", "try", "day").text == "of 0 transitions it would have told none\n"
    assert world("subscription", "delete", "day").text == "subscription day removed\n"
    assert [each["name"] for each in world.json("subscription", "list")] == ["default"]


def test_what_is_refused(world: World) -> None:
    assert "cannot be removed" in world("subscription", "delete", "default").refusal[0]
    assert "switched off" in world("subscription", "change", "default", "--off").text
    assert world("subscription", "change", "default", "--on").text == "subscription default tells at once\n"
    assert "not a time zone" in world("subscription", "add", "x", "--timezone", "Mars").refusal[0]
    assert "there is no channel 'x'" in world("subscription", "add", "x", "--channel", "x").refusal[0]
    for wrong in (("--digest-days", "monday"), ("--quiet-hours", "22:00"), ("--severity", "awful")):
        assert world("subscription", "add", "x", *wrong).status == 2


def test_a_silence_counts_until_it_is_ended(world: World) -> None:
    assert world("silence", "list").text == "no silence\n"
    until = str(world.server.client.must("GET", "/api/v1/notice-report")["until"])  # the end of today
    made = world.json("silence", "add", "--until", until, "--owner", "me", "--reason", "moving", "--kind", "fix.*")
    assert [each["id"] for each in world.json("silence", "list")] == [made["id"]]
    assert world("silence", "end", made["id"]).text == f"silence {made['id']} ended\n"
    assert world("silence", "list").text == "no silence\n"
    assert made["id"] in world("silence", "list", "--ended").text
    assert "has ended before" in world("silence", "add", "--until", "2020-01-01T00:00:00Z", "--owner", "me",
                                       "--reason", "x").refusal[0]  # fmt: skip


def test_the_numbers_of_a_day(world: World) -> None:
    ran = world("event", "report", "--timezone", "Europe/Berlin")
    assert (ran.status, ran.text.splitlines()[-1].split()) == (0, ["adds", "up", "yes"])
    found = world.json("event", "report", "--day", "2026-03-01")
    assert (found["day"], found["transitions"]["count"], found["adds_up"]) == ("2026-03-01", 0, True)
