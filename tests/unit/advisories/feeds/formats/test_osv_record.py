"""OSV records as advisories: golden records, samples of the distributions, damage."""

from __future__ import annotations

import io
import json
import tarfile
import zipfile
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given

from hullmark.advisories.feeds.feed import RecordFault
from hullmark.advisories.feeds.formats.osv_record import advisories_of
from hullmark.model.advisory import EVERY_VERSION, Advisory, Cvss, GoImport, Range
from tests.support.advisories import advisory_files
from tests.unit.advisories.feeds.reading import Problems, damaged, rows

VECTOR = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"


def read_one(record: dict[str, Any] | bytes) -> tuple[Advisory | None, Problems]:
    problems: Problems = []
    data = record if isinstance(record, bytes) else json.dumps(record).encode()
    return advisories_of(data, "test", lambda place, why: problems.append((place, why)), "here"), problems


def advisory(**fields: Any) -> Advisory:
    found, problems = read_one({"id": "X-1", **fields})
    assert found is not None
    assert not problems
    return found


def entry(ecosystem: str, name: str, *events: dict[str, str], **more: Any) -> dict[str, Any]:
    ranges = [{"type": "ECOSYSTEM", "events": list(events)}] if events else []
    return {"package": {"ecosystem": ecosystem, "name": name}, "ranges": ranges, **more}


ZERO = {"introduced": "0"}


def test_a_record_s_fields_are_the_advisory_s() -> None:
    found = advisory(
        id="GHSA-jfh8-c2jp-5v3q",
        aliases=["CVE-2021-44228", "CVE-2021-44228", "GHSA-jfh8-c2jp-5v3q"],
        related=["CVE-2021-44228", "CGA-1"],
        summary="Remote  code\nexecution",
        details="Long",
        published="2021-12-10T00:40:56Z",
        modified="2024-02-16T08:19:34.123456Z",
        severity=[{"type": "CVSS_V3", "score": VECTOR}],
        database_specific={"severity": "MODERATE", "cwe_ids": ["CWE-20", 7]},
        references=[
            {"type": "WEB", "url": "https://web.example"},
            {"type": "FIX", "url": "https://fix.example"},
            {"type": "ADVISORY", "url": "https://advisory.example"},
            {"type": "WEB", "url": "javascript:alert(1)"},
        ],
        affected=[entry("Maven", "org.apache.logging.log4j:log4j-core", {"introduced": "2.13.0"}, {"fixed": "2.15.0"})],
    )
    assert (found.id, found.source, found.aliases) == ("GHSA-jfh8-c2jp-5v3q", "test", ("CVE-2021-44228",))
    assert found.related == ("CGA-1",)
    assert (found.severity, found.cwes) == ("medium", ("CWE-20",))
    assert found.cvss == (Cvss("3.1", VECTOR, 9.8),)
    assert found.summary == "Remote code execution"
    assert (found.published, found.modified, found.withdrawn) == ("2021-12-10T00:40:56Z", "2024-02-16T08:19:34Z", "")
    assert found.references == ("https://advisory.example", "https://fix.example", "https://web.example")
    assert rows(found) == [("maven", "org.apache.logging.log4j:log4j-core", "affected", "fixed", ("2.15.0",))]


@pytest.mark.parametrize(
    ("given_", "expected"),
    [
        ({}, "unknown"),
        ({"severity": [{"type": "CVSS_V3", "score": VECTOR}]}, "critical"),
        ({"severity": [{"type": "Ubuntu", "score": "low"}, {"type": "CVSS_V3", "score": VECTOR}]}, "low"),
        ({"severity": [{"type": "CVSS_V3", "score": 7.5}]}, "unknown"),
        ({"database_specific": {"severity": None}, "severity": None}, "unknown"),
        ({"id": "RLSA-2023:1", "summary": "Important: bcel security update"}, "high"),
        ({"id": "ALSA-2022:5468", "summary": "ALSA-2022:5468: php:8.0 security update (Important)"}, "high"),
        ({"id": "X-1", "summary": "Important: not an announcement"}, "unknown"),
        ({"id": "MAL-2024-1"}, "critical"),
        ({"affected": [entry("PyPI", "x", ZERO, severity=[{"type": "CVSS_V3", "score": VECTOR}])]}, "critical"),
    ],
)
def test_the_source_s_word_comes_before_ratings(given_: dict[str, Any], expected: str) -> None:
    assert advisory(**given_).severity == expected


