"""Core metadata of Python distributions: the headers of METADATA and PKG-INFO (packaging.python.org, core metadata; RFC 822)."""

from __future__ import annotations

import re
from itertools import islice

import msgspec

from hullmark.catalog.licence_text import licences_of_text
from hullmark.model.late import late
from hullmark.model.limit import Limit
from hullmark.rootfs.reads import MIB, Remark, Report

_MAX_HEADER = Limit(4 * MIB, "bytes of the headers of Python package metadata")
_MAX_FIELDS = Limit(2000, "headers of Python package metadata that are looked at")
_MAX_CLASSIFIERS = Limit(32, "licences among the classifiers of a Python package")
_MAX_NAMED_LICENCE = Limit(
    120,
    "characters of a licence's name in Python package metadata (longer ones are read as the licence's text)",
    "shortened",
)
_BOM = b"\xef\xbb\xbf"

_HEADER = late(rb"[!-9;-~]+:").match
# Headers end at an empty line, or where a line is neither a header nor the continuation of one (RFC 822, as email.parser).
_END = late(rb"\r?\n(?![!-9;-~]+:|[ \t])").search
_FIELD = late(
    rb"^(name|version|license-expression|license|classifier|home-page|author|author-email|requires-dist):(.*(?:\n[ \t].*)*)",
    re.IGNORECASE | re.MULTILINE,
).finditer
_IS_NAME = late(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,254}[A-Za-z0-9])?").fullmatch
_IS_VERSION = late(r"[A-Za-z0-9][A-Za-z0-9._+!~-]{0,127}").fullmatch
_LOGIN = late(r"(?<=://)(?!git@)[^/@\s]*@")


class Metadata(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """The headers of a METADATA or PKG-INFO. `name` as written; `licenses` as stated, `classifiers` the licences' names, `requires` each
    Requires-Dist (PEP 508), `licence_field` the header that states the licences ("": none)."""

    name: str
    version: str
    licenses: tuple[str, ...] = ()
    classifiers: tuple[str, ...] = ()
    homepage: str = ""
    author: str = ""
    requires: tuple[str, ...] = ()
    licence_field: str = ""


def _headers(body: memoryview, report: Report) -> dict[str, list[str]] | None:
    """The fields that are looked at, by lower-case name, in order. None: the file does not begin with a header."""
    start = 3 if body[:3] == _BOM else 0
    window = body[start : start + _MAX_HEADER]
    if not _HEADER(window):
        return None
    end = _END(window)
    if end is None and len(body) - start > len(window):
        report(f"its headers go on beyond {_MAX_HEADER:,} bytes; the rest was not read")
    fields: dict[str, list[str]] = {}
    found = _FIELD(bytes(window[: end.start() if end else len(window)]))
    for match in islice(found, _MAX_FIELDS):
        key, value = match[1].decode().lower(), match[2].decode("utf-8", "replace").strip()
        # distutils wrote UNKNOWN for what a setup.py left out.
        if value and (value != "UNKNOWN" or key == "name"):
            fields.setdefault(key, []).append(value)
    if next(found, None) is not None:
        report(f"it has more than {_MAX_FIELDS:,} headers; the rest was not read")
    return fields


def _stated_licenses(fields: dict[str, list[str]]) -> tuple[str, ...]:
    """License-Expression, else a License field that names one; a full text in the field is recognised if well known."""
    expression = fields.get("license-expression")
    if expression:
        return (expression[0],)
    text = fields.get("license", [""])[0]
    if "\n" in text or len(text) > _MAX_NAMED_LICENCE:
        return licences_of_text(text.encode())
    return (text,) if text else ()


def _read_classifier_licences(fields: dict[str, list[str]], report: Report) -> tuple[str, ...]:
    """`License :: OSI Approved :: BSD License` is the BSD License; `License :: OSI Approved` alone names none."""
    parts = (value.split(" :: ") for value in fields.get("classifier", ()))
    named = dict.fromkeys(
        part[-1] for part in parts if part[0] == "License" and part[-1] not in ("License", "OSI Approved")
    )
    if len(named) > _MAX_CLASSIFIERS:
        report(f"its classifiers name {len(named):,} licences; the first {_MAX_CLASSIFIERS} are kept")
    return tuple(named)[:_MAX_CLASSIFIERS]


def extract_metadata(path: str, body: memoryview, report: Report) -> Metadata | None:
    """Read the headers; the description below them is not looked at. None for the interpreter's own (`Python`)."""
    fields = _headers(body, report)
    if fields is None:
        report("this is not Python package metadata: it does not begin with a header")
        return None
    name = fields.get("name", [""])[0]
    if not _IS_NAME(name):
        report(f"the Python package metadata has {'a Name that is not allowed' if name else 'no Name'}")
        return None
    if name == "Python":
        return None
    version = fields.get("version", [""])[0]
    if version and not _IS_VERSION(version):
        report(Remark(f"the Version of the Python package {name} cannot be one", "unidentified"))
        version = ""
    author = fields.get("author") or fields.get("author-email") or [""]
    homepage = _LOGIN.sub("", fields.get("home-page", [""])[0])
    return Metadata(
        name,
        version,
        _stated_licenses(fields),
        _read_classifier_licences(fields, report),
        homepage[:1024],
        author[0][:1024],
        tuple(fields.get("requires-dist", ())),
        next((field for field in ("License-Expression", "License") if field.lower() in fields), ""),
    )
