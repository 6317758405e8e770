"""The server's application in this process, over a real database, with a registry, and its jobs run when a test says so."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest.mock import patch

import httpx
from httpx import Response
from litestar import Litestar

from hullmark.model.advisory import Record
from hullmark.server import isolated
from hullmark.server.api.app import create_app
from hullmark.server.api.resources.signin import Gate
from hullmark.server.console import routes
from hullmark.server.listening import Listeners
from hullmark.server.process.worker.tasks import TASKS, Work
from hullmark.server.stories.advisories.advisories import SnapshotCache, publish
from hullmark.server.stories.identity.bootstrap import bootstrap
from hullmark.server.stories.identity.passwords import Passwords
from hullmark.server.stories.judging import turn
from hullmark.server.stories.services import Services, services_for
from hullmark.server.stories.settings import Settings
from hullmark.server.tables import database
from tests.support.fork_server import fork_task
from tests.support.images import Blobs, tar_of
from tests.support.registry import FakeRegistry
from tests.support.snapshots import snapshot_in

PASSWORD = "the operator's words"  # noqa: S105
_numbers = itertools.count()
_PATIENCE = 3600.0
"""Seconds that a turn of judging lasts here: on a busy machine a job would leave images to another one, and tests count them."""

OS_RELEASE = b'ID=debian\nVERSION_ID="13"\n'


class Desk:
    """A client that is signed in as the operator, and what is behind it. `now` is the server's clock, `judged` how many images were
    judged by jobs, `found` what who furnished it answered (`tests/support/desk_copies.py`)."""

    def __init__(self, app: Litestar, client: httpx.AsyncClient, services: Services, registry: FakeRegistry) -> None:
        self.app = app
        self.client = client
        self.services = services
        self.registry = registry
        self.snapshot_cache = SnapshotCache(services.objects, services.settings.data / "snapshots")
        self.now = datetime(2026, 5, 1, 12, tzinfo=UTC)
        self.judged = 0
        self.found: Any = None

    async def ask(self, method: str, path: str, body: Any = None, account: str = "", **headers: str) -> Response:
        """A request below /api/v1. Names of headers are written with underscores."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if account:
            sent["x-hullmark-account"] = account
        more: dict[str, Any] = {} if body is None else {"json": body}
        return await self.client.request(method, f"/api/v1{path}", headers=sent, auth=("admin", PASSWORD), **more)

    async def get(self, path: str, account: str = "", status: int = 200) -> Any:
        """The JSON of a GET."""
        answer = await self.ask("GET", path, account=account)
        assert answer.status_code == status, answer.text
        return answer.json()

    async def post(self, path: str, body: Any, account: str = "", status: int | None = None) -> Any:
        """The JSON of a POST that is done, or refused with `status`."""
        answer = await self.ask("POST", path, body, account=account)
        assert (answer.status_code == status) if status else answer.is_success, answer.text
        return answer.json() if answer.content else None

    async def work(self, most: int = 1000) -> list[str]:
        """Run jobs until none is due, or `most`; answers their tasks in the order in which they ran."""
        ran: list[str] = []
        work = Work(services=self.services, snapshot_cache=self.snapshot_cache, worker="test")
        while len(ran) < most:
            async with self.services.database.system() as connection:
                cursor = await connection.execute(
                    "DELETE FROM procrastinate_jobs WHERE id = (SELECT id FROM procrastinate_jobs WHERE status = 'todo'"
                    " AND (scheduled_at IS NULL OR scheduled_at <= now()) ORDER BY priority DESC, id LIMIT 1)"
                    " RETURNING task_name, args"
                )
                row = await cursor.fetchone()
            if row is None:
                return ran
            await TASKS[row[0]][1](work, **row[1])
            self.judged += {"judge": 1, "judge_some": len(row[1].get("image_ids", ()))}.get(row[0], 0)
            ran.append(str(row[0]))
        return ran

    def push(self, tag: str, files: dict[str, bytes], **config: Any) -> str:
        """Put an image of one layer into the registry; answers its manifest digest. `config`: its settings, as User."""
        layer = tar_of({"etc/os-release": OS_RELEASE, **files})
        descriptor = self.registry.blobs.image(
            [layer], config=lambda made: {**made, "config": config} if config else made
        )
        digest = str(descriptor["digest"])
        self.registry.tags[tag] = digest
        return digest

    def reference(self, tag: str) -> str:
        """The reference of a tag in the registry."""
        return f"{self.registry.host}/{self.registry.repository}:{tag}"

    async def add(self, tag: str, account: str = "", **fields: Any) -> Any:
        """Add an image by tag."""
        return await self.post("/images", {"reference": self.reference(tag), **fields}, account)

    async def advise(self, *records: Record, **more: Any) -> None:
        """Have these advisories count from now on. `more` is what the feeds say of themselves."""
        folder = self.services.settings.data / f"made-{next(_numbers)}"
        folder.mkdir()
        with snapshot_in(folder, records, **more) as snapshot:
            await publish(self.services, snapshot.path, snapshot.digest)


