"""The tables of distro-info-data."""

from __future__ import annotations

import pytest
from hypothesis import given

from hullmark.advisories.feeds.distro_info import FEED
from hullmark.model.advisory import Lifecycle
from tests.support.advisories import Bytes, document
from tests.unit.advisories.feeds.reading import damaged, read

FOLDER = "https://salsa.debian.org/debian/distro-info-data/-/raw/main"
DEBIAN = b"""\
version,codename,series,created,release,eol,eol-lts,eol-elts
11,Bullseye,bullseye,2019-07-06,2021-08-14,2024-08-14,2026-08-31,2031-06-30
,Sid,sid,1993-08-16
"""
UBUNTU = b"""\
version,codename,series,created,release,eol,eol-server,eol-esm
6.06 LTS,Dapper Drake,dapper,2005-10-12,2006-06-01,2009-07-14,2011-06-01
22.04 LTS,Jammy Jellyfish,jammy,2021-10-14,2022-04-21,2027-06-01,2027-06-01,2032-04-09
"""


def test_debian_s_extended_support_is_lts_and_sid_goes_by_its_codename() -> None:
    records, problems = read(FEED, Bytes(f"{FOLDER}/debian.csv", DEBIAN))
    assert records == [
        Lifecycle(
            product="debian",
            release="11",
            source="distro-info",
            codename="bullseye",
            released="2021-08-14",
            eol="2024-08-14",
            extended="2026-08-31",
        ),
        Lifecycle(product="debian", release="sid", source="distro-info", codename="sid"),
    ]
    assert not problems


def test_ubuntu_s_version_has_no_lts_and_the_server_s_end_counts() -> None:
    records, _ = read(FEED, Bytes(f"{FOLDER}/ubuntu.csv", UBUNTU))
    assert [(record.release, record.eol, record.extended) for record in records if isinstance(record, Lifecycle)] == [
        ("6.06", "2011-06-01", ""),
        ("22.04", "2027-06-01", "2032-04-09"),
    ]


def test_a_table_of_no_known_distribution_and_a_row_without_a_codename_are_reported() -> None:
    assert read(FEED, Bytes(f"{FOLDER}/other.csv", DEBIAN))[1]
    assert read(FEED, Bytes(f"{FOLDER}/debian.csv", b"version,series\n7\n"))[1]


@pytest.mark.parametrize(("name", "lines"), [("debian.csv", 23), ("ubuntu.csv", 46)])
def test_the_manifest_counts_lines_one_of_which_is_the_heading(name: str, lines: int) -> None:
    records, problems = read(FEED, document("debian-packages", "distro-info-data", name))
    assert (len(records), problems) == (lines - 1, [])


@given(damaged(UBUNTU))
def test_any_bytes_are_read_or_reported(data: bytes) -> None:
    read(FEED, Bytes(f"{FOLDER}/ubuntu.csv", data))
