"""What dpkg knows: its status file (deb822, dpkg-query(1)), status.d folders of distroless images, and opkg's files."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import msgspec

from hullmark.catalog.complaints import tell
from hullmark.model.late import late
from hullmark.model.limit import Limit
from hullmark.rootfs.reads import MIB, Read, Remark, Report

_MAX_STANZAS = Limit(200_000, "packages of a dpkg database")
_MAX_VALUE = Limit(512, "bytes of one field of a dpkg database", "shortened")
_MAX_CONFFILES = Limit(4 * MIB, "bytes of one dpkg package's list of configuration files")
_MAX_NEEDS = Limit(256 << 10, "bytes of what one dpkg package depends on, or provides")
_MAX_COMPLAINTS = Limit(20, "problems of one dpkg database that are listed one by one", "shortened")

PRESENT = frozenset(
    ("", "installed", "unpacked", "half-configured", "triggers-awaited", "triggers-pending"),
)
"""The states in which a package's files are present; also true without a Status field (status.d, opkg's control)."""
ABSENT = frozenset(("not-installed", "config-files"))
"""The states in which none of a package's files is there but configuration."""

_FIELD = late(
    rb"\n(Package|Version|Architecture|Source|Status|Maintainer|Section|Conffiles|Pre-Depends|Depends|Provides)[ \t]*:[ \t]*"
    rb"([^\n]*+(?:\n[ \t][^\n]*+)*+)",
    re.IGNORECASE,
)
_NO_FIELD = late(rb"\n(?:[^ \t\n:][^:\n]*+(?=\n|\Z)|:)").search
_BETWEEN = late(rb"\n\n++")
# A separating line may hold spaces, but so may a line within a description: what follows decides.
_SPACED_BREAK = late(rb"\n[ \t]++(?=\nPackage[ \t]*:)", re.IGNORECASE)

_NAME = late(r"[A-Za-z0-9][A-Za-z0-9.+_-]{0,254}").fullmatch
# dpkg only warns about other characters in a version, but reads no version with spaces, or with an empty part.
_VERSION = late(r"(?:([0-9]{1,10}):)?((?!-[^-]*\Z)[^\s\x00-\x20\x7f-\xa0]{1,255}(?<!-))").fullmatch
_MAX_EPOCH = 2**31 - 1
_ARCH = late(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}").fullmatch
_SOURCE = late(r"([A-Za-z0-9][A-Za-z0-9.+_-]{0,254})\s*(?:\(\s*([!-')-~]{1,255}?)\s*\))?").match

_NO_RECORDS = (
    ".md5sums", ".list", ".conffiles", ".triggers", ".shlibs", ".symbols", ".templates", ".config",
    ".preinst", ".postinst", ".prerm", ".postrm",
)  # fmt: skip


