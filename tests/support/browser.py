"""A real browser for tests of the console: Debian's Chromium, driven by Playwright, and what every page must keep to."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, sync_playwright

from tests.support.places import REPOSITORY

AXE = REPOSITORY / "tools" / "console" / "node_modules" / "axe-core" / "axe.min.js"
PROGRAMS = ("chromium-headless-shell", "chromium")
Theme = Literal["light", "dark"]
WIDE, NARROW = (1280, 860), (390, 844)
"""Sizes of a desktop's window and of a phone's."""

_VIOLATION = "HULLMARK-CSP "
_LISTEN = f"""
document.addEventListener('securitypolicyviolation', each => {{
    console.error({_VIOLATION!r} + each.violatedDirective + ' ' + each.blockedURI);
}});
"""
_SEVERE = {"serious", "critical"}
_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
_SEVERE_RULES = f"""{{
    resultTypes: ['violations'],
    runOnly: axe.getRules({_TAGS}).map(each => each.ruleId).filter(
        id => {sorted(_SEVERE)}.includes(axe._audit.rules.find(rule => rule.id === id).impact)),
}}"""
"""A rule says itself how severe it is; the others would be left out afterwards."""


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    """The browser; skips the test where the machine has none.

    A test must leave it before others of the same process may use an event loop: Playwright keeps one that runs.
    """
    program = next((found for name in PROGRAMS if (found := shutil.which(name))), None)
    if program is None:
        pytest.skip("there is no Chromium (Debian: chromium-headless-shell)")
    # Its own sandbox does not work for root, as tests in containers run.
    options = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=options)
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Watched:
    """A page, and all that went wrong on it: errors, and requests to others than the server.

    `allowed` are patterns of what a test brings about on purpose, as `status of 403`.
    """

    page: Page
    host: str
    faults: list[str] = field(default_factory=list)
    allowed: list[str] = field(default_factory=list)

    def check(self) -> None:
        """That nothing went wrong."""
        found = [fault for fault in self.faults if not any(re.search(pattern, fault) for pattern in self.allowed)]
        assert not found, "\n".join(found)

    def on_console(self, message: ConsoleMessage) -> None:
        """Keep an error or a warning of the page's console."""
        if message.type in ("error", "warning"):
            self.faults.append(f"console: {message.text} at {message.location.get('url', '')}")

    def on_request(self, request: Request) -> None:
        """Keep a request that leaves the server."""
        parts = urlsplit(request.url)
        if parts.scheme not in ("data", "blob", "about") and parts.netloc != self.host:
            self.faults.append(f"request to another host: {request.url}")


def opened(
    browser: Browser, url: str, *, theme: Theme = "light", size: tuple[int, int] = WIDE, **options: Any
) -> tuple[BrowserContext, Watched]:
    """A fresh profile with one page, for the server at `url`; relative addresses are below it. `options` are a context's."""
    context = browser.new_context(
        base_url=url, color_scheme=theme, viewport={"width": size[0], "height": size[1]}, **options
    )
    context.set_default_timeout(20_000)
    context.add_init_script(_LISTEN)
    return context, watched(context.new_page(), url)


def watched(page: Page, url: str) -> Watched:
    """Watch a page from now on."""
    made = Watched(page, urlsplit(url).netloc)
    page.on("console", made.on_console)
    page.on("pageerror", lambda error: made.faults.append(f"page: {error}"))
    page.on("request", made.on_request)
    return made


def find_barriers(page: Page, exclude: Sequence[str] = ()) -> list[str]:
    """What axe-core finds serious on a page as it is shown now, as sentences. Skips the test where axe-core was not fetched.

    It is evaluated past the page's policy for scripts, which stays as it is.
    """
    if not AXE.exists():
        pytest.skip("axe-core is not there (make setup)")
    session = page.context.new_cdp_session(page)
    try:
        if not _evaluate(session, "'axe' in window"):
            _evaluate(session, AXE.read_text(encoding="utf-8"))
        asked = (
            f"axe.run({{exclude: {list(exclude)!r}}}, {_SEVERE_RULES}).then(each => JSON.stringify(each.violations))"
        )
        found = _evaluate(session, f"{asked.replace('{exclude: []}', 'document')}")
    finally:
        session.detach()
    return [
        f"{each['id']}: {each['help']}: {node['html'][:200]} ({' '.join(str(node.get('failureSummary', '')).split())[:300]})"
        for each in _decoded(found)
        if each["impact"] in _SEVERE
        for node in each["nodes"][:3]
    ]


def _evaluate(session: Any, expression: str) -> Any:
    answer = session.send("Runtime.evaluate", {"expression": expression, "awaitPromise": True, "returnByValue": True})
    assert "exceptionDetails" not in answer, answer["exceptionDetails"]
    return answer["result"].get("value")


def _decoded(text: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(text)
    return found


def sign_in(page: Page, name: str, password: str, next: str = "") -> None:
    """Sign in by the form, as a person does."""
    page.goto(f"/console/signin{f'?next={next}' if next else ''}")
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(re.compile("/console/(?!signin)"))
