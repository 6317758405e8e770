"""The tar walker, against Python's tarfile as oracle."""

from __future__ import annotations

import gzip
import io
import tarfile
import zlib
from typing import Any

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from hullmark.model.errors import BrokenImage
from hullmark.model.image import LayerBlob, RawStream
from hullmark.rootfs.dispatch import Dispatch
from hullmark.rootfs.entry import Entry
from hullmark.rootfs.layer import read_layer
from hullmark.rootfs.limits import Limits
from hullmark.rootfs.reads import Read
from tests.support.layers import Bytes, TarBuilder, blob, records, sha256

FORMATS = (tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT)
KINDS = {tarfile.REGTYPE: "f", tarfile.DIRTYPE: "d", tarfile.SYMTYPE: "l", tarfile.LNKTYPE: "h", tarfile.FIFOTYPE: "p"}

segments = st.text(st.characters(codec="utf-8", exclude_characters="/\0"), min_size=1, max_size=60).filter(
    lambda name: name not in (".", "..") and ".wh." not in name
)
paths = st.lists(segments, min_size=1, max_size=5).map("/".join).filter(lambda path: len(path.encode()) < 200)


@st.composite
def members(draw: st.DrawFn) -> list[tuple[tarfile.TarInfo, bytes]]:
    """Entries that every tar format can hold but for long names."""
    found = []
    for name in draw(st.lists(paths, max_size=12, unique=True)):
        info = tarfile.TarInfo(name)
        info.type = draw(st.sampled_from(sorted(KINDS)))
        info.mode = draw(st.integers(0, 0o7777))
        info.uid, info.gid = draw(st.integers(0, 0o7777777)), draw(st.integers(0, 0o7777777))
        info.mtime = draw(st.integers(0, 2**33 - 1))
        body = b""
        if info.type in (tarfile.SYMTYPE, tarfile.LNKTYPE):
            info.linkname = draw(paths)
        elif info.type == tarfile.REGTYPE:
            body = draw(st.binary(max_size=2000))
        info.size = len(body)
        found.append((info, body))
    return found


def keep_all() -> Read[bytes]:
    """A Read that keeps the body of every file."""
    return Read(name="all", fact=bytes, extract=lambda path, body, report: bytes(body), globs=("**/*",))


@settings(max_examples=120, deadline=None)
@given(members(), st.sampled_from(FORMATS), st.sampled_from((1, 100, 513, 1 << 20)))
def test_every_entry_is_what_tarfile_says(entries: list[tuple[tarfile.TarInfo, bytes]], format: int, most: int) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=format) as tar:
        for info, body in entries:
            try:
                tar.addfile(info, io.BytesIO(body))
            except ValueError:  # a name that ustar cannot hold
                return
    raw = buffer.getvalue()
    with tarfile.open(fileobj=io.BytesIO(raw)) as tar:
        expected = [
            (m.name.encode("utf-8", "surrogateescape"), KINDS[m.type], m.mode, m.uid, m.gid, m.size if m.isreg() else 0)
            for m in tar
        ]
        bodies = [tar.extractfile(m).read() for m in tar if m.isreg()]  # type: ignore[union-attr]
    record = read_layer(blob(raw, lambda tar: tar, most), Dispatch([keep_all()]))
    assert [(e.path, e.kind, e.mode, e.uid, e.gid, e.size) for e in record.entries] == expected
    assert [fact for _, fact in record.facts.get("all", [])] == bodies
    assert record.diff_id == sha256(raw)


