"""Container images of Red Hat's: names, products, streams, fixes, and what covers them."""

from __future__ import annotations

import pytest

from hullmark.advisories.match.image_names import names_of, product_of, repository_of
from hullmark.advisories.match.images import is_about
from hullmark.model.advisory import AffectedPackage, Range, Record
from hullmark.model.package import UNKNOWN_VERSION, Package
from tests.support.matching import advisory, affected, counted, matched, package, snapshot_of

CONSOLE = "openshift4/ose-console-rhel9"
OTHER = advisory("CVE-0-0", affected("oci:redhat", "other", "rhctag", "1"))


def image(version: str, name: str = CONSOLE, cpe: str = "", purl: str = "") -> Package:
    purl = purl or f"pkg:oci/{name.rpartition('/')[2]}?repository_url=registry.redhat.io%2F{name.replace('/', '%2F')}"
    return package("oci", name, version, purl=purl, arch="x86_64", notes={"cpe": cpe} if cpe else {})


def counted_unknown(package: Package, *records: Record) -> list[tuple[str, str]]:
    """Why nothing is known of an image."""
    return [(unknown.kind, unknown.reason) for unknown in matched(snapshot_of(*records), [package]).unknown]


def fixed(tag: str, low: str = "", product: str = "", name: str = CONSOLE) -> AffectedPackage:
    span = Range(low=low, high=tag, fixed=tag)
    return affected("oci:redhat", name, "rhctag", ranges=(span,), fix_state="fixed", module=product)


def open_(product: str, **more: str) -> AffectedPackage:
    return affected("oci:redhat", CONSOLE, "rhctag", ranges=(Range(),), module=product, fix_state="not-fixed", **more)


def fixes(found: Package, *parts: AffectedPackage) -> list[str]:
    """The fix of each match that counts."""
    return list(counted(matched(snapshot_of(advisory("CVE-1-1", *parts)), [found])).values())


@pytest.mark.parametrize(
    ("name", "purl", "names"),
    [
        ("ubi8", "pkg:oci/ubi8?repository_url=registry.redhat.io%2Fubi8&tag=8.6-754", ("ubi8",)),
        ("ubi9-container", "pkg:oci/ubi9-container@sha256:0a?repository_url=registry.access.redhat.com/ubi9", ("ubi9", "ubi9-container")),
        ("openshift/ose-cli", "pkg:oci/ose-cli?repository_url=registry.redhat.io/openshift/ose-cli",
         ("openshift/ose-cli", "openshift4/ose-cli")),
    ],
)  # fmt: skip
def test_an_image_goes_by_its_repository_and_by_what_its_build_calls_it(
    name: str, purl: str, names: tuple[str, ...]
) -> None:
    assert names_of(image("1-1", name, purl=purl)) == names


@pytest.mark.parametrize(
    "purl",
    [
        "",
        "pkg:oci/a",
        "pkg:oci/a?repository_url=docker.io/library/a",
        "pkg:oci/a?repository_url=registry.redhat.io.example/a",
        "pkg:oci/a?tag=registry.redhat.io/a",
        "pkg:oci/a#?repository_url=registry.redhat.io/a",
    ],
)
def test_an_image_of_another_registry_is_none_of_red_hats(purl: str) -> None:
    assert repository_of(purl) == ""


@pytest.mark.parametrize(
    ("cpe", "product", "kind", "expected"),
    [
        ("cpe:/a:redhat:openshift:4.16::el9", "openshift:4.16", "affected", True),
        ("cpe:/a:redhat:openshift:4.16::el9", "openshift:4", "affected", True),
        ("cpe:/a:redhat:openshift:4.16::el9", "openshift", "affected", True),
        ("cpe:/a:redhat:openshift:4.16::el9", "openshift:4.1", "affected", False),
        ("cpe:/a:redhat:openshift:4.16::el9", "openshift_gitops:4.16", "affected", False),
        ("cpe:/a:redhat:openshift:4.16::el9", "", "affected", True),
        ("cpe:/a:redhat:openshift:4", "openshift:4.16", "affected", True),
        ("", "openshift:4.16", "affected", True),
        ("cpe:/a:redhat:openshift:4.16::el9", "openshift:4", "unaffected", True),
        ("cpe:/a:redhat:openshift:4", "openshift:4.16", "unaffected", False),
        ("cpe:/a:redhat:openshift:4.16::el9", "", "unaffected", False),
        ("", "openshift:4.16", "unaffected", False),
    ],
)
def test_what_is_said_of_a_product_is_about_the_images_in_it(
    cpe: str, product: str, kind: str, *, expected: bool
) -> None:
    part = affected("oci:redhat", CONSOLE, "rhctag", module=product, kind=kind)
    assert is_about(image("v4.16.0-1", cpe=cpe), part) is expected


