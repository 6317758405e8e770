"""How fast people know, at a million images: `python -m bench.notify --database URL --world DIR` writes its part of `bench/notify.md`.

The database is one that `bench.stored_world` filled, as of the day before.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from hullmark.app.server import adopt
from hullmark.app.server.advisories import Books, publish, publish_file
from hullmark.app.server.services import Services, services_for
from hullmark.app.server.settings import Settings


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(prog="python -m bench.notify", description=__doc__)
    parser.add_argument("--database", required=True)
    parser.add_argument("--world", type=Path, required=True)
    wanted = parser.parse_args()
    asyncio.run(_measured(wanted.database, wanted.world))


@asynccontextmanager
async def _services(url: str, folder: Path) -> AsyncIterator[Services]:
    services = services_for(Settings(data=folder, database_url=url), {})
    services.clock = lambda: datetime(2026, 2, 2, 12, tzinfo=UTC)
    async with services.database:
        yield services


async def _measured(url: str, world: Path) -> None:
    with TemporaryDirectory(prefix="hm-notify-") as folder:
        async with _services(url, Path(folder)) as services:
            books = Books(services.objects, Path(folder) / "books")
            for name in ("previous",):
                publish_file(services.objects, world / name, (world / f"{name}.digest").read_text())
                async with services.database.system() as connection:
                    await connection.execute("UPDATE matching SET carried_out_id = snapshot_id")
                with books.opened((world / f"{name}.digest").read_text(), _key(world, name)):
                    pass
            began = time.perf_counter()
            number = await publish(services, world / "next", (world / "next.digest").read_text())
            print(f"published: {time.perf_counter() - began:.2f} s", flush=True)
            watching = asyncio.create_task(_watch(services, began))
            await adopt.adopt(services, books, number)
            watching.cancel()
            print(f"done: {time.perf_counter() - began:.2f} s", flush=True)


def _key(world: Path, name: str) -> str:
    from hullmark.app.server.advisories import object_of

    return object_of((world / f"{name}.digest").read_text())


async def _watch(services: Services, began: float) -> None:
    """Say what is there, once a second."""
    while True:
        async with services.database.system() as connection:
            row = await (
                await connection.execute(
                    "SELECT (SELECT count(*) FROM rematch), (SELECT is_weighed FROM matching), (SELECT count(*) FROM transition),"
                    " (SELECT count(*) FROM wave_part), (SELECT count(*) FROM finding_change), (SELECT max(id) FROM wave)"
                )
            ).fetchone()
        print(f"{time.perf_counter() - began:.1f} s: {row}", flush=True)
        await asyncio.sleep(1)


if __name__ == "__main__":
    main()
