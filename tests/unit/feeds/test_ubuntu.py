"""Canonical's OSV records and VEX documents."""

from __future__ import annotations

import json
import tarfile
from typing import Any

import pytest
from hypothesis import given

from hullmark.feeds.ubuntu import FEED
from hullmark.model.advisory import Advisory, Affected
from tests.support.advisories import Bytes, advisory_files, sample
from tests.unit.feeds.reading import advisories, crawled, damaged, read, rows, tar_document

HOST = "https://security-metadata.canonical.com"
OSV, VEX = f"{HOST}/osv/osv-all.tar.xz", f"{HOST}/vex/vex-all.tar.xz"
NEVER = (
    "This package (for the given release) is vulnerable to the CVE, the problem is understood, but the Ubuntu Security"
    " Team decided to not fix it."
)


def entry(ecosystem: str, name: str, *events: dict[str, str]) -> dict[str, Any]:
    spans = [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, *events]}]
    return {"package": {"ecosystem": ecosystem, "name": name}, "ranges": spans, "versions": ["1", "2"]}


def record(*affected: dict[str, Any], **rest: Any) -> dict[str, Any]:
    made = {
        "id": "UBUNTU-CVE-2021-3782",
        "details": "A reference count.",
        "upstream": ["CVE-2021-3782"],
        "severity": [
            {"type": "CVSS_V3", "score": "CVSS:3.1/AV:L/AC:L/PR:L/UI:N/S:U/C:L/I:L/A:H"},
            {"type": "Ubuntu", "score": "medium"},
        ],
        "published": "2022-08-30T20:51:00Z",
        "affected": list(affected),
    }
    return {**made, **rest}


def osv(*records: dict[str, Any]) -> Bytes:
    return tar_document(OSV, {f"osv/{each['id']}.json": json.dumps(each) for each in records}, "xz")


def vex(action: str, *products: str) -> Bytes:
    statement = {
        "vulnerability": {"name": "CVE-2021-3782"},
        "status": "affected",
        "action_statement": action,
        "products": [{"@id": product} for product in products],
    }
    return tar_document(VEX, {"vex/cve/2021/CVE-2021-3782.json": json.dumps({"statements": [statement]})}, "xz")


def only(*documents: Bytes) -> Advisory:
    (found,) = advisories(FEED, *documents).values()
    return found


def test_a_record_is_known_by_its_cve_too_and_priority_is_the_severity() -> None:
    found = only(osv(record(entry("Ubuntu:22.04:LTS", "wayland", {"fixed": "1.20.0-1ubuntu0.1"}))))
    assert (found.id, found.aliases, found.severity) == ("CVE-2021-3782", ("UBUNTU-CVE-2021-3782",), "medium")
    assert [rating.score for rating in found.cvss] == [6.6]
    assert rows(found) == [("ubuntu:22.04", "wayland", "affected", "fixed", ("1.20.0-1ubuntu0.1",))]


def test_ubuntu_pro_has_fixes_only_and_what_only_pro_names_its_base_never_fixes() -> None:
    found = only(
        osv(
            record(
                entry("Ubuntu:Pro:16.04:LTS", "wayland", {"fixed": "1.12.0-1+esm1"}),
                entry("Ubuntu:Pro:14.04:LTS", "netty"),
                entry("Ubuntu:Pro:18.04:LTS", "curl", {"fixed": "7.58+esm1"}),
                entry("Ubuntu:18.04:LTS", "curl"),
            )
        )
    )
    assert rows(found) == [
        ("ubuntu:16.04", "wayland", "affected", "wont-fix", ("",)),
        ("ubuntu:16.04+esm", "wayland", "affected", "fixed", ("1.12.0-1+esm1",)),
        ("ubuntu:14.04", "netty", "affected", "wont-fix", ("",)),
        ("ubuntu:18.04+esm", "curl", "affected", "fixed", ("7.58+esm1",)),
        ("ubuntu:18.04", "curl", "affected", "not-fixed", ("",)),
    ]
    assert [each.note for each in found.affected][:3] == ["fixed in Ubuntu Pro only", "", ""]


@pytest.mark.parametrize(
    "ecosystem",
    [
        "Ubuntu:Pro:FIPS:20.04:LTS",
        "Ubuntu:Pro:FIPS-updates:20.04:LTS",
        "Ubuntu:Pro:Realtime:22.04:LTS",
        "Ubuntu:Nvidia-BlueField:22.04:LTS",
    ],
)
def test_other_builds_are_left_out(ecosystem: str) -> None:
    assert only(osv(record(entry(ecosystem, "linux")))).affected == ()


