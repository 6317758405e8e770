"""Debian's lists of packages with less support."""

from __future__ import annotations

import pytest
from hypothesis import given

from hullmark.advisories.feeds.debian_support import FEED
from hullmark.model.advisory import Support
from tests.support.advisories import Bytes, OnDisk, advisory_files
from tests.unit.advisories.feeds.reading import crawled, damaged, read

URL = "https://salsa.debian.org/debian/debian-security-support/-/raw/master/security-support.deb12"
TEXT = """\
# List of packages
adns            limited  Stub resolver, #1
ckeditor3       non-supported   3.6.6.1+dfsg-7\t2025-04-04\tOnly a build dependency
golang.*        limited
rust-sequoia    supported  it is fully supported
chromium        non-supported   90.0-1

odd             perhaps
"""


def test_limited_and_ended_support_are_told_apart() -> None:
    records, problems = read(FEED, Bytes(URL, TEXT.encode()))
    assert records == [
        Support(namespace="debian:12", name="adns", source="debian-support", level="limited", note="Stub resolver, #1"),
        Support(
            namespace="debian:12",
            name="ckeditor3",
            source="debian-support",
            level="ended",
            since="2025-04-04",
            note="Only a build dependency",
        ),
        Support(namespace="debian:12", name="golang.*", source="debian-support", level="limited"),
        Support(namespace="debian:12", name="chromium", source="debian-support", level="ended"),
    ]
    assert [place for place, _ in problems] == [f"{URL} line 8"]


def test_an_address_without_a_release_is_reported() -> None:
    assert read(FEED, Bytes("https://x.example/README", b"adns limited"))[1]


def test_lists_of_later_releases_are_asked_for_until_one_is_missing() -> None:
    wanted = crawled(FEED, lambda get: Bytes(get.url, b"") if not get.url.endswith("16") else None)
    assert [get.url.rpartition("deb")[2] for get in wanted] == [str(number) for number in range(8, 17)]


@pytest.mark.parametrize(("release", "lines", "packages"), [(10, 47, 34), (11, 63, 50), (12, 47, 34), (13, 45, 31)])
def test_the_manifest_counts_lines_of_which_comments_and_the_supported_are_no_records(
    release: int, lines: int, packages: int
) -> None:
    path = advisory_files() / "debian-packages" / "debian-security-support" / f"security-support.deb{release}"
    records, problems = read(FEED, OnDisk(f"https://x.example/{path.name}", path))
    assert len(path.read_text().splitlines()) == lines
    assert (len(records), problems) == (packages, [])


@given(damaged(TEXT.encode()))
def test_any_bytes_are_read_or_reported(data: bytes) -> None:
    read(FEED, Bytes(URL, data))
