"""Which package of a system needs which: dpkg, apk and rpm."""

from __future__ import annotations

import pytest

from hullmark.catalog.relations import apk as apk_relations
from hullmark.catalog.relations import dpkg as dpkg_relations
from hullmark.catalog.relations import rpm as rpm_relations
from hullmark.catalog.systems import apk, dpkg, rpm
from tests.support.relations import needs
from tests.unit.catalog.systems.test_rpm_databases import make_sqlite
from tests.unit.catalog.systems.test_rpm_header import FILES, INT32, Value, make_header

LESS, GREATER, EQUAL, RPMLIB = 2, 4, 8, 1 << 24


def stanza(name: str, version: str = "1", arch: str = "amd64", **fields: str) -> str:
    more = "".join(f"{key.replace('_', '-')}: {value}\n" for key, value in fields.items())
    return f"Package: {name}\nStatus: install ok installed\nArchitecture: {arch}\nVersion: {version}\n{more}\n"


def deb(*stanzas: str) -> list[str]:
    return needs({"var/lib/dpkg/status": "".join(stanzas).encode()}, dpkg.CATALOGER, dpkg_relations.RESOLVER)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"Depends": "lib"}, ["a@1 -> lib@2.0"]),
        ({"Pre_Depends": "lib (>= 1)"}, ["a@1 -> lib@2.0"]),
        ({"Depends": "lib (>= 2.0~rc1), lib (<< 2.0+x)"}, ["a@1 -> lib@2.0"]),
        ({"Depends": "lib (<< 2.0)"}, []),
        ({"Depends": "gone | lib | other"}, ["a@1 -> lib@2.0", "a@1 -> other@3"]),
        ({"Depends": "virtual"}, ["a@1 -> other@3"]),
        ({"Depends": "versioned (= 7)"}, ["a@1 -> other@3"]),
        ({"Depends": "versioned (>= 8)"}, []),
        ({"Depends": "virtual (>= 1)"}, []),
        ({"Depends": "lib:any"}, ["a@1 -> lib@2.0"]),
        ({"Depends": "lib:arm64"}, []),
        ({"Recommends": "lib", "Suggests": "other", "Breaks": "lib", "Conflicts": "other"}, []),
        ({"Depends": "a, gone, ,(x)"}, []),
        ({"Depends": "gone,\n lib (>= 1)"}, ["a@1 -> lib@2.0"]),
    ],
)
def test_a_debian_package_needs_each_installed_alternative(fields: dict[str, str], expected: list[str]) -> None:
    assert (
        deb(stanza("a", **fields), stanza("lib", "2.0"), stanza("other", "3", Provides="virtual, versioned (= 7)"))
        == expected
    )


def test_a_debian_package_needs_one_of_its_own_architecture_where_there_are_several() -> None:
    libraries = stanza("lib", "1", "amd64") + stanza("lib", "2", "i386")
    assert deb(stanza("wine", "1", "i386", Depends="lib"), libraries) == ["wine@1 -> lib@2"]
    # What is for all architectures is used on the system's own; a foreign one serves where no other is.
    assert deb(stanza("dpkg"), stanza("script", "1", "all", Depends="lib"), libraries) == ["script@1 -> lib@1"]
    assert deb(stanza("b", Depends="tool"), stanza("tool", "3", "i386")) == ["b@1 -> tool@3"]


def test_removed_packages_meet_no_need() -> None:
    removed = stanza("lib").replace("install ok installed", "deinstall ok config-files")
    assert deb(stanza("a", Depends="lib"), removed) == []


def alpine(depends: str) -> list[str]:
    body = (
        f"P:a\nV:1-r0\nA:x86_64\nD:{depends}\n\n"
        "P:busybox\nV:1.36.1-r2\nA:x86_64\np:cmd:sh=1.36.1-r2 /bin/ash\nF:bin\nR:sh\n\n"
        "P:musl\nV:1.2.5-r0\nA:x86_64\np:so:libc.musl-x86_64.so.1=1\n\n"
    )
    return needs({"lib/apk/db/installed": body.encode()}, apk.CATALOGER, apk_relations.RESOLVER)


@pytest.mark.parametrize(
    ("depends", "expected"),
    [
        ("so:libc.musl-x86_64.so.1 cmd:sh", ["a@1-r0 -> busybox@1.36.1-r2", "a@1-r0 -> musl@1.2.5-r0"]),
        ("/bin/sh", ["a@1-r0 -> busybox@1.36.1-r2"]),
        ("/bin/bash", []),
        ("!busybox !musl", []),
        ("busybox>1.36 musl<1.2", ["a@1-r0 -> busybox@1.36.1-r2"]),
        ("musl=1.2.5-r0 busybox=1.36.1", ["a@1-r0 -> musl@1.2.5-r0"]),
        ("musl~1.2 busybox~1.3", ["a@1-r0 -> musl@1.2.5-r0"]),
        ("musl@edge", ["a@1-r0 -> musl@1.2.5-r0"]),
    ],
)
def test_an_alpine_package_needs_names_and_files_that_others_provide(depends: str, expected: list[str]) -> None:
    assert alpine(depends) == expected


def header(name: str, **tags: Value) -> bytes:
    numbers = {"provides": 1047, "provide_flags": 1112, "provide_versions": 1113}
    numbers |= {"requires": 1049, "require_flags": 1048, "require_versions": 1050}
    more: dict[int, Value] = {numbers[key]: value for key, value in tags.items()}
    files = FILES if name == "bash" else {}
    return make_header({1000: name, 1001: "5.1", 1002: "6.el9", 1022: "x86_64", **files, **more})


def red_hat(name: str, flags: int = 0, version: str = "") -> list[str]:
    headers = [
        header("a", requires=[name], require_flags=(INT32, [flags]), require_versions=[version]),
        header("bash", provides=["bash", "sh"], provide_flags=(INT32, [EQUAL, 0]), provide_versions=["5.1-6.el9", ""]),
        header("libs", provides=["libx.so.1()(64bit)"], provide_flags=(INT32, [0]), provide_versions=[""]),
    ]
    found = needs({"var/lib/rpm/rpmdb.sqlite": make_sqlite(headers)}, rpm.CATALOGER, rpm_relations.RESOLVER)
    return [each.replace("@5.1-6.el9", "") for each in found]


@pytest.mark.parametrize(
    ("name", "flags", "version", "expected"),
    [
        ("libx.so.1()(64bit)", 0, "", ["a -> libs"]),
        ("/usr/bin/bash", 0, "", ["a -> bash"]),
        ("/usr/bin/zsh", 0, "", []),
        ("bash", GREATER | EQUAL, "5.0", ["a -> bash"]),
        ("bash", EQUAL, "5.1", ["a -> bash"]),
        ("bash", EQUAL, "5.1-7.el9", []),
        ("bash", LESS, "5.1", []),
        ("sh", GREATER, "9", ["a -> bash"]),
        ("rpmlib(FileDigests)", RPMLIB | LESS | EQUAL, "4.6", []),
        ("(bash or zsh)", 0, "", ["a -> bash"]),
        ("(libx.so.1()(64bit) if bash)", 0, "", ["a -> libs"]),
        ("(bash >= 5 and libs)", 0, "", ["a -> bash", "a -> libs"]),
        ("(bash > 6 or (libs with bash))", 0, "", ["a -> bash", "a -> libs"]),
    ],
)
def test_an_rpm_package_needs_what_others_provide(name: str, flags: int, version: str, expected: list[str]) -> None:
    assert red_hat(name, flags, version) == expected
