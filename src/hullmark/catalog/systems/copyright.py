"""Licences of Debian packages: /usr/share/doc/NAME/copyright (the machine-readable debian/copyright file, version 1.0)."""

from __future__ import annotations

import re
from collections.abc import Iterable

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
    if _FORMAT.search(data[:_HEAD_BYTES].removeprefix(b"\xef\xbb\xbf")):
        fields = (value.decode("utf-8", "replace").strip() for value in dict.fromkeys(_LICENSE.findall(b"\n" + data)))
        names: Iterable[str] = (name for field in fields for name in _JOINT.split(field))
    else:
        names = (name.decode("ascii").rstrip(".-") for name in _COMMON.findall(data))
    clean = dict.fromkeys("".join(c for c in name if c.isprintable()).strip()[:_MAX_NAME] for name in names)
    clean.pop("", None)
    if len(clean) > _MAX_LICENSES:
        report(f"the file names {len(clean):,} licences; the first {_MAX_LICENSES} are kept")
    return tuple(clean)[:_MAX_LICENSES]


COPYRIGHT: Read[tuple[str, ...]] = Read(
    name="debian-copyright",
    fact=tuple[str, ...],
    extract=parse_copyright,
    globs=("**/share/doc/*/copyright",),
    limit=8 * MIB,
)
