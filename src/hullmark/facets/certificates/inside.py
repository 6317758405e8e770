"""Certificates and keys inside other files: in archives of Java, and as texts in YAML and JSON."""

from __future__ import annotations

import io
import posixpath
import zipfile
from collections.abc import Iterator

import msgspec

from hullmark.facets.certificates.items import items_in
from hullmark.facets.malware.archives import damage
from hullmark.model.certificate import Item, Unread
from hullmark.model.limit import Limit
from hullmark.rootfs.dispatch import compile_globs
from hullmark.rootfs.reads import MIB

MAX_BYTES = Limit(64 * MIB, "bytes unpacked of an archive of Java in search of certificates and keys")
MAX_FILES = Limit(10_000, "files of an archive of Java that are looked into for certificates and keys")
MAX_ENTRIES = Limit(200_000, "files in an archive of Java that is searched for certificates and keys")
MAX_DEPTH = Limit(3, "archives of Java in each other that are searched for certificates and keys")

TEXTS = ("json", "yaml", "yml")
ARCHIVES = ("ear", "jar", "war")
_MARKS = (b"-----BEGIN ", b"LS0tLS1C")
_IN_ZIP = b"PK\1\2"


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


def _of_archive(body: bytes, globs: tuple[str, ...], prefix: str, budget: _Budget) -> Iterator[HeldItems]:
    if body.count(_IN_ZIP) > MAX_ENTRIES:
        budget.reason = f"it holds more than {MAX_ENTRIES:,} files"
        return
    fits = compile_globs(globs).fullmatch
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            for member in archive.infolist():
                suffix = posixpath.splitext(member.filename)[1].lstrip(".").lower()
                is_named = fits(member.filename.encode("utf-8", "surrogateescape")) is not None
                if is_named or suffix in TEXTS or suffix in ARCHIVES:
                    content = _content(archive, member, budget)
                    if content is not None:
                        yield from _of_member(
                            content, (prefix + member.filename[:1000], suffix, is_named), globs, budget
                        )
    except damage() as error:
        budget.reason = f"it is an archive that cannot be unpacked ({type(error).__name__})"


def _of_member(
    content: bytes, what: tuple[str, str, bool], globs: tuple[str, ...], budget: _Budget
) -> Iterator[HeldItems]:
    path, suffix, is_named = what
    if suffix in ARCHIVES:
        if path.count(":") >= MAX_DEPTH - 1:
            budget.reason = "archives are in each other too deep"
        else:
            yield from _of_archive(content, globs, f"{path}:", budget)
    elif is_named:
        items = tuple(items_in(content))
        yield from [HeldItems(path, items)] if items else []
    else:
        yield from _of_text(path, content)


def _content(archive: zipfile.ZipFile, member: zipfile.ZipInfo, budget: _Budget) -> bytes | None:
    """The content of a file in an archive; None, with the reason, where it is not read."""
    budget.files -= 1
    if member.flag_bits & 1:
        budget.reason = "a file in it is encrypted"
    elif budget.files < 0 or member.file_size > budget.bytes:
        budget.reason = "not all that is in it was looked at"
    else:
        with archive.open(member) as file:
            content = file.read(budget.bytes + 1)
        budget.bytes -= len(content)
        if budget.bytes >= 0:
            return content
        budget.reason = "not all that is in it was looked at"
    return None
