"""A distribution that says its name, and whose package database is gone, is not an image without packages."""

from __future__ import annotations

import pytest

from hullmark.catalog import CATALOGERS
from hullmark.catalog.absent import missing_database
from hullmark.model.inventory import Distro
from hullmark.model.package import Package
from hullmark.rootfs.dispatch import Dispatch
from hullmark.rootfs.squash import squash
from tests.support.layers import TarBuilder, records

DEBIAN = Distro(id="debian", version_id="13", pretty_name="Debian GNU/Linux 13 (trixie)")
SHELL = ("usr/bin/sh", b"\x7fELF" + bytes(100))


def reasons(distro: Distro | None, packages: list[str], *files: tuple[str, bytes]) -> list[str]:
    tar = TarBuilder()
    for name, body in files:
        tar.add(name, body)
    tree = squash(records([tar.done()]))
    there = [
        Package(type=type, name="x", version="1", purl=f"pkg:{type}/x@1", cataloger="t", locations=())
        for type in packages
    ]
    return [problem.reason for problem in missing_database(distro, there, tree)]


def test_a_debian_with_programs_and_no_package_says_so() -> None:
    assert reasons(DEBIAN, [], SHELL) == [
        "the image says that it is Debian GNU/Linux 13 (trixie), and has no database of deb packages: which are installed is not known"
    ]


@pytest.mark.parametrize(("distro", "packages"), [
    (DEBIAN, ["deb"]), (None, []), (Distro(id="own"), ["apk"]), (Distro(id="mint", id_like=("ubuntu", "debian")), ["deb"]),
])  # fmt: skip
def test_an_image_with_packages_of_its_system_or_without_a_system_is_whole(
    distro: Distro | None, packages: list[str]
) -> None:
    assert reasons(distro, packages, SHELL) == []


@pytest.mark.parametrize(("distro", "packages"), [
    (DEBIAN, ["apk", "pypi"]), (Distro(id="own"), ["npm"]), (Distro(id="mint", id_like=("debian",)), []),
])  # fmt: skip
def test_packages_of_another_kind_do_not_make_up_for_it(distro: Distro, packages: list[str]) -> None:
    assert len(reasons(distro, packages, SHELL)) == 1


def test_where_no_programs_are_there_is_nothing_that_a_database_would_tell_of() -> None:
    assert reasons(DEBIAN, [], ("etc/os-release", b"x" * 100), ("app/main", b"x" * 100), ("usr/bin/tiny", b"#!")) == []
    assert len(reasons(DEBIAN, [], ("usr/lib/x86_64-linux-gnu/libssl.so.3", b"x" * 100))) == 1


def test_every_cataloger_says_of_which_types_its_packages_are() -> None:
    assert [cataloger.name for cataloger in CATALOGERS if not cataloger.types] == []
    assert Dispatch([read for cataloger in CATALOGERS for read in cataloger.reads]).reads
