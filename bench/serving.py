"""How fast the API answers over a million images: `python -m bench.serving --database URL` writes its part of `bench/server.md`.

The database is one that `bench.stored_world` filled. One API process; fifty clients in another process, each on a connection of its own.
Paced: each client asks so often that the machine is not saturated, as dashboards and admission checks do. Saturated: each asks again as
soon as it has its answer, which measures throughput, and then a latency that is nothing but the queue.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import psycopg

from bench.markdown import table
from bench.sections import replace_section
from bench.speed import machine
from bench.stored_world import ACCOUNTS, digest_of_image, repository_of
from hullmark.server.stories.identity.api_key import digest_of_key, new_key

PAGE = Path(__file__).parent / "server.md"
CLIENTS = 50
_SECONDS = 20.0


class Kind(NamedTuple):
    """A kind of request: what it asks for, the bound of its p99 in milliseconds, and how often one client asks in a second."""

    name: str
    path: Callable[[random.Random, int], str]
    bound: float
    rate: float


class Result(NamedTuple):
    """Latencies in milliseconds, sorted, and how many answers there were in a second."""

    latencies: list[float]
    rate: float

    def at(self, share: float) -> float:
        """The latency that this share of answers stayed below."""
        return self.latencies[min(len(self.latencies) - 1, int(len(self.latencies) * share))]


def _own(rng: random.Random, count: int) -> int:
    """An image of the first account."""
    while True:
        number = rng.randrange(count)
        if number % 5 < 3:
            return number


KINDS = (
    Kind("list of images, 50 a page", lambda rng, n: "/api/v1/images?limit=50", 100.0, 1.0),
    Kind(
        "list of a repository's images",
        lambda rng, n: f"/api/v1/images?limit=50&repository={repository_of(_own(rng, n))}",
        100.0,
        1.0,
    ),
    Kind("image", lambda rng, n: f"/api/v1/images/{digest_of_image(_own(rng, n))}", 100.0, 2.0),
    Kind(
        "report of an image, 100 a page",
        lambda rng, n: f"/api/v1/images/{digest_of_image(_own(rng, n))}/vulnerabilities?limit=100",
        100.0,
        1.0,
    ),
    Kind("verdict look-up", lambda rng, n: f"/api/v1/verdicts/{digest_of_image(_own(rng, n))}", 5.0, 2.0),
)


def main() -> None:
    """Start the API, measure, write."""
    parser = argparse.ArgumentParser(prog="python -m bench.serving", description=__doc__)
    parser.add_argument("--database", required=True)
    parser.add_argument("--seconds", type=float, default=_SECONDS)
    wanted = parser.parse_args()
    with psycopg.connect(wanted.database) as connection:
        count = int((connection.execute("SELECT count(*) FROM image").fetchone() or (0,))[0])
        key = key_of(connection)
        size = int((connection.execute("SELECT pg_database_size(current_database())").fetchone() or (0,))[0])
    with tempfile.TemporaryDirectory(prefix="hullmark-serving-") as folder:
        port = 18228
        environment = {
            **os.environ,
            "HULLMARK_DATA": folder,
            "HULLMARK_DATABASE_URL": wanted.database,
            "HULLMARK_LISTEN": f"127.0.0.1:{port}",
            "HULLMARK_RATE": "10000000",
            "HULLMARK_LOG_LEVEL": "warning",
        }
        command = [sys.executable, "-m", "hullmark.server.process.process", "api"]
        with subprocess.Popen(command, env=environment) as server:
            try:
                _wait(port)
                found = {
                    kind.name: (asyncio.run(_load(kind, port, key, count, wanted.seconds, kind.rate)),
                                asyncio.run(_load(kind, port, key, count, wanted.seconds / 2, None)))
                    for kind in KINDS
                }  # fmt: skip
            finally:
                server.terminate()
    text = written(found, count, size)
    replace_section(PAGE, "A million images", text)
    print(text)


def written(found: dict[str, tuple[Result, Result]], count: int, size: int) -> str:
    """The section."""
    rows = []
    for kind in KINDS:
        paced, full = found[kind.name]
        holds = "holds" if paced.at(0.99) <= kind.bound else "**does not hold**"
        rows.append(
            (
                kind.name, f"{paced.rate:.0f}", f"{paced.at(0.5):.1f}", f"{paced.at(0.99):.1f}", f"{kind.bound:.0f}: {holds}",
                f"{full.rate:.0f}", f"{full.at(0.5):.1f}", f"{full.at(0.99):.1f}",
            )
        )  # fmt: skip
    head = (
        "request", "paced, 1/s", "p50 ms", "p99 ms", "bound of p99", "saturated, 1/s", "p50 ms", "p99 ms",
    )  # fmt: skip
    return "\n".join(
        (
            f"Made by `python -m bench.stored_world` and `python -m bench.serving` ({machine()}).\n",
            f"{count:,} images of a seeded world (`bench/world.py`) in {ACCOUNTS} accounts, package sets shared as in reality. Database: "
            f"**{size / 1e9:.1f} GB**, embedded PostgreSQL with its usual 256 MB of buffers, on the same two cores as the API (one "
            f"process) and the {CLIENTS} clients. Paced: each client asks at a steady rate; saturated: each asks again at once.\n",
            table(head, rows),
        )
    )


def key_of(connection: psycopg.Connection[Any], account: int = 1) -> str:
    """A key of an account, by default the first."""
    made = new_key()
    connection.execute("DELETE FROM api_key WHERE name = 'bench' AND account_id = %s", (account,))
    connection.execute(
        "INSERT INTO api_key (account_id, name, prefix, digest, role) VALUES (%s, 'bench', %s, %s, 'admin')",
        (account, made.prefix, digest_of_key(made.key)),
    )
    connection.commit()
    return made.key


def _wait(port: int) -> None:
    for _ in range(300):
        try:
            asyncio.run(asyncio.wait_for(_Client(port, "/healthz", "").once(), 2))
            return
        except (OSError, TimeoutError, asyncio.IncompleteReadError):
            time.sleep(0.1)
    raise SystemExit("the API does not answer")


class _Client:
    """One connection that is kept; HTTP/1.1 with Content-Length, which is all that is needed here."""

    def __init__(self, port: int, path: str, key: str) -> None:
        self._port = port
        self._key = key
        self.path = path
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def once(self) -> int:
        """Ask once; answers the status."""
        if self._reader is None or self._writer is None:
            self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        head = f"GET {self.path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {self._key}\r\n\r\n"
        self._writer.write(head.encode())
        answer = await self._reader.readuntil(b"\r\n\r\n")
        status = int(answer[9:12])
        length = next(int(line[15:]) for line in answer.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        await self._reader.readexactly(length)
        return status

    def close(self) -> None:
        """Hang up."""
        if self._writer is not None:
            self._writer.close()


async def _load(kind: Kind, port: int, key: str, count: int, seconds: float, rate: float | None) -> Result:
    latencies: list[float] = []
    ends = time.perf_counter() + seconds

    async def client(number: int) -> None:
        rng = random.Random(f"{kind.name}{number}")  # noqa: S311 - no secret
        asker = _Client(port, "", key)
        if rate is not None:
            await asyncio.sleep(rng.random() / rate)
        while time.perf_counter() < ends:
            asker.path = kind.path(rng, count)
            began = time.perf_counter()
            status = await asker.once()
            took = time.perf_counter() - began
            if status != 200:
                raise SystemExit(f"{asker.path} is answered with {status}")
            latencies.append(took * 1000)
            if rate is not None:
                await asyncio.sleep(max(0.0, rng.uniform(0.5, 1.5) / rate - took))
        asker.close()

    await asyncio.gather(*(client(number) for number in range(CLIENTS)))
    return Result(sorted(latencies), len(latencies) / seconds)


if __name__ == "__main__":
    main()
