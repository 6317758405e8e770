"""Headers of rpm packages: what is read of them, and what damage costs. `make_header` builds them for other tests too."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.catalog.systems.rpmdb.header import DamagedHeader, RpmHeader, list_files, read_header

CHAR, INT16, INT32, INT64, TEXT, BINARY, TEXTS, I18N = 1, 3, 4, 5, 6, 7, 8, 9
_FORMS = {CHAR: "B", INT16: "H", INT32: "I", INT64: "Q"}

Value = str | Sequence[str] | tuple[int, Sequence[int]]


def _stored(value: Value) -> tuple[int, int, bytes]:
    """Type, count and bytes of a value: a text, texts, or (type, numbers)."""
    if isinstance(value, str):
        return TEXT, 1, value.encode() + b"\0"
    if isinstance(value, tuple):
        kind, numbers = value
        return kind, len(numbers), struct.pack(f">{len(numbers)}{_FORMS[kind]}", *numbers)
    return TEXTS, len(value), b"".join(text.encode() + b"\0" for text in value)


def make_header(tags: Mapping[int, Value], added: Mapping[int, Value] | None = None) -> bytes:
    """A header as rpm writes it: a region of `tags`, sealed by a trailer, and the entries `added` at installation."""
    data, index = b"", b""

    def put(tag: int, value: Value) -> bytes:
        nonlocal data
        kind, count, raw = _stored(value)
        width = {INT16: 2, INT32: 4, INT64: 8}.get(kind, 1)
        data += bytes(-len(data) % width)
        entry = struct.pack(">IIiI", tag, kind, len(data), count)
        data += raw
        return entry

    index += b"".join(put(tag, tags[tag]) for tag in sorted(tags))
    region = struct.pack(">IIiI", 63, BINARY, len(data), 16)
    data += struct.pack(">IIiI", 63, BINARY, -16 * (len(tags) + 1), 16)
    index = region + index + b"".join(put(tag, value) for tag, value in (added or {}).items())
    return struct.pack(">II", len(index) // 16, len(data)) + index + data


IDENTITY: dict[int, Value] = {1000: "bash", 1001: "5.1.8", 1002: "6.el9", 1022: "x86_64"}
FILES: dict[int, Value] = {
    1116: (INT32, [0, 1, 1]),
    1117: ["bash", "bashrc", "skel"],
    1118: ["/usr/bin/", "/etc/"],
    1030: (INT16, [0o100755, 0o100644, 0o040755]),
    1035: ["aa", "bb", ""],
    1037: (INT32, [0, 17, 0]),
}


def read(blob: bytes) -> tuple[RpmHeader, list[str]]:
    """The header and what was reported."""
    reports: list[str] = []
    return read_header(blob, reports.append), reports


def test_a_header_says_who_a_package_is_and_where_it_comes_from() -> None:
    tags: dict[int, Value] = {
        **IDENTITY,
        1003: (INT32, [2]),
        1009: (INT32, [4096]),
        1011: "Rocky Enterprise Software Foundation",
        1014: "GPLv3+",
        1044: "bash-5.1.8-6.el9.src.rpm",
        5096: "m:1:2:3",
    }
    assert read(make_header(tags)) == (
        RpmHeader(
            name="bash",
            version="5.1.8",
            release="6.el9",
            epoch=2,
            arch="x86_64",
            license="GPLv3+",
            source_rpm="bash-5.1.8-6.el9.src.rpm",
            vendor="Rocky Enterprise Software Foundation",
            modularity="m:1:2:3",
            size=4096,
        ),
        [],
    )


def test_an_absent_epoch_is_not_the_epoch_zero() -> None:
    assert read(make_header(IDENTITY))[0].epoch is None
    assert read(make_header({**IDENTITY, 1003: (INT32, [0])}))[0].epoch == 0


def test_what_the_installation_wrote_replaces_what_the_package_said() -> None:
    assert read(make_header(IDENTITY, {1002: "7.el9"}))[0].release == "7.el9"


def test_a_size_of_more_than_four_gigabytes_has_a_tag_of_its_own() -> None:
    assert read(make_header({**IDENTITY, 5009: (INT64, [5 << 30])}))[0].size == 5 << 30


def test_files_are_listed_with_folder_mode_flags_state_and_digest() -> None:
    header, reports = read(make_header({**IDENTITY, **FILES}, {1029: (CHAR, [0, 1, 0])}))
    assert header.files is not None
    assert [tuple(file) for file in list_files(header.files)] == [
        (b"/usr/bin/bash", 0o100755, 0, 0, b"aa", b""),
        (b"/etc/bashrc", 0o100644, 17, 1, b"bb", b""),
        (b"/etc/skel", 0o040755, 0, 0, b"", b""),
    ]
    assert reports == []


def test_headers_of_before_2000_hold_whole_paths() -> None:
    header, _ = read(make_header({**IDENTITY, 1027: ["/bin/sh", "/etc/rc"]}))
    assert header.files is not None
    assert [file.path for file in list_files(header.files)] == [b"/bin/sh", b"/etc/rc"]


_NAME_BYTES = st.text(st.characters(blacklist_characters="\0/", blacklist_categories=["Cs"]), min_size=1, max_size=8)
_ONE_FILE = st.tuples(st.integers(0, 2), _NAME_BYTES, st.integers(0, 0xFFFF), st.integers(0, 0xFFFFFFFF), _NAME_BYTES)


@given(st.lists(_ONE_FILE, min_size=1, max_size=12))
def test_every_file_list_comes_back_as_it_was_written(rows: list[tuple[int, str, int, int, str]]) -> None:
    folders = ["/", "/usr/lib/", "/größe/"]
    blob = make_header(
        {
            **IDENTITY,
            1116: (INT32, [row[0] for row in rows]),
            1117: [row[1] for row in rows],
            1118: folders,
            1030: (INT16, [row[2] for row in rows]),
            1037: (INT32, [row[3] for row in rows]),
            1036: [row[4] for row in rows],
        }
    )
    header, reports = read(blob)
    assert reports == []
    assert header.files is not None
    assert [tuple(file) for file in list_files(header.files)] == [
        ((folders[row[0]] + row[1]).encode(), row[2], row[3], 0, b"", row[4].encode()) for row in rows
    ]


@pytest.mark.parametrize(
    "wrong",
    [
        {1116: (INT32, [0, 1, 2])},
        {1116: (INT32, [0, 1])},
        {1118: ["/usr/bin/", "/" + "x" * 5000]},
        {1030: (INT16, [0])},
        {1037: (INT16, [0, 0, 0])},
        {1035: ["aa"]},
    ],
    ids=["folder not there", "too few folders", "long folder", "too few modes", "wrong type", "too few digests"],
)
def test_a_contradictory_file_list_is_reported_and_the_package_kept(wrong: dict[int, Value]) -> None:
    header, reports = read(make_header({**IDENTITY, **FILES, **wrong}))
    assert (header.name, header.files) == ("bash", None)
    assert [report.split(":")[0] for report in reports] == ["the file list of bash is damaged"]


@pytest.mark.parametrize(
    ("blob", "reason"),
    [
        (b"", "it has only 0 bytes"),
        (struct.pack(">II", 0x7FFFFFFF, 10), "it claims 2,147,483,647 index entries"),
        (struct.pack(">II", 0, 10), "it claims 0 index entries"),
        (
            make_header(IDENTITY)[:-1],
            f"it claims {len(make_header(IDENTITY))} bytes and has {len(make_header(IDENTITY)) - 1}",
        ),
        (struct.pack(">IIIIiI", 1, 2, 1000, TEXT, 3, 1) + b"a\0", "an index entry points outside of it"),
        (struct.pack(">IIIIiI", 1, 2, 1000, TEXT, 0, 1) + b"ab", "the text of tag 1000 cannot be read"),
        (struct.pack(">IIIIiI", 1, 2, 1000, INT32, 0, 1) + b"a\0", "the text of tag 1000 cannot be read"),
        (struct.pack(">IIIIiI", 1, 2, 1003, INT32, 0, 1) + b"a\0", "the number of tag 1003 cannot be read"),
    ],
)
def test_an_unsound_header_is_refused_with_a_reason(blob: bytes, reason: str) -> None:
    with pytest.raises(DamagedHeader) as caught:
        read(blob)
    assert str(caught.value) == reason


def test_columns_that_say_nothing_take_no_space() -> None:
    header, _ = read(make_header({**IDENTITY, **FILES, 1036: ["", "", ""]}, {1029: (CHAR, [0, 0, 0])}))
    assert header.files is not None
    assert (header.files.links, header.files.states) == (b"", b"")


def _survives(blob: bytes) -> None:
    try:
        header, _ = read(blob)
    except DamagedHeader:
        return
    if header.files is not None:
        assert len(list(list_files(header.files))) == header.files.count


@given(st.binary(max_size=200))
def test_reading_survives_any_bytes(blob: bytes) -> None:
    _survives(blob)


_SOUND = make_header({**IDENTITY, **FILES, 1003: (INT32, [1])}, {1029: (CHAR, [0, 0, 0])})


@given(st.lists(st.tuples(st.integers(0, len(_SOUND) - 1), st.integers(0, 255)), min_size=1, max_size=6))
def test_reading_survives_changed_bytes(changes: list[tuple[int, int]]) -> None:
    blob = bytearray(_SOUND)
    for position, value in changes:
        blob[position] = value
    _survives(bytes(blob))
