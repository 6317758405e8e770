"""One company for all tests of a run, one browser for this folder, and pages that must be without fault.

Tests may add to the company, as people do; what others rely on they leave as it is.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.support.browser import Watched, chromium, opened, sign_in
from tests.support.console_world import World
from tests.support.standing import Standing

Look = Callable[..., Watched]


@pytest.fixture
def world(company: tuple[World, Standing]) -> World:
    """What stands in the company's accounts."""
    return company[0]


@pytest.fixture
def server(company: tuple[World, Standing]) -> Standing:
    """The company's server: `server.at` is its desk, `server.run(server.at.work())` does what waits."""
    return company[1]


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """A browser for the tests of this folder. It is gone before those of another begin."""
    with chromium() as found:
        yield found


@pytest.fixture(scope="session")
def sessions() -> dict[str, Any]:
    """The cookies of those who signed in already, by person."""
    return {}


@pytest.fixture
def look(browser: Browser, world: World, sessions: dict[str, Any]) -> Iterator[Look]:
    """`look(person="anna", theme="light", size=WIDE)`: a page on which somebody is signed in ("": nobody). When the test ends all of them
    must be without fault."""
    made: list[Watched] = []
    with contextlib.ExitStack() as stack:

        def signed_in(person: str = "anna", **options: Any) -> Watched:
            state = sessions.get(person) if person else None
            context, page = opened(browser, world.url, **options, **({"storage_state": state} if state else {}))
            stack.callback(context.close)
            made.append(page)
            if person and state is None:
                sign_in(page.page, person, world.password(person))
                sessions[person] = context.storage_state()
            return page

        yield signed_in
        for each in made:
            each.check()


@pytest.fixture
def page(look: Look) -> Page:
    """The administrator's page, on a wide screen."""
    return look().page
