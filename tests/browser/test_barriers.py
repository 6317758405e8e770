"""What looks for barriers finds them: rules that are not severe are left out by it, and no others."""

from __future__ import annotations

from playwright.sync_api import Browser

from tests.support.browser import find_barriers

_PAGE = """<!doctype html><html><head><title>x</title></head><body>
<img src="data:,"><p style="color: #aaa; background: #fff">pale</p><h3>no first heading</h3><a href="/x"></a></body></html>"""


def test_what_is_severe_is_found_and_what_is_not_is_left_out(browser: Browser) -> None:
    page = browser.new_page()
    page.set_content(_PAGE)
    found = {barrier.partition(":")[0] for barrier in find_barriers(page)}
    page.close()
    assert found == {"color-contrast", "html-has-lang", "image-alt", "link-name"}
