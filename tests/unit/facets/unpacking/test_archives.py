"""What is in archives is shown, in each other too; bombs are bounded, and what is damaged, locked or foreign is said to be."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
import tracemalloc
import zipfile
from collections.abc import Callable

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from hullmark.facets.unpacking import archives
from hullmark.facets.unpacking.archives import MAX_DEPTH, MIB, Allowance, StopReading, look_inside
from tests.support.layers import TarBuilder

Pack = Callable[[bytes], bytes]


def zip_of(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, body in files.items():
            archive.writestr(zipfile.ZipInfo(name), body, method)
    return out.getvalue()


def tar_of(files: dict[str, bytes], format: int = tarfile.GNU_FORMAT) -> bytes:
    tar = TarBuilder(format)
    for name, body in files.items():
        tar.add(name, body)
    return tar.done()


def packed_zip(body: bytes) -> bytes:
    return zip_of({"z": body})


def packed_tar(body: bytes) -> bytes:
    return tar_of({"t": body})


def packed_gzip(body: bytes) -> bytes:
    return gzip.compress(body, mtime=0)


PACKS: dict[str, tuple[Pack, str]] = {
    "zip": (packed_zip, "z"),
    "tar": (packed_tar, "t"),
    "gzip": (packed_gzip, "content"),
    "bzip2": (bz2.compress, "content"),
    "xz": (lzma.compress, "content"),
    "zstd": (zstandard.compress, "content"),
}


def shown(body: bytes, allowance: Allowance | None = None) -> tuple[dict[str, bytes], str]:
    """What is shown of a file, by path, and why not all; each path is shown once."""
    seen: dict[str, bytes] = {}

    def look(path: str, content: bytes) -> None:
        assert path not in seen
        seen[path] = content

    try:
        return seen, look_inside(body, look, allowance or Allowance())
    except StopReading as enough:
        return seen, str(enough)


@pytest.mark.parametrize("name", PACKS)
def test_one_archive_shows_its_file(name: str) -> None:
    pack, inside = PACKS[name]
    assert shown(pack(b"content")) == ({inside: b"content"}, "")


@given(st.lists(st.sampled_from(sorted(PACKS)), min_size=1, max_size=MAX_DEPTH), st.binary(min_size=1, max_size=64))
def test_archives_within_each_other_show_what_is_innermost(names: list[str], secret: bytes) -> None:
    # Of the outermost first; a compressed tar is one archive.
    body, path = b"\1" + secret, ""
    for name in reversed(names):
        body = PACKS[name][0](body)
    parts: list[str] = []
    for place, name in enumerate(names):
        is_compressed = PACKS[name][1] == "content"
        if not (is_compressed and names[place + 1 : place + 2] == ["tar"]):
            parts.append(PACKS[name][1])
    path = "!/".join(parts)
    seen, reason = shown(body)
    assert seen[path] == b"\1" + secret
    assert reason == ""
    assert len(seen) == len(parts)


@pytest.mark.parametrize(
    ("depth", "reason"), [(MAX_DEPTH, ""), (MAX_DEPTH + 1, "archives are in each other more than 5 deep")]
)
def test_archives_are_opened_to_a_depth(depth: int, reason: str) -> None:
    body = b"content"
    for _ in range(depth):
        body = packed_zip(body)
    seen, why = shown(body)
    assert why == reason
    assert len(seen) == MAX_DEPTH
    assert (b"content" in seen.values()) == (not reason)


@pytest.mark.parametrize("format", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_all_files_of_a_compressed_tar_are_shown_and_nothing_else_of_it(format: int) -> None:
    long = "d/" * 40 + "x" * 90
    tar = (
        TarBuilder(format)
        .folder("d")
        .add("d/a", b"A")
        .symlink("d/l", "a")
        .hardlink("d/h", "d/a")
        .add(long, b"B")
        .add("e")
    )
    assert shown(packed_gzip(tar.done())) == ({"d/a": b"A", long: b"B"}, "")


def test_a_tar_of_before_there_was_a_mark_is_one() -> None:
    body = bytearray(tar_of({"a": b"A"}))
    body[257:265] = bytes(8)
    body[148:156] = b" " * 8
    body[148:156] = b"%06o\0 " % sum(body[:512])
    assert shown(bytes(body)) == ({"a": b"A"}, "")


def test_a_file_of_a_tar_that_is_larger_than_its_buffer_is_shown_whole() -> None:
    large = bytes(range(256)) * (3 * MIB // 256)
    assert shown(tar_of({"a": large})) == ({"a": large}, "")


def test_several_streams_in_one_file_are_one_file() -> None:
    for name in ("gzip", "bzip2", "xz", "zstd"):
        pack, inside = PACKS[name]
        assert shown(pack(b"one ") + pack(b"two")) == ({inside: b"one two"}, ""), name


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_zip_s_own_ways_of_packing_are_known(method: int) -> None:
    assert shown(zip_of({"a": b"A" * 100_000, "b/": b"", "c": b"C"}, method)) == ({"a": b"A" * 100_000, "c": b"C"}, "")


def test_a_zip_behind_a_program_is_opened() -> None:
    assert shown(b"#!/bin/sh\nexec java -jar $0\n" + packed_zip(b"A")) == ({"z": b"A"}, "")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"text",
        b"BZhurt is not packed",
        b"a program that knows PK\5\6 and has more to say" + bytes(40),
        bytes(1024),
        b"0" * 512,
        b"PK is how zips begin",
    ],
)
def test_what_is_no_archive_holds_nothing(body: bytes) -> None:
    assert shown(body) == ({}, "")


def test_a_locked_file_is_said_to_be_and_the_others_are_shown() -> None:
    body = bytearray(zip_of({"a": b"A", "b": b"B"}))
    for mark, at in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        body[body.index(mark) + at] |= 1
    assert shown(bytes(body)) == ({"b": b"B"}, "a file in it is encrypted")


def test_a_damaged_file_is_said_to_be_and_the_others_are_shown() -> None:
    body = zip_of({"a": b"A" * 50, "b": b"B"}, zipfile.ZIP_STORED).replace(b"A" * 50, b"A" * 49 + b"X")
    seen, reason = shown(body)
    assert seen["b"] == b"B"
    assert reason == "an archive in it cannot be unpacked: it is damaged"


def test_an_unknown_way_of_packing_is_said_to_be() -> None:
    body = bytearray(zip_of({"a": b"A", "b": b"B"}))
    for mark, at in ((b"PK\3\4", 8), (b"PK\1\2", 10)):
        body[body.index(mark) + at] = 97
    assert shown(bytes(body)) == (
        {"b": b"B"},
        "an archive in it cannot be unpacked: it is packed in a way that is not known",
    )


@pytest.mark.parametrize("name", ["gzip", "bzip2", "xz", "zstd"])
def test_what_a_stream_still_tells_before_its_damage_is_shown(name: str) -> None:
    pack, inside = PACKS[name]
    # It does not repeat, so that there are several blocks even after packing.
    content = b"".join(n.to_bytes(4, "big") for n in range(400_000))
    whole = pack(content)
    seen, reason = shown(whole[: len(whole) * 3 // 4])
    assert reason.startswith("an archive in it cannot be unpacked")
    assert seen[inside]
    assert content.startswith(seen[inside])


def test_a_tar_that_is_cut_short_shows_what_came_before() -> None:
    whole = tar_of({"a": b"A", "b": b"B" * 5000})
    assert shown(whole[:2500]) == ({"a": b"A"}, "an archive in it cannot be unpacked: it is damaged")


def test_a_sparse_file_of_a_tar_is_left_out() -> None:
    header = tarfile.TarInfo("s")
    header.size, header.type = 4, tarfile.GNUTYPE_SPARSE
    body = header.tobuf(tarfile.GNU_FORMAT) + b"abcd".ljust(512, b"\0") + tar_of({"a": b"A"})
    assert shown(body) == ({"a": b"A"}, "a file in it is sparse")


@pytest.mark.parametrize(
    ("magic", "name"),
    [
        (b"7z\xbc\xaf\x27\x1c", "7-Zip"),
        (b"Rar!\x1a\x07\1\0", "RAR"),
        (b"MSCF\0\0\0\0", "cabinet"),
        (b"\xed\xab\xee\xdb", "rpm"),
    ],
)
def test_formats_that_are_not_opened_are_named(magic: bytes, name: str) -> None:
    assert shown(magic + bytes(600)) == ({}, f"archives of the format {name} are not opened")
    assert shown(packed_gzip(magic))[1] == f"archives of the format {name} are not opened"


BOMBS: dict[str, Callable[[], bytes]] = {
    "gzip": lambda: packed_gzip(bytes(66 * MIB)),
    "bzip2": lambda: bz2.compress(bytes(66 * MIB)),
    "xz": lambda: lzma.compress(bytes(66 * MIB), preset=0),
    "zstd": lambda: zstandard.compress(bytes(66 * MIB)),
    "zip": lambda: packed_zip(bytes(66 * MIB)),
    "zip with bzip2": lambda: zip_of({"z": bytes(66 * MIB)}, zipfile.ZIP_BZIP2),
    "zip with lzma": lambda: zip_of({"z": bytes(66 * MIB)}, zipfile.ZIP_LZMA),
    "tar.gz": lambda: packed_gzip(tar_of({"t": bytes(66 * MIB)})),
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_file_that_grows_too_large_is_left_out_and_little_of_it_is_held(name: str) -> None:
    body = BOMBS[name]()
    assert len(body) < MIB
    tracemalloc.start()
    try:
        found = shown(body)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert found == ({}, "a file in it has more than 64 MiB")
    assert peak < 200 * MIB


def test_what_is_held_of_archives_within_each_other_is_bounded() -> None:
    body = bytes(60 * MIB)
    for _ in range(3):
        body = tar_of({"t": body})  # three times as much is held as is stored
    seen, reason = shown(body)
    assert sorted(len(content) // MIB for content in seen.values()) == [60, 60]
    assert reason == "a file in it has more than 7 MiB"


def test_what_is_unpacked_of_one_file_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MAX_BYTES", 4 * MIB)
    body = zip_of({str(n): bytes(MIB) for n in range(20)})
    seen, reason = shown(body)
    assert len(seen) == 4
    assert reason == "it holds more than 4 MiB"


def test_what_is_unpacked_of_all_files_is_bounded() -> None:
    allowance = Allowance(5 * MIB)
    body = zip_of({str(n): bytes(MIB) for n in range(3)})
    assert shown(body, allowance)[1] == ""
    with pytest.raises(StopReading, match="the archives of the image hold too much in all") as enough:
        look_inside(body, lambda path, content: None, allowance)
    assert enough.value.is_passing


@pytest.mark.parametrize(
    "make",
    [
        lambda files: zip_of(files),
        lambda files: tar_of(files),
        lambda files: packed_gzip(tar_of(files)),
        lambda files: zip_of({name: packed_gzip(b"A") for name in list(files)[:6]}),
    ],
)
def test_the_number_of_files_is_bounded(
    make: Callable[[dict[str, bytes]], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives, "MAX_MEMBERS", 10)
    seen, reason = shown(make({str(n): b"A" for n in range(11)}))
    assert reason == "it holds more than 10 files"
    assert len(seen) <= 10


def test_folders_and_links_count_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MAX_MEMBERS", 10)
    tar = TarBuilder()
    for n in range(11):
        tar.folder(f"d{n}")
    assert shown(tar.done()) == ({}, "it holds more than 10 files")


def test_a_look_may_say_that_it_is_enough() -> None:
    seen = []

    def look(path: str, content: bytes) -> None:
        seen.append(path)
        raise StopReading("that will do")

    with pytest.raises(StopReading, match="that will do"):
        look_inside(packed_gzip(zip_of({"a": packed_zip(b"A"), "b": b"B"})), look, Allowance())
    assert seen == ["content"]


@given(st.sampled_from(sorted(PACKS)), st.sampled_from(sorted(PACKS)), st.data())
def test_damage_of_any_kind_is_borne(outer: str, inner: str, data: st.DataObject) -> None:
    body = bytearray(PACKS[outer][0](PACKS[inner][0](b"content" * 50)))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(body) - 1))
        body[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    seen, _ = shown_often(bytes(body))
    assert sum(map(len, seen)) < MIB


@given(
    st.sampled_from([b"PK\3\4", b"PK\5\6", b"\x1f\x8b\x08", b"BZh91AY&SY", b"\xfd7zXZ\0", b"\x28\xb5\x2f\xfd"]),
    st.binary(),
)
def test_a_beginning_with_anything_behind_it_is_borne(magic: bytes, rest: bytes) -> None:
    shown_often(magic + rest)


def shown_often(body: bytes) -> tuple[list[bytes], str]:
    """The same, where names may come more than once."""
    seen: list[bytes] = []
    try:
        return seen, look_inside(body, lambda path, content: seen.append(content), Allowance())
    except StopReading as enough:
        return seen, str(enough)


@given(
    st.dictionaries(st.sampled_from(["a", "d/", "d/b", "c.class"]), st.binary(max_size=40), min_size=1),
    st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]),
    st.lists(st.tuples(st.integers(min_value=0), st.integers(0, 255)), max_size=3),
)
def test_what_is_read_fast_of_a_zip_is_what_the_library_reads(
    files: dict[str, bytes], method: int, damage: list[tuple[int, int]]
) -> None:
    body = bytearray(zip_of(files, method))
    for at, byte in damage:
        body[at % len(body)] = byte
    fast = shown_often(bytes(body))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("hullmark.facets.unpacking.zips._table_of", lambda *_: None)
        assert fast == shown_often(bytes(body))


def test_plain_zips_and_streams_are_read_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "_single", None)
    files = {"a": b"A" * 5000, "b": b"B"}
    assert shown(zip_of(files)) == (files, "")
    assert shown(zip_of(files, zipfile.ZIP_STORED)) == (files, "")
    assert shown(packed_gzip(b"content")) == ({"content": b"content"}, "")
