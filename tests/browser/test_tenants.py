"""Two accounts of one server in a browser: nobody sees anything of the other one, whatever address they try."""

from __future__ import annotations

import httpx
import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Look
from tests.support.browser import sign_in
from tests.support.console_walk import addresses
from tests.support.console_world import WORDS, World


@pytest.mark.slow
def test_the_pages_of_another_account_are_closed(look: Look, world: World) -> None:
    """By its name in the address, and by what its things are called in one's own account."""
    theirs = addresses(world.url, world.account, world.login("anna")["extra_http_headers"], broken=False)
    start = f"/console/{world.account}/"
    known = {kind: address for kind, address in theirs.items() if address.startswith(start)}
    assert len(known) > 30
    page = look("").page
    sign_in(page, "olga", WORDS)
    with httpx.Client(base_url=world.url, auth=("olga", WORDS)) as client:
        own = {item["digest"] for item in client.get("/api/v1/images").json()["items"]}
    foreign = {digest for digest in world.digests.values() if digest not in own}
    assert own
    assert foreign
    wrong = []
    for kind, address in known.items():
        closed = page.request.get(address)  # with the cookies of the browser
        if closed.status != 403:
            wrong.append(f"{kind} → {closed.status}")
        text = closed.text() + page.request.get(address.replace(start, f"/console/{world.other}/")).text()
        wrong += [f"{kind} tells of {digest}" for digest in foreign if digest[7:19] in text and digest not in address]
    assert not wrong, "\n".join(wrong)
    page.goto(f"/console/{world.other}/images")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    assert world.account not in page.content()
