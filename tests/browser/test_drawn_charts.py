"""What scripts draw in place of the server's pictures: a map whose tiles open, series that can be pointed at."""

from __future__ import annotations

import pytest

from tests.browser.conftest import Look
from tests.support.browser import find_barriers
from tests.support.console_world import World


def test_a_tile_of_the_map_is_opened_by_a_click_and_closed_again(look: Look, world: World) -> None:
    page = look().page
    page.goto(world.page(f"images/{world.digests['shop/web:2.4.0']}/minimality"))
    canvas = page.locator("figure[data-treemap] canvas")
    canvas.wait_for()
    whole = page.locator("figcaption span").inner_text()
    box = canvas.bounding_box()
    assert box is not None
    back = page.get_by_role("button", name="Whole image")
    assert not back.is_visible()
    page.mouse.move(box["x"] + box["width"] / 3, box["y"] + box["height"] / 2)
    under = page.locator("figcaption span").inner_text()
    assert under != whole
    page.mouse.click(box["x"] + box["width"] / 3, box["y"] + box["height"] / 2)
    back.wait_for()
    page.mouse.move(0, 0)
    assert under.startswith(page.locator("figcaption span").inner_text().partition(":")[0])
    back.click()
    assert page.locator("figcaption span").inner_text() == whole


def test_a_package_of_the_map_opens_into_its_files(look: Look, world: World) -> None:
    page = look().page
    page.goto(world.page(f"images/{world.digests['shop/web:2.4.0']}/minimality"))
    canvas = page.locator("figure[data-treemap] canvas")
    canvas.wait_for()
    box = canvas.bounding_box()
    assert box is not None
    middle = box["x"] + box["width"] / 3, box["y"] + box["height"] / 2
    said = page.locator("figcaption span")
    page.mouse.click(*middle)
    page.get_by_role("button", name="Whole image").wait_for()
    with page.expect_response(lambda answer: "data=files" in answer.url):
        page.mouse.click(*middle)
    page.get_by_role("button", name="Up", exact=True).wait_for()
    page.mouse.move(middle[0] + 1, middle[1])
    assert said.inner_text().count(" / ") >= 2
    assert ".so" in said.inner_text()
    page.get_by_role("link", name="folders", exact=True).click()
    page.wait_for_url("**map=folders**")
    canvas.wait_for()
    assert find_barriers(page) == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_series_say_the_values_under_the_pointer(look: Look, theme: str) -> None:
    page = look(theme=theme).page
    page.goto("/console/gallery/charts")
    plot = page.locator(".series-plot .u-over").first
    plot.wait_for()
    box = plot.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    values = page.locator(".series-plot").first.locator(".u-value").all_inner_texts()
    assert values[0].startswith("2026-")
    assert all(float(value) >= 0 for value in values[1:])


def test_the_servers_pictures_are_there_without_script(look: Look, world: World) -> None:
    page = look(java_script_enabled=False).page
    page.goto(world.page(f"images/{world.digests['shop/web:2.4.0']}/minimality"))
    assert page.locator("svg.treemap rect").count() > 2
    page.goto("/console/gallery/charts")
    assert page.locator("svg.series").first.is_visible()
    page.goto(world.page("fleet"))
    assert page.locator("svg.heat a").count() > 4