@pytest.mark.parametrize(
    ("given_", "aliases"),
    [
        ({"id": "UBUNTU-CVE-2021-3782", "upstream": ["CVE-2021-3782"]}, ("CVE-2021-3782",)),
        ({"id": "DEBIAN-CVE-2024-1234"}, ("CVE-2024-1234",)),
        ({"id": "USN-5614-1", "upstream": ["UBUNTU-CVE-2021-3782"]}, ("UBUNTU-CVE-2021-3782", "CVE-2021-3782")),
        ({"id": "DSA-5380-1", "related": ["CVE-2023-1393", "DLA-3"]}, ("CVE-2023-1393",)),
        ({"id": "GHSA-1", "related": ["CVE-2023-1393"]}, ()),
        ({"id": "CGA-1", "upstream": ["CVE-2024-1234", "GHSA-1"]}, ("CVE-2024-1234", "GHSA-1")),
    ],
)
def test_cves_that_an_announcement_relates_to_are_its_aliases(given_: dict[str, Any], aliases: tuple[str, ...]) -> None:
    assert advisory(**given_).aliases == aliases


def test_zero_dates_are_none_and_a_withdrawn_record_is_kept() -> None:
    found = advisory(published="0001-01-01T00:00:00Z", modified="nonsense", withdrawn="2024-01-02T03:04:05Z")
    assert (found.published, found.modified, found.withdrawn) == ("", "", "2024-01-02T03:04:05Z")


def test_versions_of_git_and_of_what_images_do_not_hold_are_left_out_without_a_word() -> None:
    git = {"type": "GIT", "repo": "https://x.example", "events": [ZERO, {"fixed": "abc"}]}
    found = advisory(
        affected=[
            {"package": {"ecosystem": "PyPI", "name": "x"}, "ranges": [git]},
            entry("Linux", "Kernel", ZERO),
            entry("Android", ":linux_kernel:", ZERO),
            {"ranges": [git]},
        ]
    )
    assert found.affected == ()


@pytest.mark.parametrize(
    ("affected", "names"),
    [
        ({"package": {"ecosystem": "PyPI", "name": ""}}, None),
        ({}, None),
        ({"package": {"ecosystem": "PyPI", "name": "x"}}, {"x"}),
        ({"package": {"ecosystem": "PyPI", "name": "x"}, "ranges": [{"type": "ECOSYSTEM"}]}, {"x"}),
    ],
)
def test_an_entry_without_package_or_versions_is_a_fault_unless_it_was_withdrawn(
    affected: dict[str, Any], names: set[str] | None
) -> None:
    found, problems = read_one({"id": "X-1", "affected": [affected]})
    [(_, fault)] = problems
    assert isinstance(fault, RecordFault)
    assert fault.names == names
    assert found is not None
    assert not found.affected
    assert read_one({"id": "X-1", "affected": [affected], "withdrawn": "2026-01-01T00:00:00Z"})[1] == []


def test_an_ecosystem_that_is_not_known_is_reported_and_the_rest_kept() -> None:
    found, problems = read_one({"id": "X-1", "affected": [entry("Foo", "x", ZERO), entry("npm", "y", ZERO)]})
    assert problems == [("here", "the ecosystem 'Foo' is not known")]
    assert found is not None
    assert rows(found) == [("npm", "y", "affected", "not-fixed", ("",))]


def test_versions_beside_ranges_are_kept_where_no_range_holds_them() -> None:
    found = advisory(affected=[entry("PyPI", "Foo_Bar", ZERO, {"fixed": "2"}, versions=["1.0", "2.5"])]).affected[0]
    assert (found.name, found.ranges, found.versions) == ("foo-bar", (Range(high="2", fixed="2"),), ("2.5",))
    only = advisory(affected=[entry("PyPI", "x", versions=["1.17.0"])]).affected[0]
    assert (only.ranges, only.versions, only.fix_state) == ((), ("1.17.0",), "unknown")


