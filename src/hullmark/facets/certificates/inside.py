"""Certificates and keys inside other files: in archives of Java, and as texts in YAML and JSON."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

import msgspec

from hullmark.facets.certificates.items import items_in
from hullmark.facets.unpacking.streams import damage, describe_damage
from hullmark.model.certificate import Item, Unread
from hullmark.model.limit import Limit
from hullmark.rootfs.reads import MIB

MAX_BYTES = Limit(64 * MIB, "bytes unpacked of an archive of Java in search of certificates and keys")
MAX_FILES = Limit(10_000, "files of an archive of Java that are looked into for certificates and keys")
MAX_ENTRIES = Limit(200_000, "files in an archive of Java that is searched for certificates and keys")
MAX_DEPTH = Limit(3, "archives of Java in each other that are searched for certificates and keys")

TEXTS = ("json", "yaml", "yml")
ARCHIVES = ("ear", "jar", "war")
_MARKS = (b"-----BEGIN ", b"LS0tLS1C")
_IN_ZIP, _END_OF_ZIP, _WIDE_END, _LONGEST_END = b"PK\1\2", b"PK\5\6", b"PK\6\7", 22 + 0xFFFF


class HeldItems(msgspec.Struct, frozen=True, array_like=True):
    """What a file in an archive holds; `inner` is its path there, archives parted by colons, "" for the file itself."""

    inner: str
    items: tuple[Item, ...]


class _Budget:
    def __init__(self) -> None:
        self.bytes = int(MAX_BYTES)
        self.files = int(MAX_FILES)
        self.reason = ""


def found_inside(body: bytes, globs: tuple[str, ...]) -> list[HeldItems]:
    """What an archive or a text holds. `globs` are the names of files in archives that may be certificates or keys themselves."""
    if not body.startswith(b"PK"):
        return _of_text("", body)
    budget = _Budget()
    found = list(_of_archive(body, globs, "", budget))
    if budget.reason:
        found.append(HeldItems("", (Unread(budget.reason, may_be_key=True),)))
    return found


def _of_text(inner: str, body: bytes) -> list[HeldItems]:
    items = tuple(items_in(body)) if any(mark in body for mark in _MARKS) else ()
    return [HeldItems(inner, items)] if items else []


class _Names(NamedTuple):
    """What is looked into in archives: suffixes and names, in small letters."""

    suffixes: frozenset[str]
    names: frozenset[str]
    find: re.Pattern[bytes]


@cache
def _compile_names(globs: tuple[str, ...]) -> _Names:
    last = [glob.rpartition("/")[2] for glob in globs]
    suffixes = {name.removeprefix("*.") for name in last if name.startswith("*.")} | {*TEXTS, *ARCHIVES}
    names = frozenset(name for name in last if not name.startswith("*"))
    find = re.compile(rf"\.(?:{'|'.join(map(re.escape, sorted(suffixes)))})".encode())
    return _Names(frozenset(suffixes), names, find)


def _may_hold(body: bytes, globs: tuple[str, ...]) -> bool:
    """Whether the table of contents names anything to look into. One that is not found where it should be may."""
    at = body.rfind(_END_OF_ZIP, -_LONGEST_END)
    if at < 0 or _WIDE_END in body[max(0, at - 100) : at]:
        return True
    size = int.from_bytes(body[at + 12 : at + 16], "little")
    begin = at - size
    is_table = begin >= 0 and (not size or body.startswith(_IN_ZIP, begin))
    table, wanted = body[begin:at].lower(), _compile_names(globs)
    return not is_table or wanted.find.search(table) is not None or any(name.encode() in table for name in wanted.names)


def _of_archive(body: bytes, globs: tuple[str, ...], prefix: str, budget: _Budget) -> Iterator[HeldItems]:
    if not _may_hold(body, globs):
        return
    if body.count(_IN_ZIP) > MAX_ENTRIES:
        budget.reason = f"it holds more than {MAX_ENTRIES:,} files"
        return
    wanted = _compile_names(globs)
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            for member in archive.infolist():
                name = member.filename.rpartition("/")[2].lower()
                suffix = name.rpartition(".")[2]
                if suffix in wanted.suffixes or name in wanted.names:
                    content = _content(archive, member, budget)
                    if content is not None:
                        yield from _of_member(content, (prefix + member.filename[:1000], suffix), globs, budget)
    except damage() as error:
        budget.reason = f"it is an archive that cannot be unpacked: {describe_damage(error)}"


def _of_member(content: bytes, what: tuple[str, str], globs: tuple[str, ...], budget: _Budget) -> Iterator[HeldItems]:
    path, suffix = what
    if suffix in ARCHIVES:
        if path.count(":") >= MAX_DEPTH - 1:
            budget.reason = "archives are in each other too deep"
        else:
            yield from _of_archive(content, globs, f"{path}:", budget)
    elif suffix in TEXTS:
        yield from _of_text(path, content)
    else:
        items = tuple(items_in(content))
        yield from [HeldItems(path, items)] if items else []


def _content(archive: zipfile.ZipFile, member: zipfile.ZipInfo, budget: _Budget) -> bytes | None:
    """The content of a file in an archive; None, with the reason, where it is not read."""
    budget.files -= 1
    if member.flag_bits & 1:
        budget.reason = "a file in it is encrypted"
    elif budget.files < 0 or member.file_size > budget.bytes:
        budget.reason = "not all that is in it was looked at"
    else:
        with archive.open(member) as file:
            content = file.read()  # the library reads no more than the size that was asked for above
        budget.bytes -= len(content)
        return content
    return None
