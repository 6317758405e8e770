"""The parts of a package URL that somebody else wrote (ECMA-427), and what package URLs say about their system."""

from __future__ import annotations

import re

import msgspec

from hullmark.model.limit import Limit
from hullmark.model.package import SourcePackage
from hullmark.model.purl import unquote

_LONGEST = Limit(4096, "characters of a package URL in an SBOM", "shortened")
_MOST_QUALIFIERS = Limit(64, "qualifiers of a package URL in an SBOM", "shortened")
_TYPE = re.compile(r"[A-Za-z][A-Za-z0-9.+-]{0,63}").fullmatch
_SOURCE_RPM = re.compile(r"(.+)-([^-]+-[^-]+)\.(?:no)?src\.rpm").fullmatch


class PurlParts(msgspec.Struct, frozen=True, kw_only=True):
    """The parts, decoded; empty where they are not there. `qualifiers` have keys in lower case."""

    type: str
    namespace: str
    name: str
    version: str
    qualifiers: dict[str, str]
    subpath: str


def parts_of(purl: str) -> PurlParts | None:
    """The parts of a package URL; None if it is not one."""
    if len(purl) > _LONGEST or purl[:4].lower() != "pkg:":
        return None
    body, _, subpath = purl[4:].lstrip("/").partition("#")
    body, _, query = body.partition("?")
    type, slash, path = body.partition("/")
    head, _, last = path.strip("/").rpartition("/")
    # The @ of an npm scope that is not encoded begins a segment and never a version.
    name, _, version = last.rpartition("@") if "@" in last[1:] else (last, "", "")
    if not slash or not name or not _TYPE(type):
        return None
    pairs = (pair.partition("=") for pair in query.split("&", _MOST_QUALIFIERS)[:_MOST_QUALIFIERS])
    return PurlParts(
        type=type.lower(),
        namespace="/".join(unquote(segment) for segment in head.split("/") if segment),
        name=unquote(name),
        version=unquote(version),
        qualifiers={key.lower(): unquote(value) for key, _, value in pairs if value},
        subpath="/".join(unquote(segment) for segment in subpath.split("/") if segment not in ("", ".", "..")),
    )


def source_of(parts: PurlParts, version: str) -> SourcePackage | None:
    """The source package that the qualifier `upstream` names; its version is the package's where it names none."""
    upstream = parts.qualifiers.get("upstream", "")
    if not upstream:
        return None
    if parts.type == "rpm":
        return source_of_rpm(upstream)
    name, _, other = upstream.partition("@")
    return SourcePackage(name, other or version) if name else None


def source_of_rpm(file_name: str) -> SourcePackage | None:
    """`bash-5.1.8-6.el9.src.rpm` → bash, 5.1.8-6.el9; None for other names."""
    found = _SOURCE_RPM(file_name)
    return SourcePackage(found[1], found[2]) if found else None