@pytest.mark.parametrize(
    ("events", "state"),
    [
        ([ZERO, {"fixed": "1"}], "fixed"),
        ([ZERO], "not-fixed"),
        ([ZERO, {"last_affected": "1"}], "unknown"),
        ([ZERO, {"fixed": "1"}, {"introduced": "2"}], "not-fixed"),
    ],
)
def test_ranges_without_a_fix_are_not_fixed_or_of_unknown_end(events: list[dict[str, str]], state: str) -> None:
    assert advisory(affected=[entry("npm", "x", *events)]).affected[0].fix_state == state


@pytest.mark.parametrize(
    ("last", "span"),
    [
        ("< 0.1.2", Range(high="0.1.2")),
        ("<= 2.3", Range(high="2.3", high_open=False)),
        (" <=2.3 ", Range(high="2.3", high_open=False)),
        ("2.3", EVERY_VERSION),
        (None, EVERY_VERSION),
    ],
)
def test_where_github_last_knew_it_to_be_affected_a_range_ends(last: object, span: Range) -> None:
    specific = {"last_known_affected_version_range": last}
    found = advisory(affected=[entry("npm", "x", ZERO, database_specific=specific, versions=["0.1", "7"])]).affected[0]
    assert (found.ranges, found.versions) == ((span,), ())
    fixed = advisory(affected=[entry("npm", "x", ZERO, {"fixed": "9"}, database_specific=specific)]).affected[0]
    assert fixed.ranges == (Range(high="9", fixed="9"),)


def test_a_fix_at_the_beginning_vetoes_for_a_distribution() -> None:
    found = advisory(affected=[entry("Wolfi", "x", ZERO, {"fixed": "0"})])
    assert rows(found) == [("wolfi:rolling", "x", "unaffected", "unknown", ("",))]


def test_an_announcement_names_itself_and_the_day_of_the_fix() -> None:
    found = advisory(
        id="RLSA-2024:3671",
        published="2024-06-06T12:00:00Z",
        summary="Moderate: ruby:3.3 security update",
        affected=[
            entry("Rocky Linux:9", "ruby", ZERO, {"fixed": "0:3.3.1-2.module+el9.4.0+20787+4c237fd3"}),
            entry("Rocky Linux:9", "glibc", ZERO, {"fixed": "0:2.34-100.el9"}),
            entry("Rocky Linux:9", "glibc", ZERO, {"fixed": "0:2.34-100.el9"}),
        ],
    )
    assert [(each.name, each.module, each.fix_date, each.vendor_ids) for each in found.affected] == [
        ("ruby", "ruby:3.3", "2024-06-06", ("RLSA-2024:3671",)),
        ("glibc", "", "2024-06-06", ("RLSA-2024:3671",)),
    ]


@pytest.mark.parametrize(
    ("summary", "module"),
    [
        ("Important: varnish security update", None),
        ("Important: virt:rhel and virt-devel:rhel security update", None),
        ("ALSA-2024:1: php:8.0 security update (Important)", "php:8.0"),
        ("Important: perl-DBI:1.641 security update", "perl-DBI:1.641"),
    ],
)
def test_a_module_that_the_summary_does_not_tell_may_be_any(summary: str, module: str | None) -> None:
    fixed = {"fixed": "6.0.8-3.module_el8.8.0+3665+0b8dabc5"}
    found = advisory(id="ALSA-2024:1", summary=summary, affected=[entry("AlmaLinux:8", "x", ZERO, fixed)])
    assert found.affected[0].module == module


def test_live_patches_of_kernels_are_no_packages() -> None:
    assert advisory(id="LSN-0111-1", affected=[entry("Ubuntu:24.04:LTS", "linux", ZERO, {"fixed": "1"})]).affected == ()


def test_go_s_imports_name_symbols_and_systems() -> None:
    specific = {
        "imports": [
            {"path": "os", "symbols": ["Root.Open"], "goos": ["windows"]},
            {"path": "path/filepath", "goos": ["windows"]},
        ]
    }
    found = advisory(affected=[entry("Go", "stdlib", ZERO, ecosystem_specific=specific)]).affected[0]
    assert found.symbols == (GoImport("os", ("Root.Open",)), GoImport("path/filepath"))
    assert found.platforms == ("cpe:2.3:o:microsoft:windows:*:*:*:*:*:*:*:*",)


