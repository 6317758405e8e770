"""A deed and its entry in the audit log are one transaction: whatever stops the entry stops the deed, and nothing of either stays."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from httpx import Response

from tests.service.test_advisories import FEEDS, mirror
from tests.service.test_reanalysis import archive_in
from tests.service.test_stateless_scan import SBOM
from tests.support.desk import PASSWORD, Desk, desk, status_file
from tests.support.shelves import made

pytestmark = pytest.mark.anyio

AUTH = ("admin", PASSWORD)
# What stops an entry, as the end of the connection between the two would.
STOPS_ENTRIES = """
CREATE FUNCTION stop() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no entries today'; END $$;
CREATE TRIGGER stop BEFORE INSERT ON audit FOR EACH ROW EXECUTE FUNCTION stop();
"""
LETS_ENTRIES = "DROP TRIGGER stop ON audit; DROP FUNCTION stop()"
LEFT = ("account_image", "tag", "image_alias", "snapshot", "anchore_subscription", "event", "procrastinate_jobs")


@pytest.fixture
async def at(database_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    mirror(tmp_path / "www", 10)
    async with desk(database_url, tmp_path, feeds=str(tmp_path / "www")) as found:
        found.push("1", status_file(("libc6", "2.41-12")))
        yield found


async def run(at: Desk, statements: str) -> None:
    async with at.services.database.system() as connection:
        for statement in statements.split(";\n") if "$$" not in statements else [statements]:
            await connection.execute(statement.encode())


async def counts(at: Desk) -> dict[str, int]:
    """How many rows there are of all that the deeds make."""
    found: dict[str, int] = {}
    async with at.services.database.system() as connection:
        for table in LEFT:
            row = await (await connection.execute(f"SELECT count(*) FROM {table}".encode())).fetchone()
            assert row is not None
            found[table] = int(row[0])
    return found


async def entries(at: Desk) -> list[str]:
    return [item["action"] for item in (await at.get("/audit"))["items"]]


async def add(at: Desk, _: Path) -> Response:
    return await at.ask("POST", "/images", {"reference": at.reference("1")})


async def add_as_anchore(at: Desk, _: Path) -> Response:
    return await at.client.post("/v1/images", json={"tag": at.reference("1")}, auth=AUTH)


async def upload(at: Desk, folder: Path) -> Response:
    url = "/api/v1/uploads?reference=upload.example/shop:1"
    headers = {"content-type": "application/x-tar"}
    return await at.client.post(url, content=archive_in(folder), headers=headers, auth=AUTH)


async def register_sbom(at: Desk, _: Path) -> Response:
    url = "/api/v1/sboms?reference=registry.example/team/shop:1"
    return await at.client.post(url, content=json.dumps(SBOM).encode(), auth=AUTH, timeout=120)


async def scan_for_harbor(at: Desk, _: Path) -> Response:
    artifact = {"repository": at.registry.repository, "digest": at.registry.tags["1"], "tag": "1"}
    body = {"registry": {"url": f"http://{at.registry.host}", "authorization": ""}, "artifact": artifact}
    return await at.client.post("/api/harbor/scan", json=body, auth=AUTH)


async def send_advisories(at: Desk, folder: Path) -> Response:
    if not (folder / "snapshot").exists():
        made(folder / "snapshot", FEEDS)
    return await at.client.post("/api/v1/advisories", content=(folder / "snapshot").read_bytes(), auth=AUTH)


async def update_advisories(at: Desk, _: Path) -> Response:
    return await at.ask("POST", "/advisories/update", {})


DEEDS: dict[str, Callable[[Desk, Path], Awaitable[Response]]] = {
    "image.add": add,
    "image.add (Anchore)": add_as_anchore,
    "image.upload": upload,
    "image.sbom": register_sbom,
    "harbor.scan": scan_for_harbor,
    "advisories.send": send_advisories,
    "advisories.update": update_advisories,
}


@pytest.mark.parametrize("action", DEEDS)
async def test_without_its_entry_there_is_no_deed(at: Desk, tmp_path: Path, action: str) -> None:
    before, said = await counts(at), await entries(at)
    await run(at, STOPS_ENTRIES)
    refused = await DEEDS[action](at, tmp_path)
    assert not refused.is_success, refused.text
    assert await counts(at) == before
    await run(at, LETS_ENTRIES)
    done = await DEEDS[action](at, tmp_path)
    assert done.is_success, done.text
    assert (await entries(at))[: -len(said) or None] == [action.partition(" ")[0]]
    assert await counts(at) != before
