"""A language's package that a distribution's package owns: what the distribution says of the owner holds for it."""

from __future__ import annotations

import pytest

from hullmark.advisories.match.advisory_source import Extent
from hullmark.advisories.match.clearing import Clearing, is_tracked
from hullmark.advisories.match.distros import plan_for
from hullmark.model.advisory import AffectedPackage
from hullmark.model.inventory import Distro
from hullmark.model.package import Package
from tests.support.matching import advisory, affected, counted, matched, package, snapshot_of

OWNER = package("apk", "py3-x", "1.0-r2", purl="pkg:apk/alpine/py3-x@1.0-r2")
OWNED = package("pypi", "x", "1.0", owned_by=OWNER.purl)
UPSTREAM = advisory("GHSA-1", affected("pypi", "x", "pep440", "2"), aliases=("CVE-1-1",))


def alpine(below: str, name: str = "py3-x", **more: object) -> AffectedPackage:
    return affected("alpine:3.18", name, "apk", below, **more)


WORDS = [
    (alpine("1.0-r2"), "it belongs to py3-x 1.0-r2, and Alpine 3.18.4 records that it is sound"),
    (alpine("", kind="unaffected"), "it belongs to py3-x 1.0-r2, and Alpine 3.18.4 records that it is sound"),
    (alpine("1.0-r3"), "it belongs to py3-x 1.0-r2, for which it is reported"),
    (alpine("1.0-r2", "other"), None),
    (alpine("1.0-r2", arch="armhf"), None),
]


@pytest.mark.parametrize(("word", "reason"), WORDS)
def test_where_the_distribution_speaks_of_the_owner_its_word_counts(word: AffectedPackage, reason: str | None) -> None:
    owner = package("apk", "py3-x", "1.0-r2", purl=OWNER.purl, arch="x86_64")
    result = matched(snapshot_of(UPSTREAM, advisory("CVE-1-1", word)), [owner, OWNED], "alpine:3.18.4")
    (suppressed,) = [match.suppressed for match in result.matches if match.package.type == "pypi"]
    assert (suppressed and suppressed.reason) == reason


def test_of_two_words_about_one_vulnerability_the_worse_counts() -> None:
    words = [advisory("CVE-1-1", alpine("1.0-r1"), alpine("1.0-r3")), advisory("CVE-9-9", alpine("1.0-r1"))]
    found = matched(snapshot_of(UPSTREAM, *words), [OWNER, OWNED], "alpine:3.18.4")
    assert set(counted(found)) == {("py3-x", "CVE-1-1")}


def test_what_the_owner_was_mended_of_under_another_id_clears_nothing() -> None:
    snapshot = snapshot_of(UPSTREAM, advisory("CVE-1-2", alpine("1.0-r2")))
    assert counted(matched(snapshot, [OWNER, OWNED], "alpine:3.18.4")) == {("x", "GHSA-1"): "2"}


def deb(name: str, source: str = "", version: str = "1.0-1") -> Package:
    return package("deb", name, version, source=(source or name, version))


def rpm(name: str, source: str = "") -> Package:
    return package("rpm", name, "1.0-1.el9", source=(source or name, "1.0-1.el9"))


TRACKED = [
    (package("pypi", "urllib3", "1.24"), deb("python3-urllib3", "python-urllib3")),
    (package("pypi", "PyYAML", "6.0"), deb("python3-yaml", "pyyaml")),
    (package("pypi", "python-dateutil", "2.8"), deb("python3-dateutil", "python-dateutil")),
    (package("pypi", "zope.interface", "5.5"), deb("python3-zope.interface", "zope.interface")),
    (package("pypi", "setuptools", "53.0"), rpm("platform-python-setuptools", "python-setuptools")),
    (package("gem", "rack", "2.2"), deb("ruby-rack")),
    (package("gem", "concurrent-ruby", "1.3"), deb("ruby-concurrent")),
    (package("gem", "json", "2.3"), rpm("rubygem-json", "ruby")),
    (package("npm", "core", "7.0", space="@babel"), deb("node-babel-core")),
    (package("npm", "minimist", "1.2"), deb("node-minimist")),
    (package("npm", "npm", "9.2"), deb("npm")),
    (package("maven", "commons-lang3", "3.12", space="org.apache.commons"), deb("libcommons-lang3-java")),
    (package("maven", "log4j-core", "2.17", space="org.apache.logging.log4j"), deb("liblog4j2-java", "apache-log4j2")),
    (package("composer", "http-kernel", "6.4", space="symfony"), deb("php-symfony-http-kernel", "symfony")),
    (package("composer", "twig", "3.5", space="twig"), deb("php-twig")),
    (package("cran", "rlang", "1.0"), deb("r-cran-rlang")),
    (package("generic", "python", "3.11.2"), deb("python3.11-minimal", "python3.11", "3.11.2-6")),
    (package("generic", "busybox", "1.36.1"), deb("busybox", version="1:1.35.0-4")),
]
UNTRACKED = [
    (package("golang", "stdlib", "1.22"), deb("golang-1.22")),
    (package("golang", "github.com/containerd/containerd", "v1.6.0"), deb("containerd")),
    (package("cargo", "ripgrep", "13.0.0"), deb("ripgrep", "rust-ripgrep")),
    (package("pypi", "urllib3", "1.26"), deb("python3-pip", "python-pip")),
    (package("pypi", "wsgiref", "0.1"), deb("libpython3.11-stdlib", "python3.11")),
    (package("npm", "tar", "6.1"), deb("npm")),
    (package("npm", "minimist", "1.2"), rpm("nodejs")),
    (package("maven", "guava", "18.0", space="com.google.guava"), deb("libspark-java")),
    (package("generic", "zlib", "1.2.11"), deb("rsync", version="3.2.7-1")),
    (package("nuget", "newtonsoft.json", "12.0"), deb("newtonsoft.json")),
]


