"""Package files that lie in an image."""

from __future__ import annotations

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from hullmark.catalog.inventory import merge_packages
from hullmark.catalog.systems import dpkg
from hullmark.catalog.systems.apk_file import extract_apk
from hullmark.catalog.systems.package_files import APK, CATALOGER, DEB, RPM, extract_deb, extract_rpm
from hullmark.model.inventory import Distro
from hullmark.model.package import is_file
from tests.support.package_files import CONTROL, INFO, PACKED, apk, ar, control_tar, deb, rpm
from tests.support.views import FakeView

DEBIAN = Distro(id="debian", version_id="12")
PLACE = "srv/pool/vulnerable.deb"
PURL = "pkg:deb/debian/vulnerable@1.0-1?arch=amd64&distro=debian-12"


@pytest.mark.parametrize("pack", PACKED)
def test_a_deb_is_a_package_that_is_not_installed(pack: str) -> None:
    view = FakeView({PLACE: deb(pack=pack)}, CATALOGER, distro=DEBIAN)
    [package] = CATALOGER.assemble(view)
    assert (package.purl, package.arch, package.locations[0].path) == (PURL, "amd64", f"/{PLACE}")
    assert (package.notes["installed"], package.notes["claimed"]) == ("false", "true")
    assert package.notes["depends"] == "libc6 (>= 2.36), a | b"
    assert view.problems == []


def test_one_that_is_packed_with_zstd_is_read() -> None:
    tar = zstandard.ZstdCompressor().compress(control_tar({"./control": CONTROL}))
    view = FakeView({PLACE: ar({"debian-binary": b"2.0\n", "control.tar.zst": tar})}, CATALOGER, distro=DEBIAN)
    assert [package.purl for package in CATALOGER.assemble(view)] == [PURL]


def test_an_ipk_that_is_a_tar_is_read() -> None:
    inner = PACKED[".gz"](control_tar({"./control": CONTROL}))
    body = PACKED[".gz"](control_tar({"./debian-binary": b"2.0\n", "./control.tar.gz": inner}))
    assert [package.name for package in CATALOGER.assemble(FakeView({"a/b.ipk": body}, CATALOGER))] == ["vulnerable"]


def test_an_rpm_is_a_package_that_is_not_installed() -> None:
    view = FakeView({"a/v.rpm": rpm()}, CATALOGER)
    [package] = CATALOGER.assemble(view)
    assert (package.name, package.version, package.arch, package.licenses) == (
        "vulnerable",
        "1.0-1",
        "x86_64",
        ("MIT",),
    )
    assert (is_file(package), package.cataloger, view.problems) == (True, "package-files", [])


@pytest.mark.parametrize("is_signed", [True, False])
def test_an_apk_is_a_package_that_is_not_installed(is_signed: bool) -> None:
    body = apk(INFO + b"origin = weak\n", is_signed=is_signed)
    view = FakeView({"srv/v.apk": body}, CATALOGER, distro=Distro(id="alpine", version_id="3.20.1"))
    [package] = CATALOGER.assemble(view)
    assert package.purl == "pkg:apk/alpine/vulnerable@1.0-r0?arch=x86_64&distro=alpine-3.20.1&upstream=weak"
    assert (package.licenses, package.notes["depends"]) == (("MIT",), "so:libc.musl-x86_64.so.1 b>1")
    assert (is_file(package), view.problems) == (True, [])


def test_an_application_for_android_is_no_package_of_alpines() -> None:
    view = FakeView({"srv/v.apk": b"PK\x03\x04" + bytes(100)}, CATALOGER)
    assert (list(CATALOGER.assemble(view)), view.problems) == ([], [])


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("a/v.apk", b"ADBd"),
        ("a/v.apk", apk()[:150]),
        ("a/v.apk", apk(b"pkgname = a\n")),
        ("a/v.apk", apk(b"pkgver = 1\n")),
        ("a/v.apk", apk(is_signed=False)[:30]),
        ("a/v.apk", PACKED[".gz"](control_tar({".PKGINFO": INFO})[:560])),
        (PLACE, ar({"debian-binary": b"2.0\n", "control.tar": control_tar({"./control": CONTROL})[:560]})),
        ("a/v.apk", apk(is_signed=False)[:10] + b"xxxx"),
        (PLACE, b""),
        (PLACE, b"!<arch>\n"),
        (PLACE, ar({"debian-binary": b"2.0\n", "control.tar.lzma": b"x"})),
        (PLACE, ar({"debian-binary": b"2.0\n", "control.tar.gz": b"x"})),
        (PLACE, ar({"debian-binary": b"2.0\n", "control.tar": control_tar({"./other": b""})})),
        (PLACE, deb(b"Package: a\n")),
        ("a/v.rpm", b"\xed\xab\xee\xdb"),
        ("a/v.rpm", rpm()[:200]),
        ("a/v.rpm", rpm(name="")),
    ],
)
def test_one_that_cannot_be_read_is_told(path: str, body: bytes) -> None:
    view = FakeView({path: body}, CATALOGER)
    assert list(CATALOGER.assemble(view)) == []
    assert len(view.problems) == 1 or body == b""


def test_a_large_one_is_read_from_its_beginning() -> None:
    for read, body in ((APK, apk()), (DEB, deb()), (RPM, rpm())):
        assert read.oversize is not None
        sink = read.oversize(1 << 30)
        sink.write(memoryview(body))
        sink.write(memoryview(bytes(1 << 20)))
        assert sink.finish(pytest.fail).name == "vulnerable"


def test_what_is_installed_is_not_made_a_file_by_the_file_beside_it() -> None:
    [file] = CATALOGER.assemble(FakeView({PLACE: deb()}, CATALOGER, distro=DEBIAN))
    status = CONTROL + b"Status: install ok installed\n"
    [installed] = dpkg.assemble(FakeView({"var/lib/dpkg/status": status}, dpkg.CATALOGER, distro=DEBIAN))
    assert installed.purl == file.purl
    for both in ([installed, file], [file, installed]):
        [package] = merge_packages(both)
        assert (is_file(package), len(package.locations)) == (False, 2)
    assert is_file(merge_packages([file, replace(file, locations=())])[0])


@given(st.binary())
def test_any_bytes_are_survived(body: bytes) -> None:
    for start in (b"", b"!<arch>\n", b"\x1f\x8b", deb()[:150], rpm()[:120]):
        extract_deb("a.deb", memoryview(start + body), lambda reason: None)
        extract_rpm("a.rpm", memoryview(start + body), lambda reason: None)
        extract_apk("a.apk", memoryview(start + body), lambda reason: None)


@given(st.binary(), st.sampled_from((".gz", ".xz", ".zst", "")))
def test_any_control_tar_is_survived(body: bytes, pack: str) -> None:
    for inner in (body, PACKED.get(pack, bytes)(body)):
        extract_deb("a.deb", memoryview(ar({"debian-binary": b"", f"control.tar{pack}": inner})), lambda reason: None)


@given(st.binary())
def test_any_information_of_an_apk_is_survived(info: bytes) -> None:
    extract_apk("a.apk", memoryview(apk(info)), lambda reason: None)


@given(st.integers(0, 2000), st.binary(max_size=9))
def test_any_damage_is_survived(at: int, damage: bytes) -> None:
    for body, extract in ((deb(pack=""), extract_deb), (rpm(), extract_rpm), (apk(), extract_apk)):
        at %= len(body)
        extract("a", memoryview(body[:at] + damage + body[at + len(damage) :]), lambda reason: None)
