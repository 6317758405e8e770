"""The Go vulnerability database: packages, symbols, the standard library, withdrawn records."""

from __future__ import annotations

import json

from hypothesis import given

from hullmark.advisories.feeds.govulndb import FEED
from hullmark.model.advisory import GoImport, Range
from tests.unit.advisories.feeds.counts import check_any_bytes, check_damaged_document, manifest_count, real
from tests.unit.advisories.feeds.reading import advisories, damaged, read, zip_document

VULNDB = ("vuln.go.dev", "vulndb.zip")
URL = "https://vuln.go.dev/vulndb.zip"
RECORD = {
    "id": "GO-2021-0067",
    "modified": "0001-01-01T00:00:00Z",
    "published": "2021-04-14T20:04:52Z",
    "aliases": ["CVE-2021-27919"],
    "affected": [
        {
            "package": {"name": "stdlib", "ecosystem": "Go"},
            "ranges": [{"type": "SEMVER", "events": [{"introduced": "1.16.0-0"}, {"fixed": "1.16.1"}]}],
            "ecosystem_specific": {"imports": [{"path": "archive/zip", "symbols": ["toValidName"]}]},
        },
        {
            "package": {"name": "toolchain", "ecosystem": "Go"},
            "ranges": [{"type": "SEMVER", "events": [{"introduced": "0"}]}],
            "ecosystem_specific": {"imports": [{"path": "cmd/go", "goos": ["windows"]}]},
        },
    ],
}
GOOD = zip_document(URL, {"index/db.json": "{}", "index/vulns.json": "[]", "ID/GO-2021-0067.json": json.dumps(RECORD)})


def test_the_standard_library_and_the_toolchain_are_packages() -> None:
    found = advisories(FEED, GOOD)["GO-2021-0067"]
    library, tools = found.affected
    assert (library.namespace, library.name, library.scheme) == ("golang", "stdlib", "golang")
    assert library.ranges == (Range(low="1.16.0-0", high="1.16.1", fixed="1.16.1"),)
    assert library.symbols == (GoImport("archive/zip", ("toValidName",)),)
    assert (tools.name, tools.symbols) == ("toolchain", (GoImport("cmd/go"),))
    assert "windows" in tools.platforms[0]
    assert (found.published, found.modified) == ("2021-04-14T20:04:52Z", "")


def test_a_record_that_cannot_be_read_costs_only_itself() -> None:
    document = zip_document(URL, {"ID/GO-1.json": "[]", "ID/GO-2021-0067.json": json.dumps(RECORD)})
    records, problems = read(FEED, document)
    assert len(records) == 1
    assert [place for place, _ in problems] == ["ID/GO-1.json"]
    check_damaged_document(FEED, GOOD)


@given(damaged(GOOD.data))
def test_any_bytes_are_read_to_an_end(data: bytes) -> None:
    check_any_bytes(FEED, URL, data)


def test_every_record_of_the_real_file_is_an_advisory() -> None:
    found = real(FEED, *VULNDB)
    assert len(found) == manifest_count(*VULNDB)
    assert all(each.affected for each in found.values())
    assert sum(1 for each in found.values() if each.withdrawn) == 17
    names = [each.name for one in found.values() for each in one.affected]
    assert min(names.count("stdlib"), names.count("toolchain")) > 20
    assert all(name == name.lower() for name in names)
