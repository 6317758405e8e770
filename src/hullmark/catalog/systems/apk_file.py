"""What an Alpine package file says of itself: apk-tools' package format, version 2.

A signature, what is known of the package, and its files: each a tar in gzip, one behind the other. The second has `.PKGINFO`, lines of
`key = value` as abuild writes them. The first may be missing.
"""

from __future__ import annotations

import zlib

from hullmark.catalog.systems.apk import InstalledPackage, parse_installed
from hullmark.catalog.systems.deb_file import CONTROL_BYTES, DamagedFile, tar_members
from hullmark.model.late import late
from hullmark.rootfs.reads import MIB, Report

_INFO = ".PKGINFO"
_MEMBERS = 2
_GZIP, _ZIP, _NEWER = b"\x1f\x8b", b"PK\x03\x04", b"ADB"
_LINE = late(r"([a-z_]+) = ([^\r\n]*)").fullmatch
_KEYS = {"pkgname": "P", "pkgver": "V", "arch": "A", "license": "L", "origin": "o", "maintainer": "m", "commit": "c"}
_LISTS = {"depend": "D", "provides": "p"}


def extract_apk(path: str, body: memoryview, report: Report) -> InstalledPackage | None:
    """The package that a file holds, as the installed database would have it; None for Android's, which are zip files of that name."""
    if bytes(body[: len(_ZIP)]) == _ZIP:
        return None
    try:
        record = _record(_info(bytes(body)).decode("utf-8", "replace"))
    except DamagedFile as reason:
        report(f"the package file cannot be read: {reason}")
        return None
    complaints: list[str] = []
    found = parse_installed(path, memoryview(record.encode()), complaints.append)
    if len(found) == 1 and found[0].version:
        for complaint in complaints:
            report(complaint)
        return found[0]
    report("the package file names no package and its version")
    return None


def _info(body: bytes) -> bytes:
    """The bytes of `.PKGINFO`; the beginning of the file is enough. Raises DamagedFile."""
    if body.startswith(_NEWER):
        raise DamagedFile("apk's version 3 of it is not known")
    for _ in range(_MEMBERS):
        if not body.startswith(_GZIP):
            break
        stream = zlib.decompressobj(31)
        try:
            tar = stream.decompress(body, CONTROL_BYTES + 1)
        except zlib.error:
            raise DamagedFile("it is damaged") from None
        if len(tar) > CONTROL_BYTES:
            raise DamagedFile(f"what is known of the package is larger than {CONTROL_BYTES // MIB} MiB")
        for name, data in tar_members(tar):
            if name == _INFO:
                return data
        body = stream.unused_data
    raise DamagedFile(f"it has no {_INFO}")


def _record(info: str) -> str:
    """The same as a record of the installed database."""
    fields: dict[str, str] = {}
    lists: dict[str, list[str]] = {}
    for line in info.splitlines():
        found = _LINE(line.strip())
        if found and found[1] in _KEYS:
            fields.setdefault(_KEYS[found[1]], found[2])
        elif found and found[1] in _LISTS:
            lists.setdefault(_LISTS[found[1]], []).append(found[2])
    fields |= {key: " ".join(values) for key, values in lists.items()}
    return "".join(f"{key}:{value}\n" for key, value in fields.items())
