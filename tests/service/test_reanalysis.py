"""Images that are read again, and what is so where that fails; and how many are read from one registry at the same time."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from hullmark.server.process.scheduler import free_abandoned, renew_outdated
from hullmark.server.stories.images.analyse import analyse
from hullmark.server.stories.images.documents import fingerprint
from hullmark.server.tables.images import leases
from hullmark.server.tables.slots import slot
from tests.support.desk import Desk, desk, status_file
from tests.support.images import Blobs, docker_files, layout_files, tagged, tar_of, write_docker_archive
from tests.support.registry import Canned, FakeRegistry, Headers

pytestmark = pytest.mark.anyio
SHOP = status_file(("libc6", "2.41-12"), ("zlib1g", "1:1.3"))
POLICY = """schema: hullmark-policy/1
name: no-zlib
rules:
  - {id: no-zlib, gate: packages, trigger: forbidden, action: stop, params: {names: [zlib1g]}}
"""
SBOM = b'{"bomFormat": "CycloneDX", "specVersion": "1.6", "components": []}'
KEPT = "an earlier analysis is kept: "


@pytest.fixture
async def at(database_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    async with desk(database_url, tmp_path) as found:
        yield found


async def rows(at: Desk, question: str, *values: object) -> list[tuple[Any, ...]]:
    async with at.services.database.system() as connection:
        cursor = await connection.execute(question.encode(), values)
        return await cursor.fetchall() if cursor.description else []


async def made_by_others(at: Desk) -> None:
    """As if extractors of before had read all images."""
    await rows(at, "UPDATE image SET fingerprint = 'of before'")


async def upload(at: Desk, archive: bytes, reference: str = "upload.example/shop:1") -> Any:
    auth = ("admin", "the operator's words")
    url = f"/api/v1/uploads?reference={reference}"
    answer = await at.client.post(url, content=archive, headers={"content-type": "application/x-tar"}, auth=auth)
    assert answer.status_code == 201, answer.text
    return answer.json()


def archive_in(folder: Path, note: bytes = b"x") -> bytes:
    layer = tar_of({"etc/os-release": b"ID=debian\nVERSION_ID=13\n", "etc/note": note})
    return write_docker_archive(folder / "image.tar", [docker_files(["shop:1"], [layer])]).read_bytes()


async def number_of(at: Desk, digest: str) -> int:
    ((number,),) = await rows(at, "SELECT id FROM image WHERE digest = %s", digest)
    return int(number)


async def test_an_upload_is_read_again_only_when_it_is_sent_again(at: Desk, tmp_path: Path) -> None:
    archive = archive_in(tmp_path)
    digest = (await upload(at, archive))["digest"]
    await at.work()
    refused = await at.ask("POST", f"/images/{digest}/analysis")
    assert (refused.status_code, "upload it again" in refused.json()["advice"]) == (409, True)
    assert (await at.get(f"/images/{digest}"))["state"] == "analysed"
    assert (await upload(at, archive))["state"] == "analysed"
    await at.work()
    await made_by_others(at)
    assert (await upload(at, archive))["state"] == "waiting"
    assert "analyse" in await at.work()
    assert await rows(at, "SELECT state, fingerprint, upload FROM image") == [("analysed", fingerprint(), "")]
    assert await rows(at, "SELECT count(*) FROM upload") == [(0,)]


async def test_an_upload_that_could_not_be_read_may_be_tried_again_while_its_archive_is_there(
    at: Desk, tmp_path: Path
) -> None:
    digest = (await upload(at, archive_in(tmp_path)))["digest"]
    await rows(at, "UPDATE image SET state = 'failed', reason = 'for some reason'")
    assert (await at.post(f"/images/{digest}/analysis", None, status=202))["state"] == "waiting"
    await at.work()
    assert (await at.get(f"/images/{digest}"))["state"] == "analysed"


async def test_an_upload_that_a_registry_has_too_is_read_from_there(at: Desk) -> None:
    blobs = at.registry.blobs
    descriptor = blobs.image([tar_of({"etc/note": b"both"})])
    at.registry.tags["both"] = str(descriptor["digest"])
    digest = (await upload(at, tar_of(layout_files(blobs, [tagged(descriptor, "latest")]))))["digest"]
    assert digest == descriptor["digest"]
    await at.work()
    assert (await at.get(f"/images/{digest}"))["kind"] == "upload"
    await at.add("both")
    await at.post(f"/images/{digest}/analysis", None, status=202)
    await at.work()
    image = await at.get(f"/images/{digest}")
    assert (image["kind"], image["state"], image["reason"]) == ("registry", "analysed", "")


async def test_newer_extractors_read_what_can_be_read_again(at: Desk, tmp_path: Path) -> None:
    at.push("1.0", SHOP)
    digest = (await at.add("1.0"))["digest"]
    await upload(at, archive_in(tmp_path))
    await at.work()
    await rows(at, "INSERT INTO image (digest, kind, state) VALUES ('sha256:of-an-sbom', 'sbom', 'analysed')")
    await made_by_others(at)
    async with at.services.database.system() as connection:
        assert await leases.list_outdated_images(connection, fingerprint(), 10) == [await number_of(at, digest)]
    await renew_outdated(at.services)
    assert "analyse" in await at.work()
    found = await rows(at, "SELECT fingerprint = %s FROM image WHERE digest = %s", fingerprint(), digest)
    assert found == [(True,)]


async def test_where_reading_again_fails_the_earlier_analysis_counts_on(at: Desk) -> None:
    digest = at.push("1.0", SHOP)
    await at.add("1.0")
    await at.work()
    before = await rows(at, "SELECT document, analysed_at FROM image")
    await made_by_others(at)
    del at.registry.blobs.held[digest]
    await renew_outdated(at.services)
    # What comes into force while the image waits is judged by the analysis that is kept.
    await at.post("/policies", {"text": POLICY})
    await at.post("/activations", {"policy": "no-zlib"})
    await at.work()
    image = await at.get(f"/images/{digest}")
    assert (image["state"], image["reason"].startswith(KEPT), bool(image["advice"])) == ("analysed", True, True)
    assert await rows(at, "SELECT document, analysed_at FROM image") == before
    assert len((await at.get(f"/images/{digest}/packages"))["items"]) == 2
    assert [each["verdict"] for each in await at.get(f"/verdicts/{digest}")] == ["stop"]
    errors = (await at.get("/events?level=error"))["items"]
    assert [(error["kind"], error["body"]["reason"]) for error in errors] == [("image.failed", image["reason"])]
    # It is not tried again by itself, but whenever somebody asks for it.
    await renew_outdated(at.services)
    assert await at.work() == []
    await at.post(f"/images/{digest}/analysis", None, status=202)
    assert "analyse" in await at.work()
    again = await at.get(f"/images/{digest}")
    assert (again["state"], again["reason"]) == ("analysed", image["reason"])


async def test_what_is_in_the_way_for_the_first_time_is_still_a_failure(at: Desk) -> None:
    digest = at.push("1.0", SHOP)
    await at.add("1.0")
    del at.registry.blobs.held[digest]
    await at.work()
    image = await at.get(f"/images/{digest}")
    assert (image["state"], image["reason"].startswith(KEPT)) == ("failed", False)


async def test_workers_that_die_each_time_leave_the_earlier_analysis(at: Desk) -> None:
    digest = at.push("1.0", SHOP)
    await at.add("1.0")
    await at.work()
    await made_by_others(at)
    await renew_outdated(at.services)
    number = await number_of(at, digest)
    states = []
    for _ in range(at.services.settings.attempts):
        async with at.services.database.system() as connection:
            assert await leases.take(connection, number, "one that dies", 0.0) is not None
        await free_abandoned(at.services)
        states += await rows(at, "SELECT state, attempts FROM image")
    assert states == [("waiting", 1), ("waiting", 2), ("analysed", 0)]
    image = await at.get(f"/images/{digest}")
    assert image["reason"] == f"{KEPT}the worker that analysed it died each time"
    await renew_outdated(at.services)
    await at.work()
    assert (await at.get(f"/images/{digest}"))["reason"] == image["reason"]


@dataclass
class SlowRegistry(FakeRegistry):
    """Gives no blob while `gate` is closed. `reading` is set once somebody waits there."""

    gate: threading.Event = field(default_factory=threading.Event)
    reading: threading.Event = field(default_factory=threading.Event)

    def answer(self, path: str, headers: Headers, body: bytes) -> Canned:
        if "/blobs/" in path and not self.gate.is_set():
            self.reading.set()
            assert self.gate.wait(60)
        return super().answer(path, headers, body)


async def added_to(at: Desk, registry: FakeRegistry, count: int) -> list[int]:
    """So many different images of a registry, that wait."""
    found = []
    for number in range(count):
        descriptor = registry.blobs.image([tar_of({"etc/note": f"{registry.host} {number}".encode()})])
        registry.tags[str(number)] = str(descriptor["digest"])
        await at.post("/images", {"reference": f"{registry.host}/{registry.repository}:{number}"})
        found.append(await number_of(at, str(descriptor["digest"])))
    await rows(at, "DELETE FROM procrastinate_jobs")
    return found


async def test_no_more_images_are_read_from_a_registry_than_its_login_says(at: Desk) -> None:
    slow = SlowRegistry(blobs=Blobs())
    with slow.running():
        slow.gate.set()
        await at.ask("PUT", f"/registries/{slow.host}", {"verify": False, "parallel": 1})
        first, second = await added_to(at, slow, 2)
        (other,) = await added_to(at, at.registry, 1)
        slow.gate.clear()
        reading = asyncio.create_task(analyse(at.services, at.snapshot_cache, first, "one"))
        try:
            assert await asyncio.to_thread(slow.reading.wait, 60)
            assert await analyse(at.services, at.snapshot_cache, second, "two") == "put off"
            waiting = await rows(at, "SELECT state, attempts, reason, lease_by FROM image WHERE id = %s", second)
            assert waiting == [("waiting", 0, "", "")]
            ((args, when),) = await rows(at, "SELECT args, scheduled_at FROM procrastinate_jobs")
            assert args == {"image_id": second}
            assert timedelta(seconds=2) <= when - at.now <= timedelta(seconds=5)
            # Whoever asks elsewhere is not held up.
            assert await analyse(at.services, at.snapshot_cache, other, "two") == "analysed"
        finally:
            slow.gate.set()
        assert await reading == "analysed"
        assert await analyse(at.services, at.snapshot_cache, second, "two") == "analysed"


async def test_as_many_as_the_login_says_are_read_at_the_same_time(at: Desk) -> None:
    slow = SlowRegistry(blobs=Blobs())
    with slow.running():
        slow.gate.set()
        await at.ask("PUT", f"/registries/{slow.host}", {"verify": False, "parallel": 2})
        numbers = await added_to(at, slow, 3)
        slow.gate.clear()
        working = [
            asyncio.create_task(analyse(at.services, at.snapshot_cache, number, f"w{number}")) for number in numbers
        ]
        try:
            done, _ = await asyncio.wait(working, timeout=60, return_when=asyncio.FIRST_COMPLETED)
            assert [task.result() for task in done] == ["put off"]
        finally:
            slow.gate.set()
        assert sorted(await asyncio.gather(*working)) == ["analysed", "analysed", "put off"]


async def test_a_registry_without_a_login_has_the_servers_limit(database_url: str, tmp_path: Path) -> None:
    async with desk(database_url, tmp_path, registry_parallel=1) as at:
        (number,) = await added_to(at, at.registry, 1)
        assert (await at.ask("DELETE", f"/registries/{at.registry.host}")).status_code == 204
        async with slot(at.services.database, f"registry:{at.registry.host}", 1) as is_mine:
            assert is_mine
            assert await analyse(at.services, at.snapshot_cache, number, "one") == "put off"
            assert await rows(at, "SELECT reason FROM image") == [("",)]
        assert await analyse(at.services, at.snapshot_cache, number, "one") == "analysed"
