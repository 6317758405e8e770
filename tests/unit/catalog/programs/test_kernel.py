"""Kernels and modules as distributions pack them, and modules that cannot be read."""

from __future__ import annotations

import gzip
import lzma
from collections.abc import Callable

import pytest
import zstandard

from hullmark.catalog.programs.kernel import CATALOGER
from tests.support.cataloging import packages, problems, purls
from tests.support.records import kernel, module

MODULE = module(name="zfs", version="2.2.4-1", vermagic="6.1.0-21-amd64 SMP mod_unload", license="CDDL")
PLACE = "lib/modules/6.1.0-21-amd64/updates/dkms/zfs.ko"


@pytest.mark.parametrize(
    ("end", "pack"),
    [
        ("", bytes),
        (".gz", gzip.compress),
        (".xz", lzma.compress),
        (".zst", zstandard.ZstdCompressor().compress),
    ],
)
def test_a_module_is_read_through_every_compression(end: str, pack: Callable[[bytes], bytes]) -> None:
    [package] = packages(CATALOGER, {PLACE + end: pack(MODULE)})
    assert (package.purl, package.licenses) == ("pkg:generic/zfs@2.2.4-1", ("CDDL",))
    assert package.notes == {"kernel": "6.1.0-21-amd64"}


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (gzip.compress(MODULE)[:10] + b"\xff" * 40, "Error -3 while decompressing data: invalid block type"),
        (lzma.compress(MODULE)[:20] + bytes(40), "Corrupt input data"),
        (b"\x28\xb5\x2f\xfd" + b"\xff" * 40, "zstd decompress error: Unsupported frame parameter"),
    ],
)
def test_a_module_of_damaged_compressed_data_is_a_problem(body: bytes, reason: str) -> None:
    assert problems(CATALOGER, {PLACE + ".x.ko.gz": body}) == [f"the kernel module cannot be unpacked: {reason}"]


@pytest.mark.parametrize("pack", [gzip.compress, lzma.compress, zstandard.ZstdCompressor().compress])
def test_a_module_that_unpacks_to_more_than_is_read_is_a_problem(
    pack: Callable[[bytes], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hullmark.catalog.programs.kernel._MODULE_BYTES", 4096)
    assert problems(CATALOGER, {PLACE + ".gz": pack(MODULE)}) == [
        "the kernel module is larger than 4,096 bytes when it is unpacked"
    ]


def test_a_module_with_more_sections_than_are_looked_at_does_not_tell_its_name() -> None:
    body = bytearray(MODULE)
    at = int.from_bytes(body[40:48], "little")
    body[60:62] = bytes(2)  # the number of sections stands in the first of them
    body[at + 32 : at + 40] = (70_000).to_bytes(8, "little")
    assert problems(CATALOGER, {PLACE: bytes(body)}) == ["the kernel module does not tell its name"]


@pytest.mark.parametrize("path", ["boot/vmlinuz-lts", "boot/vmlinuz.old", "boot/vmlinuz-linux"])
def test_a_kernel_that_tells_its_release_is_one_whatever_its_file_is_called(path: str) -> None:
    body = kernel("6.6.31-0-lts (buildozer@build) #1-Alpine SMP 2024-05-17")
    [package] = packages(CATALOGER, {path: body})
    assert (package.purl, package.notes["build"]) == (
        "pkg:generic/linux-kernel@6.6.31-0-lts",
        "#1-Alpine SMP 2024-05-17",
    )


def test_a_file_beside_the_kernels_that_tells_no_release_is_not_one() -> None:
    assert purls(CATALOGER, {"boot/vmlinuz-notes.txt": b"see the wiki"}) == []


def test_a_kernel_is_told_once_with_its_modules_and_alone_where_only_they_are_there() -> None:
    files = {
        "boot/vmlinuz-6.1.0-21-amd64": kernel("6.1.0-21-amd64 (debian-kernel@lists.debian.org) #1 SMP"),
        "lib/modules/6.1.0-21-amd64/modules.dep": b"a",
        "lib/modules/6.5.0/modules.builtin": b"a",
        "lib/modules/6.5.0/modules.dep": b"a",
    }
    found = [(package.version, package.locations[0].path) for package in packages(CATALOGER, files)]
    assert found == [
        ("6.1.0-21-amd64", "/boot/vmlinuz-6.1.0-21-amd64"),
        ("6.5.0", "/lib/modules/6.5.0/modules.builtin"),
    ]
