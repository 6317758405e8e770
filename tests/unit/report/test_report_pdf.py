"""The report on an image as a PDF document: read back by another library."""

from __future__ import annotations

import io
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from msgspec.structs import replace
from pypdf import PdfReader

from hullmark.model.errors import HullmarkError
from hullmark.model.image_report import ImageReport
from hullmark.model.match import Matches
from hullmark.model.problem import Problem
from hullmark.model.verdict import Verdict
from hullmark.report import load, pdf_sections
from tests.unit.report.matches_samples import CLEAN, ODD_MATCHES, SMALL, matches
from tests.unit.report.samples import GO, ODD_VERDICT, PLAIN, STOP, verdicts

PDF = load("report", "pdf")
MANY = 2000


def opened(report: ImageReport) -> PdfReader:
    return PdfReader(io.BytesIO(PDF.render(report, PLAIN)))


def text_of(report: ImageReport) -> str:
    return "\n".join(page.extract_text() for page in opened(report).pages)


def test_it_says_verdict_findings_vulnerabilities_and_what_is_not_known() -> None:
    text = text_of(ImageReport(matches=SMALL, verdict=STOP))
    assert "Report on registry.example.com/team/Shop:1.4" in text
    assert "STOP" in text
    assert "SUID or SGID found set on file /srv/data. Mode: 0o4755" in text
    assert "An accepted one." in text
    assert "CVE-2023-5363" in text
    assert "3.0.11-1~deb12u2" in text
    assert "known to be exploited" in text
    assert "They are unknown, not clean." in text


def test_without_a_policy_nothing_is_said_of_one() -> None:
    text = text_of(ImageReport(matches=CLEAN))
    assert "policy" not in text.lower()
    assert "Nothing is known, because no advisories were used." in text


def test_viewers_show_the_sections_and_the_title() -> None:
    pdf = opened(ImageReport(matches=SMALL, verdict=GO))
    assert pdf.metadata is not None
    assert pdf.metadata.title == "Report on registry.example.com/team/Shop:1.4"
    outline = [entry.title for entry in pdf.outline if not isinstance(entry, list)]
    assert outline[0] == "What counts by the policy"
    assert "Vulnerabilities" in outline


@pytest.mark.parametrize(("found", "verdict"), [(SMALL, STOP), (ODD_MATCHES, ODD_VERDICT), (CLEAN, None)])
def test_the_same_report_gives_the_same_bytes(found: Matches, verdict: Verdict | None) -> None:
    report = ImageReport(matches=found, verdict=verdict)
    assert PDF.render(report, PLAIN) == PDF.render(report, PLAIN)


def test_what_turns_the_writing_round_or_cannot_be_shown_is_written_out() -> None:
    odd = replace(STOP.findings[0], message="שלום \u202egpj.exe 🎉 漢 <b>not bold</b> &amp; \x07 \ud800", evidence=())
    text = text_of(ImageReport(matches=CLEAN, verdict=replace(STOP, findings=(odd,)))).replace("\n", " ")
    assert "\\u202egpj.exe" in text
    assert "\\U0001f389" in text
    assert "\\u05e9\\u05dc\\u05d5\\u05dd" in text
    assert "<b>not bold</b> &amp; \\x07 \\ud800" in text


def test_a_long_text_is_cut_and_a_long_word_stays_in_its_column() -> None:
    package = replace(SMALL.matches[0].package, name="n" * 5000, version="9" * 5000)
    long = replace(SMALL.matches[0], package=package, fix=replace(SMALL.matches[0].fix, version="8" * 5000))
    text = text_of(ImageReport(matches=replace(SMALL, matches=(long,))))
    assert "…" in text
    assert max(map(len, text.splitlines())) < 130


def test_the_head_of_a_long_table_is_on_every_page_and_pages_are_counted() -> None:
    found = (SMALL.matches * MANY)[:MANY]
    pages = opened(ImageReport(matches=replace(SMALL, matches=found))).pages
    assert len(pages) > 20
    assert "Fixed in" in pages[10].extract_text()
    assert f"page 11 of {len(pages)}" in pages[10].extract_text()


def test_rows_beyond_the_most_of_a_table_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdf_sections, "_MAX_ROWS", 3)
    problems = tuple(Problem(f"/p{number:04}", -1, "catalog", "it ends too early") for number in range(1236))
    text = text_of(ImageReport(matches=replace(SMALL, problems=problems)))
    assert "/p0002" in text
    assert "/p0003" not in text
    assert "And 1,233 more: hullmark check and hullmark vulns list them all." in text


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(matches(), verdicts())
def test_any_result_can_be_printed(found: Matches, verdict: Verdict) -> None:
    assert len(opened(ImageReport(matches=found, verdict=verdict)).pages) >= 1


def test_where_the_library_is_missing_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "reportlab.platypus", None)
    with pytest.raises(HullmarkError, match="a PDF cannot be written") as told:
        PDF.render(ImageReport(matches=SMALL), PLAIN)
    assert told.value.advice == "install it: pip install 'hullmark[pdf]'"
