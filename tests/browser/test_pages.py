"""Every page that links lead to: without fault, without a barrier, no wider than the screen; and links lead to every page."""

from __future__ import annotations

import re

import pytest

from tests.browser.conftest import Look
from tests.support.browser import NARROW, WIDE, Theme, Watched, find_barriers
from tests.support.console_walk import addresses
from tests.support.console_world import World
from tests.support.standing import Standing

_STILL = (
    "document.getAnimations().forEach(each => each.effect.getComputedTiming().endTime === Infinity || each.finish())"
)
"""Colours that are still turning into others are at their end."""


@pytest.fixture(scope="module")
def pages(company: tuple[World, Standing]) -> dict[str, str]:
    """The address of a page of each kind."""
    world = company[0]
    headers: dict[str, str] = world.login("anna")["extra_http_headers"]
    return addresses(world.url, world.account, headers)


@pytest.fixture(scope="module")
def routes(company: tuple[World, Standing]) -> dict[str, re.Pattern[str]]:
    """What addresses look like by the console's pages, but for what answers every other address."""
    return {
        str(route.path): re.compile(re.sub(r"\\\{[^/]*\\\}", "[^/]+", re.escape(str(route.path))))
        for route in company[1].at.app.routes
        for handler in getattr(route, "route_handlers", ())
        if handler.opt.get("console") and "GET" in handler.http_methods and "path}" not in str(route.path)
    }


def found_on(watched: Watched, kind: str, theme: Theme, size: tuple[int, int]) -> list[str]:
    """What is wrong with the page that is shown."""
    watched.page.emulate_media(color_scheme=theme)
    watched.page.set_viewport_size({"width": size[0], "height": size[1]})
    watched.page.evaluate(_STILL)
    wide = watched.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    found = [f"{kind}, {theme}: {barrier}" for barrier in find_barriers(watched.page)]
    return [*found, *([f"{kind}: it is {wide} pixels wider than the screen"] if wide > 0 else [])]


def test_pages_are_without_fault_and_barrier(
    look: Look, pages: dict[str, str], routes: dict[str, re.Pattern[str]]
) -> None:
    """One of each third route is looked at by its administrator, light on a desktop; all of them in the test below."""
    watched = look(theme="light", size=WIDE)
    first = {
        path: next((page for page in pages.values() if pattern.fullmatch(page.partition("?")[0])), "")
        for path, pattern in routes.items()
    }
    shown = [address for address in first.values() if address]
    assert len(shown) > 20
    found = []
    for address in shown[::3]:
        watched.page.goto(address)
        found += found_on(watched, address, "light", WIDE)
    assert not found, "\n".join(found)


@pytest.mark.slow
def test_all_pages_are_without_fault_and_barrier(look: Look, pages: dict[str, str]) -> None:
    """With all their tabs: dark on a phone, where they are opened, and then light on a desktop."""
    watched = look(theme="dark", size=NARROW)
    found = []
    for kind, address in pages.items():
        watched.page.goto(address)
        found += found_on(watched, kind, "dark", NARROW) + found_on(watched, kind, "light", WIDE)
        watched.page.emulate_media(color_scheme="dark")
        watched.page.set_viewport_size({"width": NARROW[0], "height": NARROW[1]})
    assert not found, "\n".join(found)


def test_links_lead_to_every_page(pages: dict[str, str], routes: dict[str, re.Pattern[str]]) -> None:
    """From the first page of an account, without knowing an address."""
    assert len(routes) > 2
    met = [address.partition("?")[0] for address in pages.values()]
    missing = [path for path, pattern in routes.items() if not any(pattern.fullmatch(each) for each in met)]
    lonely = sorted(set(missing) - WITHOUT_LINK)
    assert not lonely, "\n".join(lonely)


WITHOUT_LINK = {
    "/console",
    "/console/{account:str}",
    "/console/{account:str}/admin",
    "/console/{account:str}/search",
    "/console/assets",
    "/console/{account:str}/policy-schema",
    "/console/signin",
    "/console/signin/provider",
    "/console/signin/callback",
    "/console/{account:str}/add/{digest:str}",
    "/console/{account:str}/admin/accounts",
}
"""Doors, which lead on at once; where the field for a search leads; where only checkouts without assets lead; what the editor asks for;
where nobody is signed in yet; where the form that adds an image leads; what is for operators."""
