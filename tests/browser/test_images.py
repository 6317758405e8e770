"""An image, from the list to who needs a package of it, what is in its files, and what differs from the next version."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.browser.conftest import Look
from tests.support.browser import NARROW
from tests.support.console_world import OPENSSL, World

WEB, NEXT, SHOP = "shop/web:2.4.0", "shop/web:2.4.1", "platform/shop:latest"


def test_from_the_list_to_the_finding_and_its_evidence(page: Page, world: World) -> None:
    page.goto(world.page("images"))
    page.get_by_label("Name or digest").fill("shop/web")
    page.get_by_role("main").get_by_role("button", name="Show").click()
    expect(page).to_have_url(re.compile(r"q=shop%2Fweb"))
    page.get_by_role("link", name=WEB).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(WEB)
    finding = page.get_by_role("row").filter(has_text=OPENSSL)
    expect(finding).to_contain_text("at /var/lib/dpkg/status, in layer 0")
    page.get_by_role("navigation", name="What of the image").get_by_role("link", name="Vulnerabilities").click()
    page.get_by_label("Severity").select_option("critical")
    page.get_by_role("main").get_by_role("button", name="Show").click()
    expect(page.locator("#vulnerabilities").get_by_role("row")).to_have_count(2)
    page.get_by_role("link", name="openssl", exact=True).click()
    expect(page.get_by_role("main").get_by_role("heading", level=2).first).to_contain_text("openssl 3.5.1-1")


def test_folders_files_and_content_work_by_keyboard_and_without_a_script(look: Look, world: World) -> None:
    page = look(size=NARROW).page
    page.goto(world.page(f"images/{world.digests[SHOP]}?tab=files"))
    page.get_by_role("link", name="app/", exact=True).focus()
    page.keyboard.press("Enter")
    page.get_by_role("link", name="run", exact=True).click()
    expect(page.locator("#file")).to_contain_text("/app/run")
    page.get_by_role("navigation", name="Folder").get_by_role("link", name="/", exact=True).click()
    expect(page.get_by_role("link", name="usr/", exact=True)).to_be_visible()


def test_a_piece_of_the_history_leads_to_its_verdict_and_two_versions_are_compared(page: Page, world: World) -> None:
    page.goto(world.page(f"images/{world.digests[WEB]}?tab=history"))
    page.locator("svg.chart a").first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Verdict on")
    page.get_by_role("link", name="The image now").click()
    page.get_by_role("link", name="Lineage").click()
    page.get_by_role("link", name="compare", exact=True).first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("→")
    page.get_by_role("navigation", name="What differs").get_by_role("link", name="Files").click()
    expect(page.locator("#files")).to_contain_text("/app/bin/web")
