"""Debian's announcement lists: blocks, states, days, the real lists."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given

from hullmark.advisories.feeds.debian_lists import FEED, LISTS, namespace_of
from hullmark.model.advisory import Advisory
from tests.support.advisories import Bytes, document
from tests.support.places import shared
from tests.unit.advisories.feeds.reading import advisories, crawled, damaged, read, rows

TEXT = """\
[29 Mar 2023] DSA-5380-1 xorg-server - security update
\t{CVE-2023-1393 CVE-2023-1394 }
\t[bullseye] - xorg-server 2:1.20.11-1+deb11u6
\tNOTE: fixed in testing at time of DSA
[17 Mar 2023] DSA-5356-2 sox - regression update
        [bullseye] - sox 14.4.2+git20190427-2+deb11u2
[August 26th, 2005] DTSA-1-1 kismet - various
\t{CVE-2005-2626}
\t[etch] - kismet 2005.08.R1-0.1etch1 (high)
\t[sarge] - kismet <not-affected> (Vulnerable code not present)
\t[woody] - kismet <end-of-life>
\t[sid] - kismet <unfixed>
\t[etch] - other <undetermined>
[02 Jul 2002] DSA-135 libapache-mod-ssl -- buffer overflow / DoS
\t[marvin] - libapache-mod-ssl 2.8.9-2
"""
GOOD = Bytes(LISTS[0], TEXT.encode())


def test_an_announcement_names_its_cves_and_the_fixing_version_a_release() -> None:
    records, problems = read(FEED, GOOD)
    found = {record.id: record for record in records if isinstance(record, Advisory)}
    first = found["DSA-5380-1"]
    assert (first.aliases, first.published) == (("CVE-2023-1393", "CVE-2023-1394"), "2023-03-29")
    assert first.summary == "xorg-server - security update"
    assert rows(first) == [("debian:11", "xorg-server", "affected", "fixed", ("2:1.20.11-1+deb11u6",))]
    assert (first.affected[0].fix_date, first.affected[0].vendor_ids) == ("2023-03-29", ("DSA-5380-1",))
    assert problems == [(f"{LISTS[0]} DSA-135", "left out: marvin is not a release known here")]
    assert found["DSA-135"].affected == ()


def test_a_regression_update_without_a_cve_is_kept_and_names_what_it_mends() -> None:
    found = {record.id: record for record in read(FEED, GOOD)[0] if isinstance(record, Advisory)}["DSA-5356-2"]
    assert (found.aliases, found.related) == ((), ("DSA-5356-1",))
    assert rows(found) == [("debian:11", "sox", "affected", "fixed", ("14.4.2+git20190427-2+deb11u2",))]


def test_an_announcement_of_no_day_of_the_calendar_is_kept_without_one() -> None:
    for day in ("29 Foo 2023", "sometime", "Foo 29th, 2023"):
        text = TEXT.partition("[17 Mar")[0].replace("29 Mar 2023", day)
        (found,) = advisories(FEED, Bytes(LISTS[0], text.encode())).values()
        assert (found.id, found.published, found.affected[0].fix_date) == ("DSA-5380-1", "", "")
        assert rows(found) == [("debian:11", "xorg-server", "affected", "fixed", ("2:1.20.11-1+deb11u6",))]


def test_states_other_than_a_version() -> None:
    found = {record.id: record for record in read(FEED, GOOD)[0] if isinstance(record, Advisory)}["DTSA-1-1"]
    assert rows(found) == [
        ("debian:4", "kismet", "affected", "fixed", ("2005.08.R1-0.1etch1",)),
        ("debian:3.1", "kismet", "unaffected", "unknown", ("",)),
        ("debian:3.0", "kismet", "affected", "wont-fix", ("",)),
        ("debian:unstable", "kismet", "affected", "not-fixed", ("",)),
    ]
    assert (found.affected[0].severity, found.published) == ("high", "2005-08-26")


@pytest.mark.parametrize(
    ("codename", "namespace"),
    [("bookworm", "debian:12"), ("sid", "debian:unstable"), ("sarge", "debian:3.1"), ("jammy", ""), ("", "")],
)
def test_codenames_are_releases(codename: str, namespace: str) -> None:
    assert namespace_of(codename) == namespace


def test_the_three_lists_are_fetched() -> None:
    assert tuple(get.url for get in crawled(FEED, lambda get: GOOD)) == LISTS


def test_the_real_lists_hold_as_many_announcements_as_their_manifest_says_and_every_one_has_a_day() -> None:
    manifest = json.loads(shared("advisories", "MANIFEST.json").read_text())
    counts = {source["file"].removeprefix("www/"): source["count"] for source in manifest["sources"]}
    for url in LISTS:
        path = url.removeprefix("https://")
        found = advisories(FEED, document(*path.split("/")))
        assert len(found) == counts[path]
        assert all(each.published for each in found.values())
        blocks = re.split(r"^(?=\[)", document(*path.split("/")).path.read_text(), flags=re.MULTILINE)[1:]
        assert sum(not each.aliases for each in found.values()) == sum("{" not in block for block in blocks)


@given(damaged(TEXT.encode()))
def test_any_bytes_are_read_or_reported(data: bytes) -> None:
    read(FEED, Bytes(LISTS[0], data))
