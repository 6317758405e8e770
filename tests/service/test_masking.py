"""An image full of secrets on a server: none is in its database, its objects, a backup, its logs, its answers, or in messages."""

from __future__ import annotations

import io
import json
import logging
import tarfile
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import structlog
from psycopg import sql

from hullmark.notify.channels import CHANNELS
from hullmark.server.logs import mask_event
from hullmark.server.stories.backup.backup import back_up
from hullmark.server.stories.notice.deliver import wake_due
from tests.flow.test_check import policy_of, rule
from tests.flow.test_masking import DOCKERFILE, NATIVE, anchore
from tests.service.test_exports import KINDS
from tests.support.desk import PASSWORD, Desk, desk
from tests.support.every_channel import Receivers, every_channel
from tests.support.planted import CANARY, FILES, MANY, Planted, found_in
from tests.unit.policy.anchore.building import bundle

pytestmark = pytest.mark.anyio

WITH_EVIDENCE = {"webhook", "slack", "teams", "mattermost", "discord", "anchore", "apprise", "email"}
"""Kinds of channels whose messages show masked lines here; the others show findings that came before these."""

KEPT = tuple(f"/{path}" for path in FILES if path.startswith("etc/") and not path.endswith("wide.conf"))
"""Texts that are kept with every image."""


@pytest.fixture
def receivers() -> Iterator[Receivers]:
    with every_channel() as found:
        yield found