def test_a_product_is_told_by_the_label() -> None:
    assert product_of(image("1", cpe="cpe:/a:redhat:openshift_gitops:1.16::el8")) == "openshift_gitops:1.16"
    assert product_of(image("1")) == ""


def test_an_image_whose_repository_no_advisory_names_is_unknown() -> None:
    known = counted_unknown(image("v4.16.0-1"), advisory("CVE-1-1", fixed("v4.16.0-9")))
    assert known == []
    [(kind, reason)] = counted_unknown(image("v4.16.0-1"), OTHER)
    assert (kind, reason) == (
        "uncovered",
        "Red Hat's advisories do not name its repository, or name it otherwise than its build does",
    )


def test_an_older_build_is_reported_with_its_fix_and_a_newer_one_is_not() -> None:
    assert fixes(image("v4.16.0-1"), fixed("v4.16.0-9")) == ["v4.16.0-9"]
    assert fixes(image("v4.16.0-9"), fixed("v4.16.0-9")) == []
    assert fixes(image("v4.16.0-10"), fixed("v4.16.0-9")) == []


STREAMS = (fixed("v4.15.0-7", product="openshift:4.15"), fixed("v4.16.0-9", "4.16", "openshift:4.16"))


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("v4.14.0-99", ["v4.15.0-7"]),
        ("v4.15.0-6", ["v4.15.0-7"]),
        ("v4.15.0-8", []),
        ("v4.16.0-8", ["v4.16.0-9"]),
        ("v4.16.0-9", []),
        ("v4.17.0-1", []),
    ],
)
def test_a_fix_counts_in_its_own_minor_version(version: str, expected: list[str]) -> None:
    assert fixes(image(version), *STREAMS) == expected


@pytest.mark.parametrize(
    ("version", "expected"),
    [("v4.15.0-8", []), ("v4.16.0-8", ["v4.16.0-9"]), ("v4.17.0-1", [""]), ("v4.14.0-1", ["v4.15.0-7"])],
)
def test_what_is_open_in_the_product_as_a_whole_is_mended_where_the_stream_has_a_fix(
    version: str, expected: list[str]
) -> None:
    assert fixes(image(version), *STREAMS, open_("openshift:4")) == expected


MOMENTS = (fixed("1742843776", product="openshift:4.15"), fixed("1744596866", product="openshift:4.16"))


@pytest.mark.parametrize(
    ("version", "minor", "expected"),
    [
        ("1740000000", "4.15", ["1742843776"]),
        ("1742843776", "4.15", []),
        ("1743000000", "4.16", ["1744596866"]),
        ("1744596866", "4.16", []),
        ("1740000000", "4.17", []),
    ],
)
def test_of_builds_that_are_moments_the_product_tells_the_stream(version: str, minor: str, expected: list[str]) -> None:
    assert fixes(image(version, cpe=f"cpe:/a:redhat:openshift:{minor}::el9"), *MOMENTS) == expected


def test_where_the_product_is_not_known_every_stream_counts_and_the_nearest_fix_is_named() -> None:
    assert fixes(image("1740000000"), *MOMENTS) == ["1742843776"]
    assert fixes(image("1743000000"), *MOMENTS) == ["1744596866"]
    assert fixes(image("v4.15.0-1"), *MOMENTS) == ["1742843776"]


