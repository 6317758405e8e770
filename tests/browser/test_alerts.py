"""From an alert to its cause in one click, and an exception that turns a verdict until the hour at which it ends."""

from __future__ import annotations

import json
from datetime import timedelta

from playwright.sync_api import Page, expect

from hullmark.server.stories.judging.deadlines import judge_due
from tests.browser.conftest import Look
from tests.support.browser import WIDE
from tests.support.console_world import XML, World
from tests.support.standing import Standing

IMAGE = "shop/web:2.4.1"


def test_the_link_of_an_alert_leads_to_its_cause(look: Look, world: World) -> None:
    """Who is not signed in yet does so on the way."""
    told = [json.loads(request.body) for request in world.told]
    link = next(_link_of(each) for each in told if XML in json.dumps(each) and "compliance.lost" in json.dumps(each))
    assert link.startswith(f"{world.url}/console/")
    page = look("").page
    page.goto(link)
    page.get_by_label("Name").fill("vera")
    page.get_by_label("Password").fill(world.password("vera"))
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(f"{XML} is now known to be exploited")
    expect(page.locator("#images")).to_contain_text("shop/worker:0.7.2")
    expect(page.locator("#places")).to_contain_text("StatefulSet/worker")
    expect(page.get_by_text("alpine:3.22/libxml2")).to_be_visible()


def _link_of(told: object) -> str:
    """The link of a message as a webhook has it, wherever it stands there."""
    if isinstance(told, dict):
        found = [_link_of(value) for value in told.values()]
        own = told.get("link")
        return own if isinstance(own, str) and own else next((each for each in found if each), "")
    return next((link for each in told if (link := _link_of(each))), "") if isinstance(told, list) else ""


def test_an_exception_turns_a_verdict_until_its_hour(look: Look, world: World, server: Standing) -> None:
    page = look("ines").page
    assert verdict(page, world) == "warn"
    page.goto(world.page("exceptions"))
    page.get_by_role("link", name="Accept findings").click()
    page.get_by_label("Rule").fill("medium")
    page.get_by_label("Subject").fill("*")
    page.get_by_label("Images").fill(f"*/{IMAGE}")
    ends = (server.at.now + timedelta(hours=2)).replace(minute=0, second=0)
    page.get_by_label("Until (UTC)").fill(ends.strftime("%Y-%m-%dT%H:%M"))
    page.get_by_label("Reason").fill("the new base comes today")
    page.get_by_role("button", name="Accept until then").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Exception for medium")
    expect(page.get_by_text(ends.strftime("%Y-%m-%d %H:%M UTC"))).to_be_visible()
    server.run(server.at.work())
    assert verdict(page, world) == "go"
    page.goto(world.page("exceptions"))
    expect(page.locator("#exceptions")).to_contain_text("the new base comes today")
    server.at.now = ends + timedelta(minutes=1)
    server.run(judge_due(server.at.services))
    server.run(server.at.work())
    assert verdict(page, world) == "warn"


def verdict(page: Page, world: World) -> str:
    """The verdict in production on the image, by its page."""
    page.goto(world.page(f"images/{world.digests[IMAGE]}"))
    return page.get_by_label("Verdicts in force").locator("li").first.locator(".verdict").inner_text()


def test_alerts_are_read_and_accepted_without_script(look: Look) -> None:
    page = look("ines", size=WIDE, java_script_enabled=False).page
    page.goto("/console/shipyard/now")
    page.locator("#causes").get_by_role("link", name=f"{XML} is now known").click()
    page.get_by_role("link", name="Accept for a time").click()
    expect(page.get_by_label("Rule")).to_have_value("exploited")
    expect(page.get_by_label("Subject")).to_have_value(f"{XML}*")
