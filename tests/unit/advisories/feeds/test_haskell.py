"""Haskell's advisories: TOML in Markdown."""

from __future__ import annotations

from hypothesis import given

from hullmark.advisories.feeds.haskell import FEED
from tests.unit.advisories.feeds.counts import check_any_bytes, check_damaged_document, manifest_count, real
from tests.unit.advisories.feeds.reading import advisories, damaged, read, rows, tar_document

PATH = ("github.com", "haskell", "security-advisories", "archive", "refs", "heads", "main.tar.gz")
URL = "https://" + "/".join(PATH)
PLACE = "security-advisories-main/advisories/published/2023/HSEC-2023-0007.md"
TEXT = """```toml
[advisory]
id = "HSEC-2023-0007"
cwe = [1284, 789]
keywords = ["toml"]
aliases = ["CVE-2023-0001"]
date = 2023-07-25

[[affected]]
package = "base"
cvss = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H"
[[affected.versions]]
introduced = "3.0.3.1"

[[affected]]
ghc-component = "ghc"
cvss = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:L"
os = ["windows"]
[[affected.versions]]
introduced = "9.2.4"
fixed = "9.2.5"
[[affected.versions]]
introduced = "9.4.2"
fixed = "9.4.3"

[[references]]
type = "REPORT"
url = "https://x.example"
```

# `readFloat`: memory exhaustion

Text.
"""
GOOD = tar_document(
    URL,
    {
        "security-advisories-main/advisories/hackage/base/HSEC-2023-0007.md": "../../published/2023/HSEC-2023-0007.md",
        PLACE: TEXT,
        "security-advisories-main/advisories/reserved/2024/HSEC-2024-0005.md": "",
        "security-advisories-main/README.md": "# About",
    },
)


def test_packages_of_hackage_and_parts_of_ghc_are_told_apart() -> None:
    found = advisories(FEED, GOOD)["HSEC-2023-0007"]
    assert rows(found) == [
        ("hackage", "base", "affected", "not-fixed", ("",)),
        ("generic", "ghc", "affected", "fixed", ("9.2.5", "9.4.3")),
    ]
    assert (found.aliases, found.severity, found.cwes) == (("CVE-2023-0001",), "high", ("CWE-1284", "CWE-789"))
    assert found.summary == "`readFloat`: memory exhaustion"
    assert [bool(each.platforms) for each in found.affected] == [False, True]


def test_files_that_cannot_be_read_cost_only_themselves() -> None:
    bad = {
        "x/published/HSEC-1.md": "text",
        "x/published/HSEC-2.md": "```toml\n= 1\n```",
        "x/published/HSEC-3.md": "```toml\na = 1\n```",
        "x/published/HSEC-4.md": f"```toml\na{'.a' * 50_000} = 1\n```",
    }
    records, problems = read(FEED, tar_document(URL, {**bad, PLACE: TEXT}))
    assert len(records) == 1
    assert [place for place, _ in problems] == list(bad)
    check_damaged_document(FEED, GOOD)


def test_of_an_advisory_told_twice_the_newer_counts() -> None:
    newer = tar_document(URL, {PLACE: TEXT.replace("memory exhaustion", "no end")})
    (found,) = advisories(FEED, GOOD, newer).values()
    assert found.summary == "`readFloat`: no end"


@given(damaged(GOOD.data))
def test_any_bytes_are_read_to_an_end(data: bytes) -> None:
    check_any_bytes(FEED, URL, data)


@given(damaged(TEXT.encode()))
def test_any_text_is_read_to_an_end(data: bytes) -> None:
    check_any_bytes(FEED, URL, tar_document(URL, {PLACE: data}).data)


def test_every_published_advisory_of_the_real_file_is_read() -> None:
    found = real(FEED, *PATH)
    # The manifest counts files: 37 are links to those published, 5 are reserved ids without content.
    assert len(found) == manifest_count(*PATH) - 37 - 5
    assert all(each.affected and each.severity != "unknown" for each in found.values())
