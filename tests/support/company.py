"""The company of console_world as a fixture: one for a run, which tests may look at and add to, and whose pages they ask for.

`tests/conftest.py` hands it to all tests.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    import httpx

    from tests.support.console_world import World
    from tests.support.standing import Standing


@pytest.fixture(scope="session")
def company(database_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[World, Standing]]:
    """What stands in its accounts, and the server: `server.at` is its desk, `server.run(server.at.work())` does what waits."""
    # Not above: who needs no company does not wait for all that makes one.
    from tests.support.console_world import console_world

    with console_world(database_server, tmp_path_factory.mktemp("company")) as made:
        yield made


@contextlib.contextmanager
def visitor(world: World, person: str) -> Iterator[httpx.Client]:
    """A client in which somebody is signed in; addresses are below the server."""
    import httpx

    headers = world.login(person)["extra_http_headers"]
    # A connection that the server is about to close would be taken for one that is still open.
    limits = httpx.Limits(max_keepalive_connections=0)
    with httpx.Client(base_url=world.url, headers=headers, timeout=60, limits=limits) as client:
        yield client
