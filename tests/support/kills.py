"""SIGKILL for whatever runs of a server, and who starts it again."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import threading
import time

from tests.support.processes import Server, processes_of, role_of, until

QUICK = {
    "HULLMARK_WORKERS": "2",
    "HULLMARK_LEASE": "4",
    "HULLMARK_SILENCE": "4",
    "HULLMARK_HEARTBEAT": "0.5",
    "HULLMARK_ATTEMPTS": "1000",
}
"""Settings of a server that notices soon what died."""

_ONE = ("api", "worker", "worker", "scheduler", "postmaster", "backend")
_MANY = {"database": ("postmaster", "backend"), "processes": ("api", "worker", "scheduler"), "everything": ("all",)}

_CALM = 10
"""Looks, a tenth of a second apart, after which what was killed would have been missed."""


def kill(running: Server, made: random.Random) -> str:
    """Kill something that runs; what it was."""
    while True:
        alive = [(pid, role_of(pid)) for pid in processes_of(running.folder)]
        name = made.choice([*_ONE, *_ONE, *_MANY])
        victims = [pid for pid, role in alive if role in _MANY.get(name, (name,))]
        if name in _ONE and victims:
            victims = [made.choice(victims)]
        for pid in victims:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if victims:
            return name
        time.sleep(0.05)


class Keeper(threading.Thread):
    """Starts the server again whenever it has ended, as the machine's init does."""

    def __init__(self, running: Server) -> None:
        super().__init__()
        self.running = running
        self.stopping = threading.Event()
        self.starts = 0

    def run(self) -> None:
        while not self.stopping.wait(0.1):
            if not self.running.processes["all"].alive():
                self.running.start()
                self.starts += 1

    def finish(self) -> None:
        """Wait until what was killed last runs again, which may be the one that starts all others; then keep it no longer."""
        calm, until = 0, time.monotonic() + 120
        while calm < _CALM:
            is_there = any(role_of(pid) == "all" for pid in processes_of(self.running.folder))
            calm = calm + 1 if is_there else 0
            assert time.monotonic() < until, "nobody starts the server again"
            time.sleep(0.1)
        self.running.ready(120)
        self.stopping.set()
        self.join()


def hurry_jobs(running: Server) -> None:
    """Let what failed be tried again now: while others are dead it waits twice as long after each failure, up to five minutes."""
    running.rows("UPDATE procrastinate_jobs SET scheduled_at = now() WHERE scheduled_at > now() RETURNING id")


def wait_for_jobs(running: Server, seconds: float) -> None:
    """Wait until no job is left, and for none to be tried again; where some are left, they are named."""

    def is_over() -> bool:
        hurry_jobs(running)
        return running.rows("SELECT count(*) FROM procrastinate_jobs") == [(0,)]

    with running.explaining():
        until(is_over, seconds, "the end of all jobs")