@pytest.mark.parametrize(
    ("owned", "owner", "expected"),
    [*((*pair, True) for pair in TRACKED), *((*pair, False) for pair in UNTRACKED)],
    ids=lambda value: value.name if isinstance(value, Package) else str(value),
)
def test_a_library_that_is_a_package_of_its_own_is_tracked_and_a_copy_is_not(
    owned: Package, owner: Package, expected: bool
) -> None:
    assert is_tracked(owned, owner) is expected


COPIES = [
    ("golang", "example.org/x", "v1.0.0", "golang"),
    ("cargo", "x", "1.0.0", "cargo"),
    ("npm", "copied", "1.0.0", "npm"),
]


@pytest.mark.parametrize(("type", "name", "version", "scheme"), COPIES)
def test_what_nobody_tracks_is_cleared_by_a_statement_alone(type: str, name: str, version: str, scheme: str) -> None:
    owner = package("deb", "x", "1.0-1", purl="pkg:deb/debian/x@1.0-1", source=("x", "1.0-1"))
    owned = package(type, name, version, owned_by=owner.purl)
    upstream = advisory("GHSA-1", affected(type, name, scheme, "2.0.0"), aliases=("CVE-1-1",))
    other = advisory("CVE-9-9", affected("debian:12", "x", "deb", "0.5"))
    said = advisory("CVE-1-1", affected("debian:12", "x", "deb", "1.0-1"))
    assert set(counted(matched(snapshot_of(upstream, other), [owner, owned], "debian:12"))) == {(name, "GHSA-1")}
    result = matched(snapshot_of(upstream, other, said), [owner, owned], "debian:12")
    (match,) = result.matches
    assert match.suppressed is not None
    assert match.suppressed.reason == "it belongs to x 1.0-1, and Debian 12 records that it is sound"


@pytest.mark.parametrize(
    ("extent", "expected"),
    [(None, False), (Extent(99_000, "2026-06-01"), False), (Extent(1, "2026-06-01", whole_at="2026-06-01"), True)],
)
def test_silence_says_nothing_unless_a_whole_feed_stands_behind_it(extent: Extent | None, expected: bool) -> None:
    owner = deb("python3-x")
    namespaces = {} if extent is None else {"debian:12": extent}
    plan = plan_for(Distro(id="debian", version_id="12"), namespaces)
    clearing = Clearing(plan, namespaces, {"owner": owner})
    owned = package("pypi", "x", "1.0", owned_by="owner")
    assert (clearing.suppressed(owned, {"GHSA-1"}, {}, {}) is not None) is expected
    for other in (package("pypi", "x", "1.0"), package("pypi", "x", "1.0", owned_by="pkg:deb/debian/gone@1")):
        assert clearing.suppressed(other, {"GHSA-1"}, {}, {}) is None


def test_a_distribution_says_nothing_of_what_other_package_managers_brought() -> None:
    owner = package("conda", "x", "1.0", purl="pkg:conda/x@1.0")
    whole = Extent(1, "2026-06-29", whole_at="2026-06-29")
    plan = plan_for(Distro(id="debian", version_id="12"), {"debian:12": whole, "pypi": whole})
    owned = package("pypi", "x", "1.0", owned_by=owner.purl)
    clearing = Clearing(plan, {"debian:12": whole, "pypi": whole}, {owner.purl: owner})
    assert clearing.suppressed(owned, ("CVE-1-1",), {}, {}) is None
    debian = package("deb", "python3-x", "1.0-1", purl="pkg:deb/debian/python3-x@1.0-1")
    by_debian = Clearing(plan, {"debian:12": whole, "pypi": whole}, {owner.purl: debian})
    assert by_debian.suppressed(owned, ("CVE-1-1",), {}, {}) is not None


def test_a_kernel_is_that_of_the_package_that_brought_it() -> None:
    kernel = package("generic", "linux-kernel", "6.1.0-1-amd64")
    assert is_tracked(kernel, deb("linux-image-6.1.0-1-amd64", "linux-signed-amd64"))
    assert is_tracked(kernel, rpm("kernel-core", "kernel"))
    assert not is_tracked(kernel, deb("grub", "grub2"))
