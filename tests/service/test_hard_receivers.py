"""Receivers that answer as none should, or not for a day: they hold up nobody else, and hear of everything in the end, in order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from hullmark.model.notice import Cause, Transition
from hullmark.server.process.worker import run
from hullmark.server.process.worker.tasks import Work
from hullmark.server.stories.advisories.advisories import SnapshotCache
from hullmark.server.stories.notice import sending
from hullmark.server.stories.notice.deliver import deliver, wake_due
from hullmark.server.stories.notice.route import route
from hullmark.server.tables.notice import transitions
from tests.support.desk import Desk, desk, status_file
from tests.support.matching import advisory, affected
from tests.support.receiver import Receiver
from tests.support.receivers import talker

pytestmark = pytest.mark.anyio

WELL = b"HTTP/1.1 200 OK\r\n"
POLICY = """
schema: hullmark-policy/1
name: shop
version: 1
rules:
  - {id: severe, gate: vulnerabilities, trigger: found, action: stop, params: {severity: high, unrated: ignore}}
"""


@pytest.fixture
async def at(database_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    async with desk(database_url, tmp_path) as found:
        yield found


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver().running() as found:
        yield found


async def channel(at: Desk, name: str, url: str) -> str:
    """Add a webhook; answers its id."""
    return str((await at.post("/channels", {"name": name, "kind": "webhook", "settings": {"url": url}}))["id"])


async def tell(at: Desk, subject: str) -> None:
    """Have something told to all channels."""
    key = f"advisory:{subject}@1"
    cause = Cause(kind="advisory", key=key, subject=subject, sentence="It is new.", seen_at=at.now)
    lost = Transition(kind="compliance.lost", key=key, at=at.now, reference="a/b:1", severity="high")
    async with at.services.database.system() as connection:
        await transitions.tell(connection, 1, cause, [lost])
    await route(at.services, 1)


async def subjects(at: Desk, of: str) -> list[str]:
    """What a channel was told of, in order, as the server has it."""
    found = (await at.get(f"/messages?limit=200&channel={of}&state=delivered"))["items"]
    return [str(each["cause"]["subject"]) for each in found[::-1]]


def heard(receiver: Receiver) -> list[str]:
    """What came to a receiver, each message once, in the order in which they came first."""
    return [
        str(each.event["subject"]) for each in {each.event["id"]: each for each in receiver.received[::-1]}.values()
    ][::-1]


HARD: dict[str, tuple[Sequence[bytes], float, bytes]] = {
    "says nothing": ((), 0.0, b""),
    "hangs up within the first line": ((b"HTTP/1.",), 0.0, b""),
    "sends a byte now and then": ((), 0.2, b"H"),
    "sends headers without end": ((WELL,), 0.001, b"X-More: " + b"x" * 4000 + b"\r\n"),
    "sends a header without end": ((WELL + b"X-More: ",), 0.001, b"x" * 4000),
    "answers in no known way": ((b"220 smtp.example.org ESMTP\r\n",), 0.0, b""),
    "says how long it is, and is not": ((b"HTTP/1.1 500 No\r\nContent-Length: 99\r\n\r\nno",), 0.0, b""),
    "refuses without end": ((b"HTTP/1.1 500 No\r\n\r\n",), 0.001, b"x" * 4000),
    "answers in parts without end": (
        (b"HTTP/1.1 503 No\r\nTransfer-Encoding: chunked\r\n\r\n",),
        0.001,
        b"10\r\n" + b"x" * 16 + b"\r\n",
    ),
    "leads to the cloud's own address": (
        (b"HTTP/1.1 307 No\r\nLocation: http://169.254.169.254/latest/meta-data/\r\nContent-Length: 0\r\n\r\n",),
        0.0,
        b"",
    ),
}


async def test_hard_receivers_hold_only_themselves_and_hear_all_in_order_when_they_are_mended(
    at: Desk, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "_WHOLE", 2.5)
    names = [way.replace(" ", "-").replace(",", "").replace("'", "") for way in HARD]
    with ExitStack() as stack:
        ports = [stack.enter_context(talker(pieces, pause, then=then)) for pieces, pause, then in HARD.values()]
        mended = [stack.enter_context(Receiver().running()) for _ in HARD]
        hard = [await channel(at, name, f"http://127.0.0.1:{port}/") for name, port in zip(names, ports, strict=True)]
        well = await channel(at, "well", receiver.url)
        for number in range(3):
            await tell(at, f"CVE-{number}")
        trying = [asyncio.create_task(deliver(at.services, each)) for each in hard]
        assert await deliver(at.services, well) == 3
        assert heard(receiver) == ["CVE-0", "CVE-1", "CVE-2"]
        assert await asyncio.wait_for(asyncio.gather(*trying), 30) == [0] * len(HARD)
        for name, there in zip(names, mended, strict=True):
            shown = await at.get(f"/channels/{name}")
            assert (name, shown["state"], shown["failures"], shown["waiting"]) == (name, "failing", 1, 3)
            assert shown["last_error"], name
            await at.ask("PATCH", f"/channels/{name}", {"settings": {"url": there.url}})
        at.now += timedelta(seconds=5)
        await wake_due(at.services)
        await at.work()
        for name, there in zip(names, mended, strict=True):
            assert (name, heard(there)) == (name, ["CVE-0", "CVE-1", "CVE-2"])


ENDLESS: dict[str, tuple[Sequence[bytes], bytes]] = {
    "without a length": ((WELL + b"\r\n",), b"x" * 60_000),
    "with a length": ((WELL + b"Content-Length: 99999999999\r\n\r\n",), b"x" * 60_000),
    "in parts": ((WELL + b"Transfer-Encoding: chunked\r\n\r\n",), b"ea60\r\n" + b"x" * 60_000 + b"\r\n"),
}


@pytest.mark.parametrize("way", ENDLESS)
async def test_of_an_answer_without_end_the_status_counts(at: Desk, way: str) -> None:
    pieces, then = ENDLESS[way]
    with talker(pieces, 0.0, then=then) as port:
        to = await channel(at, "endless", f"http://127.0.0.1:{port}/")
        for number in range(2):
            await tell(at, f"CVE-{number}")
        assert await asyncio.wait_for(deliver(at.services, to), 20) == 2
    assert await subjects(at, "endless") == ["CVE-0", "CVE-1"]


@pytest.mark.parametrize("hours", [8, pytest.param(24, marks=pytest.mark.slow)])
async def test_after_a_time_without_a_receiver_all_that_happened_arrives_in_order(
    at: Desk, receiver: Receiver, hours: int
) -> None:
    """Advisories come and go each hour; one channel hears of it all the time, the other of the same when it is there again."""
    away = Receiver()
    with away.running():
        await channel(at, "away", away.url)
    await channel(at, "there", receiver.url)
    await at.post("/policies", {"text": POLICY})
    await at.post("/activations", {"policy": "shop"})
    await at.advise(hourly(0))
    await at.work()
    for number in range(3):
        at.push(str(number), status_file(("a", "1"), (f"own-{number}", "1")))
        await at.add(str(number))
    await at.work()
    for hour in range(1, hours + 1):
        await at.advise(hourly(hour), *([severe(hour)] if hour % 2 else []))
        for _ in range(2):
            at.now += timedelta(minutes=30)
            await wake_due(at.services)
            await at.work()
    assert away.received == []
    assert (await at.get("/channels/away"))["state"] == "failing"
    with away.running():
        for _ in range(3):
            at.now += timedelta(minutes=10)
            await wake_due(at.services)
            await at.work()
    kinds = [each.event["type"] for each in away.received]
    assert kinds[:4] == ["io.hullmark.compliance.lost", "io.hullmark.compliance.regained"] * 2
    assert [told(each.event) for each in away.received] == [told(each.event) for each in receiver.received]
    assert len(away.received) >= hours
    assert len(set(away.ids)) == len(away.ids)
    assert (await at.get("/channels/away"))["state"] == "well"


def hourly(hour: int) -> Any:
    """What makes each hour's snapshot another one."""
    return advisory("CVE-2020-1", affected("debian:13", "nothing", "deb", f"1.{hour}"), source="debian")


