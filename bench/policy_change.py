"""A policy that changes, with real processes: `python -m bench.policy_change [--images 2000]` measures when people are told of it.

Images of 150 packages, each with one of its own; a fifth of the packages have a weakness. The policy warns of it, then it stops: every
image is out of compliance. It writes its section of `bench/notify.md`. The machine should do nothing else meanwhile.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psycopg

from bench.notify import receiver
from bench.sections import replace_section
from bench.speed import machine
from tests.support.desk import OS_RELEASE, status_file
from tests.support.images import Blobs, layout_files, tagged, tar_of
from tests.support.matching import advisory, affected
from tests.support.processes import Client, Server, place, server, until
from tests.support.shelves import made

RESULTS = Path(__file__).parent / "notify.md"
TITLE = "A policy that changes"
PACKAGES = 150
WEAK = 30
POLICY = """
schema: hullmark-policy/1
name: bench
rules:
  - {id: high, gate: vulnerabilities, trigger: found, action: ACTION, params: {severity: high, unrated: ignore}}
"""


def main() -> None:
    """Measure it and write the section."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=2000)
    count = parser.parse_args().images
    with (
        place() as folder,
        receiver() as (address, arrived),
        server(folder, HULLMARK_ALLOW_ADDRESSES="127.0.0.0/8") as running,
    ):
        running.start()
        running.ready()
        _advised(running)
        client = running.client.signed_in()
        with psycopg.connect(running.database_url, autocommit=True) as connection:
            _prepared(client, connection, count, address)
            arrived.clear()
            began = time.time()
            _put_in_force(client, "stop")
            told = "SELECT count(*) FROM transition WHERE kind = 'compliance.lost'"
            until(lambda: connection.execute(told).fetchone() == (count,), 3600, "all transitions", 0.05)
            written = time.time() - began
            until(lambda: _is_quiet(connection), 600, "all messages", 0.2)
        running.stop()
    moments = sorted(moment - began for moment in arrived.values())
    replace_section(RESULTS, TITLE, _written(count, written, moments))


def _advised(running: Server) -> None:
    weak = [
        advisory(
            f"CVE-2026-{number}", affected("debian:13", f"lib{number}", "deb", "2"), source="debian", severity="high"
        )
        for number in range(WEAK)
    ]
    with TemporaryDirectory() as folder:
        made(Path(folder) / "snapshot", {"debian": weak})
        running.client.must("POST", "/api/v1/advisories", (Path(folder) / "snapshot").read_bytes())


def _prepared(client: Client, connection: psycopg.Connection[Any], count: int, address: str) -> None:
    """Images that are judged by a policy that warns, and somebody who hears of everything."""
    for number in range(count):
        blobs = Blobs()
        packages = [(f"lib{each}", "1") for each in range(PACKAGES - 1)]
        layer = tar_of({"etc/os-release": OS_RELEASE, **status_file(*packages, (f"only-{number}", "1"))})
        archive = tar_of(layout_files(blobs, [tagged(blobs.image([layer]), "1")]))
        answer = client.upload(archive, f"bench.example/i{number}:1")
        assert answer.status == 201, answer.body
    client.must("POST", "/api/v1/channels", {"name": "bench", "kind": "webhook", "settings": {"url": address}})
    _put_in_force(client, "warn")
    warned = "SELECT count(*) FROM verdict WHERE verdict = 'warn'"
    until(lambda: connection.execute(warned).fetchone() == (count,), 3600, "all verdicts", 0.5)
    until(lambda: _is_quiet(connection), 600, "silence", 0.5)


def _put_in_force(client: Client, action: str) -> None:
    client.must("POST", "/api/v1/policies", {"text": POLICY.replace("ACTION", action)})
    client.must("POST", "/api/v1/activations", {"policy": "bench"})


def _is_quiet(connection: psycopg.Connection[Any]) -> bool:
    row = connection.execute(
        "SELECT NOT EXISTS (SELECT FROM procrastinate_jobs WHERE status IN ('todo', 'doing'))"
        " AND NOT EXISTS (SELECT FROM message WHERE state <> 'delivered')"
    ).fetchone()
    return row == (True,)


def _written(count: int, seconds: float, moments: Sequence[float]) -> str:
    return (
        f"{count:,} images of {PACKAGES} packages, certified; a policy that warned of them stops them all. Seconds from the moment at"
        f" which it is put in force, with real processes (API, scheduler, one worker) and PostgreSQL on the same two cores ({machine()}):"
        f" first message **{moments[0]:.1f}**, all {count:,} transitions **{seconds:.1f}** ({1000 * seconds / count:.1f} ms an image),"
        f" last of {len(moments)} messages {moments[-1]:.1f}.\n\nMade by `python -m bench.policy_change`."
    )


if __name__ == "__main__":
    main()
