"""A restored copy says nothing to anybody, and asks nobody, until it is told otherwise: people would hear everything twice."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import pytest

from hullmark.server.stories.notice.deliver import wake_due
from tests.service.test_verdicts import NO_HIGH
from tests.support.desk import Desk, desk, status_file
from tests.support.images import Blobs, tar_of
from tests.support.matching import advisory, affected
from tests.support.processes import Client, Server, forked_server, place, until
from tests.support.receiver import Receiver
from tests.support.registry import FakeRegistry

LIBC = advisory("CVE-2026-1", affected("debian:13", "libc6", "deb", "2.41-13"), severity="high")
USERS = """
schema: hullmark-policy/1
name: users
rules:
  - {id: no-root, gate: config, trigger: user, action: stop, params: {not_root: true}}
"""


class Outside:
    """All that a server might reach: a channel's receiver that never takes a message, feeds, and a registry."""

    def __init__(self, stack: ExitStack) -> None:
        self.receiver = stack.enter_context(Receiver(status=503, headers={"retry-after": "1"}).running())
        self.feeds = stack.enter_context(Receiver(status=404).running())
        self.registry = FakeRegistry(blobs=Blobs())
        layers = [tar_of({"etc/os-release": b'ID=debian\nVERSION_ID="13"\n'})]
        self.registry.tags["1"] = str(self.registry.blobs.image(layers)["digest"])
        stack.enter_context(self.registry.running())

    def counts(self) -> dict[str, int]:
        """How often each was asked."""
        return {
            "channel": len(self.receiver.received),
            "feeds": len(self.feeds.received),
            "registry": len(self.registry.log),
        }


@pytest.fixture
def outside() -> Iterator[Outside]:
    with ExitStack() as stack:
        yield Outside(stack)


def settings(outside: Outside) -> dict[str, str]:
    return {
        "HULLMARK_ALLOW_ADDRESSES": "127.0.0.0/8",
        "HULLMARK_FEEDS": f"http://127.0.0.1:{outside.feeds.port}/",
        "HULLMARK_FEEDS_EVERY": "1",
        "HULLMARK_WATCH_EVERY": "10",
        "HULLMARK_HEARTBEAT": "0.5",
    }


def fill(client: Client, outside: Outside) -> None:
    """A channel that hears of everything, a watched tag with an image, and a policy that the image comes to break."""
    client.must("PUT", f"/api/v1/registries/{outside.registry.host}", {"verify": False})
    client.must(
        "POST", "/api/v1/channels", {"name": "hook", "kind": "webhook", "settings": {"url": outside.receiver.url}}
    )
    reference = f"{outside.registry.host}/{outside.registry.repository}:1"
    client.must("POST", "/api/v1/watches", {"reference": reference})
    client.add(reference)
    for action in ("warn", "stop"):  # what never was in compliance is nobody's news
        client.must("POST", "/api/v1/policies", {"text": USERS.replace("action: stop", f"action: {action}")})
        client.must("POST", "/api/v1/activations", {"policy": "users"})
        until(lambda: list(client.verdicts().values()) == [action], 60, f"the verdict {action}")  # noqa: B023 - at once


def rounds_of(running: Server) -> Callable[[], int]:
    """How many signs of life the scheduler has given since: each of its duties was due meanwhile."""
    seen: set[object] = set()

    def count() -> int:
        seen.update(running.rows("SELECT updated_at FROM setting WHERE name = 'pulse/scheduler'"))
        return len(seen)

    return count


@pytest.mark.slow
def test_nothing_leaves_a_restored_copy_until_it_is_unmuted(outside: Outside) -> None:
    with place() as folder, place() as other:
        with forked_server(folder, **settings(outside)) as running:
            running.start()
            running.ready()
            client = running.client.signed_in()
            fill(client, outside)
            until(lambda: all(outside.counts().values()), 90, "the first of everything")
            waits = "SELECT count(*) FROM message WHERE state = 'waiting'"
            until(lambda: running.rows(waits)[0][0] > 0, 60, "a message that waits")
            saved = running.run("backup", "--to", str(folder / "b.tar"), "--with-secret-key")
            assert saved.returncode == 0, saved.stderr
            assert running.stop() == {"all": 0}
        with forked_server(other, **settings(outside)) as copy:
            restored = copy.run("restore", str(folder / "b.tar"))
            assert b"it is muted" in restored.stdout, restored.stderr
            copy.start()
            copy.ready()
            before = outside.counts()
            rounds = rounds_of(copy)
            until(lambda: rounds() >= 12, 90, "some rounds of the scheduler", 0.2)
            asked = copy.client.ask("POST", "/api/v1/channels/hook/test")
            assert (asked.status, asked.document["advice"]) == (409, "let it speak again: hullmark system unmute")
            assert copy.client.ask("POST", "/api/v1/advisories/update").status == 409
            assert outside.counts() == before
            shown = copy.client.must("GET", "/api/v1/system")["muted"]
            assert shown["reason"].startswith("it was restored from a backup of 20")
            copy.client.must("DELETE", "/api/v1/system/mute")
            until(lambda: all(now > before[name] for name, now in outside.counts().items()), 90, "all of it again")
            assert copy.client.must("GET", "/api/v1/system")["muted"] is None


@pytest.fixture
async def at(database_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    async with desk(database_url, tmp_path) as found:
        yield found


@pytest.mark.anyio
async def test_what_waited_is_sent_or_discarded_when_it_is_unmuted(at: Desk) -> None:
    with Receiver().running() as receiver:
        await at.advise(LIBC)
        at.push("1", status_file(("libc6", "2.41-12")))
        await at.add("1")
        await at.post("/channels", {"name": "hook", "kind": "webhook", "settings": {"url": receiver.url}})
        await at.work()
        for number, discard in enumerate((False, True)):
            muted = await at.ask("PUT", "/system/mute", {"reason": "the network is being moved"})
            assert muted.json()["reason"] == "the network is being moved"
            for action in ("warn", "stop"):
                text = NO_HIGH.replace("action: stop", f"action: {action}") + f"# {number}\n"
                await at.post("/policies", {"text": text})
                await at.post("/activations", {"policy": "weaknesses"})
                await at.work()
            at.now += timedelta(minutes=10)
            await wake_due(at.services)
            await at.work()
            assert len(receiver.received) == number
            unmuted = await at.ask("DELETE", f"/system/mute?discard={str(discard).lower()}")
            assert bool(unmuted.json()["discarded"]) == discard
            await wake_due(at.services)
            await at.work()
            assert len(receiver.received) == 1
    log = await at.get("/audit?action=system.*")
    assert [entry["action"] for entry in log["items"]] == ["system.unmute", "system.mute"] * 2


@pytest.mark.anyio
async def test_a_muted_server_reads_what_is_sent_in_and_nothing_from_registries(at: Desk) -> None:
    await at.ask("PUT", "/system/mute", {})
    digest = at.push("1", status_file(("libc6", "2.41-12")))
    await at.add("1")
    asked = len(at.registry.log)
    await at.work(5)  # it is put off each time, by a clock that is behind the database's
    assert len(at.registry.log) == asked
    assert (await at.get(f"/images/{digest}"))["state"] == "waiting"
    await at.ask("DELETE", "/system/mute")
    async with at.services.database.system() as connection:
        await connection.execute("UPDATE procrastinate_jobs SET scheduled_at = NULL WHERE task_name = 'analyse'")
    await at.work()
    assert (await at.get(f"/images/{digest}"))["state"] == "analysed"
