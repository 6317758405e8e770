"""The secdb format: JSON and YAML, never affected, several ids in an item."""

from __future__ import annotations

import json

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from hullmark.advisories.feeds.formats.secdb import Fix, advisories, fixes_of
from tests.support.advisories import Bytes
from tests.unit.advisories.feeds.reading import Problems, damaged, heard, rows

URL = "https://secdb.example/v3.18/main.json"
SECDB = {
    "distroversion": "v3.18",
    "packages": [
        {
            "pkg": {
                "name": "xen",
                "secfixes": {"4.6.3-r1": ["CVE-2016-6258 XSA-182", "CVE-2016-6259 CVE-2016-5403"], "0": ["XSA-1"]},
            }
        },
        {
            "pkg": {
                "name": "curl",
                "secfixes": {"0": ["CVE-2021-22897"], "8.1.0-r0": ["CVE-2023-28319"], "8.1.1-r0": ["CVE-2023-28319"]},
            }
        },
        {"pkg": {"name": "nothing", "secfixes": {"1.0-r0": None}}},
        {"pkg": {"name": "less"}},
    ],
}
GOOD = json.dumps(SECDB).encode()


def fixes(url: str, data: bytes) -> tuple[list[Fix], Problems]:
    return heard(lambda report: fixes_of(Bytes(url, data), report))


def test_items_with_several_ids_are_taken_apart_and_what_is_no_cve_becomes_an_alias_of_the_one_cve_beside_it() -> None:
    assert fixes(URL, GOOD)[0] == [
        Fix("xen", "4.6.3-r1", "CVE-2016-6258", ("XSA-182",)),
        Fix("xen", "4.6.3-r1", "CVE-2016-6259"),
        Fix("xen", "4.6.3-r1", "CVE-2016-5403"),
        Fix("xen", "0", "XSA-1"),
        Fix("curl", "0", "CVE-2021-22897"),
        Fix("curl", "8.1.0-r0", "CVE-2023-28319"),
        Fix("curl", "8.1.1-r0", "CVE-2023-28319"),
    ]


@pytest.mark.parametrize(
    ("entry", "ids"),
    [
        ("CVE_2019-2426", ["CVE-2019-2426"]),
        ("CVE 2018-16859", ["CVE-2018-16859"]),
        ("CVE-2017-8073.patch", ["CVE-2017-8073"]),
        ("CVE-2017-17434-1", ["CVE-2017-17434"]),
        ("CVE-2017-16808 (AoE)", ["CVE-2017-16808"]),
        ("CVE-2017-2616 (+ regression fix)", ["CVE-2017-2616"]),
        ("CVE-2019-5060 TALOS-2019-0844", ["CVE-2019-5060"]),
        ("CVE-2020-0001, CVE-2020-0002", ["CVE-2020-0001", "CVE-2020-0002"]),
        ("wnpa-sec-2017-21", ["wnpa-sec-2017-21"]),
        ("?", []),
    ],
)
def test_ids_are_understood_as_packagers_write_them(entry: str, ids: list[str]) -> None:
    document = {"packages": [{"pkg": {"name": "a", "secfixes": {"1": [entry]}}}]}
    assert [each.id for each in fixes(URL, json.dumps(document).encode())[0]] == ids


def test_yaml_says_the_same_as_json() -> None:
    text = yaml.safe_dump(SECDB, sort_keys=False).encode()
    assert fixes(URL.replace(".json", ".yaml"), text) == fixes(URL, GOOD)


def test_packages_may_be_null_or_missing() -> None:
    assert fixes(URL, b'{"packages": null}') == ([], [])
    assert fixes(URL, b"{}") == ([], [])


def test_one_advisory_an_id_with_each_package_once_and_version_0_means_never_affected() -> None:
    found = {
        advisory.id: advisory
        for advisory in advisories("x", [("alpine:3.18", fixes(URL, GOOD)[0]), ("alpine:3.19", [])])
    }
    assert list(found) == sorted(found)
    assert rows(found["CVE-2021-22897"]) == [("alpine:3.18", "curl", "unaffected", "unknown", ("",))]
    assert rows(found["CVE-2023-28319"]) == [("alpine:3.18", "curl", "affected", "fixed", ("8.1.0-r0", "8.1.1-r0"))]
    assert found["CVE-2016-6258"].aliases == ("XSA-182",)
    assert all(span.high_open and span.fixed == span.high for span in found["CVE-2023-28319"].affected[0].ranges)


def test_a_package_that_cannot_be_read_costs_only_itself() -> None:
    broken = {
        "packages": [
            {"pkg": {"secfixes": {}}},
            7,
            {"pkg": {"name": "a", "secfixes": {"1": [3]}}},
            SECDB["packages"][3],
            SECDB["packages"][1],
        ]
    }
    found, problems = fixes(URL, json.dumps(broken).encode())
    assert [each.package for each in found] == ["curl"] * 3
    assert [place.rpartition(" ")[2] for place, _ in problems] == ["0", "1", "2"]


@given(damaged(GOOD), st.sampled_from([URL, URL.replace(".json", ".yaml")]))
def test_any_bytes_are_read_or_reported(data: bytes, url: str) -> None:
    found, problems = fixes(url, data)
    assert sorted({each.id for each in found}) == [
        advisory.id for advisory in advisories("x", [("alpine:3.18", found)])
    ]
    assert all(why for _, why in problems)
