"""Zips that are odd, damaged or partly unwanted, and archives of ar(5): what can be read is shown, and what cannot is said."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable

import pytest

from hullmark.facets.unpacking.archives import MIB, Allowance, StopReading, look_inside
from hullmark.facets.unpacking.zips import Skip

DAMAGED = "an archive in it cannot be unpacked: it is damaged"


def zip_of(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED, extra: bytes = b"") -> bytes:
    """A zip whose members have these extra fields."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, body in files.items():
            line = zipfile.ZipInfo(name)
            line.extra = extra
            archive.writestr(line, body, method)
    return out.getvalue()


def shown(body: bytes, skip: Skip | None = None) -> tuple[list[tuple[str, bytes]], str]:
    """The names and bodies of what is shown, and why not all is."""
    seen: list[tuple[str, bytes]] = []
    try:
        return seen, look_inside(body, lambda path, content: seen.append((path, content)), Allowance(), skip=skip)
    except StopReading as enough:
        return seen, str(enough)


def line_at(body: bytes, name: bytes) -> int:
    """Where a member's line in the table of contents begins."""
    return body.rindex(name) - 46


def with_other_checksum(body: bytes) -> bytes:
    at = line_at(body, b"a.txt") + 16
    return body[:at] + bytes(4) + body[at + 4 :]


def with_damaged_bytes(body: bytes) -> bytes:
    at = body.index(b"a.txt") + 5
    return body[:at] + b"\xff" * 8 + body[at + 8 :]


def cut_in_the_table(body: bytes) -> bytes:
    at = line_at(body, b"a.txt") + 20
    packed = int.from_bytes(body[at : at + 4], "little") - 10
    return body[:at] + packed.to_bytes(4, "little") + body[at + 4 :]


def moved_in_the_table(body: bytes) -> bytes:
    at = line_at(body, b"a.txt") + 42
    return body[:at] + b"\3" + body[at + 1 :]


SMALL = {"a.txt": b"A" * 20 + bytes(range(200)), "b.txt": b"B"}
LARGE = {"a.txt": bytes(range(256)) * (6 * MIB // 256), "b.txt": b"B"}


@pytest.mark.parametrize("files", [SMALL, LARGE], ids=["small", "large"])
@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (with_other_checksum, DAMAGED),
        (with_damaged_bytes, DAMAGED),
        (cut_in_the_table, "an archive in it cannot be unpacked: it ends too early"),
        (moved_in_the_table, DAMAGED),
    ],
)
def test_a_member_that_is_damaged_is_said_to_be_and_the_others_are_shown(
    files: dict[str, bytes], damage: Callable[[bytes], bytes], reason: str
) -> None:
    seen, why = shown(damage(zip_of(files)))
    assert seen[-1] == ("b.txt", b"B")
    assert why == reason
    whole = files["a.txt"]
    assert all(whole.startswith(content) for name, content in seen if name == "a.txt")


@pytest.mark.parametrize(
    "extra",
    [b"", b"\x55\x54\5\0\3abcd", b"\x55\x54\5\0\3abcd\xfe\xca\0\0"],
    ids=["none", "a time", "a time and a mark"],
)
def test_extra_fields_of_a_member_change_nothing(extra: bytes) -> None:
    assert shown(zip_of({"a": b"A", "b": b"B"}, extra=extra)) == ([("a", b"A"), ("b", b"B")], "")


def test_a_member_with_another_name_in_unicode_goes_by_the_name_that_the_library_reads() -> None:
    extra = b"\x75\x70\x0a\0\1\0\0\0\0other"
    seen, reason = shown(zip_of({"a": b"A"}, extra=extra))
    assert (seen, reason) == ([("a", b"A")], "")


def test_a_name_that_is_not_the_text_that_it_should_be_is_said_to_be_damaged() -> None:
    body = zip_of({"ä": b"A"}).replace("ä".encode(), b"\xff\xfe")
    assert shown(body) == ([], "an archive in it cannot be unpacked: it is damaged")


def test_unwanted_members_are_left_out_where_the_library_reads_the_others_too() -> None:
    content = bytes(range(256)) * (6 * MIB // 256)
    files = {"x/a.class": b"C", "own/b.class": b"D", "large": content, "c.class": b"E", "d": b"F"}
    skip = Skip((".class",), ("own/",))
    assert shown(zip_of(files), skip) == ([("own/b.class", b"D"), ("large", content), ("d", b"F")], "")
    assert skip.count == 2


def ar_of(*members: tuple[bytes, bytes, bytes]) -> bytes:
    """An archive of members: name, size as it is said, and body."""
    out = [b"!<arch>\n"]
    for name, size, body in members:
        out.append(name.ljust(16) + b"0".ljust(12) + b"0     0     100644  " + size.ljust(10) + b"`\n" + body)
        out.append(b"\n" * (len(body) % 2))
    return b"".join(out)


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ([(b"b", b"some", b"B")], "an archive in it is damaged"),
        ([(b"b", b"9", b"")], "an archive in it is damaged"),
        ([(b"b", b"%d" % (65 * MIB), b"")], "a file in it has more than 64 MiB"),
        ([], ""),
    ],
)
def test_an_archive_of_ar_shows_its_files_and_what_is_wrong_with_them(
    members: list[tuple[bytes, bytes, bytes]], reason: str
) -> None:
    assert shown(ar_of((b"a/", b"3", b"abc"), *members)) == ([("a", b"abc")], reason)
