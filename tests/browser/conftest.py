"""One company for all tests of a run, one browser for each of their files, and pages that must be without fault.

Tests may add to the company, as people do; what others rely on they leave as it is.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.support.browser import Watched, chromium, opened
from tests.support.console_world import World, console_world
from tests.support.standing import Standing

Look = Callable[..., Watched]


@pytest.fixture(scope="session")
def company(database_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[World, Standing]]:
    """The company of tests/support/console_world.py and its server."""
    with console_world(database_server, tmp_path_factory.mktemp("console")) as made:
        yield made


@pytest.fixture
def world(company: tuple[World, Standing]) -> World:
    """What stands in the company's accounts."""
    return company[0]


@pytest.fixture
def server(company: tuple[World, Standing]) -> Standing:
    """The company's server: `server.at` is its desk, `server.run(server.at.work())` does what waits."""
    return company[1]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser for the tests of a file."""
    with chromium() as found:
        yield found


@pytest.fixture
def look(browser: Browser, world: World) -> Iterator[Look]:
    """`look(person="anna", theme="light", size=WIDE)`: a page on which somebody is signed in ("": nobody). When the test ends all of them
    must be without fault."""
    made: list[Watched] = []
    with contextlib.ExitStack() as stack:

        def signed_in(person: str = "anna", **options: Any) -> Watched:
            context, page = opened(browser, world.url, **options, **(world.login(person) if person else {}))
            stack.callback(context.close)
            made.append(page)
            return page

        yield signed_in
        for each in made:
            each.check()


@pytest.fixture
def page(look: Look) -> Page:
    """The administrator's page, on a wide screen."""
    return look().page
