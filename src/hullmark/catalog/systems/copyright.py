"""Licences of Debian packages: /usr/share/doc/NAME/copyright (the machine-readable debian/copyright file, version 1.0)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from hullmark.licences.expressions import spdx_expression
from hullmark.model.late import late
from hullmark.model.limit import Limit
from hullmark.rootfs.reads import MIB, Read, Report

_MAX_LICENSES = Limit(500, "licences of one Debian copyright file")
_MAX_NAME = Limit(200, "characters of the name of a licence in a Debian copyright file", "shortened")
_HEAD_BYTES = 8192

_FORMAT = late(rb"^(?:Format|Format-Specification)[ \t]*:", re.IGNORECASE | re.MULTILINE)

_LICENSE = late(rb"\nLicen[sc]e[ \t]*:[ \t]*([^\n]{0,1000})", re.IGNORECASE)
_COMMON = late(rb"/usr/share/common-licenses/([A-Za-z0-9][A-Za-z0-9.+-]{0,60})")
_JOINT = late(r"(?:\s*,)?\s+(?:and/or|and|or)\s+|\s*[,|;]\s*", re.IGNORECASE)


def parse_copyright(path: str, body: memoryview, report: Report) -> tuple[str, ...]:
    """The licences that a copyright file names, without repeats, in its order.

    From a machine-readable file: the short names of its License fields (`GPL-2+ or Artistic` are two). From any other: the texts
    in /usr/share/common-licenses that it points to.
    """
    data = bytes(body)
    if is_machine_readable(data):
        fields = (value.decode("utf-8", "replace").strip() for value in dict.fromkeys(_LICENSE.findall(b"\n" + data)))
        names: Iterable[str] = (name for field in fields for name in _JOINT.split(field))
    else:
        names = (name.decode("ascii").rstrip(".-") for name in _COMMON.findall(data))
    clean = dict.fromkeys(map(_clean, names))
    clean.pop("", None)
    if len(clean) > _MAX_LICENSES:
        report(f"the file names {len(clean):,} licences; the first {_MAX_LICENSES} are kept")
    return tuple(clean)[:_MAX_LICENSES]


def _clean(name: str) -> str:
    return "".join(c for c in name if c.isprintable()).strip()[:_MAX_NAME]


def is_machine_readable(data: bytes) -> bool:
    """Whether it is a file of version 1.0 of the format, or of its drafts."""
    return _FORMAT.search(data[:_HEAD_BYTES].removeprefix(b"\xef\xbb\xbf")) is not None


class NamedText(NamedTuple):
    """The text that a machine-readable file has for a licence's short name, and the number of its first line, from 1."""

    name: str
    first: int
    text: bytes


def open_texts(data: bytes) -> bytes:
    """A machine-readable file with nothing but its first field, and the texts of those short names that do not tell a licence by
    themselves (`BSD-3-clause-Regents`); "" without any. The lines keep their numbers."""
    lines = data.split(b"\n")
    kept = [b""] * len(lines)
    for name, first, text in named_texts(data):
        if spdx_expression(name) is None:
            kept[first - 2] = b"License: " + name.encode()
            kept[first - 1 : first - 1 + text.count(b"\n") + 1] = text.split(b"\n")
    if not any(kept):
        return b""
    kept[0] = b"Format: 1"
    return b"\n".join(kept)


def named_texts(data: bytes) -> Iterator[NamedText]:
    """The texts of fields that name one licence; those of `A and B` are the texts of both."""
    lines = data.split(b"\n")
    at = 0
    while at < len(lines):
        field = _LICENSE.fullmatch(b"\n" + lines[at])
        at += 1
        first = at
        while field is not None and at < len(lines) and lines[at][:1] in (b" ", b"\t"):
            at += 1
        if field is not None and at > first:
            name = _clean(field[1].decode("utf-8", "replace"))
            if name and len(_JOINT.split(name)) == 1:
                yield NamedText(name, first + 1, b"\n".join(lines[first:at]))


COPYRIGHT: Read[tuple[str, ...]] = Read(
    name="debian-copyright",
    fact=tuple[str, ...],
    extract=parse_copyright,
    globs=("**/share/doc/*/copyright",),
    limit=8 * MIB,
)
