"""The watch over pages sees what must not be: else no other test of this folder would show anything."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Route

from tests.support.browser import Watched, find_barriers, opened

URL = "http://console.example"
STRICT = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:"


def shown(browser: Browser, body: str, policy: str = STRICT) -> Watched:
    """A page with this body, of a server that is not there."""
    _, found = opened(browser, URL)

    def answer(route: Route) -> None:
        if route.request.url.endswith("/page"):
            route.fulfill(status=200, content_type="text/html", body=body, headers={"Content-Security-Policy": policy})
        else:
            route.fulfill(status=200, content_type="text/javascript", body="throw new Error('broken')")

    found.page.route("**/*", answer)
    found.page.goto("/page", wait_until="networkidle")
    return found


@pytest.mark.parametrize(
    ("body", "policy", "fault"),
    [
        ("<script>window.ran = 1</script>", STRICT, "script-src"),
        ('<p style="color: red">x</p>', STRICT, "style-src"),
        ('<img src="http://elsewhere.example/x.png">', "default-src *", "request to another host"),
        ('<script src="/broken.js"></script>', STRICT, "broken"),
        ("<script>console.error('oh')</script>", "default-src 'unsafe-inline'", "console: oh"),
    ],
)
def test_a_fault_is_seen(browser: Browser, body: str, policy: str, fault: str) -> None:
    found = shown(browser, f"<!doctype html><title>x</title>{body}", policy)
    with pytest.raises(AssertionError, match=fault):
        found.check()


def test_a_page_without_fault_passes(browser: Browser) -> None:
    shown(browser, "<!doctype html><title>x</title><h1>x</h1>").check()


def test_a_barrier_is_found_in_spite_of_the_policy_for_scripts(browser: Browser) -> None:
    whole = '<!doctype html><html lang="en"><title>x</title><main><h1>x</h1>{}</main>'
    assert find_barriers(shown(browser, whole.format("<p>y</p>")).page) == []
    (found,) = find_barriers(shown(browser, whole.format('<img src="/x.png">')).page)
    assert found.startswith("image-alt")
