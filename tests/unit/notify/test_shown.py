"""What messages show, and how texts from images are made harmless before any channel writes them."""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.notify.channel import Delivery
from hullmark.notify.details import whole_words
from hullmark.notify.shown import (
    Markup,
    address,
    as_templated,
    build_content,
    clean,
    fit_text,
    pack_lines,
    paragraphs,
    strip_mentions,
    units,
)
from tests.support.deliveries import LINK, cause, deliveries, delivery, digest, evidence, item, notice, texts

SAID = "CVE-2026-0001 in openssl 3.0.1"


@given(texts(), st.integers(1, 300))
def test_clean_text_is_one_line_of_letters_that_can_be_seen(text: str, limit: int) -> None:
    cleaned = clean(text, limit)
    assert units(cleaned) <= limit
    assert not {unicodedata.category(letter) for letter in cleaned} & {"Cc", "Cf", "Cs", "Zl", "Zp"}
    assert cleaned.encode().decode() == cleaned
    assert clean(cleaned, limit) == cleaned


@pytest.mark.parametrize(
    "text", ["nginx@sha256:ab", "registry.example/a:1", "pkg:npm/%40scope/a@1.0", "a < b & c", "me.x@y.z"]
)
def test_usual_names_stay_as_they_are(text: str) -> None:
    assert strip_mentions(clean(text)) == text


@given(texts())
def test_no_mention_is_left(text: str) -> None:
    assert not re.search(
        r"@(everyone|here|channel|all\b)|(^|\s)@\w|<[@!#]|://|www\.", strip_mentions(clean(text)), re.IGNORECASE
    )


@given(st.text(), st.integers(8, 100))
def test_what_is_cut_is_never_cut_within_an_escape(text: str, limit: int) -> None:
    written = fit_text(text, limit, lambda raw: raw.replace("&", "&amp;"))
    assert units(written) <= limit
    assert re.sub("&amp;", "", written).count("&") == 0


def test_a_text_that_fits_is_not_cut() -> None:
    assert fit_text("12345678", 8) == "12345678"
    assert fit_text("123456789", 8) == "1234567…"


@given(st.lists(st.text("ab💥", min_size=1, max_size=30), max_size=10), st.integers(0, 100))
def test_packed_lines_are_whole(lines: list[str], limit: int) -> None:
    text = pack_lines(lines, limit, "\n\n")
    assert units(text) <= limit
    parts = text.split("\n\n") if text else []
    assert set(parts) <= set(lines)
    assert bool(parts) == any(units(line) <= limit for line in lines)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (LINK, LINK),
        ("https://h/a b<c>|d`(e)", "https://h/a%20b%3Cc%3E%7Cd%60%28e%29"),
        ("https://h/ö", "https://h/%C3%B6"),
        ("javascript:alert(1)", ""),
        ("", ""),
        ("https://h/" + "x" * 700, ""),
    ],
)
def test_an_address_can_stand_in_any_markup(url: str, expected: str) -> None:
    assert address(url) == expected


def test_an_address_that_is_too_long_when_it_can_stand_in_any_markup_is_none() -> None:
    assert address("https://a.example/" + "\U000771505" * 150) == ""


def test_a_notice_is_one_section_with_the_first_images_and_how_many_more() -> None:
    what = build_content(delivery())
    (section,) = what.sections
    assert section.sentence == "CVE-2026-0001 is new and critical"
    assert section.counts == "298 images out of compliance, 2 images with one more finding"
    (found,) = section.findings
    assert (found.what, found.words) == (SAID, "rule no-critical. To do: update openssl to 3.0.2")
    assert section.images[0].name == "registry.example/shop/web:1"
    assert section.images[0].words == "out of compliance, policy base in production, go → stop, running"
    assert (section.more, what.all, what.link) == (297, "All 300 of them", LINK)
    assert what.footer == "Hullmark · shop · 2026-05-01 12:30 UTC"


def test_a_digest_has_a_section_for_each_cause_and_the_colour_of_the_worst() -> None:
    what = build_content(delivery(digest()))
    assert [section.sentence for section in what.sections] == [
        "CVE-2026-0001 is new and critical",
        "Policy base was replaced",
    ]
    assert what.severity == "critical"


def test_good_news_is_green() -> None:
    good = build_content(delivery(notice(kinds={"compliance.regained": 2})))
    mixed = build_content(delivery(notice(kinds={"compliance.regained": 2, "compliance.lost": 1})))
    assert (good.is_good, mixed.is_good) == (True, False)
    assert good.colour != mixed.colour


