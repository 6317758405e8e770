"""What a deb brings: its files as entries of a layer, dpkg's records of it, and nothing of what dpkg would not unpack."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import lzma

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.catalog.systems.dpkg_files import LIST, MD5SUMS
from hullmark.maintenance.remedy.ar import decompress_member
from hullmark.maintenance.remedy.contents import DebReading, read_deb
from hullmark.model.upkeep import PackageUpdate
from hullmark.scanning.analysis import reads_for
from tests.support.debs import Deb, _member, packed, sparse_tar
from tests.unit.maintenance.remedy.test_instructions import package

UPDATE = PackageUpdate(installed=package("tool"), candidate=package("tool", "2"), index="")
DEB = Deb(
    "tool",
    "2",
    {
        "/usr/bin/tool": (0o4755, b"#!/bin/sh\n"),
        "/usr/share/doc/tool/copyright": (0o644, b"License: MIT\n"),
        "/usr/share/doc/tool/long": (0o644, b"long\n"),
        "/etc/tool.conf": (0o644, b"a=1\n"),
        "/etc/own.conf": (0o644, b"b=1\n"),
    },
    conffiles=("/etc/tool.conf", "/etc/own.conf"),
)


def test_files_records_and_what_is_not_unpacked() -> None:
    rules = ((True, "/usr/share/doc/*"), (False, "/usr/share/doc/*/copyright"))
    reading = DebReading(reads=reads_for(), rules=rules, changed=frozenset((b"etc/own.conf", b"etc/other")))
    found = read_deb(packed(DEB), UPDATE, [b"var/lib/dpkg/info/tool"], reading)
    entries = {entry.path.decode(): entry for entry in found.record.entries}
    assert entries.keys() == {
        *("usr/bin/tool", "usr/share/doc/tool/copyright", "etc/tool.conf", "etc/own.conf"),
        *("var/lib/dpkg/info/tool.list", "var/lib/dpkg/info/tool.md5sums"),
    }
    assert entries["usr/bin/tool"].mode == 0o4755
    assert found.kept == {b"etc/own.conf"}
    assert found.conffiles.split() == [
        *(b"/etc/tool.conf", hashlib.md5(b"a=1\n").hexdigest().encode()),  # noqa: S324 - as dpkg has it
        *(b"/etc/own.conf", hashlib.md5(b"b=1\n").hexdigest().encode()),  # noqa: S324
    ]
    [(place, listed)] = found.record.facts[LIST.name]
    assert found.record.entries[place].path == b"var/lib/dpkg/info/tool.list"
    assert b"/usr/share/doc/tool/long\n" in listed
    assert MD5SUMS.name in found.record.facts


def test_hashes_are_there_only_where_those_of_the_image_are() -> None:
    [with_them, without] = (
        read_deb(packed(DEB), UPDATE, (), DebReading(reads=(), digests=digests)).record.entries[0].digests
        for digests in (True, False)
    )
    assert (len(with_them), without) == (68, b"")


@pytest.mark.parametrize("cut", [0, 4, 8, 30, 200, 400])
def test_a_damaged_deb_is_not_read(cut: int) -> None:
    with pytest.raises(ValueError, match=r"it is (not a deb|cut short|damaged)"):
        read_deb(packed(DEB)[:cut], UPDATE, (), DebReading(reads=()))


def test_a_record_that_is_one_large_hole_is_passed_over() -> None:
    """It takes no room in the archive, and would fill the memory."""
    control = gzip.compress(sparse_tar("./conffiles", 1 << 50))
    parts = (("debian-binary", b"2.0\n"), ("control.tar.gz", control), ("data.tar.gz", gzip.compress(EMPTY_TAR)))
    found = read_deb(b"!<arch>\n" + b"".join(map(_member, parts)), UPDATE, (), DebReading(reads=()))
    assert (found.conffiles, found.kept) == (b"", frozenset())


EMPTY_TAR = bytes(10_240)


@pytest.mark.parametrize(
    ("control", "data", "message"),
    [
        (b"text" * 300, EMPTY_TAR, "it is damaged: "),
        (lzma.compress(EMPTY_TAR), EMPTY_TAR, "it is damaged: "),
        (EMPTY_TAR, b"text" * 300, "a layer is not a tar archive"),
        (EMPTY_TAR, gzip.compress(EMPTY_TAR)[:-9], "a layer is damaged: "),
    ],
)
def test_a_deb_whose_archives_are_damaged_is_not_read(control: bytes, data: bytes, message: str) -> None:
    """That is the reason why the update is not seen. What is packed twice would unpack without a bound."""
    parts = (("debian-binary", b"2.0\n"), ("control.tar.gz", gzip.compress(control)), ("data.tar.gz", data))
    body = b"!<arch>\n" + b"".join(map(_member, parts))
    with pytest.raises(ValueError, match=message) as refused:
        read_deb(body, UPDATE, (), DebReading(reads=()))
    assert str(refused.value).isprintable()


@given(st.binary(max_size=200), st.sampled_from(("", ".gz", ".xz", ".zst", ".lz")))
def test_any_bytes_are_read_or_refused(body: bytes, form: str) -> None:
    whole = packed(DEB)
    for text in (body, b"!<arch>\n" + body, whole[: len(whole) // 2] + body + whole[len(whole) // 2 :]):
        with contextlib.suppress(ValueError):
            read_deb(text, UPDATE, (), DebReading(reads=()))
    with contextlib.suppress(ValueError):
        assert len(decompress_member("data.tar" + form, body, 1000)) <= 1000
