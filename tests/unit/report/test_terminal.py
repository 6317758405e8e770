"""Text for people: nothing from an image reaches the terminal raw, and lines fit."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.report import load
from hullmark.report.format import RenderContext
from hullmark.report.terminal import Paint, clip, columns, fold, safe, width_of
from tests.unit.report.samples import INVENTORIES, ODD, SMALL, STOP, VERDICTS, package

NO_COLOR = Paint(color=False)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain é 日本", "plain é 日本"),
        ("a\x1b[31mb", "a\\x1b[31mb"),
        ("line\nline\r\t", "line\\nline\\r\\t"),
        ("user\u202egnp.exe", "user\\u202egnp.exe"),
        ("a\u200bb\ufeff", "a\\u200bb\\ufeff"),
        ("\u2028\x85\xa0", "\\u2028\\x85\\xa0"),
        ("\U000e0041", "\\U000e0041"),
        ("\x9b31m", "\\x9b31m"),
    ],
)
def test_what_is_not_plainly_visible_is_escaped(text: str, shown: str) -> None:
    assert safe(text) == shown


@given(st.text())
def test_nothing_unprintable_is_left(text: str) -> None:
    assert safe(text).isprintable()


@given(st.text(), st.integers(1, 40))
def test_clipped_text_fits(text: str, width: int) -> None:
    assert width_of(clip(safe(text), width)) <= width


@given(st.text(), st.integers(10, 40))
def test_folded_text_keeps_its_words_and_only_a_long_word_stands_out(text: str, width: int) -> None:
    text = safe(text).strip()
    lines = fold(text, width, "  ")
    assert " ".join(line.removeprefix("  ") for line in lines) == text
    assert all(width_of(line) <= width or " " not in line[2:].strip() for line in lines)


def test_wide_characters_count_twice() -> None:
    assert width_of("日本") == 4
    assert clip("日本語", 5) == "日本…"


def test_columns_line_up_behind_wide_characters() -> None:
    lines = list(columns(("A", "B"), [("日本", "x"), ("abc", "y")], 0, NO_COLOR))
    assert lines == ["A     B", "日本  x", "abc   y"]


def test_empty_columns_are_left_out() -> None:
    assert list(columns(("A", "B", "C"), [("1", "", "3")], 0, NO_COLOR)) == ["A  C", "1  3"]


def test_one_very_long_name_does_not_widen_every_row_of_a_file() -> None:
    lines = list(columns(("A", "B"), [("x" * 5000, "1"), ("y", "2")], 0, NO_COLOR))
    assert lines[1] == "x" * 5000 + "  1"
    assert len(lines[2]) < 200


@given(st.lists(st.tuples(st.text(max_size=90), st.text(max_size=90), st.text(max_size=9)), min_size=1), st.data())
def test_rows_fit_a_terminal_of_thirty_columns_and_more(rows: list[tuple[str, ...]], data: st.DataObject) -> None:
    width = data.draw(st.integers(30, 120))
    shown = [tuple(map(safe, row)) for row in rows]
    assert all(width_of(line) <= width for line in columns(("A", "B", "C"), shown, width, NO_COLOR))


@pytest.mark.parametrize("case", INVENTORIES)
def test_without_colour_an_inventory_has_no_escape_code(case: str) -> None:
    assert b"\x1b" not in load("inventory", "table").render(INVENTORIES[case], RenderContext(tool_version="1"))


@pytest.mark.parametrize("case", VERDICTS)
def test_without_colour_a_verdict_has_no_escape_code(case: str) -> None:
    assert b"\x1b" not in load("verdict", "table").render(VERDICTS[case], RenderContext(tool_version="1"))


def test_packages_that_look_alike_are_one_row_with_the_number_of_places() -> None:
    lines = load("inventory", "table").render(ODD, RenderContext(tool_version="1")).decode().splitlines()
    assert [line.split() for line in lines if line.startswith("twin")] == [["twin", "1", "npm", "x", "2", "2"]]


def test_the_summary_names_image_distro_layers_types_and_problems() -> None:
    text = load("inventory", "table").render(SMALL, RenderContext(tool_version="1")).decode()
    for words in (
        "Image:     registry.example.com/team/Shop:1.4",
        "Distro:    Debian GNU/Linux 12 (bookworm)",
        "Layers:    3",
        "Packages:  14 (apk 1, cargo 1, deb 2,",
        "Not seen:  1\n  /var/lib/rpm/Packages (layer 1): The database ends too early.",
    ):
        assert words in text


def test_a_flood_of_problems_is_cut_short() -> None:
    flood = type(ODD)(
        source=ODD.source, distro=None, packages=(package("npm", "a", "1"),), problems=SMALL.problems * 1000
    )
    text = load("inventory", "table").render(flood, RenderContext(tool_version="1")).decode()
    assert text.count("ends too early") == 20
    assert text.endswith("  and 980 more, all of them in the JSON\n")


def test_a_verdict_begins_and_ends_with_itself() -> None:
    lines = load("verdict", "table").render(STOP, RenderContext(tool_version="1")).decode().splitlines()
    assert lines[0].startswith("STOP sha256:")
    assert lines[-1] == "STOP: 1 finding asks to stop."


def test_stops_stand_before_warnings_and_excepted_findings_are_only_counted() -> None:
    text = load("verdict", "table").render(STOP, RenderContext(tool_version="1")).decode()
    assert text.index("stop (1)") < text.index("warn (1)") < text.index("Excepted:  1 finding covered by an allowlist")
    assert "An accepted one." not in text
