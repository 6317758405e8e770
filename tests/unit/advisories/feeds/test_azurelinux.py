"""The azurelinux feed: Microsoft's OVAL for Azure Linux and Mariner."""

from __future__ import annotations

from collections import Counter

import msgspec
from hypothesis import given, settings

from hullmark.advisories.feeds.azurelinux import FEED
from hullmark.model.advisory import Range
from tests.support.advisories import Bytes, document, sample
from tests.support.places import shared
from tests.unit.advisories.feeds.reading import advisories, damaged, read

PLACE = ("raw.githubusercontent.com", "microsoft", "AzureLinuxVulnerabilityData", "main")


def truncated() -> Bytes:
    """Five definitions of Mariner 2.0, under the name that upstream gives the whole."""
    return Bytes(
        "https://a.example/cbl-mariner-2.0-oval.xml", sample("vunnel-misc", "mariner-truncated-2.0-oval.xml").data
    )


def test_a_definition_is_a_range_with_or_without_a_fix_or_is_never_affected() -> None:
    found = advisories(FEED, truncated())
    rows = {
        name: (row.name, row.kind, row.fix_state, row.ranges) for name, each in found.items() for row in each.affected
    }
    mysql = ("mysql", "affected", "fixed", (Range(high="0:8.0.33-1.cm2", fixed="0:8.0.33-1.cm2"),))
    golang = Range(low="0:1.19.0.cm2", low_open=True, high="0:1.20.7-1.cm2", fixed="0:1.20.7-1.cm2")
    assert rows == {
        "CVE-2023-29404": ("golang", "affected", "fixed", (golang,)),
        "CVE-2023-0687": ("glibc", "unaffected", "unknown", (Range(high="0:2.35-4.cm2", high_open=False),)),
        "CVE-2023-21980": mysql,
        "CVE-2023-21977": mysql,
        "CVE-2022-3736": ("bind", "affected", "not-fixed", (Range(high="0:9.16.33-1.cm2", high_open=False),)),
    }
    assert {row.namespace for each in found.values() for row in each.affected} == {"mariner:2.0"}


def test_the_real_files_give_as_many_rows_as_they_have_definitions() -> None:
    manifest = msgspec.json.decode((shared("advisories") / "MANIFEST.json").read_bytes())
    counts = {
        source["name"].split()[-1]: source["count"]
        for source in manifest["sources"]
        if "Azure Linux OVAL" in source["name"]
    }
    names = ("cbl-mariner-1.0-oval.xml", "azurelinux-3.0-oval.xml")
    found = advisories(FEED, *(document(*PLACE, f"{name}.gz") for name in names))
    rows = Counter(row.namespace for each in found.values() for row in each.affected)
    assert rows == {"mariner:1.0": counts[names[0]], "azurelinux:3.0": counts[names[1]]}
    # A CVE in several packages or releases is one advisory of several rows.
    assert len(found) == 2990


def test_a_file_of_an_unknown_release_is_reported() -> None:
    records, problems = read(FEED, Bytes("https://a.example/other.xml", b""))
    assert (records, len(problems)) == ([], 1)


@settings(max_examples=50)
@given(damaged(b'<oval_definitions><definitions><definition id="1"/></definitions></oval_definitions>'))
def test_any_bytes_are_read_or_reported(data: bytes) -> None:
    read(FEED, Bytes("https://a.example/azurelinux-3.0-oval.xml", data))


def test_a_definition_whose_test_is_not_a_range_of_versions_is_reported() -> None:
    text = b"".join(truncated().data.splitlines(keepends=True))
    odd = text.replace(b'operation="less than or equal">0:2.35-4.cm2', b'operation="pattern match">.*')
    assert odd != text
    records, problems = read(FEED, Bytes(truncated().url, odd))
    assert len(records) == len(advisories(FEED, truncated())) - 1
    assert [why for _, why in problems] == ["it names no versions of a package"]
