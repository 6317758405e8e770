"""Matches as text: table, Markdown, annotations, comma-separated values, templates."""

from __future__ import annotations

import csv
import io

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.model.errors import HullmarkError
from hullmark.model.match import CoverageGap, Matches, SnapshotInfo, UnknownPackage
from hullmark.model.problem import Problem
from hullmark.report import load
from hullmark.report.format import RenderContext
from hullmark.report.matches_csv import harmless
from hullmark.report.matches_words import percent
from tests.unit.report.matches_samples import CLEAN, LOG4SHELL, MATCHES, ODD_MATCHES, SMALL, match, named
from tests.unit.report.samples import PLAIN, package

WIDE = RenderContext(tool_version="1", color=True, width=200)


def text(name: str, found: Matches = SMALL, context: RenderContext = PLAIN) -> str:
    """The report as text."""
    return load("matches", name).render(found, context).decode()


def filled(template: str, found: Matches = SMALL) -> str:
    """The template, filled in."""
    return text("template", found, RenderContext(tool_version="1", template=template))


def only(*found: object) -> Matches:
    """A result of these matches alone."""
    return msgspec.structs.replace(SMALL, matches=found, unknown=(), problems=())


def test_the_table_counts_the_gaps_that_it_sums_up_and_names_what_is_not_known_of_exploitation() -> None:
    gaps = (CoverageGap(namespace="debian:13", types=("deb",), packages=81, reason="nothing about Debian 13"),)
    found = msgspec.structs.replace(
        SMALL, uncovered=gaps, snapshot=SnapshotInfo(digest="sha256:0", exploited_gap="no KEV")
    )
    lines = text("table", found).splitlines()
    assert "Uncovered: 1 gap in the advisories: what is missing is unknown, not clean" in lines
    assert "Exploited: no KEV" in lines
    assert "; 1 gap in the advisories" in lines[-1]


def test_the_table_names_a_package_once_and_each_of_its_vulnerabilities() -> None:
    lines = text("table").splitlines()
    assert lines[0].split() == [
        "PACKAGE",
        "INSTALLED",
        "FIXED",
        "IN",
        "TYPE",
        "VULNERABILITY",
        "SEVERITY",
        "EPSS",
        "KEV",
        "RISK",
    ]
    assert sum(line.startswith("libssl3") for line in lines) == 1
    assert lines[1].split() == [
        "log4j-core",
        "2.14.1",
        "2.15.0",
        "maven",
        "GHSA-jfh8-c2jp-5v3q",
        "critical",
        "94%",
        "ransom",
        "100.0",
    ]
    assert "won't fix" in lines[4]


def test_the_last_line_has_the_numbers() -> None:
    assert text("table").splitlines()[-1] == (
        "6 vulnerabilities (1 critical, 1 high, 1 medium, 1 low, 1 negligible, 1 unknown); 3 fixable; "
        "1 known to be exploited; 5 suppressed; 2 packages unknown"
    )
    assert text("table", only(LOG4SHELL)).splitlines()[-1].startswith("1 vulnerability (1 critical); 1 fixable")


def test_what_was_not_matched_with_anything_is_not_called_clean() -> None:
    assert text("table", CLEAN).endswith("Nothing is known, because no advisories were used\n")
    assert text("table", only()).endswith("No known vulnerabilities\n")
    assert "Nothing is known" in text("markdown", CLEAN)


def test_a_guess_is_marked() -> None:
    assert "CVE-2024-7347?" in text("table")


def test_severities_have_colours_where_colours_are_wanted() -> None:
    assert "\x1b" not in text("table")
    coloured = text("table", context=WIDE)
    assert "\x1b[31mcritical\x1b[0m" in coloured
    assert "\x1b[33mmedium\x1b[0m" in coloured


def test_packages_of_which_nothing_is_known_are_grouped_by_reason() -> None:
    untold = tuple(UnknownPackage(package=package("npm", f"p{i}", "1"), reason="No data.") for i in range(7))
    lines = text("table", msgspec.structs.replace(SMALL, unknown=untold)).splitlines()
    assert "Unknown:   7 packages of which nothing can be said; -o json names each" in lines
    assert "  No data (7 packages): p0, p1, p2, p3, p4 and 2 more" in lines


def test_what_is_said_of_several_packages_by_their_names_or_advisories_is_one_reason() -> None:
    reasons = {
        "p0": "Debian 13's security support of p0 is limited (see README)",
        "p1": "Debian 13's security support of p1 is limited (see README)",
        "p2": "its version is not known, and advisories speak of it (CVE-1-1, GO-2024-3271)",
        "p3": "its version is not known, and advisories speak of it (GHSA-xxxx-1 and 12 more)",
        "p4": "Debian 13's security support of p4 has ended",
    }
    untold = tuple(UnknownPackage(package=package("deb", name, "1"), reason=said) for name, said in reasons.items())
    lines = text("table", msgspec.structs.replace(SMALL, unknown=untold)).splitlines()
    assert "  Debian 13's security support of these is limited (see README) (2 packages): p0, p1" in lines
    assert "  its version is not known, and advisories speak of it (2 packages): p2, p3" in lines
    assert "  Debian 13's security support of p4 has ended: p4" in lines