@pytest.mark.parametrize("systems", [["windows", "plan9"], [], None, "windows", [7]])
def test_systems_that_are_not_all_known_bind_nothing(systems: object) -> None:
    specific = {"affects": {"os": systems}}
    assert advisory(affected=[entry("crates.io", "x", ZERO, ecosystem_specific=specific)]).affected[0].platforms == ()


def test_a_go_module_affected_in_every_version_ends_where_its_project_says() -> None:
    own = [{"type": "ECOSYSTEM", "events": [{"introduced": "7.0.0"}, {"fixed": "7.5.15"}]}]
    found = advisory(affected=[entry("Go", "github.com/A/b", ZERO, ecosystem_specific={"custom_ranges": own})])
    assert found.affected[0].ranges == (Range(high="7.5.15", fixed="7.5.15"),)


def test_a_distribution_s_own_severity_stands_beside_the_advisory_s() -> None:
    def severity(ecosystem: str, **specific: object) -> str:
        record = {"affected": [entry(ecosystem, "x", ZERO, ecosystem_specific=specific)]}
        return advisory(**record).affected[0].severity

    assert severity("Ubuntu:22.04:LTS", ubuntu_priority="negligible") == "negligible"
    assert severity("Debian:12", urgency="unimportant") == "negligible"
    assert severity("Debian:12", urgency="not yet assigned") == ""


@pytest.mark.parametrize(
    "data", [b"", b"[]", b"{}", b'{"id": ""}', b'{"id": 7}', b'{"id": "X", "affected": 1}', b"\xff"]
)
def test_what_is_no_record_is_reported(data: bytes) -> None:
    found, problems = read_one(data)
    assert found is None
    assert [place for place, _ in problems] == ["here"]


GOOD = json.dumps(
    {
        "id": "RLSA-1",
        "severity": [{"type": "CVSS_V3", "score": VECTOR}],
        "affected": [entry("Rocky Linux:9", "x", ZERO, {"fixed": "1"}, versions=["0", "2"])],
    }
).encode()


@given(damaged(GOOD))
def test_any_bytes_are_a_record_or_reported(data: bytes) -> None:
    found, problems = read_one(data)
    assert found is not None or problems


def _samples() -> Iterator[tuple[str, bytes]]:
    for archive in ("alpine", "debian", "openeuler", "redhat", "rocky", "suse", "ubuntu", "vunnel-misc"):
        with tarfile.open(advisory_files() / "samples" / f"{archive}.tar.gz") as tar:
            for member in tar:
                stream = tar.extractfile(member)
                if stream is not None and (
                    "/osv" in member.name or "/alma/" in member.name or "/vulndb/" in member.name
                ):
                    yield from _records(member.name, stream.read())


def _records(name: str, data: bytes) -> Iterator[tuple[str, bytes]]:
    if name.endswith(".json") and not name.endswith("/all.json"):
        yield name, data
    elif name.endswith(".zip"):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            yield from ((name, archive.read(name)) for name in archive.namelist())
    elif name.endswith((".tar.xz", ".tar.bz2")):
        with tarfile.open(fileobj=io.BytesIO(data)) as tar:
            for member in tar:
                stream = tar.extractfile(member)
                if stream is not None and not member.name.endswith("/all.json"):
                    yield member.name, stream.read()


def test_every_sample_of_a_distribution_is_read_without_a_word() -> None:
    found = {}
    for name, data in _samples():
        one, problems = read_one(data)
        assert one is not None, name
        assert not problems, (name, problems)
        found[one.id] = one
    assert rows(found["RHSA-2024:8709"])[0] == ("rhel:9.2+eus", "podman", "affected", "fixed", ("2:4.4.1-21.el9_2",))
    assert found["RHSA-2024:8709"].affected[0].module == ""
    assert found["OESA-2021-1001"].aliases[0] == "CVE-2020-25681"
    releases = {each.namespace for each in found["ALPINE-CVE-2023-46850"].affected}
    assert releases == {f"alpine:3.{minor}" for minor in range(18, 23)}
    assert ("ubuntu:16.04+esm", "wayland", "affected", "fixed", ("1.12.0-1~ubuntu16.04.3+esm1",)) in rows(
        found["UBUNTU-CVE-2021-3782"]
    )
    assert found["UBUNTU-CVE-2021-3782"].severity == "medium"
    assert "sles:12.1" in {each.namespace for one in found.values() for each in one.affected}
    assert len(found) > 25