@pytest.fixture
async def at(database_url: str, tmp_path: Path, receivers: Receivers) -> AsyncIterator[Desk]:
    relay = {"smtp": f"smtp://127.0.0.1:{receivers.box.port}", "mail_from": "hullmark@example.org"}
    async with desk(database_url, tmp_path, **relay) as found:
        yield found


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """All that is logged, as the server writes it. (Its own way keeps loggers that outlive a test.)"""
    out = io.StringIO()
    structlog.configure(
        processors=[structlog.processors.format_exc_info, mask_event, structlog.processors.JSONRenderer()],
        logger_factory=structlog.PrintLoggerFactory(out),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(out)
    logging.getLogger().addHandler(handler)
    yield out
    logging.getLogger().removeHandler(handler)
    structlog.reset_defaults()


@pytest.mark.slow
async def test_no_planted_value_is_on_a_server(
    at: Desk, tmp_path: Path, log: io.StringIO, receivers: Receivers
) -> None:
    planted = Planted()
    digest = str(planted.image(at.registry.blobs)["digest"])
    at.registry.tags["1"] = digest
    assert len(planted.values) >= MANY
    await judged(at, digest, planted, receivers)
    states = {(message["channel"], message["state"]) for message in (await at.get("/messages"))["items"]}
    assert states == {(kind, "delivered") for kind in CHANNELS}
    came = receivers.came()
    assert {kind for kind, bodies in came.items() if any(map(len, bodies))} == CHANNELS.keys()
    assert {kind for kind, bodies in came.items() if any(b"****" in body for body in bodies)} >= WITH_EVIDENCE
    told = {f"message {kind} {number}": body for kind, bodies in came.items() for number, body in enumerate(bodies)}
    told |= dict([answer async for answer in answers(at, digest, receivers)])
    assert len(told) > 60
    data = at.services.settings.data
    told |= {f"objects {path.relative_to(data)}": path.read_bytes() for path in files_below(data)}
    told |= dict([table async for table in tables(at)])
    assert any(b"****" in body for name, body in told.items() if name.startswith("table ")), "verdicts are there"
    backup = tmp_path / "backup.tar"
    back_up(at.services.settings, {}, backup, with_key=True)
    with tarfile.open(backup) as archive:
        members = [(entry.name, archive.extractfile(entry)) for entry in archive]
        told |= {f"backup {name}": member.read() for name, member in members if member is not None}
    told["logs"] = log.getvalue().encode()
    assert b"request" in told["logs"]
    found = {name: values for name, body in told.items() if (values := found_in(body, planted.values))}
    assert found == {}
    where = {name.partition(" ")[0] for name, body in told.items() if found_in(body, [CANARY])}
    assert where >= {"objects", "backup"}, "the search would have seen them there"


async def judged(at: Desk, digest: str, planted: Planted, receivers: Receivers) -> None:
    """The image, added with its Dockerfile and judged by policies that it meets at first; then not, which every kind of channel tells."""
    for kind, settings in receivers.settings.items():
        await at.post("/channels", {"name": kind, "kind": kind, "settings": settings})
    await at.post("/policies", {"text": policy_of(rule("config/user", forbidden=["nobody-is"]), name="main")})
    await at.post("/activations", {"policy": "main"})
    await at.add("1", dockerfile=planted.filled(DOCKERFILE))
    await at.work()
    contents = rule("contents/forbidden", name="contents", paths=list(KEPT), pattern=".")
    for text, many in (
        (policy_of(*NATIVE, contents, name="main"), 150),
        (json.dumps(bundle(*anchore(()))), 15),
    ):
        name = (await at.post("/policies", {"text": text}))["name"]
        await at.post("/activations", {"policy": name})
        for _ in range(3):
            await at.work()
            at.now += timedelta(hours=2)
            await wake_due(at.services)
        (verdict,) = (each for each in await at.get(f"/images/{digest}/verdicts") if each["policy"] == name)
        assert verdict["verdict"] == "stop", verdict["reason"]
        assert len((await at.get(f"/history/{verdict['id']}"))["findings"]) > many


async def answers(at: Desk, digest: str, receivers: Receivers) -> AsyncIterator[tuple[str, bytes]]:
    """What the server says about the image to its own clients, Anchore's and Harbor's, and what each channel would send."""
    kinds = (
        "os",
        "files",
        "python",
        "npm",
        "gem",
        "java",
        "manifest",
        "docker_history",
        "dockerfile",
        "all",
        "secret_search",
    )
    routes = {(route.path, method) for route in at.app.routes for method in getattr(route, "methods", ())}
    for path, method in sorted(routes):
        asked = path.replace("{digest:str}", digest).replace("{digest}", digest)
        paths = [asked.replace("{kind:str}", kind) for kind in kinds] if "{kind:str}" in asked else [asked]
        for each in paths:
            if method == "GET" and "{" not in each and not each.endswith("/stream"):
                answer = await at.client.get(each, auth=("admin", PASSWORD))
                yield f"GET {each} {answer.status_code}", answer.content
    for number in (item["id"] for item in (await at.get(f"/images/{digest}/history"))["items"]):
        yield f"history {number}", (await at.ask("GET", f"/history/{number}")).content
    check = f"/v1/images/{digest}/check?tag={at.reference('1')}&detail=true"
    yield "Anchore's check", (await at.client.get(check, auth=("admin", PASSWORD))).content
    scan = {"reference": at.reference("1"), "policy_text": policy_of(*NATIVE), "dockerfile": "FROM x\n"}
    answer = await at.ask("POST", "/scan", scan)
    assert answer.is_success, answer.text
    yield "scan", answer.content
    for kind in KINDS:
        yield f"export {kind}", (await at.ask("GET", f"/export/{kind}")).content
    for message in (await at.get("/messages"))["items"][:2]:
        for kind, settings in receivers.settings.items():
            document = {"kind": kind, "settings": settings, "message": message["id"]}
            answer = await at.ask("POST", "/channels/preview", document)
            assert answer.is_success, (kind, answer.text)
            yield f"preview {kind} {message['id']}", answer.content


async def tables(at: Desk) -> AsyncIterator[tuple[str, bytes]]:
    """Every table, its bytes as they are."""
    async with at.services.database.system() as connection:
        listed = await connection.execute(
            "SELECT table_schema, table_name FROM information_schema.tables WHERE table_type = 'BASE TABLE'"
            " AND table_schema NOT IN ('pg_catalog', 'information_schema')"
        )
        for name in await listed.fetchall():
            rows = await connection.execute(sql.SQL("SELECT * FROM {}").format(sql.Identifier(*name)))
            cells = [cell for row in await rows.fetchall() for cell in row]
            raw = [bytes(cell) if isinstance(cell, bytes | memoryview) else str(cell).encode() for cell in cells]
            yield f"table {name[1]}", b"\n".join(raw)


def files_below(folder: Path) -> Iterator[Path]:
    """Each file."""
    return (path for path in sorted(folder.rglob("*")) if path.is_file())
