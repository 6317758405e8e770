"""The database is away for a while, longer than any lease: what was being done is done once, and everybody comes back by himself."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import time

import pytest

from tests.support.kills import wait_for_jobs
from tests.support.processes import (
    Client,
    Postgres,
    Server,
    debian_postgres,
    debian_programs,
    forked_server,
    place,
    until,
)
from tests.support.small_images import archive_of, numbered, slow_registry

pytestmark = pytest.mark.slow

SETTINGS = {"HULLMARK_LEASE": "4", "HULLMARK_SILENCE": "4", "HULLMARK_HEARTBEAT": "0.5", "HULLMARK_ATTEMPTS": "9"}
ROLES = ("api", "worker-1", "worker-2", "scheduler")


def add_slow(client: Client, reference: str) -> None:
    """Add the image of a slow registry."""
    client.must("PUT", f"/api/v1/registries/{reference.partition('/')[0]}", {"verify": False})
    client.add(reference)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_the_database_is_away_during_an_analysis(number: signal.Signals) -> None:
    if debian_programs() is None:
        pytest.skip("Debian's PostgreSQL is not installed")
    with (
        place() as folder,
        debian_postgres(folder / "postgres") as database,
        forked_server(folder, HULLMARK_DATABASE_URL=database.url(), **SETTINGS) as running,
        slow_registry() as (_, reference, digest),
    ):
        running.migrate()
        for name in ROLES:
            running.start(name)
        running.ready()
        client = running.client.signed_in()
        add_slow(client, reference)
        until(lambda: state_of(running) == "analysing", 60, "the analysis", 0.02)
        away(database, number, 7.0)
        until(lambda: client.ask("GET", "/api/v1/images").status == 200, 30, "the interface")
        until(lambda: state_of(running) == "analysed", 120, "the analysis")
        wait_for_jobs(running, 60)
        told = running.rows("SELECT resource FROM event WHERE kind = 'image.analysed'")
        assert told == [(digest,)]
        listens_again(client)
        wait_for_jobs(running, 60)
        assert all(running.processes[name].alive() for name in ROLES)
        assert set(running.stop().values()) == {0}


def listens_again(client: Client) -> None:
    """What happens is told as it happens, not when somebody looks the next time."""
    connection = http.client.HTTPConnection(client.host, client.port, timeout=60)
    with contextlib.closing(connection):
        connection.request("GET", "/api/v1/events/stream", headers={"Authorization": f"Bearer {client.key}"})
        answer = connection.getresponse()
        assert answer.readline() == b": hullmark\n"
        blobs, descriptor = numbered(1)
        assert client.upload(archive_of(blobs, descriptor), "small.example/small:1").status == 201
        # "still here" comes every quarter of a minute, when it looks by itself.
        while b"image.added" not in (line := answer.readline()):
            assert b"still here" not in line


def state_of(running: Server) -> str:
    return str(running.rows("SELECT state FROM image")[0][0])


def away(database: Postgres, number: signal.Signals, seconds: float) -> None:
    database.stop(number)
    time.sleep(seconds)
    database.start()


def test_a_worker_that_stands_still_longer_than_its_lease_counts_for_nothing() -> None:
    with (
        place() as folder,
        forked_server(folder, HULLMARK_WORKERS="1", **{**SETTINGS, "HULLMARK_LEASE": "10"}) as running,
        slow_registry() as (_, reference, _),
    ):
        # On a busy machine the second worker must not lose its lease as well.
        running.start()
        running.ready()
        client = running.client.signed_in()
        add_slow(client, reference)
        until(lambda: state_of(running) == "analysing", 60, "the analysis", 0.02)
        [(lease,)] = running.rows("SELECT lease_by FROM image")
        still = int(lease.split(":")[-2])
        os.kill(still, signal.SIGSTOP)
        until(lambda: running.rows("SELECT state, attempts FROM image") == [("waiting", 1)], 30, "the end of the lease")
        running.start("worker-2", HULLMARK_DATABASE_URL=running.database_url)
        with running.explaining():
            until(lambda: state_of(running) == "analysed", 120, "the analysis")
        os.kill(still, signal.SIGCONT)
        until(lambda: '"event": "lost"' in running.logs(), 60, "what comes too late")
        wait_for_jobs(running, 60)
        assert running.rows("SELECT count(*) FROM event WHERE kind = 'image.analysed'") == [(1,)]
        assert running.stop() == {"all": 0, "worker-2": 0}


def test_a_worker_that_is_told_to_stop_hands_back_what_takes_longer_than_it_may_wait() -> None:
    with (
        place() as folder,
        forked_server(folder, HULLMARK_WORKERS="1") as running,
        slow_registry(seconds=300) as (slow, reference, _),
    ):
        running.start()
        running.ready()
        client = running.client.signed_in()
        add_slow(client, reference)
        until(lambda: state_of(running) == "analysing", 60, "the analysis", 0.02)
        assert running.stop() == {"all": 0}
        slow.rate = 0
        running.start()
        running.ready()
        until(lambda: state_of(running) == "analysed", 60, "the analysis")
        assert running.rows("SELECT count(*) FROM event WHERE kind = 'image.analysed'") == [(1,)]
        assert running.stop() == {"all": 0}
