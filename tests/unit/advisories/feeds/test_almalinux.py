"""AlmaLinux errata: one advisory over all releases, modules, severities."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given

from hullmark.advisories.feeds.almalinux import FEED
from tests.unit.advisories.feeds.counts import check_any_bytes, check_damaged_document, manifest_count, real
from tests.unit.advisories.feeds.reading import advisories, damaged, read, rows, tar_document

PATH = ("github.com", "AlmaLinux", "osv-database", "archive", "refs", "heads", "master.tar.gz")
URL = "https://" + "/".join(PATH)


def erratum(release: int, name: str, fixed: str, **more: Any) -> str:
    return json.dumps(
        {
            "id": "ALSA-2025:10873",
            "summary": "Important: java-21-openjdk security update",
            "published": "2025-07-15T00:00:00Z",
            "related": [f"CVE-2025-{release:04}"],
            "affected": [
                {
                    "package": {"ecosystem": f"AlmaLinux:{release}", "name": name},
                    "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": fixed}]}],
                }
            ],
            **more,
        }
    )


def place(release: int, name: str = "ALSA-2025:10873") -> str:
    return f"osv-database-master/advisories/almalinux{release}/{name}.json"


GOOD = tar_document(URL, {place(8): erratum(8, "java", "1:21-1.el8"), place(9): erratum(9, "java", "1:21-1.el9")})


def test_an_erratum_of_two_releases_is_one_advisory() -> None:
    found = advisories(FEED, GOOD)["ALSA-2025:10873"]
    assert rows(found) == [
        ("almalinux:8", "java", "affected", "fixed", ("1:21-1.el8",)),
        ("almalinux:9", "java", "affected", "fixed", ("1:21-1.el9",)),
    ]
    assert (found.aliases, found.severity) == (("CVE-2025-0008", "CVE-2025-0009"), "high")
    assert {(each.module, each.fix_date, each.vendor_ids) for each in found.affected} == {
        ("", "2025-07-15", ("ALSA-2025:10873",))
    }


def test_the_summary_names_the_module() -> None:
    text = erratum(8, "nodejs", "1:18-1.module_el8.9.0+3+a", summary="Moderate: nodejs:18 security update")
    found = advisories(FEED, tar_document(URL, {place(8): text}))["ALSA-2025:10873"]
    assert (found.severity, found.affected[0].module) == ("medium", "nodejs:18")


def test_a_record_that_cannot_be_read_costs_only_itself() -> None:
    records, problems = read(FEED, tar_document(URL, {place(8, "x"): "{}", place(9): erratum(9, "a", "1")}))
    assert len(records) == 1
    assert [where for where, _ in problems] == [place(8, "x")]
    check_damaged_document(FEED, GOOD)


@given(damaged(GOOD.data))
def test_any_bytes_are_read_to_an_end(data: bytes) -> None:
    check_any_bytes(FEED, URL, data)


def test_every_erratum_of_the_real_file_is_an_advisory() -> None:
    found = real(FEED, *PATH)
    releases = {name: len({each.namespace for each in one.affected}) for name, one in found.items()}
    # The manifest counts files: 37 errata have one for each of two or three releases.
    assert sum(releases.values()) == manifest_count(*PATH)
    assert sum(1 for count in releases.values() if count > 1) == 37
    modular = [
        one for one in found.values() if any(".module" in span.fixed for each in one.affected for span in each.ranges)
    ]
    # 7 of them name no stream, 44 name two (`virt:rhel and virt-devel:rhel`).
    assert sum(1 for one in modular if one.affected[0].module is None) == 7 + 44
    assert all(one.severity != "unknown" for one in found.values())
