"""Looking packages up: all of an inventory at once."""

from __future__ import annotations

import pytest

from hullmark.advisories.match.find import find
from hullmark.model.package import Package
from tests.support.matching import TODAY, advisory, affected, counted, inventory, matched, package, snapshot_of

TYPES = {"deb": "deb", "npm": "npm", "pypi": "pep440", "gem": "gem", "golang": "golang", "cargo": "cargo"}


def packages(count: int) -> list[Package]:
    """Packages of all types in turn."""
    types = list(TYPES)
    return [package(types[n % 6], f"p{n}", "1.0.0") for n in range(count)]


def test_an_inventory_of_five_hundred_packages_of_several_ecosystems_is_looked_up_in_one_statement() -> None:
    there = packages(500)
    namespaces = {type: "debian:12" if type == "deb" else type for type in TYPES}
    records = [
        advisory(f"CVE-2024-{n}", affected(namespaces[each.type], each.name, TYPES[each.type], "2.0.0"), severity="low")
        for n, each in enumerate(there)
    ]
    with snapshot_of(*records) as snapshot:
        assert len(snapshot.namespaces) == 7  # what is there is known once the snapshot is open
        statements: list[str] = []
        for connection in (snapshot._db, snapshot._look_up._db):
            connection.set_trace_callback(statements.append)
        result = find(inventory(there, "debian:12"), snapshot, at=TODAY)
    assert len(result.matches) == 500
    # One statement looks all of them up, one asks whether better databases speak of what lesser ones say.
    assert len([statement for statement in statements if "span" in statement]) == 2
    # What is known besides is one statement a kind: ratings, exploitation, scores, support, releases, data_at, licences.
    assert len(statements) <= 9


def test_an_archive_is_looked_up_under_what_its_pom_and_what_its_manifest_say() -> None:
    snapshot = snapshot_of(
        advisory("CVE-1-1", affected("maven", "org.x:thing", "maven", "2")),
        advisory("CVE-1-2", affected("maven", "org.x:thing-osgi", "maven", "2")),
        advisory("CVE-1-3", affected("maven", "org.y:thing", "maven", "2")),
    )
    named = {"space": "org.x", "notes": {"manifest_name": "thing"}}
    both, fixed = (package("maven", "thing-osgi", version, **named) for version in ("1", "2"))
    assert counted(matched(snapshot, [both])) == {("thing-osgi", "CVE-1-1"): "2", ("thing-osgi", "CVE-1-2"): "2"}
    assert counted(matched(snapshot, [package("maven", "thing-osgi", "1", space="org.x")])) == {
        ("thing-osgi", "CVE-1-2"): "2"
    }
    assert matched(snapshot, [fixed]).matches == ()


def test_what_is_said_of_both_names_of_an_archive_is_one_match() -> None:
    parts = [affected("maven", f"org.x:{name}", "maven", "2") for name in ("thing", "thing-osgi")]
    found = package("maven", "thing-osgi", "1", space="org.x", notes={"manifest_name": "thing"})
    assert len(matched(snapshot_of(advisory("CVE-1-1", *parts)), [found]).matches) == 1


REACHED = [
    ("githubactions", "o/a/sub", "pkg:githubactions/o/a@v1.0.0#sub", "v1.0.0", "o/a", "semver"),
    (
        "swift",
        "swift-nio",
        "pkg:swift/github.com/apple/swift-nio@1.0.0",
        "1.0.0",
        "github.com/apple/swift-nio",
        "semver",
    ),
    ("swift", "Nio", "pkg:swift/github.com/apple/swift-nio@1.0.0", "1.0.0", "github.com/apple/swift-nio", "semver"),
    ("composer", "V/A", "pkg:composer/v/a@v1.0.0", "v1.0.0", "v/a", "packagist"),
    ("nuget", "Newtonsoft.Json", "pkg:nuget/Newtonsoft.Json@1.0.0", "1.0.0", "newtonsoft.json", "nuget"),
    ("hex", "plug", "pkg:hex/plug@1.0.0", "1.0.0", "plug", "hex"),
    ("pub", "http", "pkg:pub/http@1.0.0", "1.0.0", "http", "pub"),
    ("cran", "readxl", "pkg:cran/readxl@1.0-1", "1.0-1", "readxl", "cran"),
    ("hackage", "aeson", "pkg:hackage/aeson@1.0", "1.0", "aeson", "hackage"),
    ("conan", "zlib", "pkg:conan/zlib@1.0", "1.0", "zlib", "conan"),
    ("bitnami", "redis", "pkg:bitnami/redis@1.0.0-1?arch=amd64", "1.0.0-1", "redis", "bitnami"),
]


@pytest.mark.parametrize(("type", "name", "purl", "version", "asked", "scheme"), REACHED)
def test_packages_of_each_ecosystem_reach_its_advisories(
    type: str, name: str, purl: str, version: str, asked: str, scheme: str
) -> None:
    snapshot = snapshot_of(advisory("CVE-1-1", affected(type, asked, scheme, "2")))
    found = package(type, name, version, purl=purl)
    assert set(counted(matched(snapshot, [found]))) == {(name, "CVE-1-1")}


@pytest.mark.parametrize(
    "type", ["brew", "conda", "cpan", "julia", "luarocks", "nix", "opam", "otp", "pear", "snap", "terraform"]
)
def test_of_packages_that_nobody_makes_advisories_for_nothing_can_be_said(type: str) -> None:
    result = matched(snapshot_of(advisory("CVE-1-1", affected("npm", "a", "npm", "2"))), [package(type, "a", "1.0")])
    assert result.matches == ()
    assert [(unknown.reason, unknown.kind) for unknown in result.unknown] == [
        (f"no advisories are made for packages of the type {type}", "uncovered")
    ]
