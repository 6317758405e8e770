"""The HTML report: well formed, self-contained, and nothing from an image or a feed is markup."""

from __future__ import annotations

import base64
import re
from hashlib import sha256
from html.parser import HTMLParser

import pytest
from hypothesis import HealthCheck, given, settings

from hullmark.model.match import Matches
from hullmark.report import load
from hullmark.report.matches_html_page import SCRIPT, STYLE
from tests.unit.report.matches_samples import CLEAN, MATCHES, SMALL, matches
from tests.unit.report.samples import PLAIN

VOID = {"meta", "input", "br"}
KNOWN = {
    "html", "head", "meta", "title", "style", "body", "main", "h1", "h2", "p", "dl", "dt", "dd", "ul", "li", "b", "span", "div",
    "label", "input", "select", "option", "output", "table", "caption", "thead", "tbody", "tr", "th", "td", "a", "code", "br",
    "details", "summary", "footer", "script",
}  # fmt: skip
ATTRIBUTES = {
    "lang", "charset", "http-equiv", "content", "name", "class", "id", "for", "type", "placeholder", "autocomplete", "value",
    "aria-live", "aria-label", "role", "tabindex", "hidden", "scope", "data-severity", "data-fixed", "data-kev", "data-key",
    "href", "rel",
}  # fmt: skip


class Reader(HTMLParser):
    """Reads a page and fails where it is not what we write."""

    known, attributes = KNOWN, ATTRIBUTES

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.links: list[str] = []
        self.texts: list[str] = []
        self.ids: list[str] = []
        self.labels: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in self.known, tag
        assert {name for name, _ in attrs} <= self.attributes, attrs
        values = dict(attrs)
        self.ids += [value for name, value in attrs if name == "id" and value]
        if tag == "label" and "for" in values:
            self.labels.append(values["for"] or "")
        if tag == "a":
            self.links.append(values["href"] or "")
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("style", "script"):
            self.texts.append(data)


def read(found: Matches) -> Reader:
    """The page, read."""
    reader = Reader()
    reader.feed(page(found))
    reader.close()
    assert reader.open == []
    assert all(re.match("https?://", link) for link in reader.links)
    assert len(set(reader.ids)) == len(reader.ids)
    assert set(reader.labels) <= set(reader.ids)
    return reader


def page(found: Matches) -> str:
    """The page as text."""
    return load("matches", "html").render(found, PLAIN).decode()


@pytest.mark.parametrize("case", MATCHES)
def test_the_page_is_well_formed(case: str) -> None:
    read(MATCHES[case])


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(matches())
def test_the_page_of_any_matches_is_well_formed(found: Matches) -> None:
    read(found)


def test_text_of_an_image_is_shown_and_not_obeyed() -> None:
    shown = page(MATCHES["odd"])
    assert "&lt;b&gt;" in shown
    assert "\u202e" not in shown
    assert "<b>`" not in shown
    assert not any("script" in link for link in read(MATCHES["odd"]).links)
    assert "javascript:" not in page(SMALL)


def test_the_policy_allows_our_style_and_script_and_nothing_else() -> None:
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', page(SMALL))
    digests = [base64.b64encode(sha256(text.encode()).digest()).decode() for text in (STYLE, SCRIPT)]
    assert policy == (
        f"default-src 'none'; style-src 'sha256-{digests[0]}'; script-src 'sha256-{digests[1]}'; "
        "base-uri 'none'; form-action 'none'"
    )
    for text in (STYLE, SCRIPT):
        assert "http" not in text
        assert "</" not in text
        assert "url(" not in text
        assert "innerHTML" not in text


def test_the_page_says_everything_without_its_script() -> None:
    texts = " ".join(read(SMALL).texts)
    for words in (
        "GHSA-jfh8-c2jp-5v3q",
        "exploited by ransomware",
        "Update log4j-core to 2.15.0 or later. Fixed since 2021-12-10.",
        "/app/shop.war:WEB-INF/lib/log4j-core-2.14.1.jar",
        "94%, higher than 99.9% of all",
        "since 2021-12-10, act by 2021-12-24",
        "nvd, cpe, found by a guessed product name (CPE), with a confidence of 90%",
        "No shell is started",
        "There are no advisories for cargo",
        "The database ends too early.",
        "They are unknown, not clean.",
    ):
        assert words in texts
    assert '<div class="tools" id="tools" role="search" hidden>' in page(SMALL)


def test_an_image_without_matches_says_so() -> None:
    assert "No known vulnerability counts." in page(CLEAN)
    assert "Nothing is known, because no advisories were used." in page(CLEAN)


def test_colours_contrast_enough_to_be_read() -> None:
    """WCAG 2.2, 1.4.3: 4.5 to 1, of every colour of text on the card and on the page, by day and by night."""
    for block in re.findall(r":root \{(.*?)\n *\}", STYLE.partition("@media print")[0], re.DOTALL):
        colours = dict(re.findall(r"--(\w+): (#[0-9a-f]{3,6});", block))
        grounds = (colours.pop("page"), colours.pop("card"))
        colours.pop("line")
        assert len(colours) == 10
        for name, colour in colours.items():
            assert min(contrast(colour, ground) for ground in grounds) >= 4.5, name


def contrast(one: str, other: str) -> float:
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    digits = colour[1:] if len(colour) == 7 else "".join(digit * 2 for digit in colour[1:])
    parts = [int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
