"""A whole server that runs, for tests that only ask it: one `hullmark serve` in a folder of its own, and all of it gone afterwards."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.support.processes import PASSWORD, Client, forked_server, place


@dataclass(frozen=True)
class Running:
    """A server: its address, who its first person is, and a client that is that person."""

    url: str
    user: str
    password: str
    folder: Path
    client: Client

    def environment(self) -> dict[str, str]:
        """The variables by which `hullmark` asks it as its first person."""
        return {"HULLMARK_SERVER": self.url, "HULLMARK_USER": self.user, "HULLMARK_PASSWORD": self.password}


@contextlib.contextmanager
def running_server(**settings: str) -> Iterator[Running]:
    """A server that is ready: API, one worker, scheduler and embedded PostgreSQL. `settings` are HULLMARK_… variables.

    The folder is a temporary one that the database's user can pass through, which pytest's own are not.
    """
    with place() as folder, forked_server(folder, **settings) as made:
        made.start()
        made.ready()
        yield Running(f"http://127.0.0.1:{made.port}", "admin", PASSWORD, folder, made.client)
