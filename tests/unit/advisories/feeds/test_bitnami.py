"""Bitnami's vulnerability database."""

from __future__ import annotations

import json

from hypothesis import given

from hullmark.advisories.feeds.bitnami import FEED
from tests.unit.advisories.feeds.counts import check_any_bytes, check_damaged_document, manifest_count, real
from tests.unit.advisories.feeds.reading import advisories, damaged, read, rows, tar_document

PATH = ("github.com", "bitnami", "vulndb", "archive", "refs", "heads", "main.tar.gz")
URL = "https://" + "/".join(PATH)
RECORD = {
    "id": "BIT-activemq-2020-11998",
    "aliases": ["CVE-2020-11998"],
    "affected": [
        {
            "package": {"ecosystem": "Bitnami", "name": "activemq", "purl": "pkg:bitnami/activemq"},
            "severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}],
            "ranges": [{"type": "SEMVER", "events": [{"introduced": "5.15.12"}, {"last_affected": "5.15.12"}]}],
        }
    ],
    "database_specific": {"severity": "Critical", "cpes": []},
}
GOOD = tar_document(URL, {"vulndb-main/data/activemq/BIT-activemq-2020-11998.json": json.dumps(RECORD)})


def test_an_application_is_affected_up_to_its_last_affected_version() -> None:
    found = advisories(FEED, GOOD)["BIT-activemq-2020-11998"]
    assert rows(found) == [("bitnami", "activemq", "affected", "unknown", ("5.15.12",))]
    assert (found.severity, found.cvss[0].score, found.affected[0].scheme) == ("critical", 9.8, "bitnami")


def test_a_record_that_cannot_be_read_costs_only_itself() -> None:
    records, problems = read(FEED, tar_document(URL, {"a.json": "[]", "b.json": json.dumps(RECORD)}))
    assert len(records) == 1
    assert [place for place, _ in problems] == ["a.json"]
    check_damaged_document(FEED, GOOD)


@given(damaged(GOOD.data))
def test_any_bytes_are_read_to_an_end(data: bytes) -> None:
    check_any_bytes(FEED, URL, data)


def test_every_record_of_the_real_file_is_an_advisory() -> None:
    found = real(FEED, *PATH)
    assert len(found) == manifest_count(*PATH)
    assert all(each.affected[0].ranges for each in found.values())
    assert sum(1 for each in found.values() if each.severity == "unknown") == 11  # neither a word nor a vector
