"""Debian's announcements in OSV's export."""

from __future__ import annotations

from hypothesis import given

from hullmark.advisories.feeds.osv_debian import FEED
from tests.unit.advisories.feeds.counts import check_any_bytes, check_damaged_document, manifest_count, real
from tests.unit.advisories.feeds.reading import advisories, damaged, rows, zip_document

PATH = ("osv-vulnerabilities.storage.googleapis.com", "Debian", "all.zip")
URL = "https://" + "/".join(PATH)
RECORD = """{"id": "DSA-5380-1", "upstream": ["CVE-2023-1393"], "published": "2023-03-29T00:00:00Z",
"affected": [{"package": {"name": "xorg-server", "ecosystem": "Debian:11"},
"ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "2:1.20.11-1+deb11u6"}]}]}]}"""
GOOD = zip_document(URL, {"DSA-5380-1.json": RECORD})


def test_an_announcement_tells_when_a_release_was_fixed() -> None:
    found = advisories(FEED, GOOD)["DSA-5380-1"]
    assert rows(found) == [("debian:11", "xorg-server", "affected", "fixed", ("2:1.20.11-1+deb11u6",))]
    assert found.aliases == ("CVE-2023-1393",)
    assert (found.affected[0].fix_date, found.affected[0].vendor_ids) == ("2023-03-29", ("DSA-5380-1",))
    check_damaged_document(FEED, GOOD)


@given(damaged(GOOD.data))
def test_any_bytes_are_read_to_an_end(data: bytes) -> None:
    check_any_bytes(FEED, URL, data)


def test_every_announcement_of_the_real_file_is_an_advisory() -> None:
    found = real(FEED, *PATH)
    assert len(found) == manifest_count(*PATH)
    assert {each.namespace for one in found.values() for each in one.affected} == {
        f"debian:{n}" for n in (8, 9, 10, 11)
    }
