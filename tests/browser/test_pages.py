"""Every page that links lead to: without fault, without a barrier, no wider than the screen; and links lead to every page."""

from __future__ import annotations

import re

import pytest

from tests.browser.conftest import Look
from tests.support.browser import NARROW, WIDE, Theme, find_barriers
from tests.support.console_walk import addresses
from tests.support.console_world import World
from tests.support.standing import Standing


@pytest.fixture(scope="module")
def pages(company: tuple[World, Standing]) -> dict[str, str]:
    """The address of a page of each kind."""
    world = company[0]
    headers: dict[str, str] = world.login("anna")["extra_http_headers"]
    return addresses(world.url, world.account, headers)


@pytest.mark.parametrize(
    ("theme", "size"),
    [
        ("light", WIDE),
        pytest.param("dark", NARROW, marks=pytest.mark.slow),
    ],
)
def test_pages_are_without_fault_and_barrier(
    look: Look, pages: dict[str, str], theme: Theme, size: tuple[int, int]
) -> None:
    """Each is looked at by its administrator."""
    watched = look(theme=theme, size=size)
    found = []
    for kind, address in pages.items():
        watched.page.goto(address)
        wide = watched.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        found += [f"{kind}: {barrier}" for barrier in find_barriers(watched.page)]
        found += [f"{kind}: it is {wide} pixels wider than the screen"] if wide > 0 else []
    assert not found, "\n".join(found)


def test_links_lead_to_every_page(server: Standing, pages: dict[str, str]) -> None:
    """From the first page of an account, without knowing an address; but for what answers every other address."""
    routes = {
        str(route.path): re.compile(re.sub(r"\\\{[^/]*\\\}", "[^/]+", re.escape(str(route.path))))
        for route in server.at.app.routes
        for handler in getattr(route, "route_handlers", ())
        if handler.opt.get("console") and "GET" in handler.http_methods and "path}" not in str(route.path)
    }
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
