"""What is one coordinate and what are two; and that a coordinate is asked as its packages are."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.advisories.match.coordinates import coordinate_of, list_lookups, package_of
from hullmark.advisories.match.distros import plan_for
from hullmark.advisories.match.lookups import RULES, lookups, untold
from hullmark.model.advisory import Cvss
from hullmark.model.inventory import Distro
from hullmark.model.package import UNKNOWN_VERSION, Location, Package, SourcePackage
from hullmark.model.purl import make_purl
from tests.support.matching import advisory, affected, matched, package, snapshot_of

BOOKWORM = Distro(id="debian", version_id="12", codename="bookworm", pretty_name="Debian GNU/Linux 12 (bookworm)")
LIBC = package("deb", "libc6", "2.36-9", source=("glibc", "2.36-9"), arch="amd64")


def test_where_a_package_lies_and_what_is_told_of_it_decide_nothing() -> None:
    other = msgspec.structs.replace(
        LIBC,
        purl="pkg:deb/debian/libc6@2.36-9?distro=debian-12",
        cataloger="other",
        licenses=("MIT",),
        locations=(Location("/var/lib/dpkg/status", 3),),
        owned_by="pkg:deb/debian/base@1",
        notes={"vendor": "someone"},
    )
    assert coordinate_of(LIBC, BOOKWORM) == coordinate_of(other, BOOKWORM)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (BOOKWORM, Distro(id="debian", version_id="12")),
        (BOOKWORM, Distro(id="debian", version_id="12.5", pretty_name="Debian 12.5")),
        (Distro(id="alpine", version_id="3.18.4"), Distro(id="alpine", version_id="3.18.9")),
        (Distro(id="wolfi", version_id="20230201"), Distro(id="wolfi", version_id="20240101")),
        (Distro(id="debian", codename="sid"), Distro(id="debian", pretty_name="Debian GNU/Linux forky/sid")),
    ],
)
def test_distributions_that_are_looked_up_alike_are_one(first: Distro, second: Distro) -> None:
    assert coordinate_of(LIBC, first) == coordinate_of(LIBC, second)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (BOOKWORM, Distro(id="debian", version_id="11")),
        (BOOKWORM, None),
        (Distro(id="alpine", version_id="3.18.4"), Distro(id="alpine", version_id="3.19.0")),
        (Distro(id="alpine", version_id="3.18.4"), Distro(id="alpine", version_id="3.18_alpha2023")),
        (Distro(id="rhel", version_id="9.4"), Distro(id="rhel", version_id="9.5")),
        (Distro(id="rocky", version_id="9.4"), Distro(id="rocky", version_id="9.5")),
        (Distro(id="rocky", version_id="9.4"), Distro(id="almalinux", version_id="9.4")),
    ],
)
def test_distributions_that_are_looked_up_otherwise_are_two(first: Distro, second: Distro | None) -> None:
    assert coordinate_of(LIBC, first) != coordinate_of(LIBC, second)


def test_a_language_package_is_one_whatever_distribution_it_is_on() -> None:
    flask = package("pypi", "flask", "2.0")
    assert coordinate_of(flask, BOOKWORM, ("esm",)) == coordinate_of(flask, None)


def test_programs_that_were_linked_with_other_functions_are_two() -> None:
    first, second = (package("golang", "example.org/a", "1.0", notes={"symbols": each}) for each in ("a.F a.G", "a.F"))
    assert coordinate_of(first, None) != coordinate_of(second, None)
    assert package_of(coordinate_of(first, None)).notes == {"symbols": "a.F a.G"}


def test_what_else_an_image_holds_changes_no_match_of_a_package() -> None:
    rated = Cvss("3.1", "CVSS:3.1/AV:N", 5.0)
    snapshot = snapshot_of(
        advisory("GHSA-1", affected("pypi", "foo", "pep440", "2"), aliases=("CVE-1",), severity="low", cvss=(rated,)),
        advisory("GHSA-2", affected("pypi", "bar", "pep440", "2"), aliases=("CVE-1",)),
        advisory("CVE-1", source="nvd", cvss=(Cvss("3.1", "CVSS:3.1/AV:L", 9.0),)),
    )
    foo, bar = package("pypi", "foo", "1"), package("pypi", "bar", "1")
    for each in (foo, bar):
        (alone,) = matched(snapshot, [each]).matches
        assert [match for match in matched(snapshot, [foo, bar]).matches if match.package == each] == [alone]


WORDS = st.sampled_from(
    ["foo", "libfoo", "Foo_Bar", "@scope/foo", "example.org/a/foo", "a/b", "org.x:foo", "rootio-foo"]
)
VERSIONS = st.sampled_from(["1.0", "1.0-r1", "2:1.0-1", "1.0-1.el9", UNKNOWN_VERSION, "none at all"])
TYPES = ["deb", "rpm", "apk", "alpm", "generic", "github", *RULES]
DISTROS = st.none() | st.builds(
    Distro,
    id=st.sampled_from(
        [
            "debian",
            "ubuntu",
            "alpine",
            "rhel",
            "rocky",
            "kali",
            "wolfi",
            "linuxmint",
            "amzn",
            "sles",
            "centos",
            "odd",
            "",
        ]
    ),
    version_id=st.sampled_from(["", "12", "9.4", "9.4.1", "22.04", "3.18.4", "2023.3", "rolling"]),
    codename=st.sampled_from(["", "bookworm", "sid", "jammy", "edge"]),
    pretty_name=st.sampled_from(["", "Debian GNU/Linux trixie/sid", "Debian GNU/Linux 12 (bookworm)"]),
    id_like=st.sampled_from([(), ("debian",), ("ubuntu", "debian"), ("rhel", "fedora")]),
    base=st.sampled_from(["", "ubuntu:jammy", "debian:bookworm"]),
)
CHANNELS = st.sampled_from([(), ("esm",), ("esm", "eus")])
KNOWN = st.frozensets(
    st.sampled_from([*RULES, "oci:redhat", "cpe", "generic", "debian:12", "debian:unstable", "ubuntu:22.04", "ubuntu:22.04+esm", "rhel:9",
                     "rhel:9.4", "rhel:9.4+eus", "rocky:9", "alpine:3.18", "alpine:edge", "wolfi:rolling", "amazon:2023"])
)  # fmt: skip


@st.composite
def packages(draw: st.DrawFn) -> Package:
    """Packages of every type, as catalogers write them or nearly so."""
    type, name, version = draw(st.sampled_from(TYPES)), draw(WORDS), draw(VERSIONS)
    source = draw(st.none() | st.builds(SourcePackage, WORDS, VERSIONS | st.just("")))
    space = draw(st.sampled_from(["", "@scope", "a", "org.x", "example.org/a"]))
    notes = draw(
        st.dictionaries(
            st.sampled_from(["vendor", "modularity", "symbols", "cpe"]),
            st.sampled_from(["Red Hat, Inc.", "nodejs:18", "X", "cpe:/a:redhat:openshift:4.16::el9"]),
        )
    )
    repository = draw(
        st.sampled_from(["", "registry.redhat.io/a/b", "registry.redhat.io/openshift/b", "example.org/b"])
    )
    qualifiers = {"repository_url": repository} if type == "oci" else {}
    return Package(
        type=type,
        name=name,
        version=version,
        purl=make_purl(type, name.rpartition("/")[2], version, namespace=space, qualifiers=qualifiers),
        cataloger="test",
        arch=draw(st.sampled_from(["", "amd64", "x86_64", "noarch"])),
        source=source,
        notes=notes,
    )


@given(packages(), DISTROS, CHANNELS, KNOWN)
def test_a_coordinate_is_asked_as_its_package_is_in_every_snapshot(
    package: Package, distro: Distro | None, channels: tuple[str, ...], known: frozenset[str]
) -> None:
    coordinate = coordinate_of(package, distro, channels)
    plan, own = plan_for(distro, known, channels), plan_for(coordinate.distro, known, coordinate.channels)
    stand_in = package_of(coordinate)
    assert bool(untold(stand_in, own, known)) == bool(untold(package, plan, known))
    if not untold(package, plan, known):
        questions = list(lookups(package, plan, known))
        assert list(lookups(stand_in, own, known)) == questions
        every = {(lookup.ask.namespace, lookup.ask.name) for lookup in list_lookups(stand_in, coordinate)}
        assert {(lookup.ask.namespace, lookup.ask.name) for lookup in questions} <= every


@given(packages(), DISTROS, CHANNELS)
def test_the_coordinate_of_a_coordinates_package_is_itself(
    package: Package, distro: Distro | None, channels: tuple[str, ...]
) -> None:
    coordinate = coordinate_of(package, distro, channels)
    assert coordinate_of(package_of(coordinate), coordinate.distro, coordinate.channels) == coordinate


def test_a_jar_is_asked_by_the_artifact_of_its_manifest_too() -> None:
    jar = package("maven", "org.apache/client-osgi", "4.5.2")
    named = msgspec.structs.replace(jar, notes={"manifest_name": "client"})
    assert coordinate_of(named, None) != coordinate_of(jar, None)
    again = package_of(coordinate_of(named, None))
    assert again.notes == {"manifest_name": "client"}
    plan = plan_for(None, frozenset(("maven",)))
    assert lookups(again, plan, ("maven",)) == lookups(named, plan, ("maven",))


def test_images_of_two_repositories_or_products_are_two() -> None:
    purl, cpe = "pkg:oci/b?repository_url=registry.redhat.io/a/b", "cpe:/a:redhat:openshift:4.16::el9"
    image = package("oci", "a/b", "1744596866", purl=purl, notes={"cpe": cpe})
    assert coordinate_of(image, None) == coordinate_of(image, BOOKWORM)
    for other in ({"purl": purl.replace("a/b", "c/b")}, {"notes": {"cpe": cpe.replace("4.16", "4.17")}}):
        assert coordinate_of(msgspec.structs.replace(image, **other), None) != coordinate_of(image, None)
    again = package_of(coordinate_of(image, None))
    assert again.notes == {"cpe": "cpe:/a:redhat:openshift:4.16"}
    plan = plan_for(None, frozenset(("oci:redhat",)))
    assert lookups(again, plan, ("oci:redhat",)) == lookups(image, plan, ("oci:redhat",))
