"""What the dpkg cataloger makes of status files, status.d folders and opkg's files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.catalog.systems.dpkg import CATALOGER
from hullmark.catalog.systems.dpkg_status import parse_status
from hullmark.model.inventory import Distro
from hullmark.model.package import Location, Package, SourcePackage
from tests.support.places import shared
from tests.support.views import FakeView

STATUS = "var/lib/dpkg/status"
TRIXIE = Distro(id="debian", version_id="13")


def stanza(name: str, version: str = "1.0-1", *more: str, status: str = "install ok installed") -> bytes:
    lines = [f"Package: {name}", f"Status: {status}", "Architecture: amd64", f"Version: {version}", *more]
    return "\n".join(lines).encode() + b"\n\n"


def read(body: bytes) -> tuple[dict[str, str], list[str]]:
    """Name → version of the stanzas that were read, and the complaints."""
    complaints: list[str] = []
    stanzas = parse_status(STATUS, memoryview(body), complaints.append)
    return {s.name: s.version for s in stanzas}, complaints


def packages(view: FakeView) -> dict[str, Package]:
    return {package.name: package for package in CATALOGER.assemble(view)}


def one(*more: str, version: str = "1.0-1", distro: Distro | None = TRIXIE) -> Package:
    return packages(FakeView({STATUS: stanza("libc6", version, *more)}, CATALOGER, distro=distro))["libc6"]


def cases() -> list[Any]:
    lines = shared("conformance", "packages", "cases.jsonl").read_text().splitlines()
    return [case for line in lines if (case := json.loads(line))["ecosystem"] == "dpkg"]


def placed(case: dict[str, Any]) -> dict[str, bytes]:
    source = shared("conformance", "packages", case["input"])
    place = case["place_as"].strip("/")
    if source.is_file():
        return {place: source.read_bytes()}
    return {str(Path(place) / p.relative_to(source)): p.read_bytes() for p in source.rglob("*") if p.is_file()}


def test_every_conformance_case_is_met() -> None:
    for case in cases():
        view = FakeView(placed(case), CATALOGER)
        found = sorted((p.name, p.version) for p in CATALOGER.assemble(view))
        assert found == sorted((e["name"], e["version"]) for e in case["expected"]), case["id"]
        for package in packages(view).values():
            wanted = case.get("expected_licenses", {}).get(package.name)
            assert wanted is None or set(wanted) <= set(package.licenses), case["id"]


def test_a_package_says_all_that_its_stanza_says() -> None:
    package = one("Source: glibc (2.41-12)", "Maintainer: GNU Libc <libc@example.org>", "Section: libs")
    assert package == Package(
        type="deb",
        name="libc6",
        version="1.0-1",
        purl="pkg:deb/debian/libc6@1.0-1?arch=amd64&distro=debian-13&upstream=glibc%402.41-12",
        cataloger="dpkg",
        arch="amd64",
        source=SourcePackage("glibc", "2.41-12"),
        locations=(Location("/" + STATUS, 0),),
        notes={"maintainer": "GNU Libc <libc@example.org>", "section": "libs"},
    )


@pytest.mark.parametrize(
    ("source", "name", "version", "upstream"),
    [
        ("Source: glibc", "glibc", "1.0-1", "&upstream=glibc"),
        ("Source: libc6 (2)", "libc6", "2", "&upstream=libc6%402"),
        ("Source: glibc (1.0-1)", "glibc", "1.0-1", "&upstream=glibc"),
        ("Source: gcc-defaults (1:14)", "gcc-defaults", "1:14", "&upstream=gcc-defaults%401%3A14"),
        ("Source: \x1b[2J", "libc6", "1.0-1", ""),
        ("Section: libs", "libc6", "1.0-1", ""),
    ],
)
def test_the_source_package_is_split_from_its_version(source: str, name: str, version: str, upstream: str) -> None:
    package = one(source)
    assert package.source == SourcePackage(name, version)
    assert package.purl == f"pkg:deb/debian/libc6@1.0-1?arch=amd64&distro=debian-13{upstream}"


def test_without_a_distribution_the_purl_says_debian() -> None:
    assert one(distro=None).purl == "pkg:deb/debian/libc6@1.0-1?arch=amd64"
    assert one(distro=Distro(id="ubuntu", version_id="24.04")).purl.startswith("pkg:deb/ubuntu/libc6@")


def test_an_epoch_stays_in_the_version_and_a_zero_epoch_does_not() -> None:
    assert one(version="2:1.0-1").purl == "pkg:deb/debian/libc6@2:1.0-1?arch=amd64&distro=debian-13"
    assert one(version="0:1.0-1").version == "1.0-1"


def test_a_stanza_without_version_is_a_package_of_unknown_version() -> None:
    view = FakeView({STATUS: b"Package: noversion\nStatus: install ok installed\nArchitecture: all\n\n"}, CATALOGER)
    package = packages(view)["noversion"]
    assert (package.version, package.purl) == ("UNKNOWN", "pkg:deb/debian/noversion?arch=all")
    assert package.source == SourcePackage("noversion", "UNKNOWN")


@pytest.mark.parametrize(
    ("status", "is_package", "is_problem"),
    [
        ("install ok installed", True, False),
        ("hold ok installed", True, False),
        ("deinstall ok installed", True, False),
        ("install ok unpacked", True, False),
        ("install ok half-configured", True, False),
        ("install ok triggers-pending", True, False),
        ("install user Installed", True, False),
        ("deinstall ok config-files", False, False),
        ("purge ok not-installed", False, False),
        ("install reinstreq half-installed", False, True),
        ("install ok strange", False, True),
    ],
)
def test_a_package_is_there_if_its_files_are(status: str, is_package: bool, is_problem: bool) -> None:
    view = FakeView({STATUS: stanza("a", status=status)}, CATALOGER)
    assert ("a" in packages(view)) is is_package
    assert bool(view.problems) is is_problem


MALFORMED = (
    b"Package: noversion\nStatus: install ok installed\nArchitecture: amd64\n\n"
    b"Version: 1.0\nStatus: install ok installed\n\n" + bytes(range(256)) * 8 + b"\n\n"
    b"Package: crlf\r\nStatus: install ok installed\r\nVersion: 2.0\r\nArchitecture: all\r\n\r\n"
    b"Package: latin\nStatus: install ok installed\nVersion: 3.0\nMaintainer: J\xf6rg <j@example.org>\n\n"
    b" continuation without a field\nnocolon\n\n"
    b"Package: huge\nStatus: install ok installed\nVersion: 6.0\nDescription: " + b"x" * (1 << 20) + b"\n\n"
    b"package: lowercase\nstatus: install ok installed\nversion: 7.0\n\n"
    b"Package: twice\nStatus: install ok installed\nVersion: 8.0\nVersion: 8.1\n\n"
    b"Package: \x1b[2Jansi\nStatus: install ok installed\nVersion: 1;$(id)\n\n"
    b"Package: unended\nStatus: install ok installed\nVersion: 9.0"
)


def test_a_bad_stanza_loses_only_itself() -> None:
    found, complaints = read(MALFORMED)
    assert found == {
        "noversion": "",
        "crlf": "2.0",
        "latin": "3.0",
        "huge": "6.0",
        "lowercase": "7.0",
        "twice": "8.0",
        "unended": "9.0",
    }
    assert complaints == [
        "a stanza has no Package and was not read",
        "the stanza of a package without a name has a line that is not a field",
        "a stanza has no Package and was not read",
        "the stanza of a package without a name has a line that is not a field",
        "a stanza has no Package and was not read",
        "the stanza of 'twice' has Version more than once",
        "a stanza has the package name '\\x1b[2Jansi' and was not read",
    ]


def test_bytes_that_are_not_utf8_are_replaced() -> None:
    view = FakeView({STATUS: stanza("a") + b"Package: b\nVersion: 1\nMaintainer: J\xf6rg\n\n"}, CATALOGER)
    assert packages(view)["b"].notes == {"maintainer": "J\ufffdrg"}


@pytest.mark.parametrize("version", ["1 2", "1:", "-1:2", "x:1", "1-", "1\x1b2", "12345678901:1"])
def test_a_version_that_dpkg_refuses_is_reported(version: str) -> None:
    found, complaints = read(stanza("bad", version) + stanza("good"))
    assert found == {"good": "1.0-1"}
    assert complaints == [f"the package bad has the version {version!r} and was not read"]


@pytest.mark.parametrize("version", ["1;$(id)", "x1", "1_2", "1.0~rc1+b1-1.1", "3:4:5-6"])
def test_a_version_that_dpkg_only_warns_of_is_kept(version: str) -> None:
    assert read(stanza("a", version)) == ({"a": version}, [])


@pytest.mark.parametrize("name", ["a!", ".a", "a b", "-a", "x" * 300, "ä"])
def test_a_name_that_dpkg_refuses_is_reported(name: str) -> None:
    found, complaints = read(stanza(name) + stanza("good"))
    assert found == {"good": "1.0-1"}
    assert len(complaints) == 1


def test_a_missing_empty_line_hides_no_package() -> None:
    found, complaints = read(stanza("a").rstrip() + b"\n" + stanza("b") + stanza("c"))
    assert found == {"a": "1.0-1", "b": "1.0-1", "c": "1.0-1"}
    assert complaints == ["the stanza of 'a' does not end before that of 'b'"]


def test_a_separating_line_may_hold_spaces_and_so_may_a_line_of_a_description() -> None:
    assert read(stanza("a").rstrip() + b"\n \t\n" + stanza("b")) == ({"a": "1.0-1", "b": "1.0-1"}, [])
    assert read(b"Package: a\nDescription: x\n y\n \n z\nVersion: 1\n") == ({"a": "1"}, [])


def test_complaints_are_counted_and_not_listed_without_end() -> None:
    _, complaints = read(b"Version: 1\n\n" * 1000)
    assert len(complaints) == 21
    assert complaints[-1] == "980 more faults of this file are not listed"


def test_a_file_of_nothing_has_no_packages_and_no_problems() -> None:
    assert read(b"") == ({}, [])
    assert read(b"\n\n\n") == ({}, [])


def test_status_d_holds_one_package_a_file_and_other_files_beside() -> None:
    folder = "var/lib/dpkg/status.d/"
    files = {
        STATUS: b"",
        folder + "libc6": b"Package: libc6\nVersion: 2.41\nArchitecture: amd64\n",
        folder + "libc6.md5sums": b"0123456789abcdef0123456789abcdef  lib/libc.so\n",
        folder + "tzdata": b"Package: tzdata\nVersion: 2025b\nArchitecture: all\n\n",
        folder + "tzdata.preinst": b"#!/bin/sh\nexit 0\n",
        folder + "x.config": b"Package: x.config\nVersion: 1\n",
    }
    view = FakeView(files, CATALOGER)
    assert {name: p.locations[0].path for name, p in packages(view).items()} == {
        "libc6": "/" + folder + "libc6",
        "tzdata": "/" + folder + "tzdata",
        "x.config": "/" + folder + "x.config",
    }
    assert view.problems == []


def test_junk_in_status_d_is_reported() -> None:
    view = FakeView({"var/lib/dpkg/status.d/x": b"\0\xff" * 99}, CATALOGER)
    assert packages(view) == {}
    assert ("var/lib/dpkg/status.d/x", "a stanza has no Package and was not read") in view.problems


def test_a_database_behind_a_link_is_read_where_it_stands() -> None:
    links = {"var/lib/dpkg": "/usr/lib/sysimage/dpkg"}
    view = FakeView({"usr/lib/sysimage/dpkg/status": stanza("good")}, CATALOGER, links=links)
    assert packages(view)["good"].locations == (Location("/usr/lib/sysimage/dpkg/status", 0),)
    assert view.problems == []


def test_a_database_under_another_name_is_a_problem() -> None:
    view = FakeView({"data/db.txt": stanza("good")}, CATALOGER, links={STATUS: "/data/db.txt"})
    assert packages(view) == {}
    assert [path for path, _ in view.problems] == [STATUS]


def test_a_status_file_that_is_no_database_is_none() -> None:
    view = FakeView({"opt/dpkg/status": stanza("a"), "src/dpkg/status.d/b": stanza("b")}, CATALOGER)
    assert packages(view) == {}


def test_a_database_of_an_inner_root_is_read_too() -> None:
    files = {
        "mnt/var/lib/dpkg/status": stanza("inner"),
        "mnt/usr/share/doc/inner/copyright": b"See /usr/share/common-licenses/GPL-2.\n",
    }
    assert packages(FakeView(files, CATALOGER))["inner"].licenses == ("GPL-2",)


def test_opkg_control_files_count_only_for_packages_that_status_does_not_know() -> None:
    home = "usr/lib/opkg/"
    files = {
        home + "status": b"Package: busybox\nVersion: 1.36\nStatus: install user installed\nArchitecture: x86_64\n\n"
        b"Package: gone\nVersion: 1\nStatus: deinstall ok not-installed\n\n",
        home + "info/busybox.control": b"Package: busybox\nVersion: 1.36\nArchitecture: x86_64\n",
        home + "info/gone.control": b"Package: gone\nVersion: 1\n",
        home + "info/alone.control": b"Package: alone\nVersion: 2\n",
    }
    view = FakeView(files, CATALOGER, distro=Distro(id="openwrt", version_id="23.05"))
    found = packages(view)
    assert sorted(found) == ["alone", "busybox"]
    assert found["busybox"].purl == "pkg:deb/openwrt/busybox@1.36?arch=x86_64&distro=openwrt-23.05"


def test_the_layer_is_the_one_that_brought_this_version() -> None:
    low = {STATUS: stanza("kept") + stanza("upgraded", "1") + stanza("again")}
    middle = {STATUS: stanza("kept") + stanza("upgraded", "2")}
    high = {STATUS: stanza("kept") + stanza("upgraded", "2") + stanza("again") + stanza("new")}
    found = packages(FakeView({}, CATALOGER, layers=[low, middle, high]))
    assert {name: package.locations[0].layer for name, package in found.items()} == {
        "kept": 0,
        "upgraded": 1,
        "again": 2,
        "new": 2,
    }


def test_licences_are_found_behind_links_and_through_the_source_package() -> None:
    files = {
        STATUS: stanza("gcc-14-base", "14", "Source: gcc-14 (14)")
        + stanza("libgcc-s1", "14", "Source: gcc-14 (14)")
        + stanza("libstdc++6", "14", "Source: gcc-14 (14)")
        + stanza("alone"),
        "usr/share/doc/gcc-14-base/copyright": b"see /usr/share/common-licenses/GPL-3, /usr/share/common-licenses/GFDL\n",
    }
    view = FakeView(files, CATALOGER, links={"usr/share/doc/libgcc-s1": "gcc-14-base"})
    licenses = {name: package.licenses for name, package in packages(view).items()}
    both = ("GPL-3", "GFDL")
    assert licenses == {"gcc-14-base": both, "libgcc-s1": both, "libstdc++6": both, "alone": ()}


@given(
    st.lists(st.binary(max_size=60) | st.sampled_from([b"\n\n", b"Package: a", b"\nVersion: 1", b"\r\n", b":", b" "]))
)
def test_any_bytes_are_survived(parts: list[bytes]) -> None:
    body = b"".join(parts)
    view = FakeView({STATUS: body, "var/lib/dpkg/status.d/x": body}, CATALOGER)
    assert CATALOGER.owned is not None
    list(CATALOGER.assemble(view))
    list(CATALOGER.owned(view))


_words = st.from_regex(r"[a-z0-9][a-z0-9.+-]{0,20}", fullmatch=True)


@given(st.dictionaries(_words, _words.map(lambda version: version.rstrip("-") or "1"), max_size=20), st.booleans())
def test_what_was_written_is_read(wanted: dict[str, str], crlf: bool) -> None:
    body = b"".join(stanza(name, version, "Description: x\n y\n .\n z: a") for name, version in wanted.items())
    assert read(body.replace(b"\n", b"\r\n") if crlf else body) == (wanted, [])