@pytest.mark.parametrize(
    ("more", "what", "words"),
    [
        ({}, SAID, "rule no-critical. To do: update openssl to 3.0.2"),
        (
            {"fix_version": "", "fix_state": "not-fixed"},
            SAID,
            "rule no-critical. To do: there is no version without it yet: remove openssl, or state why it is not affected"
            " (VEX), or except it for a time",
        ),
        (
            {"fix_version": "", "fix_state": "wont-fix"},
            SAID,
            "rule no-critical. To do: its supplier will not fix it: remove openssl, or state why it is not affected (VEX)",
        ),
        ({"severity": "high", "rule": ""}, f"{SAID} (high)", "To do: update openssl to 3.0.2"),
        ({"is_gained": False}, f"no longer: {SAID}", "rule no-critical. To do: nothing, it is gone"),
        (
            {"is_gained": False, "standing": "excepted by anna until 2026-12-01"},
            f"{SAID}: excepted by anna until 2026-12-01",
            "rule no-critical. To do: nothing while that holds (it is fixed in 3.0.2)",
        ),
        (
            {
                "advisory": "",
                "package": "",
                "path": "/usr/bin/x",
                "layer": 3,
                "instruction": "RUN /bin/sh -c chmod u+s /usr/bin/x # buildkit",
                "more_places": 1,
                "since": datetime(2026, 4, 1, 8, tzinfo=UTC),
                "fix_version": "",
                "fix_state": "",
                "message": "it is setuid.",
                "advice": "chmod u-s /usr/bin/x",
            },
            "it is setuid",
            "rule no-critical, at /usr/bin/x in layer 3 (RUN chmod u+s /usr/bin/x) and in 1 more place,"
            " since 2026-04-01 08:00 UTC. To do: chmod u-s /usr/bin/x",
        ),
    ],
)
def test_a_finding_says_what_where_since_when_and_what_to_do(more: dict[str, object], what: str, words: str) -> None:
    given = notice(items=(item(evidence=(evidence(**more),)),), count=1, cause=cause(evidence=()))
    (found,) = build_content(delivery(given)).sections[0].findings
    assert (found.what, found.words) == (what, words)


def test_of_many_images_each_says_where_and_since_when() -> None:
    first = datetime(2026, 4, 1, tzinfo=UTC)
    one, two = (
        item(
            number,
            image=f"sha256:{number}",
            evidence=(evidence(path=f"/p{number}", layer=number, since=first),),
        )
        for number in (1, 2)
    )
    (section,) = build_content(delivery(notice(items=(one, two), count=2))).sections
    assert [found.words for found in section.findings] == ["rule no-critical. To do: update openssl to 3.0.2"]
    assert [image.words.partition(" → stop, ")[2] for image in section.images] == [
        "running, at /p1 in layer 1, since 2026-04-01 00:00 UTC",
        "at /p2 in layer 2, since 2026-04-01 00:00 UTC",
    ]


def test_findings_that_do_not_fit_are_counted() -> None:
    many = tuple(evidence(advisory=f"CVE-2026-{number}", message="x " * 80) for number in range(8))
    section = build_content(delivery(notice(items=(item(evidence=many),), count=1, cause=cause(evidence=())))).sections[
        0
    ]
    assert (len(section.findings), section.more_findings) == (5, 3)
    markup = Markup(plain=str, code=str, strong=str, link=lambda text, url: text)
    found = paragraphs(
        build_content(delivery(notice(items=(item(evidence=many),), count=1, cause=cause(evidence=())))), markup, 600
    )[1].splitlines()
    assert found[-1] == f"… and {8 - (len(found) - 1)} more findings"


def test_no_name_is_cut_in_its_middle() -> None:
    assert fit_text("rule no-critical-packages in openssl", 20) == "rule…"
    assert whole_words("CVE-2026-0001 in libssl3-dev 3.0.1", 29) == "CVE-2026-0001 in libssl3-dev…"
    assert whole_words("x" * 50, 10) == "x" * 9 + "…"


@given(deliveries())
def test_everything_shown_is_clean(sent: Delivery) -> None:
    what = build_content(sent)
    for section in what.sections:
        for text in (
            section.sentence,
            section.counts,
            *(finding.what for finding in section.findings),
            *(image.name for image in section.images),
        ):
            assert clean(text, 5000) == text
        assert section.sentence


def test_the_text_of_a_template_keeps_its_lines() -> None:
    assert as_templated(delivery(text="a\n\nb<\n"), lambda text: text.replace("<", "&lt;"), 100) == "a\n\nb&lt;"