_free: dict[tuple[int, float], list[Litestar]] = {}
"""Applications of this process that no desk uses now: making one takes longer than most tests. By the settings that one is made for; all
others are asked for at each request."""


@contextmanager
def _application(services: Services) -> Iterator[Litestar]:
    """An application over these services, as if it were new."""
    free = _free.setdefault((services.settings.request_limit, services.settings.body_wait), [])
    app = free.pop() if free else create_app(services, routes())
    app.state.clear()
    app.state.update({"services": services, "listeners": Listeners(services.settings.database_url)})
    try:
        yield app
    finally:
        free.append(app)


def shop_registry() -> FakeRegistry:
    """The registry of a desk, which does not run yet."""
    return FakeRegistry(blobs=Blobs(), digests="true", etags=True)


@asynccontextmanager
async def desk(database_url: str, folder: Path, **changes: Any) -> AsyncIterator[Desk]:
    """A desk with a fresh server."""
    (folder / "data").mkdir()
    with shop_registry().running() as registry:
        async with desk_over(database_url, folder, registry, **changes) as found:
            await begin(found)
            yield found


async def begin(found: Desk) -> None:
    """Make the first person of a server, and have it know the registry."""
    await bootstrap(found.services, found.app.state["gate"].identity.passwords)
    answer = await found.ask("PUT", f"/registries/{found.registry.host}", {"verify": False})
    assert answer.status_code == 200, answer.text


@asynccontextmanager
async def desk_over(database_url: str, folder: Path, registry: FakeRegistry, **changes: Any) -> AsyncIterator[Desk]:
    """A desk over a database, a data folder (`data`) and a registry that are there."""
    changes = {"allow_addresses": "127.0.0.0/8", "rate": 100_000, **changes}
    settings = Settings(data=folder / "data", database_url=database_url, admin_password=PASSWORD, **changes)
    services = services_for(settings, {})
    turn.SECONDS = _PATIENCE
    # Where a test is about what scans may take, they are started as ever.
    bounds = {"scan_memory", "scan_seconds", "scan_slots"} & changes.keys()
    start = asyncio.create_subprocess_exec if bounds else fork_task
    database._READY = 0
    with _application(services) as app, patch.object(isolated, "_start", start):
        app.state["gate"] = gate = Gate(services)
        gate.identity.passwords = Passwords(time_cost=1, memory_kib=64)
        transport = httpx.ASGITransport(app)  # type: ignore[arg-type]  # the framework's own words for the same
        async with app.lifespan(), httpx.AsyncClient(transport=transport, base_url="http://hullmark") as client:
            found = Desk(app, client, services, registry)
            services.clock = lambda: found.now
            yield found


def status_file(*packages: tuple[str, str]) -> dict[str, bytes]:
    """dpkg's status file with these packages (name, version)."""
    stanzas = (
        f"Package: {name}\nStatus: install ok installed\nMaintainer: A <a@example.org>\nArchitecture: amd64\n"
        f"Version: {version}\nDescription: it\n\n"
        for name, version in packages
    )
    return {"var/lib/dpkg/status": "".join(stanzas).encode()}
