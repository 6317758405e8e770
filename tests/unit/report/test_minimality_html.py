"""The page on what is reached: well formed, self-contained, true to its numbers, and nothing from an image is markup."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from hullmark.model.reach import REACHES, Minimality, PackageReach, ReachCount, ReachShare
from hullmark.report import load
from hullmark.report.minimality_html_page import STYLE
from hullmark.report.minimality_map import FRAME, map_of
from tests.unit.report import test_matches_html
from tests.unit.report.reach_samples import MINIMALITIES
from tests.unit.report.samples import PLAIN

KNOWN = test_matches_html.KNOWN | {"svg", "rect", "text", "figure", "figcaption", "i", "pre", "ol"}
ATTRIBUTES = test_matches_html.ATTRIBUTES | {"viewbox", "x", "y", "width", "height"}


class Reader(test_matches_html.Reader):
    """Reads a page and fails where it is not what we write."""

    known, attributes = KNOWN, ATTRIBUTES


def page(found: Minimality) -> str:
    return load("minimality", "html").render(found, PLAIN).decode()


def read(found: Minimality) -> Reader:
    """The page, read."""
    reader = Reader()
    reader.feed(page(found))
    reader.close()
    assert reader.open == []
    assert len(set(reader.ids)) == len(reader.ids)
    assert {link.removeprefix("#") for link in reader.links} <= set(reader.ids)
    return reader


@pytest.mark.parametrize("case", MINIMALITIES)
def test_the_page_is_well_formed_and_leads_nowhere_else(case: str) -> None:
    texts = " ".join(read(MINIMALITIES[case]).texts)
    shown = page(MINIMALITIES[case])
    assert "<script" not in shown
    assert not re.search(r"https?:|url\(|@import|style=", shown)
    assert ("no advisories were used" in texts) == (MINIMALITIES[case].matches is None)


def test_text_of_an_image_is_shown_and_not_obeyed() -> None:
    shown = page(MINIMALITIES["hostile"])
    assert "&lt;/svg&gt;&lt;script&gt;" in shown
    assert not {"\x1b", "\u202e"} & set(shown)
    assert "30 steps are not shown" in shown


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.text(max_size=40), st.sampled_from(REACHES), st.integers(0, 10**10)), max_size=30))
def test_any_names_make_a_well_formed_page(rows: list[tuple[str, str, int]]) -> None:
    shares = tuple({row[:2]: ReachShare(f"pkg:deb/debian/{row[0]}", *row[1:]) for row in rows}.values())  # type: ignore[arg-type]
    packages = tuple(
        PackageReach(purl=each.purl, type="deb", name=each.purl, version="1", reach=each.reach, bytes=each.bytes, reached_bytes=0)
        for each in {share.purl: share for share in shares}.values()
    )  # fmt: skip
    read(replace(MINIMALITIES["plain"], shares=shares, packages=packages))


def test_the_map_is_as_the_bytes_and_what_is_not_drawn_is_said() -> None:
    many = tuple(ReachShare(f"pkg:npm/p{number}@1", "unknown", 1 + number) for number in range(400))
    found = replace(
        MINIMALITIES["plain"],
        shares=(*many, ReachShare("pkg:npm/big@1", "unreachable", 80_200), ReachShare("", "reachable", 80_200)),
        counts={reach: ReachCount(bytes=80_200) for reach in REACHES},
    )
    drawn = map_of(found, {})
    area = FRAME.width * FRAME.height
    for reach in REACHES:
        of = [part.place.width * part.place.height for part in drawn.parts if part.reach == reach]
        assert sum(of) == pytest.approx(area / 3, rel=1e-6)
    assert drawn.gathered == 250
    assert any(part.title.startswith("250 smaller packages: ") for part in drawn.parts)
    assert any(part.title == "files of no package: 80.2 kB, reachable" for part in drawn.parts)
    shown = page(found)
    assert "250 rectangles of the smallest packages are drawn together." in " ".join(shown.split())


def test_a_name_that_fits_alone_is_written_without_the_size() -> None:
    shares = (ReachShare("pkg:npm/go@1", "reachable", 4_321), ReachShare("pkg:npm/wide@1", "unknown", 100_000))
    narrow, wide = map_of(replace(MINIMALITIES["plain"], shares=shares), {}).parts
    assert (narrow.lines, narrow.title) == (("go",), "go@1: 4.3 kB, reachable")
    assert wide.lines == ("wide", "100 kB")


def test_what_is_left_out_of_the_lists_is_counted() -> None:
    [one, *_] = MINIMALITIES["plain"].packages
    found = replace(MINIMALITIES["plain"], packages=(one,) * 3_002)
    assert "2 packages more are not listed here" in page(found)


def test_the_numbers_before_and_after_are_those_of_the_counts() -> None:
    found = MINIMALITIES["matched"]
    texts = re.sub(r"\s+", " ", " ".join(read(found).texts))
    total = sum(count.packages for count in found.counts.values())
    left = total - found.counts["unreachable"].packages
    assert f"packages {total} {left} " in texts
    assert "vulnerabilities 2 1 50 %" in texts
    assert "Vulnerabilities that vanish" in texts


def test_colours_contrast_enough_to_be_read() -> None:
    """WCAG 2.2, 1.4.3: 4.5 to 1, of names on the map, by day and by night."""
    blocks = re.findall(r":root \{(.*?)\}", STYLE.partition("@media print")[2].partition("@page")[2], re.DOTALL)
    assert len(blocks) == 3
    for block in blocks:
        colours = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{3,6});", block))
        for name in ("reachable", "maybe", "gone"):
            assert test_matches_html.contrast(colours[f"on-{name}"], colours[name]) >= 4.5, name
