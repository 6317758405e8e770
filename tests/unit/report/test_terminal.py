"""Text for people: nothing from an image reaches the terminal raw, and lines fit."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.model.configuration import Configuration
from hullmark.model.problem import Problem
from hullmark.model.setting import Setting
from hullmark.report import load
from hullmark.report.format import RenderContext
from hullmark.report.table import columns, grid
from hullmark.report.terminal import Paint, clip, fact, fold, safe, shorten_text, width_of, wrap_text
from tests.unit.report.facet_samples import CONFIGURATIONS
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
def test_folded_text_is_whole_and_within_its_width(text: str, width: int) -> None:
    text = safe(text)
    lines = fold(text, width, "  ")
    assert all(width_of(line) <= width for line in lines)
    assert unbroken(lines) == unbroken([text])


@given(st.text(), st.integers(2, 40))
def test_what_is_broken_loses_and_gains_nothing_but_blanks(text: str, width: int) -> None:
    text = safe(text)
    lines = wrap_text(text, width)
    assert all(width_of(line) <= width for line in lines)
    assert unbroken(lines) == unbroken([text])


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("a path /usr/share/doc/x", ["a path", "  /usr/", "  share/", "  doc/x"]),
        ("pkg:npm/left-pad", ["pkg:npm/", " left-", " pad"]),
        ("abcdefghijklmnop", ["abcdefgh", " ijklmno", " p"]),
    ],
)
def test_lines_break_at_blanks_then_behind_signs_then_anywhere(text: str, lines: list[str]) -> None:
    width = 8
    assert [line.strip() for line in wrap_text(text, width)] == [line.strip() for line in lines]


@given(st.text(alphabet="ab ", max_size=60), st.integers(1, 40))
def test_shortened_text_ends_with_a_whole_word(text: str, width: int) -> None:
    words = shorten_text(text, width).removesuffix(" …").split(" ")
    assert words == text.split(" ")[: len(words)]


def unbroken(lines: list[str]) -> str:
    """The text of lines, as it is without blanks."""
    return "".join(lines).replace(" ", "")


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


ROWS = st.lists(st.tuples(st.text(max_size=90), st.text(max_size=90), st.text(max_size=9)), min_size=1)


@given(ROWS, st.integers(30, 120))
def test_rows_fit_a_terminal_of_thirty_columns_and_more(rows: list[tuple[str, ...]], width: int) -> None:
    shown = [tuple(map(safe, row)) for row in rows]
    assert all(width_of(line) <= width for line in columns(("A", "B", "C"), shown, width, NO_COLOR))


@given(ROWS, st.integers(30, 120))
def test_nothing_in_a_table_is_cut(rows: list[tuple[str, ...]], width: int) -> None:
    shown = [tuple(map(safe, row)) for row in rows]
    lines = grid(("A", "B", "C"), shown, width, NO_COLOR).rows
    for row, found in zip(shown, lines, strict=True):
        assert sorted(unbroken(found)) == sorted(unbroken(list(row)))


WIDE = [("name-of-a-package", "1.0", "x" * 30, "12%"), ("other", "2.0", "y" * 20, "3%")] * 20


def test_a_table_that_fits_leaves_nothing_out() -> None:
    assert grid(("NAME", "VERSION", "PATH", "EPSS"), WIDE, 80, NO_COLOR, ("EPSS",)).left_out == ()


def test_where_it_is_narrow_what_may_be_left_out_is_in_its_order_and_is_named() -> None:
    head, spare = ("NAME", "VERSION", "PATH", "EPSS"), ("EPSS", "VERSION")
    assert (
        list(columns(head, WIDE, 60, NO_COLOR, spare))[-1]
        == "(left out to fit: EPSS; a wider terminal or -o json has it)"
    )
    assert grid(head, WIDE, 50, NO_COLOR, spare).left_out == ("VERSION", "EPSS")


def test_prose_wraps_before_names_are_broken() -> None:
    rows = [("certificates.private_key", "It fires for each private key that is found in a file.")]
    assert "certificates.private_key" in grid(("TRIGGER", "WHEN"), rows, 50, NO_COLOR).rows[0][0]


def test_a_cell_goes_on_below_somewhat_to_the_right() -> None:
    rows = [("/usr/share/doc/package/copyright", "ok")]
    assert grid(("PATH", "STATE"), rows, 27, NO_COLOR).rows == [["/usr/share/doc/       ok", "  package/copyright"]]


def test_a_column_of_digests_for_which_there_is_no_room_stands_below_its_rows() -> None:
    rows = [(f"sha256:{n:064}", "analysed", f"registry.example.com/team/shop:1.{n}") for n in range(3)]
    found = grid(("DIGEST", "STATE", "NAME"), rows, 80, NO_COLOR)
    assert found.head == ["STATE     NAME", "  DIGEST"]
    assert found.rows[1] == ["analysed  registry.example.com/team/shop:1.1", f"  sha256:{1:064}"]
    assert grid(("DIGEST", "STATE", "NAME"), rows, 120, NO_COLOR).head[0].startswith("DIGEST")


def test_a_style_does_not_move_columns() -> None:
    plain, painted = (
        grid(("A", "B"), [("x", "y")], 80, Paint(color=color), (), lambda row, column: "red" if column == 0 else "")
        for color in (False, True)
    )
    assert painted.rows == [["\x1b[31mx\x1b[0m  y"]]
    assert plain.rows == [["x  y"]]


def test_a_fact_that_is_too_long_for_its_line_goes_on_below() -> None:
    assert fact("Digest", "sha256:" + "0" * 64, NO_COLOR, 80) == "Digest:\n  sha256:" + "0" * 64
    assert fact("Types", "aa bb cc", NO_COLOR, 17) == "Types:     aa bb\n           cc"
    assert "\n" not in fact("Digest", "sha256:" + "0" * 64, NO_COLOR)


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


def test_rules_that_cannot_be_judged_for_one_reason_are_one_line() -> None:
    told = [
        Problem("", -1, "policy", f"the rule r{n} cannot be judged: no data for npm", "uncovered") for n in range(7)
    ]
    two = [Problem("/a", 1, "policy", f"the rule {name} cannot be judged: odd", "unseen") for name in ("x", "y")]
    alone = Problem("/b", 1, "policy", "the rule x cannot be judged: odd", "unseen")
    verdict = msgspec.structs.replace(STOP, problems=(*told, *two, alone))
    lines = load("verdict", "table").render(verdict, RenderContext(tool_version="1")).decode().splitlines()
    assert [line for line in lines if "cannot be judged" in line] == [
        "  /a (layer 1): 2 rules cannot be judged (x and y): odd",
        "  /b (layer 1): the rule x cannot be judged: odd",
        "  image: 7 rules cannot be judged (r0, r1, r2, r3, r4 and 2 more): no data for npm",
    ]


def test_a_long_list_of_values_is_whole_in_a_pipe_and_begun_on_a_terminal() -> None:
    many = Setting(
        key="ca.enabled", value=tuple(f"mozilla/{n}.crt" for n in range(40)), path="/etc/ca.conf", line=1, layer=0
    )
    sample = CONFIGURATIONS["empty"]
    result = msgspec.structs.replace(sample, configuration=Configuration(settings=(many,), files=("/etc/ca.conf",)))
    piped, screen = (
        load("configuration", "table").render(result, RenderContext(tool_version="1", width=width)).decode()
        for width in (0, 80)
    )
    assert "mozilla/39.crt" in piped
    assert "mozilla/9.crt" in screen
    assert "30 more" in " ".join(screen.split())
    assert len(screen.splitlines()) < 16
