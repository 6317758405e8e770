"""Licences of Debian packages: /usr/share/doc/NAME/copyright (the machine-readable debian/copyright file, version 1.0)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple

from hullmark.model.late import late
from hullmark.model.limit import Limit
from hullmark.rootfs.reads import MIB, Read, Report

_MAX_LICENSES = Limit(500, "licences of one Debian copyright file")
_MAX_NAME = Limit(200, "characters of the name of a licence in a Debian copyright file", "shortened")
_HEAD_BYTES = 8192

_FORMAT = late(rb"^(?:Format|Format-Specification)[ \t]*:", re.IGNORECASE | re.MULTILINE)

_BEGINNING = b"\nlicen"
_LICENSE = late(rb"\nLicen[sc]e[ \t]*:[ \t]*([^\n]{0,1000})", re.IGNORECASE)
_TEXT = late(rb"\nlicen[sc]e[ \t]*+:[ \t]*+([^\n]{0,1000}+)((?:\n[ \t][^\n]*+)++)", re.IGNORECASE)
"""A field with the lines that go on with it. Nothing that it took is given back, so that no line costs more than its length."""

_COMMON = late(rb"/usr/share/common-licenses/([A-Za-z0-9][A-Za-z0-9.+-]{0,60})")
_JOINT = late(r"(?:\s*,)?\s+(?:and/or|and|or)\s+|\s*[,|;]\s*", re.IGNORECASE)


def parse_copyright(path: str, body: memoryview, report: Report) -> tuple[str, ...]:
    """The licences that a copyright file names, without repeats, in its order.

    From a machine-readable file: the short names of its License fields (`GPL-2+ or Artistic` are two). From any other: the texts
    in /usr/share/common-licenses that it points to.
    """
    data = bytes(body)
    if is_machine_readable(data):
        values = dict.fromkeys(_LICENSE.findall(b"\n" + data))
        fields = (value.decode("utf-8", "replace").strip() for value in values)
        names: Iterable[str] = (name for field in fields for name in _JOINT.split(field))
    else:
        names = (name.decode("ascii").rstrip(".-") for name in _COMMON.findall(data))
    clean = dict.fromkeys(map(_clean, names))
    clean.pop("", None)
    if len(clean) > _MAX_LICENSES:
        report(f"the file names {len(clean):,} licences; the first {_MAX_LICENSES} are kept")
    return tuple(clean)[:_MAX_LICENSES]


def _clean(name: str) -> str:
    if not name.isprintable():
        name = "".join(c for c in name if c.isprintable())
    return name.strip()[:_MAX_NAME]


def _fields(data: bytes, form: re.Pattern[bytes]) -> Iterator[re.Match[bytes]]:
    """Where fields about licences have a form. To look for their beginning is several times as fast as to look for the form."""
    lower = data.lower()
    at = lower.find(_BEGINNING)
    while at >= 0:
        if (found := form.match(data, at)) is not None:
            yield found
        at = lower.find(_BEGINNING, at + 1)


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
    kept = [b""]
    for name, first, text in named_texts(data, only_open=True):
        kept += [b""] * (first - 2 - len(kept)) + [b"License: " + name.encode(), *text.split(b"\n")]
    if len(kept) == 1:
        return b""
    kept[0] = b"Format: 1"
    return b"\n".join(kept)


def named_texts(data: bytes, *, only_open: bool = False) -> Iterator[NamedText]:
    """The texts of fields that name one licence; those of `A and B` are the texts of both. `only_open`: of names that tell none."""
    line, at = 1, 0
    for found in _fields(data, _TEXT):
        name, is_open = _parse_licence_name(found[1])
        if name and (is_open or not only_open):
            start = found.start(2) + 1
            line += data.count(b"\n", at, start)
            at = start
            yield NamedText(name, line, found[2][1:])


@lru_cache(maxsize=1024)
def _parse_licence_name(field: bytes) -> tuple[str, bool]:
    """The one name that a field has ("" for several or none), and whether it tells no licence by itself. Packages share names."""
    from hullmark.model.licences.expressions import (
        spdx_expression,  # where licences are not asked for, no run pays for it
    )

    name = _clean(field.decode("utf-8", "replace"))
    return ("", False) if len(_JOINT.split(name)) != 1 else (name, spdx_expression(name) is None)


COPYRIGHT: Read[tuple[str, ...]] = Read(
    name="debian-copyright",
    fact=tuple[str, ...],
    extract=parse_copyright,
    globs=("**/share/doc/*/copyright",),
    limit=8 * MIB,
)