def test_the_word_about_the_images_own_product_goes_before_that_about_the_whole() -> None:
    built = image("1744596866", cpe="cpe:/a:redhat:openshift:4.16::el9")
    assert fixes(built, *MOMENTS, open_("openshift:4")) == []
    assert fixes(built, open_("openshift:4")) == [""]
    assert fixes(built, open_("openshift:4"), open_("openshift:4.16", kind="unaffected")) == []
    assert fixes(image("v4.16.0-1"), open_("openshift:4"), open_("openshift:4.16", kind="unaffected")) == [""]


def untold(product: str) -> AffectedPackage:
    return affected("oci:redhat", CONSOLE, "rhctag", kind="unknown", ranges=(Range(),), module=product, note="not told")


def test_of_an_advisory_whose_fixed_builds_are_not_told_nothing_is_known_but_in_streams_with_a_fix_that_is() -> None:
    about = [advisory("CVE-1-1", untold("openshift:4.16"), fixed("v4.15.0-9", "v4.15", "openshift:4.15"))]
    says = [("unseen", "nobody can tell whether CVE-1-1 affects it: not told")]
    assert counted_unknown(image("v4.16.0-1"), *about) == says
    assert counted_unknown(image("v4.15.0-10"), *about) == []
    assert counted_unknown(image("v4.16.0-1", cpe="cpe:/a:redhat:openshift:4.16::el9"), *about) == says
    assert counted_unknown(image("v4.17.0-1", cpe="cpe:/a:redhat:openshift:4.17::el9"), *about) == []


def test_a_fix_is_no_matter_of_the_release_that_the_image_stays_at() -> None:
    tag = "v4.16.0-202410180404.p0.g95b8916.assembly.stream.el8"
    repositories = ("rhel-9-for-x86_64-appstream-eus-rpms__9_DOT_2",)
    found = matched(
        snapshot_of(advisory("CVE-1-1", fixed(tag)), advisory("CVE-1-2", affected("rhel:9", "x", "rpm", "1"))),
        [image("v4.16.0-1")],
        "rhel:9.2",
        repositories=repositories,
    )
    assert [(match.fix.state, match.fix.version) for match in found.matches] == [("fixed", tag)]
    assert found.matches[0].why == f"{CONSOLE} v4.16.0-1 < {tag}, Red Hat's container images"


def test_the_reason_names_the_product() -> None:
    [match] = matched(snapshot_of(advisory("CVE-1-1", open_("openshift:4"))), [image("v4.16.0-1")]).matches
    assert match.why == f"{CONSOLE} v4.16.0-1 like every version, product openshift:4, Red Hat's container images"


def test_without_a_feed_of_images_nothing_is_known_of_one() -> None:
    found = matched(snapshot_of(advisory("CVE-1-1", affected("rhel:9", "x", "rpm", "1"))), [image("v4.16.0-1")])
    assert [(each.package.type, each.reason, each.kind) for each in found.unknown] == [
        ("oci", "the snapshot has no advisories for oci:redhat", "uncovered")
    ]
    assert [(gap.namespace, gap.types, gap.packages) for gap in found.uncovered] == [("oci:redhat", ("oci",), 1)]
    assert found.uncovered[0].reason == "the snapshot has no advisories for Red Hat's container images"


def test_of_images_of_others_nothing_is_known_whatever_is_known_of_red_hats() -> None:
    foreign = image("1.0", "nginx", purl="pkg:oci/nginx?repository_url=docker.io/library/nginx")
    found = matched(snapshot_of(OTHER), [foreign])
    assert [each.reason for each in found.unknown] == ["no advisories are made for packages of the type oci"]
    assert found.uncovered == ()


@pytest.mark.parametrize("version", [UNKNOWN_VERSION, "latest"])
def test_an_image_whose_build_is_not_known_and_that_an_advisory_names_is_unknown(version: str) -> None:
    found = matched(snapshot_of(advisory("CVE-1-1", fixed("v4.16.0-9"))), [image(version)])
    assert found.matches == ()
    [unknown] = found.unknown
    assert "CVE-1-1" in unknown.reason
