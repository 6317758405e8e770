"""What repositories are named, and what their lists have."""

from __future__ import annotations

import gzip
import lzma

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hullmark.maintenance.upkeep.apk import parse_repositories
from hullmark.maintenance.upkeep.apt_release import BUT_UPGRADES, NOT_AUTOMATIC, USUAL, parse_release
from hullmark.maintenance.upkeep.apt_sources import AptSource, parse_sources
from hullmark.maintenance.upkeep.package_lists import ListedPackage, apks_in, packages_in
from hullmark.model.package import SourcePackage
from tests.support.debs import sparse_tar
from tests.support.repositories import Entry, apk_index, stanza

LINES = b"""
# deb http://off.example/debian stable main
deb http://a.example/debian/ trixie main contrib # the rest
deb-src http://a.example/debian trixie main
deb [arch=amd64,arm64 signed-by=/etc/apt/k.gpg] https://b.example/x stable main
deb http://me:secret@flat.example/x?token=secret ./
deb http://broken.example
"""
PARAGRAPHS = b"""# main
Types: deb deb-src
URIs: http://a.example/debian
 http://b.example/debian
Suites: trixie trixie-updates
Components: main
# a remark
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 -----END PGP PUBLIC KEY BLOCK-----

Enabled: no
Types: deb
URIs: http://off.example/debian
Suites: trixie
Components: main

Types: deb
Suites: trixie
"""


def named(path: str, body: bytes) -> tuple[tuple[AptSource, ...] | None, list[str]]:
    """The repositories of a file, and what is reported."""
    told: list[str] = []
    return parse_sources(path, memoryview(body), told.append), told


def test_lines_name_repositories() -> None:
    found, told = named("etc/apt/sources.list", LINES)
    assert found == (
        AptSource("http://a.example/debian/", "trixie", ("main", "contrib")),
        AptSource("https://b.example/x", "stable", ("main",), ("amd64", "arm64")),
        AptSource("http://flat.example/x", "./"),
    )
    assert told == ["line 7 names no repository"]


def test_paragraphs_name_repositories() -> None:
    found, told = named("etc/apt/sources.list.d/debian.sources", PARAGRAPHS)
    assert found == tuple(
        AptSource(f"http://{host}.example/debian", suite, ("main",))
        for host in "ab"
        for suite in ("trixie", "trixie-updates")
    )
    assert told == ["a paragraph has no URIs or no Suites"]


@given(st.binary(max_size=300) | st.text(alphabet="deb []:#\n \tTypes=URISut", max_size=200).map(str.encode))
@example(b" Types: deb")
def test_any_bytes_are_read(body: bytes) -> None:
    for path in ("a.list", "a.sources"):
        found, _ = named(path, body)
        assert found is None or all(source.uri and source.suite for source in found)
    parse_repositories("repositories", memoryview(body), lambda reason: None)


DIGEST = "0" * 64


@pytest.mark.parametrize(
    ("fields", "priority"),
    [
        ("", USUAL),
        ("NotAutomatic: yes\n", NOT_AUTOMATIC),
        ("NotAutomatic: yes\nButAutomaticUpgrades: yes\n", BUT_UPGRADES),
        ("ButAutomaticUpgrades: yes\n", USUAL),
    ],
)
def test_a_suite_says_how_much_it_is_wanted(fields: str, priority: int) -> None:
    plain = f"Label: Debian-Security\nDate: Sat, 03 Oct 2026 10:00:00 UTC\n{fields}SHA256:\n {DIGEST} 1 main/Packages\n"
    signed = f"-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n{plain}- -x: dashed\n-----BEGIN PGP SIGNATURE-----\n\nX: y\n"
    for text in (plain, signed):
        release = parse_release(text.encode())
        assert (release.priority, release.is_security, release.date) == (priority, True, "2026-10-03")
        assert release.files == {"main/Packages": DIGEST}
        assert "x" not in release.fields


@given(st.binary(max_size=300))
def test_what_is_no_release_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match="not a Release file"):
        parse_release(body)


ENTRIES = [Entry("libc6", "2.41-12", source="glibc"), Entry("other", "1"), Entry("libx", "1+b1", source="x (1)")]
FOUND = [
    ListedPackage("libc6", "2.41-12", "amd64", SourcePackage("glibc", "2.41-12")),
    ListedPackage("libx", "1+b1", "amd64", SourcePackage("x", "1")),
]
BODY = "\n".join(map(stanza, ENTRIES)).encode()


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("Packages", BODY),
        ("Packages.gz", gzip.compress(BODY[:100]) + gzip.compress(BODY[100:])),
        ("Packages.xz", lzma.compress(BODY[:100]) + lzma.compress(BODY[100:])),
    ],
)
def test_lists_are_read_in_any_form(name: str, body: bytes) -> None:
    assert list(packages_in(name, body, {"libc6", "libx"})) == FOUND
    if name != "Packages":
        with pytest.raises(ValueError, match="damaged"):
            list(packages_in(name, body[:-9], {"libc6"}))


def test_a_list_that_unpacks_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hullmark.maintenance.upkeep.package_lists._MAX_BYTES", 1 << 20)
    with pytest.raises(ValueError, match="more than 1 MiB"):
        list(packages_in("Packages.xz", lzma.compress(b"\n" * (3 << 20)), {"x"}))


def test_a_list_without_an_end_of_a_package_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hullmark.maintenance.upkeep.package_lists._MAX_STANZA", 1 << 20)
    with pytest.raises(ValueError, match="more than 1 MiB"):
        list(packages_in("Packages.xz", lzma.compress(b"Package: x\n" * (1 << 18)), {"x"}))


def test_alpines_index_is_read() -> None:
    entries = [Entry("busybox", "1.36.1-r3", "x86_64"), Entry("ssl_client", "1.36.1-r3", "x86_64", "busybox")]
    assert list(apks_in(apk_index(entries), {"ssl_client"})) == [
        ListedPackage("ssl_client", "1.36.1-r3", "x86_64", SourcePackage("busybox", "1.36.1-r3"))
    ]
    with pytest.raises(ValueError, match=r"damaged|no APKINDEX"):
        list(apks_in(apk_index(entries)[:-20], {"busybox"}))
    with pytest.raises(ValueError, match="it is damaged"):  # packed twice: it would unpack without a bound
        list(apks_in(gzip.compress(apk_index(entries)), {"busybox"}))


def test_an_index_that_is_one_large_hole_is_none() -> None:
    """It takes no room in the archive, and would fill the memory."""
    with pytest.raises(ValueError, match="it has no APKINDEX"):
        list(apks_in(gzip.compress(sparse_tar("APKINDEX", 1 << 50)), {"x"}))


@given(st.binary(max_size=200))
def test_any_index_of_alpine_is_read_or_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"damaged|no APKINDEX"):
        list(apks_in(body, {"x"}))