def test_gaps_in_the_advisories_are_said_once_each_and_nothing_else_hides_behind_them() -> None:
    gap = CoverageGap(namespace="npm", types=("npm",), packages=2, reason="the snapshot has no advisories for npm")
    problems = (Problem("", -1, "match", gap.reason, "uncovered"), Problem("/a", 0, "catalog", "odd", "uncovered"))
    shown = text("table", msgspec.structs.replace(SMALL, uncovered=(gap,), problems=problems))
    assert shown.count(gap.reason) == 1
    assert "  the snapshot has no advisories for npm (2 packages)" in shown.splitlines()
    assert "Uncovered: 1\n  /a (layer 0): odd" in shown
    assert shown.rstrip().endswith("; 1 gap in the advisories")


@pytest.mark.parametrize(
    ("share", "shown"), [(0.0, "0.00%"), (0.00042, "0.04%"), (0.0432, "4.3%"), (0.94358, "94%"), (1.0, "100%")]
)
def test_shares_have_three_digits_at_most(share: float, shown: str) -> None:
    assert percent(share) == shown


def test_markdown_shows_text_and_obeys_none_of_it() -> None:
    found = match(named("left-pad"), "GHSA-1", summary="x")
    hostile = msgspec.structs.replace(
        found, package=package("npm", "a|b`<img src=x>@team [x](http://y) **z**\n# h", "1")
    )
    (row,) = [line for line in text("markdown", only(hostile)).splitlines() if "GHSA-1" in line]
    assert row.count("|") == 10
    assert not any(character in row for character in "`<>@*#[]") or "<https" in row
    assert "&#64;team" in row
    assert "&#60;img src=x&#62;" in row


def test_markdown_shows_a_hundred_rows_and_counts_the_rest() -> None:
    found = tuple(match(package("npm", f"p{i}", "1"), "CVE-2024-1000") for i in range(120))
    shown = text("markdown", only(*found))
    assert shown.count("CVE-2024-1000](") == 100
    assert "and 20 more" in shown


def test_annotations_have_the_level_of_the_severity_and_the_place_of_the_package() -> None:
    lines = text("github").splitlines()
    assert lines[0].startswith(
        "::error file=app/shop.war%3AWEB-INF/lib/log4j-core-2.14.1.jar,title=GHSA-jfh8-c2jp-5v3q ("
    )
    assert [line.split(" ")[0].split(":")[2] for line in lines if line.startswith("::")] == (
        ["error", "error", "notice", "notice", "warning", "notice", "warning", "warning", "warning"]
    )


@pytest.mark.parametrize("case", MATCHES)
def test_no_text_begins_a_command_of_its_own(case: str) -> None:
    for line in text("github", MATCHES[case]).splitlines():
        assert line.startswith(("::error ", "::warning ", "::notice ", "hullmark: "))
        head, _, rest = line.removeprefix("::").partition("::")
        assert "::" not in head or line.startswith("hullmark: ")
        assert "%" not in rest.replace("%25", "") or line.startswith("hullmark: ")


def test_the_cells_are_those_that_a_reader_gets_back() -> None:
    rows = list(csv.DictReader(io.StringIO(text("csv"), newline="")))
    assert len(rows) == len(SMALL.matches)
    assert (rows[0]["package"], rows[0]["fixed_in"], rows[0]["kev_due"]) == ("log4j-core", "2.15.0", "2021-12-24")
    waived = next(row for row in rows if row["suppressed_by"] == "ignore")
    assert (waived["suppressed_owner"], waived["suppressed_until"]) == ("platform team", "2027-03-31")


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@SUM(A1)", " =1", "＝1"])  # noqa: RUF001 - a wide sign
def test_no_cell_is_a_formula(cell: str) -> None:
    assert harmless(cell) == f"'{cell}"


@given(st.text())
def test_any_cell_is_visible_and_no_formula(cell: str) -> None:
    shown = harmless(cell)
    assert shown.isprintable()
    assert not shown.lstrip().startswith(("=", "+", "-", "@"))


def test_lines_end_as_the_standard_wants() -> None:
    shown = text("csv", ODD_MATCHES)
    assert shown.count("\r\n") == len(ODD_MATCHES.matches) + 1 == shown.count("\n")


def test_a_template_sees_the_document() -> None:
    assert filled("{{ schema }} {{ source.reference }} {{ matches|length }}") == (
        "hullmark-matches/1 registry.example.com/team/Shop:1.4 11"
    )
    assert filled("{% for m in matches if not m.suppressed %}{{ m|fixed_in }};{% endfor %}") == (
        "2.15.0;3.0.11-1~deb12u2;3.0.11-1~deb12u3;won't fix;;not fixed;"
    )
    assert filled("{{ matches[0].advisory.epss.score|percent }} {{ '=1'|csv }}") == "94% '=1"


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("", "needs a template"),
        ("{% for %}", "the template is wrong in line 1"),
        ("{{ nothing }}", "'nothing' is undefined"),
        ("{{ matches[0].nothing }}", "the template is wrong"),
        ("{{ 1/0 }}", "cannot be filled in"),
        ("{{ 'x'|fixed_in }}", "cannot be filled in"),
        ("{{ ''.__class__.__mro__ }}", "the template is wrong"),
        ("{{ matches.append(1) }}", "the template is wrong"),
        ("{% include '/etc/passwd' %}", "the template"),
        ("{{ range(1000000)|list }}", "cannot be filled in"),
        ("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "cannot be filled in"),
    ],
)
def test_a_wrong_template_is_refused(template: str, message: str) -> None:
    with pytest.raises(HullmarkError, match=message):
        filled(template)
