"""A registry as it is packaged tells a server as it is run, and the server's own command line says what is watched."""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.images import layout_of
from tests.support.processes import place, until
from tests.support.program import Program, Ran, program_in
from tests.support.registry import free_port, wait_for_port
from tests.support.server import Running, running_server


@contextlib.contextmanager
def telling_registry(folder: Path, port: int, url: str, secret: str) -> Iterator[None]:
    """docker-registry with an endpoint for notifications."""
    program = shutil.which("docker-registry")
    if program is None or shutil.which("skopeo") is None:
        pytest.skip("docker-registry and skopeo are not installed")
    endpoint = {
        "name": "hullmark",
        "url": url,
        "headers": {"Authorization": [f"Bearer {secret}"]},
        "timeout": "2s",
        "threshold": 3,
        "backoff": "1s",
    }
    config = {
        "version": 0.1,
        "log": {"level": "error"},
        "storage": {"filesystem": {"rootdirectory": str(folder / "registry")}},
        "http": {"addr": f"127.0.0.1:{port}"},
        "notifications": {"endpoints": [endpoint]},
    }
    (folder / "registry.yml").write_text(json.dumps(config))
    with (folder / "registry.log").open("wb") as log:
        process = subprocess.Popen([program, "serve", str(folder / "registry.yml")], stdout=log, stderr=log)
    try:
        wait_for_port(port, process, folder / "registry.log")
        yield
    finally:
        process.terminate()
        process.wait(10)


@dataclass(frozen=True)
class World:
    """A server, a registry that tells it of pushes, and the program that asks the server."""

    server: Running
    program: Program
    folder: Path
    host: str

    def __call__(self, *words: str) -> Ran:
        return self.program(*words, env=self.server.environment(), seconds=120)

    def json(self, *words: str) -> Any:
        return self(*words, "-o", "json").document

    def push(self, name: str, text: str) -> None:
        """Push an image that holds a text."""
        with contextlib.ExitStack() as stack:
            folder = stack.enter_context(place("hm-push-"))
            layout = layout_of(folder / "layout", {"etc/os-release": b"ID=debian\n", "text": text.encode()})
            target = f"docker://{self.host}/{name}"
            words = ["skopeo", "copy", "--quiet", "--dest-tls-verify=false", f"oci:{layout}:latest", target]
            subprocess.run(words, check=True, capture_output=True)

    def digest(self, name: str) -> str:
        """What the server holds under a name; "" for nothing."""
        ran = self("image", "show", f"{self.host}/{name}", "-o", "json")
        return str(ran.document["digest"]) if ran.status == 0 else ""


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(place("hm-told-"))
        server = stack.enter_context(running_server(HULLMARK_WATCH_EVERY="86400"))
        port = free_port()
        made = World(server, program_in(folder / "run"), folder, f"127.0.0.1:{port}")
        ran = made("registry", "add", made.host, "--no-verify")
        assert ran.status == 0, ran.err
        words = ("--kind", "distribution", "--registry", made.host, "--adds")
        hook = made.json("hook", "add", "pushes", *words)
        stack.enter_context(telling_registry(folder, port, hook["url"], hook["secret"]))
        yield made


def test_a_push_is_known_within_seconds_though_it_is_looked_at_once_a_day(world: World) -> None:
    world.push("shop/seller:1", "one")
    until(lambda: world.digest("shop/seller:1") != "", 30)
    first = world.digest("shop/seller:1")
    world.push("shop/seller:1", "two")
    until(lambda: world.digest("shop/seller:1") != first, 30)
    second = world.digest("shop/seller:1")
    events = world.json("event", "list", "--kind", "image.added")
    assert [event["resource"] for event in events] == [second, first]
    (row,) = world.json("watch", "list", "--repository", "shop/seller")
    assert (row["tag"], row["digest"], row["every"], row["created_by"]) == ("1", second, 86_400, "hook:pushes")


def test_what_is_watched_is_listed_changed_and_removed(world: World) -> None:
    world.push("shop/buyer:2", "three")
    name = f"{world.host}/shop/buyer"
    until(lambda: world.digest("shop/buyer:2") != "", 30)
    assert f"{name}:2, every 60 s" in world("watch", "add", f"{name}:2", "--every", "60").text
    added = world.json("watch", "add", name, "--all", "--pattern", "2*", "--every", "600", "--no-follow")
    assert (added["tag"], added["pattern"], added["follows"], added["every"]) == ("", "2*", False, 600)
    listed = world("watch", "list", "--repository", "shop/buyer").text
    assert "ID" in listed
    assert f"{name} (tags 2*)" in listed
    changed = world("watch", "change", f"{name}:2", "--off")
    assert changed.text == f"{name}:2: off, every 60 s\n"
    assert "switch it on first" in world("watch", "look", f"{name}:2").refusal[1]
    assert world("watch", "change", f"{name}:2", "--on", "--every", "90").status == 0
    assert world("watch", "look", f"{name}:2").text == f"{name}:2 is looked at now\n"
    assert world("watch", "change", f"{name}:2").refusal[0] == "nothing is to change"
    assert world("watch", "delete", name).text == f"{name} is watched no longer\n"
    assert [each["tag"] for each in world.json("watch", "list", "--repository", "shop/buyer")] == ["2"]
    assert "is not watched" in world("watch", "delete", name).refusal[0]


def test_an_image_can_be_added_without_a_watch(world: World) -> None:
    before = world.digest("shop/seller:1")
    world.push("shop/seller:1", "one")
    until(
        lambda: world.digest("shop/seller:1") != before, 30
    )  # what the registry tells of it would watch the tag again
    name = f"{world.host}/shop/seller:1"
    world("watch", "delete", name)
    assert world("image", "add", name, "--no-watch").status == 0
    assert world.json("watch", "list", "--repository", "shop/seller") == []
    assert world("image", "add", name).status == 0
    assert len(world.json("watch", "list", "--repository", "shop/seller")) == 1


def test_hooks_are_listed_without_secrets_and_replaced(world: World) -> None:
    made = world("hook", "add", "hub", "--kind", "dockerhub").text.splitlines()
    assert made[0].endswith("(hub) of docker.io")
    secret = made[2].removeprefix("secret: ")
    assert made[1].endswith(f"?token={secret}")
    listed = world("hook", "list").text
    assert "docker.io" in listed
    assert secret not in listed
    renewed = world("hook", "rotate", "hub").text
    assert "secret: " in renewed
    assert secret not in renewed
    assert world("hook", "delete", "hub").text == "hook hub is removed\n"
    assert world("hook", "delete", "hub").refusal[0] == "there is no hook hub"
    log = "".join(path.read_text(errors="replace") for path in world.server.folder.rglob("*.log"))
    assert secret not in log