class Stanza(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One package of a status file. Empty strings: not said.

    `state` is the third word of Status (installed, config-files …), `conffiles` the raw lines of Conffiles, `depends` those of
    Pre-Depends and Depends, `provides` those of Provides (deb-control(5)).
    """

    name: str
    version: str
    arch: str
    state: str
    source: str
    source_version: str
    maintainer: str
    section: str
    conffiles: bytes
    depends: bytes = b""
    provides: bytes = b""


Stanzas = tuple[Stanza, ...]
_Fields = dict[bytes, bytes]
_Complain = Callable[[str], None]


def parse_status(path: str, body: memoryview, report: Report) -> Stanzas:
    """The packages of a status file, in its order, whatever their state.

    A stanza that dpkg would refuse is reported and left out; of a repeated field the first counts. CRLF, field
    names in any case and bytes that are not UTF-8 are read. A stanza without Version keeps its name.
    """
    complaints: list[str] = []
    stanzas: list[Stanza] = []
    for number, chunk in enumerate(_chunks(body)):
        if number >= _MAX_STANZAS and chunk.strip():
            complaints.append(f"the file has more than {_MAX_STANZAS:,} stanzas; the rest was not read")
            break
        for fields in _records(chunk, complaints.append):
            stanza = _stanza(fields, complaints.append)
            if stanza is not None:
                stanzas.append(stanza)
    tell(complaints, _MAX_COMPLAINTS, report)
    return tuple(stanzas)


def parse_record(path: str, body: memoryview, report: Report) -> Stanzas | None:
    """A file of status.d, or opkg's NAME.control; None for the other files beside them."""
    if path.endswith(_NO_RECORDS) and bytes(body[:8]).lower() != b"package:":
        return None
    return parse_status(path, body, report)


def _chunks(body: memoryview) -> Iterator[bytes]:
    """The blocks between empty lines, each with a line feed before its first line."""
    data = b"".join((b"\n", body))
    if b"\r\n" in data:
        data = data.replace(b"\r\n", b"\n")
    if _SPACED_BREAK.search(data):
        data = _SPACED_BREAK.sub(b"\n", data)
    start = 0
    for between in _BETWEEN.finditer(data):
        yield data[start : between.start()]
        start = between.end() - 1
    yield data[start:]


def _records(chunk: bytes, complain: _Complain) -> Iterator[_Fields]:
    """The fields of a stanza, or of several stanzas where the empty line between them is missing."""
    fields: _Fields = {}
    twice: list[str] = []
    for key, value in _FIELD.findall(chunk):
        key = key.lower()
        if key not in fields:
            fields[key] = value
        elif key == b"package":
            complain(
                Remark(f"the stanza of {_format_name(fields[key])} does not end before that of {_format_name(value)}")
            )
            yield fields
            fields = {key: value}
        else:
            twice.append(key.decode().capitalize())
    if not fields and not chunk.strip():
        return
    if _NO_FIELD(chunk):
        complain(f"the stanza of {_format_name(fields.get(b'package', b''))} has a line that is not a field")
    if twice:
        complain(f"the stanza of {_format_name(fields.get(b'package', b''))} has {', '.join(twice[:8])} more than once")
    yield fields


def _stanza(fields: _Fields, complain: _Complain) -> Stanza | None:
    name = _text(fields, b"package")
    if not _NAME(name):
        complain(f"a stanza has {'no Package' if not name else f'the package name {name[:80]!r}'} and was not read")
        return None
    written = _text(fields, b"version")
    version = _version(written) if written else ""
    if version is None:
        complain(f"the package {name} has the version {written[:80]!r} and was not read")
        return None
    arch = _text(fields, b"architecture")
    if arch and not _ARCH(arch):
        complain(Remark(f"the package {name} has the architecture {arch[:80]!r}, which was not read", "unidentified"))
        arch = ""
    source = _SOURCE(_text(fields, b"source"))
    conffiles = fields.get(b"conffiles", b"")
    if len(conffiles) > _MAX_CONFFILES:
        complain(f"the package {name} has {len(conffiles):,} bytes of Conffiles, which were not read")
        conffiles = b""
    depends = b", ".join(filter(None, (fields.get(b"pre-depends"), fields.get(b"depends"))))
    provides = fields.get(b"provides", b"")
    if len(depends) > _MAX_NEEDS or len(provides) > _MAX_NEEDS:
        complain(f"the package {name} has more than {_MAX_NEEDS:,} bytes of Depends or Provides, which were not read")
        depends = provides = b""
    status = _text(fields, b"status").lower().split()
    return Stanza(
        name=name,
        version=version,
        arch=arch,
        state=status[-1] if status else "",
        source=source[1] if source else "",
        source_version=(source[2] or "") if source else "",
        maintainer=_text(fields, b"maintainer"),
        section=_text(fields, b"section"),
        conffiles=conffiles,
        depends=depends,
        provides=provides,
    )


def _version(written: str) -> str | None:
    """The version as dpkg prints it: without a zero epoch. None for what it refuses."""
    match = _VERSION(written)
    if match is None:
        return None
    epoch, rest = match.groups()
    if epoch is None:
        return rest if ":" not in rest else None
    number = int(epoch)
    return None if number > _MAX_EPOCH else f"{number}:{rest}" if number else rest


def _text(fields: _Fields, key: bytes) -> str:
    value = fields.get(key)
    return value[:_MAX_VALUE].decode("utf-8", "replace").strip() if value else ""


def _format_name(name: bytes) -> str:
    return repr(name[:80].decode("utf-8", "replace").strip()) if name.strip() else "a package without a name"


STATUS: Read[Stanzas] = Read(
    name="dpkg-status",
    stands_in=True,
    fact=Stanzas,
    extract=parse_status,
    globs=("**/dpkg/status", "**/lib/opkg/status"),
    limit=256 * MIB,
)
RECORD: Read[Stanzas] = Read(
    name="dpkg-record",
    fact=Stanzas,
    extract=parse_record,
    globs=("**/dpkg/status.d/*", "**/lib/opkg/info/*.control"),
    limit=16 * MIB,
)