@pytest.mark.parametrize("size", [0, 1, 511, 512, 513, (1 << 20) - 512, 1 << 20, (1 << 20) + 1, 3_000_001])
@pytest.mark.parametrize("most", [1000, 1 << 20])
def test_bodies_of_any_size_arrive_whole(size: int, most: int) -> None:
    body = bytes(range(256)) * (size // 256) + bytes(range(size % 256))
    tar = TarBuilder().add("before", b"b").add("x", body).add("after", b"a").done()
    record = read_layer(blob(tar, most=most), Dispatch([keep_all()]), digests=True)
    assert [fact for _, fact in record.facts["all"]] == [b"b", body, b"a"]
    assert record.entries[1].digests[:32].hex() == sha256(body)[7:]


def _packed(tar: bytes) -> dict[str, bytes]:
    third = len(tar) // 3
    return {
        "gzip": gzip.compress(tar),
        "gzip in three members": b"".join(
            gzip.compress(part) for part in (tar[:third], tar[third:-third], tar[-third:])
        ),
        "gzip and zeros": gzip.compress(tar) + bytes(512),
        "zstd": zstandard.compress(tar),
        "zstd in two frames": zstandard.compress(tar[:third]) + zstandard.compress(tar[third:]),
        "plain": tar,
    }


@pytest.mark.parametrize("how", _packed(b"").keys())
def test_the_content_decides_how_a_layer_is_uncompressed(how: str) -> None:
    tar = TarBuilder().add("a", b"1" * 5000).done()
    record = read_layer(blob(tar, lambda raw: _packed(raw)[how]), Dispatch([]))
    assert [entry.path for entry in record.entries] == [b"a"]


def _broken() -> dict[str, tuple[bytes, str]]:
    tar = TarBuilder().add("a", b"1" * 5000).add("b", b"2").done()
    packed = gzip.compress(tar)
    flipped = bytearray(packed)
    flipped[-8] ^= 1
    header = bytearray(tar)
    header[0] ^= 1
    later = bytearray(tar)
    later[5632] ^= 1  # 512 bytes of header, 5,000 of body padded to ten blocks
    return {
        "cut gzip": (packed[:-20], "damaged"),
        "cut tar": (gzip.compress(tar[:3000]), "middle of a file"),
        "wrong check sum in gzip": (bytes(flipped), "damaged"),
        "first header": (gzip.compress(bytes(header)), "not a tar"),
        "later header": (gzip.compress(bytes(later)), "damaged header at byte 5,632"),
        "a web page": (b"<html>no</html>" * 100, "not a tar"),
        "xz": (b"\xfd7zXZ\0" + bytes(600), "compressed with xz"),
    }


@pytest.mark.parametrize("fault", _broken().keys())
def test_a_damaged_layer_is_refused(fault: str) -> None:
    stored, message = _broken()[fault]
    damaged = LayerBlob(digest="", diff_id="", size=-1, open=lambda: Bytes(stored))
    with pytest.raises(BrokenImage, match=message):
        read_layer(damaged, Dispatch([]))


def test_zstd_that_was_cut_is_refused_by_the_diff_id() -> None:
    tar = TarBuilder().add("a", b"1" * 5000).done()
    cut = LayerBlob(digest="", diff_id=sha256(tar), size=-1, open=lambda: Bytes(zstandard.compress(tar)[:40]))
    with pytest.raises(BrokenImage):
        read_layer(cut, Dispatch([]))


@pytest.mark.parametrize("field", ["digest", "diff_id", "size"])
def test_a_layer_that_is_not_what_was_promised_is_refused(field: str) -> None:
    good = blob(TarBuilder().add("a").done())
    promise: dict[str, Any] = {"digest": good.digest, "diff_id": good.diff_id, "size": good.size}
    promise[field] = good.size + 1 if field == "size" else sha256(b"other")
    with pytest.raises(BrokenImage):
        read_layer(LayerBlob(open=good.open, **promise), Dispatch([]))


def test_a_bomb_keeps_what_was_read_before_the_limit() -> None:
    tar = TarBuilder().add("good", b"g").add("zeros", bytes(4 << 20)).add("behind", b"b").done()
    (record,) = records([tar], limits=Limits(bomb_bytes=1 << 20, bomb_ratio=50))
    assert [entry.path for entry in record.entries][:2] == [b"good", b"zeros"]
    assert b"behind" not in [entry.path for entry in record.entries]
    assert record.diff_id == ""
    assert "50-fold" in record.problems[0].reason


def test_more_entries_than_allowed_are_a_problem() -> None:
    tar = TarBuilder().add("a").add("b").add("c").done()
    (record,) = records([tar], limits=Limits(entries=2))
    assert [entry.path for entry in record.entries] == [b"a", b"b"]
    assert "more than 2 entries" in record.problems[0].reason


def outcome(raw: bytes) -> str:
    """What comes of reading these bytes as a layer that promises nothing."""
    try:
        read_layer(LayerBlob(digest="", diff_id="", size=-1, open=lambda: Bytes(raw)), Dispatch([keep_all()]))
    except BrokenImage as error:
        return "refused" if str(error) else "refused without a word"
    return "record"


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=3000))
def test_any_bytes_end_in_a_record_or_a_refusal(raw: bytes) -> None:
    assert outcome(raw) in ("record", "refused")


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_a_tar_with_any_bytes_changed_ends_in_a_record_or_a_refusal(data: st.DataObject) -> None:
    tar = bytearray(
        TarBuilder(tarfile.PAX_FORMAT).add("ü" * 60, b"1" * 700).symlink("l", "x" * 120).hardlink("h", "l").done()
    )
    for _ in range(data.draw(st.integers(1, 6))):
        tar[data.draw(st.integers(0, 4000))] = data.draw(st.integers(0, 255))
    assert outcome(bytes(tar)) in ("record", "refused")


