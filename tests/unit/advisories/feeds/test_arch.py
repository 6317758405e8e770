"""The arch feed: groups with their packages, states and announcements."""

from __future__ import annotations

import json

from hypothesis import given

from hullmark.advisories.feeds.arch import FEED
from tests.support.advisories import Bytes, sample
from tests.unit.advisories.feeds.reading import advisories, damaged, json_document, read, rows

URL = "https://security.archlinux.org/all.json"
GROUPS = [
    {
        "name": "AVG-1324",
        "packages": ["glibc", "lib32-glibc"],
        "status": "Fixed",
        "severity": "High",
        "type": "arbitrary code execution",
        "affected": "2.38-1",
        "fixed": "2.38-2",
        "ticket": "54842",
        "issues": ["CVE-2023-4911"],
        "advisories": ["ASA-202310-01"],
    },
    {
        "name": "AVG-9999",
        "packages": ["pam"],
        "status": "Vulnerable",
        "severity": "Medium",
        "fixed": None,
        "issues": ["CVE-2025-6020"],
    },
    {"name": "AVG-7", "packages": ["vim"], "status": "Not affected", "severity": "Low", "fixed": None, "issues": []},
]


def test_states_become_fixed_not_fixed_and_unaffected() -> None:
    found = advisories(FEED, json_document(URL, GROUPS))
    assert rows(found["AVG-1324"]) == [
        ("arch:rolling", "glibc", "affected", "fixed", ("2.38-2",)),
        ("arch:rolling", "lib32-glibc", "affected", "fixed", ("2.38-2",)),
    ]
    assert rows(found["AVG-9999"]) == [("arch:rolling", "pam", "affected", "not-fixed", ("",))]
    assert rows(found["AVG-7"]) == [("arch:rolling", "vim", "unaffected", "unknown", ("",))]
    first = found["AVG-1324"]
    assert (first.aliases, first.severity, first.summary) == (("CVE-2023-4911",), "high", "arbitrary code execution")
    assert first.affected[0].vendor_ids == ("ASA-202310-01",)
    assert first.affected[0].scheme == "alpm"


def test_a_group_that_cannot_be_read_costs_only_itself() -> None:
    records, problems = read(FEED, json_document(URL, [{"name": "AVG-0"}, *GROUPS, None]))
    assert len(records) == 3
    assert [place for place, _ in problems] == [f"{URL} group 0", f"{URL} group 4"]


def test_the_real_samples_are_read_whole() -> None:
    assert len(advisories(FEED, sample("arch", "all.json"))) == 5
    assert len(advisories(FEED, sample("arch", "advisory.json"))) == 2
    assert read(FEED, sample("arch", "invalid.json"))[1]


@given(damaged(json.dumps(GROUPS).encode()))
def test_any_bytes_are_read_or_reported(data: bytes) -> None:
    read(FEED, Bytes(URL, data))
