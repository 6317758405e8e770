"""Lists of rpm packages: repomd.xml, primary.xml, updateinfo.xml (createrepo_c), lists of mirrors and metalinks. Only wanted names are
looked at.

They are searched, not parsed: entities are those of XML alone, and nothing in a document can make it larger than it is.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterator
from datetime import UTC, datetime
from html import unescape
from typing import NamedTuple

from hullmark.maintenance.upkeep.package_lists import ListedPackage, pieces
from hullmark.model.limit import Limit
from hullmark.model.package import SourcePackage

METADATA_LIMIT = Limit(4 << 20, "bytes of what a repository of rpm packages says of its lists, or of a list of mirrors")
_MAX_BYTES = Limit(4 << 30, "bytes of a list of rpm packages, unpacked")
_MAX_ENTRY = Limit(16 << 20, "bytes of what a list of rpm packages says of one, or of one update")
_MAX_MIRRORS = 3
_DATA = re.compile(rb'<data\s+type="([\w-]{1,40})"\s*>(.*?)</data>', re.DOTALL).finditer
_SUM = re.compile(rb'<checksum\s+type="(\w{1,20})"[^>]*>\s*([0-9a-fA-F]{32,128})\s*</checksum>').search
_PLACE = re.compile(rb'<location\s[^>]*?href="([^"]{1,1000})"').search
_REVISION = re.compile(rb"<revision>\s*([0-9]{9,11})\s*</revision>").search
_STAMP = re.compile(rb"<timestamp>\s*([0-9]{9,11})(?:\.[0-9]+)?\s*</timestamp>").search
_NAME = re.compile(rb"<name>([^<]{1,300})</name>").search
_ARCH = re.compile(rb"<arch>([^<]{1,40})</arch>").search
_VERSION = re.compile(rb"<version\s([^>]{1,1000})/?>").search
_SOURCE = re.compile(rb"<rpm:sourcerpm>([^<]{1,500})</rpm:sourcerpm>").search
_UPDATED = re.compile(rb"<package\s([^>]{1,2000})>").finditer
_IS_SECURITY = re.compile(rb"<update\s[^>]*?\btype=\"security\"").search
_ATTRIBUTE = re.compile(rb'\b([a-z]+)="([^"]{0,500})"').findall
_URL = re.compile(rb"https?://[^\s<>\"]{1,1000}").findall
_REPOMD = "/repodata/repomd.xml"
_HASHES = frozenset(("sha256", "sha512", "sha384", "sha224", "sha1", "sha"))


class RepositoryFile(NamedTuple):
    """A list of a repository: where it is below it, and its checksum (hex) with its kind."""

    href: str
    kind: str
    digest: str

    def fits(self, body: bytes) -> bool:
        """Whether this is the list."""
        kind = "sha1" if self.kind == "sha" else self.kind
        return hashlib.new(kind, body).hexdigest() == self.digest


class Repomd(NamedTuple):
    """What a repository says of itself: its lists by what they are (primary, updateinfo …), and the day on which they were made ("": it
    does not tell)."""

    files: dict[str, RepositoryFile]
    date: str


def parse_repomd(body: bytes) -> Repomd:
    """The document. Raises ValueError for another one."""
    files: dict[str, RepositoryFile] = {}
    moments = [int(found[1]) for found in (_REVISION(body),) if found is not None]
    for found in _DATA(body):
        checksum, place, stamp = _SUM(found[2]), _PLACE(found[2]), _STAMP(found[2])
        moments += [int(stamp[1])] if stamp is not None else []
        if checksum is not None and place is not None and checksum[1].decode() in _HASHES:
            href = unescape(place[1].decode("utf-8", "replace"))
            files[found[1].decode()] = RepositoryFile(href, checksum[1].decode(), checksum[2].decode().lower())
    if "primary" not in files:
        raise ValueError("it names no list of packages with a checksum that is known")
    date = datetime.fromtimestamp(max(moments), UTC).date().isoformat() if moments else ""
    return Repomd(files, date)


def mirrors_in(body: bytes) -> list[str]:
    """The first addresses of a repository in a list of mirrors, one in each line, or in a metalink (RFC 5854)."""
    found: dict[str, None] = {}
    for url in _URL(body):
        text = unescape(url.decode("utf-8", "replace"))
        # A metalink has addresses of its schemas too.
        if b"<metalink" not in body or text.endswith(_REPOMD):
            found[text.removesuffix(_REPOMD).rstrip("/")] = None
    return list(found)[:_MAX_MIRRORS]


def rpms_in(name: str, body: bytes, wanted: Collection[str]) -> Iterator[ListedPackage]:
    """The packages of these names in a primary.xml, which is compressed as its name says. Raises ValueError for damage."""
    for entry in _entries(name, body, b"</package>"):
        named, told, arch = _NAME(entry), _VERSION(entry), _ARCH(entry)
        found = _text(named[1]) if named is not None else ""
        if found not in wanted or told is None:
            continue
        version = _version(dict(_ATTRIBUTE(told[1])))
        source = _SOURCE(entry)
        if version and arch is not None:
            built = source_of(_text(source[1])) if source is not None else None
            yield ListedPackage(found, version, _text(arch[1]), built or SourcePackage(found, version))


def security_updates_in(name: str, body: bytes, wanted: Collection[str]) -> Iterator[ListedPackage]:
    """The packages of these names that updates for security in an updateinfo.xml bring. Raises ValueError for damage."""
    for entry in _entries(name, body, b"</update>"):
        if _IS_SECURITY(entry) is None:
            continue
        for told in _UPDATED(entry):
            values = dict(_ATTRIBUTE(told[1]))
            found, version = _text(values.get(b"name", b"")), _version(values)
            if found in wanted and version:
                yield ListedPackage(found, version, _text(values.get(b"arch", b"")), SourcePackage(found, version))


def source_of(file: str) -> SourcePackage | None:
    """`bash-5.1.8-6.el9.src.rpm` → bash, 5.1.8-6.el9; None for other names."""
    parts = file.removesuffix(".rpm").rpartition(".")[0].rsplit("-", 2)
    return SourcePackage(parts[0], f"{parts[1]}-{parts[2]}") if len(parts) == 3 and all(parts) else None


def _version(values: dict[bytes, bytes]) -> str:
    """`epoch:version-release`, as rpm writes it: without an epoch that is 0."""
    epoch = _text(values.get(b"epoch", b""))
    version = _text(values.get(b"ver") or values.get(b"version") or b"")
    release = _text(values.get(b"rel") or values.get(b"release") or b"")
    if not version or not release:
        return ""
    return f"{epoch}:{version}-{release}" if epoch not in ("", "0") else f"{version}-{release}"


def _text(raw: bytes) -> str:
    return unescape(raw.decode("utf-8", "replace"))


def _entries(name: str, body: bytes, end: bytes) -> Iterator[bytes]:
    """What stands before each of these ends, one after the other."""
    rest = b""
    for piece in pieces(name, body, _MAX_BYTES):
        *whole, rest = (rest + piece).split(end)
        yield from whole
        if len(rest) > _MAX_ENTRY:
            raise ValueError(f"what it says of a package has more than {_MAX_ENTRY >> 20} MiB")
