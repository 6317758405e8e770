"""Gates are handed the verdicts in force once, then what changes: verdicts, tags, digests and grace, nothing lost."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hullmark.model.admission import AdmissionPage
from hullmark.model.verdict import Outcome
from hullmark.places.gates.verdicts import LocalVerdicts
from hullmark.server.stories.judging.admission import forget_gates
from tests.service.test_verdicts import LIBC, NO_HIGH, NOT_ROOT, SHOP, kept
from tests.support.desk import Desk, desk
from tests.support.matching import advisory, affected

pytestmark = pytest.mark.anyio

OTHER = advisory("CVE-2026-0", affected("debian:13", "bash", "deb", "5.3"), severity="low")
GRACE = NO_HIGH.replace('version: "1"\n', 'version: "1"\ngrace: {days: 7}\n')


@pytest.fixture
async def at(database_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    async with desk(database_url, tmp_path) as found:
        yield found


class Follower:
    """A gate's own verdicts, brought up to date when a test says so. `came` are the images of the last time."""

    def __init__(self, at: Desk, folder: Path, limit: int = 500, account: str = "") -> None:
        self.at, self.limit, self.account = at, limit, account
        self.verdicts = LocalVerdicts(folder / "verdicts.db")
        self.came: list[str] = []
        self.begun = 0

    async def sync(self) -> list[str]:
        """Ask until there is no more."""
        self.came = []
        while True:
            cursor = self.verdicts.cursor
            answer = await self.at.get(f"/admission/verdicts?after={cursor}&limit={self.limit}", self.account)
            page = msgspec.convert(answer, AdmissionPage)
            if not page.cursor:
                continue
            self.begun += page.begins
            self.verdicts.take(page, self.at.now)
            self.came += [image.digest for image in page.images]
            if page.is_last:
                return self.came

    def words(self, digest: str) -> list[Outcome]:
        return [verdict.verdict for image in self.verdicts.find(digest) for verdict in image.verdicts]


async def analysed(at: Desk, tag: str, files: dict[str, bytes] | None = None, **config: Any) -> str:
    digest = at.push(tag, SHOP if files is None else files, **config)
    await at.add(tag)
    await at.work()
    return digest


async def test_a_gate_is_told_all_once_and_then_what_changes(at: Desk, tmp_path: Path) -> None:
    await kept(at, NOT_ROOT)
    digests = [await analysed(at, f"1.{number}", {"app": bytes([number])}, User="7") for number in range(5)]
    gate = Follower(at, tmp_path, limit=2)
    assert sorted(await gate.sync()) == sorted(digests)
    assert await gate.sync() == []
    assert [gate.words(digest) for digest in digests] == [[Outcome.GO]] * 5
    (image,) = gate.verdicts.find(digests[0])
    assert image.tags == (at.reference("1.0"),)
    assert gate.verdicts.find(image.config) == (image,)
    assert image.certified_at is not None
    fresh = await analysed(at, "2.0", {"app": b"new"}, User="0")
    assert await gate.sync() == [fresh]
    assert gate.words(fresh) == [Outcome.STOP]
    assert gate.verdicts.find(fresh)[0].certified_at is None
    assert gate.begun == 1


async def test_a_tag_that_moves_moves_at_the_gate(at: Desk, tmp_path: Path) -> None:
    await kept(at, NOT_ROOT)
    first = await analysed(at, "1.0", {"app": b"1"}, User="7")
    gate = Follower(at, tmp_path)
    await gate.sync()
    tagged = gate.verdicts.tagged(at.reference("1.0"))
    assert tagged is not None
    assert tagged.digest == first
    second = await analysed(at, "1.0", {"app": b"2"}, User="7")
    assert sorted(await gate.sync()) == sorted((first, second))
    tagged = gate.verdicts.tagged(at.reference("1.0"))
    assert tagged is not None
    assert tagged.digest == second


async def test_what_is_judged_no_more_is_forgotten(at: Desk, tmp_path: Path) -> None:
    name = await kept(at, NOT_ROOT)
    digest = await analysed(at, "1.0", User="7")
    gate = Follower(at, tmp_path)
    await gate.sync()
    (activation,) = (
        (await at.get("/activations"))["items"]
        if isinstance(await at.get("/activations"), dict)
        else await at.get("/activations")
    )
    assert (await at.ask("DELETE", f"/activations/{activation['id']}")).is_success, name
    await at.work()
    assert await gate.sync() == [digest]
    assert gate.verdicts.find(digest) == ()
    await at.post("/activations", {"policy": name})
    await at.work()
    await gate.sync()
    assert gate.words(digest) == [Outcome.GO]
    assert (await at.ask("DELETE", f"/images/{digest}?force=true")).is_success
    assert await gate.sync() == [digest]
    assert gate.verdicts.count() == 0


async def test_grace_is_told_apart_from_a_pass(at: Desk, tmp_path: Path) -> None:
    await kept(at, GRACE)
    digest = await analysed(at, "1.0")
    gate = Follower(at, tmp_path)
    await gate.sync()
    await at.ask("PUT", f"/images/{digest}/deployments", {"place": "eu-1/shop"})
    await at.advise(OTHER)
    await at.work()
    await gate.sync()
    assert gate.words(digest) == [Outcome.GO]
    at.now += timedelta(days=1)
    await at.advise(OTHER, LIBC)
    await at.work()
    assert await gate.sync() == [digest]
    (verdict,) = gate.verdicts.find(digest)[0].verdicts
    assert verdict.verdict is Outcome.WARN
    assert verdict.grace_until == at.now + timedelta(days=7)
    assert "CVE-2026-1" in verdict.grace_reason


async def test_a_gate_that_nobody_heard_of_for_a_month_begins_anew(at: Desk, tmp_path: Path) -> None:
    await kept(at, NOT_ROOT)
    digest = await analysed(at, "1.0", User="7")
    gate = Follower(at, tmp_path)
    await gate.sync()
    at.now += timedelta(days=31)
    await forget_gates(at.services)
    assert await gate.sync() == [digest]
    assert gate.begun == 2


async def test_accounts_without_gates_write_no_changes_down(at: Desk) -> None:
    await kept(at, NOT_ROOT)
    await analysed(at, "1.0", User="7")
    async with at.services.database.system() as connection:
        cursor = await connection.execute("SELECT count(*) FROM admission_change")
        assert await cursor.fetchone() == (0,)
