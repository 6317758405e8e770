"""A policy is written, tried and rolled out by clicks; the time machine shows what was known and what is known today."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from playwright.sync_api import Page, expect

from tests.browser.conftest import Look
from tests.support.browser import find_barriers
from tests.support.console_world import World
from tests.support.standing import Standing

POLICY = """schema: hullmark-policy/1
name: layers
rules:
  - id: few-layers
    gate: image
    trigger: layers
    action: stop
    params: {max: 0}
"""
IMAGE = "platform/legacy:1.0"


def write(page: Page, text: str) -> None:
    """Put a text into the editor in the place of what is there."""
    page.locator("hullmark-editor .cm-content").click()
    page.keyboard.press("Control+A")
    page.keyboard.insert_text(text)


def test_a_policy_is_edited_tried_and_rolled_out(look: Look, server: Standing, world: World) -> None:
    page = look().page
    page.goto(world.page("now"))
    page.get_by_role("link", name="Policies").first.click()
    page.get_by_role("link", name="New policy").click()
    write(page, POLICY.replace("trigger: layers", "trigger: layer"))
    mistakes = page.get_by_role("region", name="Mistakes")
    expect(mistakes).to_contain_text("the gate image has no trigger 'layer'; did you mean 'layers'?")
    expect(page.locator("hullmark-editor .cm-lint-marker-error")).to_have_count(1)
    write(page, POLICY)
    expect(mistakes).to_contain_text("None")
    page.get_by_label("Note").fill("nobody passes")
    page.get_by_role("button", name="Keep", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("layers")

    page.get_by_role("button", name="Try on all images").click()
    expect(page.get_by_text("waiting", exact=True)).to_be_visible()
    server.run(server.at.work())
    # The page looks again by itself.
    expect(page.get_by_text("done", exact=True)).to_be_visible(timeout=15_000)
    rules = page.get_by_role("region", name="Rules, by the images they fire on").first
    expect(rules.get_by_role("rowheader", name="few-layers")).to_be_visible()
    expect(page.get_by_role("row").filter(has_text=IMAGE)).to_contain_text("stop")
    assert find_barriers(page) == []

    page.get_by_role("link", name="Roll out").click()
    page.get_by_label("Environment", exact=True).fill("workbench")
    page.get_by_label(re.compile("Images, as")).fill(f"*/{IMAGE}")
    page.get_by_label("Stage").select_option("In force")
    page.get_by_role("button", name="Roll out").click()
    expect(page.get_by_role("rowheader", name="workbench")).to_be_visible()
    server.run(server.at.work())
    found = server.run(server.at.get(f"/images/{world.digests[IMAGE]}/verdicts", world.account))
    assert [row["verdict"] for row in found if row["policy"] == "layers"] == ["stop"]

    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Take out of force").click()
    expect(page.get_by_text("nowhere in force")).to_be_visible()
    server.run(server.at.work())


def test_the_editor_offers_what_the_schema_knows(look: Look, world: World) -> None:
    page = look().page
    page.goto(world.page("policies/production"))
    write(page, "schema: hullmark-policy/1\nname: x\nrules:\n  - id: a\n    gate: config\n    trigger: us")
    page.keyboard.press("Control+Space")
    offered = page.locator("hullmark-editor .cm-tooltip-autocomplete")
    expect(offered).to_contain_text("user")
    expect(offered).not_to_contain_text("found")
    offered.get_by_role("option").filter(has_text="user").click()
    expect(page.locator("hullmark-editor .cm-content")).to_contain_text("trigger: user")
    page.keyboard.press("Escape")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.tagName") != "HULLMARK-EDITOR"


def test_a_text_goes_the_same_way_without_script(look: Look, world: World) -> None:
    page = look(java_script_enabled=False).page
    page.goto(world.page("policies/production"))
    page.get_by_label("The policy, in YAML").fill(POLICY.replace("gate: image", "gate: imagine"))
    page.get_by_role("button", name="Check").click()
    expect(page.get_by_text("there is no gate 'imagine'")).to_be_visible()
    expect(page.get_by_label("The policy, in YAML")).to_have_value(re.compile("gate: imagine"))


def test_the_time_machine_shows_what_was_known_and_what_is_known_today(look: Look, world: World) -> None:
    page = look().page
    page.goto(world.page("now"))
    page.get_by_role("link", name="Time machine").first.click()
    began = datetime.now(UTC) - timedelta(days=5, hours=12)
    page.get_by_label("First moment (UTC)").fill(began.strftime("%Y-%m-%dT%H:%M"))
    page.get_by_role("button", name="Compare").click()
    row = page.get_by_role("row").filter(has_text="shop/web:2.4.0").filter(has_text="staging")
    expect(row).to_contain_text(re.compile("warn.*stop", re.DOTALL))
    row.get_by_role("link").first.click()
    sides = page.get_by_role("region", name="production · staging").locator(".side-of")
    expect(sides.nth(0).locator(".verdict")).to_have_text("warn")
    expect(sides.nth(1).locator(".verdict")).to_have_text("stop")
    page.get_by_label("By what").select_option("is known today")
    page.get_by_role("button", name="Compare").click()
    expect(page.get_by_text("With hindsight", exact=True)).to_be_visible()
    expect(sides.nth(0).locator("dl").first).to_have_text(
        re.compile("Known then\\s*warn\\s*With today's advisories\\s*stop")
    )
    assert find_barriers(page) == []
