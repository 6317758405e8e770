"""What Red Hat's CSAF documents say of container images."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.advisories.feeds.formats.redhat_images import NAMESPACE, Image, image_of
from hullmark.advisories.feeds.hummingbird import FEED as HUMMINGBIRD
from hullmark.advisories.feeds.redhat import FEED
from hullmark.advisories.feeds.redhat_advisories import FEED as ADVISORIES
from hullmark.model.advisory import Advisory, AffectedPackage, Range
from hullmark.model.cpe import red_hat_product
from tests.support.advisories import Bytes, sample
from tests.unit.advisories.feeds.reading import advisories, read

CONSOLE = "openshift4/ose-console-rhel9"
PRODUCTS = {
    "9Base-RHOSE-4.16": "cpe:/a:redhat:openshift:4.16::el9",
    "9Base-RHOSE-4.17": "cpe:/a:redhat:openshift:4.17::el9",
    "red_hat_openshift_container_platform_4": "cpe:/a:redhat:openshift:4",
    "red_hat_enterprise_linux_9": "cpe:/o:redhat:enterprise_linux:9",
}
OLD, NEW, WHOLE, _ = PRODUCTS


def purl(tag: str = "", name: str = CONSOLE, arch: str = "amd64") -> str:
    if not tag:
        return f"pkg:oci/{name.rpartition('/')[2]}?repository_url=registry.redhat.io/{name}"
    return f"pkg:oci/{name.rpartition('/')[2]}@sha256:0a?arch={arch}&repository_url=registry.redhat.io/{name}&tag={tag}"


def document(status: dict[str, list[tuple[str, str]]], remediations: list[dict[str, Any]] | None = None) -> bytes:
    """A document of pairs of product and purl; ids of what is in a product are PRODUCT/PURL."""
    pairs = [pair for listed in status.values() for pair in listed]
    branches = [
        {"product": {"product_id": name, "product_identification_helper": {"cpe": cpe}}}
        for name, cpe in PRODUCTS.items()
    ] + [{"product": {"product_id": each, "product_identification_helper": {"purl": each}}} for _, each in pairs]
    relations = [
        {
            "product_reference": component,
            "relates_to_product_reference": product,
            "full_product_name": {"product_id": f"{product}/{component}"},
        }
        for product, component in pairs
    ]
    ids = {name: [f"{product}/{component}" for product, component in listed] for name, listed in status.items()}
    return json.dumps(
        {
            "document": {
                "category": "csaf_vex",
                "tracking": {"id": "RHSA-2024:0001", "current_release_date": "2024-05-06"},
            },
            "product_tree": {"branches": branches, "relationships": relations},
            "vulnerabilities": [{"cve": "CVE-2024-0001", "product_status": ids, "remediations": remediations or []}],
        }
    ).encode()


def said(
    status: dict[str, list[tuple[str, str]]], remediations: list[dict[str, Any]] | None = None
) -> tuple[AffectedPackage, ...]:
    place = "https://example.org/2024/cve-2024-0001.json"
    return advisories(FEED, Bytes(place, document(status, remediations)))["CVE-2024-0001"].affected


def spans(rows: tuple[AffectedPackage, ...]) -> list[tuple[str, str, str]]:
    return [(row.module or "", span.low, span.high) for row in rows for span in row.ranges]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (purl("v4.16.0-2024.p0"), Image((CONSOLE,), "v4.16.0-2024.p0")),
        (purl(), Image((CONSOLE,), "")),
        ("pkg:oci/ubi8-minimal-container@sha256:0a?repository_url=registry.redhat.io%2Fubi8-minimal&tag=8.8-315",
         Image(("ubi8-minimal",), "8.8-315")),
        ("pkg:oci/openshift/ose-cli@sha256%3A0a?repository_url=registry.redhat.io/openshift4",
         Image(("openshift4/ose-cli", "openshift/ose-cli"), "")),
        ("pkg:oci/a/b@sha256:0a?repository_url=registry.redhat.io/c/d", Image(("c/d", "a/b"), "")),
        ("pkg:oci/quay-rhel8?arch=amd64", Image(("quay-rhel8",), "")),
        ("pkg:oci/a?repository_url=registry.redhat.io", Image(("a",), "")),
        ("pkg:rpm/redhat/tar", None),
        ("pkg:oci/", None),
        ("pkg:oci//", None),
        ("", None),
    ],
)  # fmt: skip
def test_an_image_is_its_repository_and_its_tag(text: str, expected: Image | None) -> None:
    assert image_of(text) == expected


@given(st.text(alphabet="pkg:oci/ab@?&=%2Ftagrepository_url.", max_size=60))
def test_any_text_is_an_image_or_none(text: str) -> None:
    for each in (text, f"pkg:oci/{text}"):
        found = image_of(each)
        assert found is None or all(found.names)


@pytest.mark.parametrize(
    ("cpe", "product"),
    [
        ("cpe:/a:redhat:openshift:4.16::el9", "openshift:4.16"),
        ("cpe:/a:redhat:openshift_gitops:1.16", "openshift_gitops:1.16"),
        ("cpe:2.3:a:redhat:quay:3:*:el8:*:*:*:*:*", "quay:3"),
        ("cpe:2.3:a:redhat:quay:*:*:*:*:*:*:*:*", "quay"),
        ("cpe:/a:redhat:satellite", "satellite"),
        ("cpe:/a:other:openshift:4", ""),
        ("", ""),
    ],
)
def test_a_product_is_its_name_and_version(cpe: str, product: str) -> None:
    assert red_hat_product(cpe) == product


def test_a_fix_is_a_range_below_its_tag_once_for_all_architectures() -> None:
    tag = "v4.16.0-202410180404.p0.g95b8916.assembly.stream.el9"
    fixed = [(OLD, purl(tag, arch=arch)) for arch in ("amd64", "arm64")]
    url = "https://access.redhat.com/errata/RHSA-2024:8415"
    remedy = {"category": "vendor_fix", "date": "2024-10-30T01:02:03Z", "url": url,
              "product_ids": [f"{product}/{component}" for product, component in fixed]}  # fmt: skip
    [row] = said({"fixed": fixed}, [remedy])
    assert (row.namespace, row.name, row.scheme, row.module) == (NAMESPACE, CONSOLE, "rhctag", "openshift:4.16")
    assert (row.kind, row.fix_state, row.fix_date, row.vendor_ids) == (
        "affected",
        "fixed",
        "2024-10-30",
        ("RHSA-2024:8415",),
    )
    assert [(span.low, span.high, span.fixed) for span in row.ranges] == [("", tag, tag)]


def test_a_fix_in_one_minor_version_tells_nothing_of_another_one() -> None:
    rows = said({"fixed": [(NEW, purl("v4.17.0-2")), (OLD, purl("v4.16.0-9")), (OLD, purl("v4.10.0-1"))]})
    assert spans(rows) == [
        ("openshift:4.17", "4.17", "v4.17.0-2"),
        ("openshift:4.16", "4.16", "v4.16.0-9"),
        ("openshift:4.16", "", "v4.10.0-1"),
    ]


def test_of_two_fixes_in_a_minor_version_the_newer_counts() -> None:
    assert spans(said({"fixed": [(OLD, purl("v4.16.0-9")), (OLD, purl("v4.16.1-1")), (OLD, purl("v4.16.0-10"))]})) == [
        ("openshift:4.16", "", "v4.16.1-1")
    ]


def test_tags_that_are_moments_have_a_stream_for_each_product() -> None:
    assert spans(said({"fixed": [(OLD, purl("1742843776")), (NEW, purl("1744596866"))]})) == [
        ("openshift:4.16", "", "1742843776"),
        ("openshift:4.17", "", "1744596866"),
    ]
    assert spans(said({"fixed": [(OLD, purl("v4.16.0-9")), (NEW, purl("1744596866"))]})) == [
        ("openshift:4.16", "", "v4.16.0-9"),
        ("openshift:4.17", "1000000000", "1744596866"),
    ]


@pytest.mark.parametrize("status", ["known_affected", "under_investigation"])
def test_what_has_no_fix_is_every_version(status: str) -> None:
    [row] = said({status: [(WHOLE, purl())]})
    state = "not-fixed" if status == "known_affected" else "unknown"
    assert (row.name, row.module, row.kind, row.fix_state) == (CONSOLE, "openshift:4", "affected", state)
    assert spans((row,)) == [("openshift:4", "", "")]


def test_what_will_not_be_fixed_says_so() -> None:
    remedy = {"category": "no_fix_planned", "product_ids": [f"{WHOLE}/{purl()}"]}
    assert [row.fix_state for row in said({"known_affected": [(WHOLE, purl())]}, [remedy])] == ["wont-fix"]


def test_what_is_not_affected_is_told_of_its_product_unless_another_word_affects_it() -> None:
    rows = said(
        {"known_not_affected": [(WHOLE, purl()), (OLD, purl("v4.16.0-3"))], "fixed": [(OLD, purl("v4.16.0-9"))]}
    )
    assert [(row.kind, row.module) for row in rows] == [("affected", "openshift:4.16"), ("unaffected", "openshift:4")]


def test_of_a_fix_without_the_tag_of_a_build_nobody_can_tell_which_builds_are_safe() -> None:
    fixed = [(OLD, purl()), (OLD, purl("latest")), (OLD, purl("v4.16.0-9"))]
    records, problems = read(FEED, Bytes("https://example.org/2024/cve-2024-0001.json", document({"fixed": fixed})))
    [(_, reason)] = problems
    assert reason.startswith("CVE-2024-0001: 1 fixed container image(s) without the tag of a build, as ")
    [advisory] = records
    assert isinstance(advisory, Advisory)
    told, untold = advisory.affected
    assert spans((told,)) == [("openshift:4.16", "", "v4.16.0-9")]
    assert (untold.kind, untold.name, untold.module, untold.ranges) == ("unknown", told.name, told.module, (Range(),))


def test_what_is_not_fixed_is_known_though_a_fix_is_told_of_without_a_tag() -> None:
    status = {"fixed": [(OLD, purl("latest"))], "known_affected": [(OLD, purl())]}
    [advisory], _ = read(FEED, Bytes("https://example.org/2024/cve-2024-0001.json", document(status)))
    assert isinstance(advisory, Advisory)
    assert [row.kind for row in advisory.affected] == ["affected"]


def test_packages_of_the_release_and_images_stand_beside_each_other() -> None:
    status = {"known_affected": [("red_hat_enterprise_linux_9", "pkg:rpm/redhat/tar?arch=src"), (WHOLE, purl())]}
    assert [row.namespace for row in said(status)] == ["rhel:9", NAMESPACE]


def test_security_advisories_tell_of_images_too_and_those_of_hardened_images_do_not() -> None:
    body = Bytes("https://example.org/2024/rhsa-2024_0001.json", document({"fixed": [(OLD, purl("v4.16.0-9"))]}))
    assert spans(advisories(ADVISORIES, body)["RHSA-2024:0001"].affected) == [("openshift:4.16", "", "v4.16.0-9")]
    assert read(HUMMINGBIRD, body) == ([], [])


def test_the_feed_covers_images() -> None:
    assert FEED.covers[NAMESPACE] > 0


def test_a_real_document_tells_of_its_images() -> None:
    found = advisories(FEED, sample("redhat", "vex/2024/CVE-2024-1597.json"))["CVE-2024-1597"].affected
    images = {row.name: row.ranges[0].fixed for row in found if row.namespace == NAMESPACE}
    assert len(images) == 11
    assert images["rh-sso-7/sso76-openshift-rhel8"] == "7.6-42"
    assert images["openshift-serverless-1/logic-rhel8-operator"] == "1.33.0-3"
