"""Canonical's OSV records and VEX documents."""

from __future__ import annotations

import json
import tarfile
from typing import Any

import pytest
from hypothesis import given

from hullmark.advisories.feeds.ubuntu import FEED
from hullmark.model.advisory import Advisory, AffectedPackage
from tests.support.advisories import Bytes, advisory_files, sample
from tests.unit.advisories.feeds.reading import advisories, crawled, damaged, read, rows, tar_document

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


def said(status: str, *products: str, cve: str = "CVE-2021-3782", **rest: str) -> dict[str, Any]:
    named = [{"@id": f"pkg:deb/ubuntu/{product}"} for product in products]
    return {"vulnerability": {"name": cve}, "status": status, "products": named, **rest}


def vex_of(*statements: dict[str, Any]) -> Bytes:
    return tar_document(VEX, {"vex/cve/2021/CVE-2021-3782.json": json.dumps({"statements": statements})}, "xz")


def vex(action: str, *products: str) -> Bytes:
    named = (product.removeprefix("pkg:deb/ubuntu/") for product in products)
    return vex_of(said("affected", *named, action_statement=action))


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


def sourced(name: str, distro: str, version: str = "1") -> str:
    return f"{name}@{version}?arch=source&distro={distro}"


def test_vex_says_what_is_not_affected_in_base_and_pro() -> None:
    curl = [sourced("curl", "focal"), sourced("curl", "esm-infra/xenial"), sourced("curl", "fips/focal")]
    binary = "libcurl4@1?arch=amd64&distro=focal"
    document = vex_of(said("not_affected", *curl, binary, justification="vulnerable_code_not_present"))
    found = only(document, osv(record(entry("Ubuntu:22.04:LTS", "curl", {"fixed": "2"}))))
    assert rows(found) == [
        ("ubuntu:22.04", "curl", "affected", "fixed", ("2",)),
        ("ubuntu:20.04", "curl", "unaffected", "unknown", ("",)),
        ("ubuntu:16.04+esm", "curl", "unaffected", "unknown", ("",)),
    ]


def test_what_osv_calls_affected_vex_does_not_clear() -> None:
    document = vex_of(said("not_affected", sourced("curl", "jammy"), justification="vulnerable_code_not_present"))
    found = only(document, osv(record(entry("Ubuntu:22.04:LTS", "curl"))))
    assert rows(found) == [("ubuntu:22.04", "curl", "affected", "not-fixed", ("",))]


def test_a_package_that_is_not_in_the_archive_is_not_called_sound() -> None:
    absent = said("not_affected", sourced("zabbix", "noble"), justification="component_not_present")
    assert advisories(FEED, vex_of(absent)) == {}


def test_what_nobody_has_looked_at_is_not_known_to_be_sound() -> None:
    document = vex_of(said("under_investigation", sourced("curl", "jammy"), sourced("curl", "esm-infra/xenial")))
    found = only(document, osv(record(entry("Ubuntu:20.04:LTS", "curl"))))
    assert rows(found)[1:] == [("ubuntu:22.04", "curl", "affected", "unknown", ("",))]
    assert found.affected[1].note == "under investigation"


@pytest.mark.parametrize("status", ["fixed", "affected", "something"])
def test_no_other_word_of_vex_adds_a_package(status: str) -> None:
    statement = said(status, sourced("curl", "xenial"), action_statement="This package is no longer supported.")
    found = only(
        vex_of(statement, said("not_affected", sourced("gnutls", "focal"))),
        osv(record(entry("Ubuntu:20.04:LTS", "curl"))),
    )
    assert [row[:2] for row in rows(found)] == [("ubuntu:20.04", "curl"), ("ubuntu:20.04", "gnutls")]


def test_of_some_cves_vex_alone_speaks_and_dates_them() -> None:
    statements = (
        said("not_affected", sourced("libstdc%2B%2B", "jammy"), cve="CVE-2025-0167", timestamp="2025-02-05T06:00:00Z"),
        said("not_affected", sourced("curl", "jammy"), cve="CVE-2025-0167", timestamp="2025-02-06"),
        said("not_affected", sourced("curl", "jammy"), cve="USN-1-1"),
        said("not_affected", "curl@1?arch=amd64&distro=jammy", cve="CVE-2025-0168"),
    )
    found = only(vex_of(*statements))
    assert (found.id, found.source, found.published, found.severity) == (
        "CVE-2025-0167",
        "ubuntu",
        "2025-02-05",
        "unknown",
    )
    assert [(row.name, row.kind) for row in found.affected] == [("libstdc++", "unaffected"), ("curl", "unaffected")]


def test_products_are_read_however_json_writes_them() -> None:
    plain = json.dumps({"statements": [said("not_affected", sourced("curl", "jammy"), sourced("bash", "noble"))]})
    escaped = plain.replace("&", "\\u0026")
    told = [only(tar_document(VEX, {"a.json": text}, "xz")).affected for text in (plain, escaped)]
    assert told[0] == told[1]
    assert len(told[0]) == 2


def test_of_a_cve_of_no_source_package_that_is_known_nothing_is_said() -> None:
    long = sourced("w" * 1100, "jammy")
    assert read(FEED, osv(), vex_of(said("affected", "wayland@1?arch=amd64&distro=jammy"))) == ([], [])
    assert read(FEED, osv(), vex_of(said("affected", long, action_statement=NEVER))) == ([], [])
    never = said("affected", sourced("wayland", "jammy"), action_statement=NEVER)
    assert read(FEED, osv(), vex_of(never)) == ([], []), "it only says what becomes of what OSV calls affected"


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
    assert list(whole) == ["CVE-2024-51988", "CVE-2025-0167"]
    assert rows(whole["CVE-2025-0167"]) == [
        (namespace, "curl", "unaffected", "unknown", ("",))
        for namespace in ("ubuntu:14.04+esm", "ubuntu:16.04+esm", "ubuntu:18.04+esm", "ubuntu:20.04")
    ]
    assert whole["CVE-2025-0167"].published == "2025-02-05"
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
    assert len(found) == 9
    assert [row[0] for row in rows(found["CVE-2023-38545"])] == [f"ubuntu:{n}.04+esm" for n in (14, 16, 18, 20)]
    states: dict[str, set[str]] = {
        name: {each.fix_state for each in advisory.affected} for name, advisory in found.items()
    }
    assert states["CVE-2016-20013"] == {"wont-fix"}
    assert states["CVE-2026-1403"] == {"not-fixed"}
    wayland: list[AffectedPackage] = list(found["CVE-2021-3782"].affected)
    assert [each.vendor_ids for each in wayland if each.namespace == "ubuntu:20.04"] == [("USN-5614-1",)]


@given(damaged(json.dumps(record(entry("Ubuntu:22.04:LTS", "x", {"fixed": "1"}))).encode()))
def test_any_bytes_are_read_or_reported(data: bytes) -> None:
    read(
        FEED,
        tar_document(OSV, {"osv/x.json": data}, "xz"),
        tar_document(VEX, {"x.json": data + b"is no longer supported"}, "xz"),
    )


STATEMENT = said("not_affected", sourced("curl", "jammy"), sourced("bash", "esm-apps/noble"))


@given(damaged(json.dumps({"statements": [STATEMENT, said("under_investigation", sourced("x", "focal"))]}).encode()))
def test_any_bytes_of_vex_are_read_or_reported(data: bytes) -> None:
    read(FEED, tar_document(VEX, {"x.json": data}, "xz"))
