"""Scripts in texts that images, feeds, registries, clusters and people choose: no page runs one, even without its policy for scripts."""

from __future__ import annotations

import re
from html import unescape

import httpx
import pytest

from tests.browser.conftest import Look
from tests.support.console_hostile import ACCOUNT, RUN, furnish_hostile
from tests.support.console_walk import addresses
from tests.support.console_world import World
from tests.support.standing import Standing

_SET = "Object.defineProperty(window, 'canary', {set() { throw new Error('a script of somebody else ran'); }})"
_ADDRESSES = """
[...document.querySelectorAll('[href], [src], [action], [formaction]')]
    .flatMap(each => ['href', 'src', 'action', 'formaction'].map(name => each.getAttribute(name) ?? ''))
    .filter(address => /^\\s*(javascript|vbscript|data:text)/i.test(address))
"""


@pytest.fixture(scope="module")
def hostile(company: tuple[World, Standing]) -> dict[str, str]:
    """The pages of an account whose every text means harm."""
    world, server = company
    server.run(furnish_hostile(server.at))
    headers: dict[str, str] = world.login("mallory")["extra_http_headers"]
    return addresses(world.url, ACCOUNT, headers)


@pytest.mark.parametrize(
    ("is_bare", "step"),
    [(False, 4), pytest.param(False, 1, marks=pytest.mark.slow), pytest.param(True, 1, marks=pytest.mark.slow)],
    ids=["with-policy-some", "with-policy", "without-policy"],
)
def test_nothing_runs(look: Look, hostile: dict[str, str], *, is_bare: bool, step: int) -> None:
    """Where it is not even tried, the policy finds nothing to forbid, which it would tell; without it a script would say so."""
    watched = look("mallory", bypass_csp=is_bare)
    watched.page.context.add_init_script(_SET)
    shown = 0
    # Those on which hostile texts stand come first.
    kinds = sorted(hostile, key=lambda kind: kind.removeprefix(f"/console/{ACCOUNT}/") not in SHOWN)
    for kind, address in [(kind, hostile[kind]) for kind in kinds[::step]]:
        watched.page.goto(address, wait_until="load")
        assert watched.page.evaluate("window.canary") is None, kind
        assert watched.page.evaluate(_ADDRESSES) == [], kind
        shown += "onerror=window.canary=1" in watched.page.locator("body").inner_text()
        watched.check()
    assert shown >= 1


SHOWN = frozenset(
    (
        *("now", "advisories", "fleet", "applications", "policies", "exceptions", "operations", "history/NUMBER"),
        *(
            "images/DIGEST",
            "images/DIGEST?tab=verdicts",
            "images/DIGEST?tab=vulnerabilities",
            "images/DIGEST?tab=settings",
        ),
        *("images/DIGEST?tab=places", "images/DIGEST?tab=history", "images/DIGEST/minimality?tab=recipe"),
        *("advisories/ADVISORY", "causes/NUMBER", "messages/NUMBER", "fleet/places/NUMBER", "policies/plain"),
        *("exceptions/UUID", "admin/people", "admin/keys", "admin/registries", "admin/subscriptions"),
        *("admin/silences", "admin/collectors", "admin/audit"),
    )
)
"""Kinds of pages on which texts that mean harm stand for people to read. Where one is missing, nothing was tried there."""


def test_hostile_texts_are_on_the_pages(hostile: dict[str, str], company: tuple[World, Standing]) -> None:
    """Written out as text: the test above would find nothing on pages that show none of them."""
    world = company[0]
    headers = world.login("mallory")["extra_http_headers"]
    shown = set()
    with httpx.Client(base_url=world.url, headers=headers, timeout=60) as client:
        for kind, address in hostile.items():
            main = client.get(address).text.partition("<main")[2]
            if RUN in unescape(re.sub(r"<[^>]*>", " ", main)):
                shown.add(kind.removeprefix(f"/console/{ACCOUNT}/"))
    assert shown >= SHOWN, sorted(SHOWN - shown)


def test_a_script_that_ran_would_be_seen(look: Look) -> None:
    """What the test above looks for is there when a page does let it run."""
    watched = look("", bypass_csp=True)
    watched.page.context.add_init_script(_SET)
    watched.page.route(
        "**/page", lambda route: route.fulfill(content_type="text/html", body="<script>window.canary=1</script>")
    )
    watched.page.goto("/page")
    with pytest.raises(AssertionError, match="a script of somebody else ran"):
        watched.check()
    watched.faults.clear()