def severe(hour: int) -> Any:
    """An advisory about all images."""
    return advisory(f"CVE-2026-{hour}", affected("debian:13", "a", "deb", "2"), source="debian", severity="critical")


def told(event: Any) -> Any:
    """What an event says of which transitions."""
    data = event["data"]
    return event["type"], event.get("subject"), data["count"], sorted(item["id"] for item in data["items"])


@pytest.mark.slow
async def test_sixty_that_begin_to_hang_in_one_moment_hold_nobody(at: Desk, receiver: Receiver) -> None:
    with Receiver(status=0).running() as hanging:
        for number in range(60):
            await channel(at, f"hanging-{number}", hanging.url)
        await channel(at, "well", receiver.url)
        async with worker(at):
            await tell(at, "CVE-1")
            async with asyncio.timeout(20):  # each of the others holds on for longer
                while len(hanging.received) < 60 or not receiver.received:
                    await asyncio.sleep(0.05)
                # One holds the turns of all channels; what the worker does besides may hold another one for a moment.
                while await open_transactions(at) > 1:
                    await asyncio.sleep(0.05)
            hanging.released.set()  # else the worker would end only when it has given up on each
    assert heard(receiver) == ["CVE-1"]


async def open_transactions(at: Desk) -> int:
    """How many others hold a transaction open in this database, and do nothing."""
    async with at.services.database.system() as connection:
        cursor = await connection.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE state = 'idle in transaction' AND datname = current_database()"
            " AND pid <> pg_backend_pid()"
        )
        row = await cursor.fetchone()
    return int(row[0]) if row else 0


@asynccontextmanager
async def worker(at: Desk) -> AsyncIterator[None]:
    """A worker at work."""
    work = Work(
        services=at.services,
        snapshot_cache=SnapshotCache(at.services.objects, at.services.settings.data / "snapshots"),
        worker="test",
    )
    working = asyncio.create_task(run._working(work, asyncio.Event()))
    try:
        yield
    finally:
        working.cancel()
        await asyncio.wait((working,))
