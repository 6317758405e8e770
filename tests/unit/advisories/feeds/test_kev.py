"""The kev feed: the catalogue's entries."""

from __future__ import annotations

import json

from hypothesis import given

from hullmark.advisories.feeds.kev import FEED
from hullmark.model.advisory import KevEntry
from tests.support.advisories import Bytes, document
from tests.unit.advisories.feeds.reading import damaged, json_document, read

URL = "https://www.cisa.gov/sites/default/files/feeds/known_exploited_vulnerabilities.json"
ENTRY = {
    "cveID": "CVE-2021-44228",
    "vulnerabilityName": "Apache Log4j2 Remote Code Execution Vulnerability",
    "dateAdded": "2021-12-10",
    "requiredAction": "For all affected software assets\nupdate.",
    "dueDate": "2021-12-24",
    "knownRansomwareCampaignUse": "Known",
}


def test_an_entry_says_since_when_until_when_and_whether_ransomware_uses_it() -> None:
    records, problems = read(FEED, json_document(URL, {"vulnerabilities": [ENTRY, {"cveID": "CVE-2024-0001"}, 5]}))
    assert records == [
        KevEntry(
            cve="CVE-2021-44228",
            source="kev",
            added="2021-12-10",
            due="2021-12-24",
            ransomware=True,
            action="For all affected software assets update.",
            name="Apache Log4j2 Remote Code Execution Vulnerability",
        ),
        KevEntry(cve="CVE-2024-0001", source="kev", added=""),
    ]
    assert [place for place, _ in problems] == [f"{URL} entry 2"]


def test_the_real_catalogue_holds_as_many_entries_as_it_says() -> None:
    records, problems = read(
        FEED, document("www.cisa.gov", "sites", "default", "files", "feeds", URL.rpartition("/")[2])
    )
    assert (len(records), problems) == (1404, [])
    assert all(isinstance(record, KevEntry) and record.added and record.due for record in records)


@given(damaged(json.dumps({"vulnerabilities": [ENTRY]}).encode()))
def test_any_bytes_are_read_or_reported(data: bytes) -> None:
    read(FEED, Bytes(URL, data))
