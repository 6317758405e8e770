"""The bill of materials inside native programs of GraalVM: small and large ones, and documents that cannot be read."""

from __future__ import annotations

import gzip

import pytest

from hullmark.catalog.programs.graalvm import CATALOGER
from tests.support.cataloging import problems, purls
from tests.support.executables import Part, elf
from tests.support.records import cyclonedx

DOCUMENT = cyclonedx({"name": "netty", "version": "4.1", "purl": "pkg:maven/io.netty/netty@4.1"})
PURLS = ["pkg:maven/io.netty/netty@4.1"]
NAMES = Part(b".dynstr", b"\0sbom\0sbom_length\0", writable=False)


def program(data: bytes, *, stride: int = 0x2000, tail: int = 0) -> dict[str, bytes]:
    """A native program with such data."""
    return {"app/native": elf([NAMES, Part(b".data", data)], stride=stride, tail=tail)}


def test_the_document_of_a_large_program_is_read_as_that_of_a_small_one() -> None:
    packed = gzip.compress(DOCUMENT, mtime=0)
    for files in (program(packed), program(packed, stride=3 << 20)):
        assert (purls(CATALOGER, files), problems(CATALOGER, files)) == (PURLS, [])


def test_a_large_program_without_the_symbols_says_nothing() -> None:
    files = {"app/other": elf([Part(b".data", gzip.compress(DOCUMENT))], stride=5 << 20)}
    assert (purls(CATALOGER, files), problems(CATALOGER, files)) == ([], [])


def test_other_compressed_data_and_false_marks_in_front_of_the_document_are_passed_over() -> None:
    others = b"\x1f\x8b\x08\xff" + bytes(60) + gzip.compress(b'{"name": "a resource of the program"}')
    assert purls(CATALOGER, program(others + gzip.compress(DOCUMENT))) == PURLS


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"no document", "there is none"),
        (gzip.compress(DOCUMENT)[:-8] + bytes(8), "the compressed data is damaged"),
        (gzip.compress(DOCUMENT + b" " * (17 << 20)), "it is larger than 16 MiB"),
    ],
)
def test_a_program_whose_document_cannot_be_read_is_a_problem(data: bytes, reason: str) -> None:
    files = program(data, stride=0x8000)
    assert purls(CATALOGER, files) == []
    assert problems(CATALOGER, files) == [f"its bill of materials cannot be read: {reason}"]


def test_a_program_that_ends_within_its_document_is_a_problem() -> None:
    [(path, body)] = program(gzip.compress(DOCUMENT)).items()
    cut = body[: body.index(b"\x1f\x8b\x08") + 90]
    assert problems(CATALOGER, {path: cut}) == ["its bill of materials cannot be read: it ends too early"]


def test_a_damaged_document_of_a_large_program_is_a_problem_too() -> None:
    files = program(gzip.compress(DOCUMENT)[:-8] + bytes(8), stride=3 << 20)
    assert problems(CATALOGER, files) == ["its bill of materials cannot be read: the compressed data is damaged"]
