"""What becomes of the finds of all catalogers: equal ones are merged, corrections count, and files have owners."""

from __future__ import annotations

import hashlib
import json

from hullmark.catalog.corrections.document import parse
from hullmark.catalog.inventory import merge_packages
from hullmark.model.inventory import Inventory
from hullmark.model.jar import SHA1
from hullmark.model.package import Location, Package
from hullmark.scanning.request import ScanRequest, ScanResources
from hullmark.scanning.scan import scan_image
from tests.support.layers import TarBuilder, image
from tests.unit.catalog.systems.test_rpm_databases import make_sqlite
from tests.unit.catalog.systems.test_rpm_header import Value, make_header

TOOL = b"#!/bin/sh\n"
MD5 = hashlib.md5(TOOL, usedforsecurity=False).hexdigest()


def found(path: str, *licenses: str, **notes: str) -> Package:
    """A package at a place."""
    return Package(
        type="maven",
        name="a",
        version="1",
        purl="pkg:maven/g/a@1",
        cataloger="java",
        licenses=licenses,
        locations=(Location(path, 0),),
        notes=notes,
    )


def scan(*layers: bytes, **asked: object) -> Inventory:
    """The inventory of an image."""
    return scan_image(image(*layers), ScanRequest(**asked), ScanResources()).inventory  # type: ignore[arg-type]


def test_one_package_at_two_places_has_both_places_and_tells_where_each_licence_is_declared() -> None:
    [package] = merge_packages([found("/x/a.jar", "MIT"), found("/y/a.jar", "ISC"), found("/y/a.jar", "ISC")])
    assert [place.path for place in package.locations] == ["/x/a.jar", "/y/a.jar"]
    assert package.licenses == ("MIT", "ISC")
    assert {(each.license, each.path) for each in package.license_evidence} == {
        ("MIT", "/x/a.jar"),
        ("ISC", "/y/a.jar"),
    }


def test_a_package_whose_name_is_nothing_but_blanks_is_a_problem() -> None:
    tags: dict[int, Value] = {1000: "  ", 1001: "1", 1002: "1"}
    database = make_sqlite([make_header(tags), make_header({**tags, 1000: "bash"})])
    inventory = scan(TarBuilder().add("var/lib/rpm/rpmdb.sqlite", database).done())
    assert [package.name for package in inventory.packages] == ["bash"]
    assert ("/var/lib/rpm/rpmdb.sqlite", "a package without a name") in {
        (problem.path, problem.reason) for problem in inventory.problems
    }


def test_two_archives_that_are_one_package_have_a_digest_only_if_it_is_the_same() -> None:
    one, other = found("/x/a.jar", sha1="00", kind="k"), found("/y/a.jar", sha1="11")
    [package] = merge_packages([one, other])
    assert package.notes == {"kind": "k"}
    [package] = merge_packages([one, found("/y/a.jar", sha1="00")])
    assert package.notes[SHA1] == "00"


def debian(**more: str) -> TarBuilder:
    """Two packages of Debian's that both list one file, of which only the second has a digest."""
    stanza = "Package: {}\nStatus: install ok installed\nVersion: 1\nArchitecture: amd64\n\n"
    tar = TarBuilder().add("etc/os-release", b"ID=debian\nVERSION_ID=13\n")
    tar.add("var/lib/dpkg/status", (stanza.format("first") + stanza.format("second")).encode())
    tar.add("var/lib/dpkg/info/first.list", b"/.\n/usr/bin/tool\n")
    tar.add("var/lib/dpkg/info/second.list", b"/.\n/usr/bin/tool\n/usr/bin/other\n")
    tar.add("var/lib/dpkg/info/second.md5sums", f"{MD5}  usr/bin/tool\n".encode())
    return tar.add("usr/bin/tool", TOOL, mode=0o755).add("usr/bin/other", TOOL, mode=0o755)


def states(inventory: Inventory) -> dict[str, tuple[str, str]]:
    """The owner's name and the state of each file."""
    names = {package.purl: package.name for package in inventory.packages}
    return {record.path: (names.get(record.owner or "", ""), record.state) for record in inventory.files or ()}


def test_a_file_that_two_packages_list_is_the_firsts_and_judged_by_the_digest_that_is_known() -> None:
    told = states(scan(debian().done(), files=True, digests=True))
    assert told["/usr/bin/tool"] == ("first", "ok")
    assert told["/usr/bin/other"] == ("second", "unverified")
    changed = TarBuilder().add("usr/bin/tool", b"changed", mode=0o755).done()
    assert states(scan(debian().done(), changed, files=True, digests=True))["/usr/bin/tool"] == ("first", "changed")


def test_a_file_that_its_package_does_not_vouch_for_is_fine_as_it_is() -> None:
    record = {"name": "a", "version": "1", "files": ["lib/a.py", "lib/a.pyc"]}
    tar = TarBuilder().add("opt/conda/conda-meta/a.json", json.dumps(record).encode())
    tar.add("opt/conda/lib/a.py", b"x").add("opt/conda/lib/a.pyc", b"x")
    told = states(scan(tar.done(), files=True, digests=True))
    assert (told["/opt/conda/lib/a.py"], told["/opt/conda/lib/a.pyc"]) == (("a", "unverified"), ("a", "ok"))


def test_files_belong_to_what_their_packages_are_corrected_to() -> None:
    text = (
        "corrections:\n  - match: {name: first}\n    remove: true\n    owner: me\n    reason: so\n"
        "  - match: {name: second}\n    set: {version: 2}\n    owner: me\n    reason: so\n"
        "  - add: {path: /usr/bin/none, name: n}\n    owner: me\n    reason: so\n"
        "  - add: {path: /usr/bin/other, name: o, version: 3}\n    owner: me\n    reason: so\n"
    )
    inventory = scan(debian().done(), files=True, corrections=parse(text.encode(), "c.yaml"))
    owners = {record.path: record.owner for record in inventory.files or ()}
    assert owners["/usr/bin/other"] == "pkg:deb/debian/second@2?arch=amd64&distro=debian-13"
    assert {(package.name, package.version) for package in inventory.packages} == {("second", "2"), ("o", "3")}
    reasons = {problem.reason for problem in inventory.problems}
    assert "c.yaml:10 (me) was not applied: nothing is at /usr/bin/none" in reasons
