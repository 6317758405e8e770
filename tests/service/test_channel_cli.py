"""Channels and messages on the command line, and a policy's change told by real processes to a real receiver."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from hullmark.notify.channels import CHANNELS
from tests.support.images import docker_files, tar_of, write_docker_archive
from tests.support.processes import place, until
from tests.support.program import Program, Ran, program_in
from tests.support.receiver import Receiver
from tests.support.server import Running, running_server

POLICY = """
schema: hullmark-policy/1
name: users
version: "%s"
rules:
  - {id: no-root, gate: config, trigger: user, action: %s, params: {not_root: true}}
"""


class World:
    """A server, a receiver, and the program that asks the server."""

    def __init__(self, server: Running, program: Program, receiver: Receiver, folder: Path) -> None:
        self.server = server
        self.program = program
        self.receiver = receiver
        self.folder = folder

    def __call__(self, *words: str, text: str = "") -> Ran:
        """Run `hullmark` as the server's first person."""
        environment = {name: value for name, value in self.server.environment().items() if value}
        return self.program(*words, env=environment, seconds=120, given=text)

    def put_in_force(self, version: int, action: str) -> None:
        """Have a version of the policy count."""
        client = self.server.client
        client.must("POST", "/api/v1/policies", {"text": POLICY % (version, action)})
        client.must("POST", "/api/v1/activations", {"policy": "users"})


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(place("hm-told-"))
        receiver = stack.enter_context(Receiver().running())
        server = stack.enter_context(running_server(HULLMARK_ALLOW_ADDRESSES="127.0.0.0/8"))
        yield World(server, program_in(folder / "run"), receiver, folder)


def test_the_kinds_are_listed_without_a_server(world: World) -> None:
    ran = world.program("channels")
    assert ran.status == 0
    assert [tuple(line.split()) for line in ran.text.splitlines()] == [
        (channel.name, channel.module) for channel in CHANNELS.values()
    ]


def test_a_channel_from_its_beginning_to_its_end(world: World) -> None:
    url = world.receiver.url
    ran = world(
        "channel", "add", "ops", "--kind", "webhook", "--set", f"url={url}", "--secret", "token", text="tokentoken\n"
    )
    assert ran.status == 0, ran.err
    assert ran.text.startswith("channel ops added; it signs with whsec_")
    assert "ops      webhook  well" in world("channel", "list").text
    shown = world("channel", "show", "ops", "-o", "json").document
    assert (shown["settings"]["token"], shown["settings"]["url"]) == ("***", url)
    ran = world("channel", "test", "ops")
    assert (ran.status, ran.text.startswith("delivered in ")) == (0, True), ran.text
    assert world.receiver.received[-1].headers["authorization"] == "Bearer tokentoken"
    world.receiver.status = 503
    ran = world("channel", "test", "ops")
    assert (ran.status, "status 503" in ran.text) == (1, True)
    world.receiver.status = 204
    ran = world("channel", "change", "ops", "--set", "mode=binary", "--title", "{{ cause.subject }}!")
    assert (ran.status, ran.text) == (0, "channel ops changed: well\n")
    ran = world("channel", "preview", "ops")
    assert ran.text.startswith("CVE-2026-1234!\n")
    assert "ce-type: io.hullmark.test" in ran.text
    assert "tokentoken" not in ran.text
    assert world("channel", "rotate", "ops").text.startswith("signs with whsec_")
    assert world("channel", "replay", "ops", "--since", "2026-01-01T00:00:00Z").text == "0 messages are sent again\n"
    assert world("message", "list", "--state", "delivered").text.count("test") == 1
    change = ("channel", "change", "ops", "--set", "url=http://169.254.169.254/")
    ran = world(*change)
    assert (ran.status, "not sent to another server" in ran.err) == (2, True)
    ran = world(*change, "--set", "token=tokentoken")
    assert (ran.status, "metadata" in ran.err) == (2, True)
    assert world("channel", "remove", "ops").text == "channel ops removed\n"
    assert world("channel", "list").text == "no channel\n"


def test_a_policy_that_puts_an_image_out_of_compliance_is_told(world: World) -> None:
    world.receiver.received.clear()
    ran = world("channel", "add", "told", "--kind", "webhook", "--set", f"url={world.receiver.url}")
    assert ran.status == 0, ran.err
    world.put_in_force(1, "warn")
    layer = tar_of({"etc/os-release": b"ID=debian\nVERSION_ID=13\n"})
    archive = write_docker_archive(world.folder / "image.tar", [docker_files(["shop:1"], [layer])])
    ran = world("image", "upload", str(archive), "--reference", "shop.example/team/shop:1", "--wait")
    assert ran.status == 0, ran.err
    until(lambda: "warn" in world("image", "check", "shop.example/team/shop:1").text, 60, "the first verdict", 1.0)
    assert world.receiver.received == []
    world.put_in_force(2, "stop")
    until(lambda: len(world.receiver.received) == 1, 60, "a message")
    event = world.receiver.received[0].event
    assert event["type"] == "io.hullmark.compliance.lost"
    (item,) = event["data"]["items"]
    assert (item["reference"], item["before"], item["after"]) == ("shop.example/team/shop:1", "warn", "stop")
    assert event["data"]["cause"]["kind"] == "policy"
    until(lambda: "delivered" in world("message", "list").text, 20, "the log", 0.5)
    number = str(world("message", "list", "-o", "json").document[0]["id"])
    told = world("message", "show", number).text
    assert f"message {number} to told: delivered" in told
    assert "seen to delivered: " in told
    assert world("message", "redeliver", number).text == f"message {number} is sent again\n"
    until(lambda: len(world.receiver.received) == 2, 60, "the message again")
    again = world.receiver.received[1].event
    assert (again["id"], again["replay"]) == (event["id"], True)
