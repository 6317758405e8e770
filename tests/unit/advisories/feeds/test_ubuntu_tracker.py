"""Ubuntu's CVE tracker: states, releases, priorities, the real tree."""

from __future__ import annotations

import pytest
from hypothesis import given

from hullmark.advisories.feeds.ubuntu_tracker import FEED, esm_or_base
from hullmark.model.advisory import Advisory, AffectedPackage, Cvss, Range
from tests.support.advisories import document, sample
from tests.unit.advisories.feeds.reading import advisories, damaged, in_memory, read, tar_document

URL = "https://git.launchpad.net/ubuntu-cve-tracker/snapshot/ubuntu-cve-tracker-master.tar.gz"
HEAD = """\
PublicDateAtUSN: 2022-03-15
Candidate: CVE-2022-0778
PublicDate: 2022-03-15 17:15:00 UTC
References:
 https://www.openssl.org/news/secadv/20220315.txt
 https://ubuntu.com/security/notices/USN-5328-1
Description:
 The BN_mod_sqrt() function
 can loop forever.
Notes:
 mdeslaur> jammy_openssl: released (9.9)
Priority: high
 a reason
Priority_edk2: low
Priority_nodejs_jammy: negligible
CVSS:
 nvd: CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H [7.5 HIGH]
 odd: CVSS:3.1/AV:N [x]
 more: CVSS:3.1/AV:N [7.5.1 HIGH]

Patches_openssl:
 upstream: https://example.org
#jammy_commented: needed
upstream_openssl: released (1.1.1n)
"""


def advisory(*lines: str) -> Advisory:
    text = HEAD + "".join(f"{line}\n" for line in lines)
    (found,) = advisories(
        FEED, tar_document(URL, {"u/active/CVE-2022-0778": text, "u/active/00boilerplate": "x", "u/README": ""})
    ).values()
    return found


def only(line: str) -> AffectedPackage:
    (affected,) = advisory(line).affected
    return affected


def test_a_file_s_head_says_priority_rating_and_when() -> None:
    found = advisory()
    assert (found.id, found.severity, found.published) == ("CVE-2022-0778", "high", "2022-03-15T17:15:00Z")
    assert found.summary == "The BN_mod_sqrt() function can loop forever."
    assert found.cvss == (Cvss("3.1", "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H", 7.5, "nvd"),)
    assert len(found.references) == 2
    assert found.affected == ()


@pytest.mark.parametrize(
    ("state", "kind", "fix_state", "span"),
    [
        ("released (3.0.2-0ubuntu1)", "affected", "fixed", Range(high="3.0.2-0ubuntu1", fixed="3.0.2-0ubuntu1")),
        ("needed", "affected", "not-fixed", Range()),
        ("pending (3.0.2-1)", "affected", "not-fixed", Range()),
        ("deferred (2021-01-29)", "affected", "not-fixed", Range()),
        ("needs-triage", "affected", "unknown", Range()),
        ("ignored (end of life, was needed)", "affected", "wont-fix", Range()),
        ("not-affected", "unaffected", "unknown", Range()),
        ("not-affected (code not present)", "unaffected", "unknown", Range()),
        ("not-affected (1:2022.11-2)", "unaffected", "unknown", Range(low="1:2022.11-2")),
    ],
)
def test_a_state_says_affected_fixed_or_not(state: str, kind: str, fix_state: str, span: Range) -> None:
    found = only(f"jammy_openssl: {state}")
    assert (found.namespace, found.name, found.kind, found.fix_state) == ("ubuntu:22.04", "openssl", kind, fix_state)
    assert found.ranges == (span,)
    assert found.vendor_ids == (("USN-5328-1",) if fix_state == "fixed" else ())


@pytest.mark.parametrize(
    "line",
    ["jammy_openssl: DNE", "jammy_openssl: released", "fips/jammy_openssl: needed", "snap_x: needed", "jammy_x:"],
)
def test_what_does_not_exist_or_is_another_build_says_nothing(line: str) -> None:
    assert advisory(line).affected == ()


def test_of_ubuntu_pro_fixes_and_clearances_are_kept() -> None:
    found = advisory(
        "bionic_curl: ignored (end of standard support)",
        "esm-infra/bionic_curl: released (7.58.0-2ubuntu3.24+esm8)",
        "esm-apps/jammy_nodejs: needed",
        "trusty/esm_curl: not-affected (code not present)",
    )
    assert [(each.namespace, each.name, each.kind, each.fix_state) for each in found.affected] == [
        ("ubuntu:18.04", "curl", "affected", "wont-fix"),
        ("ubuntu:18.04+esm", "curl", "affected", "fixed"),
        ("ubuntu:14.04+esm", "curl", "unaffected", "unknown"),
    ]


def test_devel_is_the_release_after_the_newest_that_the_file_names() -> None:
    found = advisory("mantic_openssl: needed", "jammy_openssl: needed", "devel_openssl: released (3.0.2-1)")
    assert [each.namespace for each in found.affected] == ["ubuntu:23.10", "ubuntu:22.04", "ubuntu:24.04"]
    assert advisory("devel_openssl: needed").affected == ()


def test_a_package_may_have_a_priority_of_its_own_even_in_one_release_only() -> None:
    found = advisory("jammy_edk2: needed", "jammy_nodejs: needed", "focal_nodejs: needed")
    assert [each.severity for each in found.affected] == ["low", "negligible", ""]


def test_a_rejected_cve_is_withdrawn() -> None:
    text = "Candidate: CVE-2022-1\nPublicDate: 2022-01-01\nDescription:\n ** REJECT ** Do not use.\n"
    (found,) = advisories(FEED, tar_document(URL, {"u/retired/CVE-2022-0001": text})).values()
    assert (found.id, found.withdrawn) == ("CVE-2022-0001", "2022-01-01")


@pytest.mark.parametrize(
    ("release", "namespace"),
    [
        ("jammy", "ubuntu:22.04"),
        ("esm-apps/jammy", "ubuntu:22.04+esm"),
        ("esm-infra-legacy/trusty", "ubuntu:14.04+esm"),
        ("precise/esm", "ubuntu:12.04+esm"),
        ("fips-updates/focal", ""),
        ("upstream", ""),
    ],
)
def test_pockets_are_namespaces(release: str, namespace: str) -> None:
    assert esm_or_base(release) == namespace


def test_the_real_tree_gives_its_2871_cves_and_every_one_affects_something() -> None:
    found = advisories(FEED, in_memory(document(*URL.removeprefix("https://").split("/"))))
    assert len(found) == 2871
    assert all(each.affected for each in found.values())
    nodejs = [
        each for each in found["CVE-2022-0778"].affected if each.name == "nodejs" and each.namespace == "ubuntu:22.04"
    ]
    assert nodejs[0].ranges[0].fixed == "12.22.9~dfsg-1ubuntu3.1"


def test_the_real_samples_are_read() -> None:
    text = sample("ubuntu", "active/CVE-2022-36879").data
    (found,) = advisories(FEED, tar_document(URL, {"u/active/CVE-2022-36879": text})).values()
    assert ("ubuntu:22.04", "linux", "unknown") in [
        (each.namespace, each.name, each.fix_state) for each in found.affected
    ]


@given(damaged((HEAD + "jammy_openssl: released (3.0.2-0ubuntu1)\n").encode()))
def test_any_bytes_are_read(data: bytes) -> None:
    assert len(read(FEED, tar_document(URL, {"u/active/CVE-2022-0778": data}))[0]) == 1