def test_fixed_in_version_0_is_never_affected() -> None:
    found = only(osv(record(entry("Ubuntu:24.04:LTS", "vim", {"fixed": "0"}))))
    assert rows(found) == [("ubuntu:24.04", "vim", "unaffected", "unknown", ("",))]


@pytest.mark.parametrize(
    ("action", "product", "state"),
    [
        (NEVER, "pkg:deb/ubuntu/libstdc%2B%2B@1?arch=source&distro=jammy", "wont-fix"),
        (
            "This package (for the given release) is no longer supported. x",
            "pkg:deb/ubuntu/libstdc++@1?distro=jammy&arch=source",
            "wont-fix",
        ),
        (
            "This package (for the given release) is vulnerable to the CVE and needs fixing.",
            "pkg:deb/ubuntu/libstdc++@1?arch=source&distro=jammy",
            "not-fixed",
        ),
        (NEVER, "pkg:deb/ubuntu/libstdc++@1?arch=source&distro=esm-infra/jammy", "wont-fix"),
        (NEVER, "pkg:deb/ubuntu/libstdc++@1?arch=source&distro=fips/jammy", "not-fixed"),
        (NEVER, "pkg:deb/ubuntu/libstdc++@1?arch=amd64&distro=jammy", "not-fixed"),
        (NEVER, "pkg:deb/ubuntu/libstdc++@1?arch=source&distro=focal", "not-fixed"),
    ],
)
def test_vex_says_what_is_never_fixed(action: str, product: str, state: str) -> None:
    found = only(vex(action, product), osv(record(entry("Ubuntu:22.04:LTS", "libstdc++"))))
    assert [each.fix_state for each in found.affected] == [state]


def test_a_notice_names_and_dates_the_fix_wherever_it_stands_in_the_archive() -> None:
    fixed = entry("Ubuntu:22.04:LTS", "wayland", {"fixed": "1.20.0-1ubuntu0.1"})
    notice = {"id": "USN-5614-1", "published": "2022-09-15T16:43:06Z", "affected": [fixed]}
    for document in (osv(record(fixed), notice), osv(notice, record(fixed))):
        (row,) = only(document).affected
        assert (row.vendor_ids, row.fix_date) == (("USN-5614-1",), "2022-09-15")


def test_withdrawn_is_only_what_was_rejected() -> None:
    found = only(osv(record(withdrawn="2025-06-23T15:53:49Z")))
    assert found.withdrawn == ""
    rejected = only(osv(record(details="** REJECT ** Do not use.", modified="2025-01-01T00:00:00Z")))
    assert rejected.withdrawn == "2025-01-01T00:00:00Z"


def test_both_archives_are_fetched() -> None:
    assert {get.url for get in crawled(FEED, lambda get: Bytes(get.url, b""))} == {OSV, VEX}


def test_the_real_samples_are_read_whole() -> None:
    whole = advisories(
        FEED, Bytes(OSV, sample("ubuntu", "osv-all.tar.xz").data), Bytes(VEX, sample("ubuntu", "vex-all.tar.xz").data)
    )
    assert list(whole) == ["CVE-2024-51988"]
    files: dict[str, bytes] = {}
    with tarfile.open(advisory_files() / "samples" / "ubuntu.tar.gz") as tar:
        for member in tar:
            stream = (
                tar.extractfile(member) if "/vunnel/" in f"/{member.name}" and member.name.endswith(".json") else None
            )
            if stream is not None:
                files[member.name] = stream.read()
    found = advisories(
        FEED,
        tar_document(VEX, {name: data for name, data in files.items() if "/vex/" in name}, "xz"),
        tar_document(OSV, {name: data for name, data in files.items() if "/osv" in name}, "xz"),
    )
    assert len(found) == 8
    states: dict[str, set[str]] = {
        name: {each.fix_state for each in advisory.affected} for name, advisory in found.items()
    }
    assert states["CVE-2016-20013"] == {"wont-fix"}
    assert states["CVE-2026-1403"] == {"not-fixed"}
    wayland: list[Affected] = list(found["CVE-2021-3782"].affected)
    assert [each.vendor_ids for each in wayland if each.namespace == "ubuntu:20.04"] == [("USN-5614-1",)]


@given(damaged(json.dumps(record(entry("Ubuntu:22.04:LTS", "x", {"fixed": "1"}))).encode()))
def test_any_bytes_are_read_or_reported(data: bytes) -> None:
    read(
        FEED,
        tar_document(OSV, {"osv/x.json": data}, "xz"),
        tar_document(VEX, {"x.json": data + b"is no longer supported"}, "xz"),
    )
