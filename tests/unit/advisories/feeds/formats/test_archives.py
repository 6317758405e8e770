"""Containers: read to their end or not at all, however they are packed."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
from collections.abc import Callable

import msgspec
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from hullmark.advisories.feeds.feed import DamagedDocument
from hullmark.advisories.feeds.formats import archives
from hullmark.advisories.feeds.formats.archives import members, whole
from hullmark.advisories.feeds.formats.reading import document_of, json_content, lines
from hullmark.advisories.feeds.formats.zstd import ends_whole
from tests.support.advisories import Bytes
from tests.unit.advisories.feeds.reading import heard, tar_document, zip_document

URL = "https://archive.example/all"
FILES = {f"a/{number}.json": b'{"id": "%d"}' % number * (number % 7 + 1) for number in range(60)}
SHARES = (10, 50, 93, 99)
TEXT = b"".join(b"line %d of a text\n" % number for number in range(9000))
PACKINGS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zstd": zstandard.compress,
    "zstd with a checksum": zstandard.ZstdCompressor(write_checksum=True).compress,
    "zstd in two frames": lambda data: zstandard.compress(data[:5000]) + zstandard.compress(data[5000:]),
}
TAR = tar_document(URL, FILES, mode="").data.rstrip(b"\0")
TAR += b"\0" * (-len(TAR) % 512 + 1024)  # without what fills the last record: of that, nothing is missed
ARCHIVES = {"zip": zip_document(URL, FILES).data, "tar": TAR} | {
    f"tar in {name}": pack(TAR) for name, pack in PACKINGS.items()
}


def members_of(data: bytes) -> tuple[dict[str, bytes], list[tuple[str, str]]]:
    found, problems = heard(lambda _: members(Bytes(URL, data), (".json",)))
    return dict(found), problems


@pytest.mark.parametrize("name", ARCHIVES)
def test_a_whole_archive_gives_its_files(name: str) -> None:
    assert members_of(ARCHIVES[name]) == (FILES, [])


@pytest.mark.parametrize("share", SHARES)
@pytest.mark.parametrize("name", ARCHIVES)
def test_an_archive_that_is_cut_is_damaged(name: str, share: int) -> None:
    data = ARCHIVES[name]
    found, problems = members_of(data[: len(data) * share // 100])
    assert not found
    assert [place for place, _ in problems] == [URL]


@pytest.mark.parametrize("name", ["zip", "tar in gzip", "tar in bzip2", "tar in xz", "tar in zstd"])
def test_an_archive_without_its_last_byte_is_damaged(name: str) -> None:
    assert members_of(ARCHIVES[name][:-1])[1]


def test_a_tar_that_is_cut_between_two_members_is_damaged() -> None:
    with tarfile.open(fileobj=io.BytesIO(TAR)) as tar:
        offsets = [member.offset for member in tar]
    for offset in offsets:
        assert members_of(TAR[:offset])[1], offset
        assert members_of(gzip.compress(TAR[:offset]))[1], offset


def test_an_archive_with_a_member_that_is_too_large_is_damaged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MEMBER_LIMIT", max(map(len, FILES.values())) - 1)
    for name, data in ARCHIVES.items():
        _, problems = members_of(data)
        assert "is larger than" in problems[-1][1], name


def test_an_archive_whose_checksum_is_another_is_damaged() -> None:
    spoiled = bytearray(ARCHIVES["tar in gzip"])
    spoiled[-6] ^= 1
    assert members_of(bytes(spoiled))[1]


@pytest.mark.parametrize("share", SHARES)
@pytest.mark.parametrize("name", PACKINGS)
def test_lines_that_break_off_are_damaged(name: str, share: int) -> None:
    data = PACKINGS[name](TEXT)
    assert b"".join(line.encode() + b"\n" for line in lines(Bytes(URL, data))) == TEXT
    with pytest.raises(DamagedDocument, match="cannot be read to its end"):
        list(lines(Bytes(URL, data[: len(data) * share // 100])))


def test_a_plain_text_whose_last_line_has_no_end_is_cut_where_every_line_has_one() -> None:
    assert list(lines(Bytes(URL, b"a\nb"))) == ["a", "b"]
    assert list(lines(Bytes(URL, b"a\nb\n"), is_ended=True)) == ["a", "b"]
    assert list(lines(Bytes(URL, b""), is_ended=True)) == []
    with pytest.raises(DamagedDocument, match="breaks off in its last line"):
        list(lines(Bytes(URL, b"a\nb"), is_ended=True))


@pytest.mark.parametrize("share", SHARES)
def test_json_that_is_cut_is_damaged(share: int) -> None:
    data = msgspec.json.encode([{"id": name} for name in FILES])
    decoder = msgspec.json.Decoder(list[msgspec.Raw])
    assert len(document_of(decoder, Bytes(URL, data))) == len(FILES)
    assert json_content(Bytes(URL, data)) == data
    cut = Bytes(URL, data[: len(data) * share // 100])
    for read in (lambda: document_of(decoder, cut), lambda: json_content(cut)):
        with pytest.raises(DamagedDocument, match="it cannot be read"):
            read()


@given(st.binary(max_size=3000), st.booleans(), st.integers(1, 22), st.integers(0, 3000))
def test_zstd_ends_whole_where_its_decoder_has_all_of_it(data: bytes, has_checksum: bool, level: int, cut: int) -> None:
    packed = zstandard.ZstdCompressor(level=level, write_checksum=has_checksum).compress(data)
    skippable = b"\x50\x2a\x4d\x18\x03\0\0\0abc"
    assert ends_whole(io.BytesIO(packed))
    assert ends_whole(io.BytesIO(skippable + packed + packed))
    assert ends_whole(io.BytesIO(packed[: cut % len(packed)])) == (cut % len(packed) == 0)
    assert whole(Bytes(URL, packed + packed)) == data + data


@given(st.binary(max_size=300))
def test_of_any_bytes_whether_they_end_whole_is_told(data: bytes) -> None:
    for start in (b"", b"\x28\xb5\x2f\xfd", b"\x50\x2a\x4d\x18"):
        assert isinstance(ends_whole(io.BytesIO(start + data)), bool)


def test_zstd_whose_checksum_is_another_is_damaged() -> None:
    spoiled = bytearray(ARCHIVES["tar in zstd with a checksum"])
    spoiled[-1] ^= 1
    _, [(place, why)] = members_of(bytes(spoiled))
    assert place == URL
    assert why.startswith("the archive is damaged: damaged zstd data: ")


def test_a_document_that_inflates_to_more_than_is_read_is_refused() -> None:
    text = b"a" * (archives.MIB + 1)
    assert whole(Bytes(URL, gzip.compress(text)), archives.MIB + 1) == text
    with pytest.raises(ValueError, match="it is larger than 1 MiB"):
        whole(Bytes(URL, gzip.compress(text)), archives.MIB)


@pytest.mark.parametrize(
    ("limit", "value", "why"),
    [
        ("TOTAL_LIMIT", sum(map(len, FILES.values())) - 1, "it holds more than 0 MiB"),
        ("_MAX_MEMBERS", len(FILES) - 1, f"it holds more than {len(FILES) - 1} files"),
    ],
)
def test_an_archive_that_holds_more_than_is_read_is_damaged(
    limit: str, value: int, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives, limit, value)
    for name, data in ARCHIVES.items():
        assert members_of(data)[1] == [(URL, f"the archive is damaged: {why}")], name
    monkeypatch.setattr(archives, limit, value + 1)
    assert all(members_of(data) == (FILES, []) for data in ARCHIVES.values())


def test_behind_the_end_of_a_tar_there_may_be_zeros_and_nothing_else() -> None:
    zeros = b"\0" * (1 << 18)
    assert members_of(TAR + zeros) == (FILES, [])
    assert members_of(TAR + zeros + b"x")[1] == [(URL, "the archive is damaged: it ends before its end")]


def test_a_stream_that_is_closed_may_be_closed_again() -> None:
    stream = archives.plain(Bytes(URL, gzip.compress(TEXT))).detach()  # type: ignore[attr-defined]
    assert stream.readable()
    for _ in range(2):
        stream.close()
        assert stream.closed