def test_a_pax_header_without_a_length_is_refused() -> None:
    tar = bytearray(TarBuilder(tarfile.PAX_FORMAT).add("ü" * 60).done())
    tar[512:1024] = b"x" * 512
    assert outcome(bytes(tar)) == "refused"


def test_v7_headers_without_a_magic_are_read() -> None:
    raw = bytearray(TarBuilder(tarfile.USTAR_FORMAT).add("old/", b"").add("f", b"1").done())
    for at in (0, 512):
        raw[at + 257 : at + 265] = bytes(8)
        raw[at + 156] = 0
        raw[at + 148 : at + 156] = b" " * 8
        raw[at + 148 : at + 156] = b"%06o\0 " % sum(raw[at : at + 512])
    (record,) = records([bytes(raw)])
    assert [(entry.path, entry.kind) for entry in record.entries] == [(b"old", "d"), (b"f", "f")]


def test_numbers_too_large_for_octal_are_read() -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as tar:
        info = tarfile.TarInfo("x")
        info.uid, info.mtime = 4_000_000_000, -5
        tar.addfile(info)
    (record,) = records([buffer.getvalue()])
    assert (record.entries[0].uid, record.entries[0].mtime) == (4_000_000_000, -5)


def test_file_capabilities_are_kept() -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        info = tarfile.TarInfo("ping")
        info.pax_headers = {"SCHILY.xattr.security.capability": "\x01\x00\x00\x02"}
        tar.addfile(info)
        tar.addfile(tarfile.TarInfo("plain"))
    (record,) = records([buffer.getvalue()])
    assert record.entries[0].capability == b"\x01\x00\x00\x02"
    assert record.entries[1] == Entry(b"plain", "f", 0o644, 0, 0, 0, 0)


def test_a_layer_is_read_once_and_a_hard_link_named_like_a_wanted_file_twice_at_most() -> None:
    opened: list[int] = []
    tar = TarBuilder().add("store/abc", b"{}").hardlink("node_modules/a/package.json", "store/abc").done()
    good = blob(tar)

    def counted() -> RawStream:
        opened.append(1)
        return good.open()

    counting = LayerBlob(digest=good.digest, diff_id=good.diff_id, size=good.size, open=counted)
    wanted = Read(name="w", fact=bytes, extract=lambda path, body, report: bytes(body), globs=("**/package.json",))
    record = read_layer(counting, Dispatch([wanted]))
    assert record.facts == {"w": [(1, b"{}")]}
    assert len(opened) == 2
    opened.clear()
    read_layer(counting, Dispatch([]))
    assert len(opened) == 1


def test_zlib_streams_that_are_no_gzip_are_no_tar() -> None:
    with pytest.raises(BrokenImage, match="cut short"):
        read_layer(
            LayerBlob(digest="", diff_id="", size=-1, open=lambda: Bytes(zlib.compress(bytes(9999)))), Dispatch([])
        )
