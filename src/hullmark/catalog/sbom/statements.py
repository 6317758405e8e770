"""What a bill of materials says besides what packages there are: who wrote it and when, who supplies a component, its files."""

from __future__ import annotations

import re
from collections.abc import Iterable

import msgspec

PROPERTIES = ("executable", "archive", "structured")
"""What TR-03183-2 wants to be told of a component's file, in the names of the properties `bsi:component:…`."""

_MAIL = re.compile(r"[^\s<>()@,;]+@[^\s<>()@,;]+\.[^\s<>()@,;]+").search
_ADDRESS = re.compile(r"https?://[^\s<>()]+").search


class PackageStatements(msgspec.Struct, kw_only=True):
    """Of one component. `contact` is an address (mail or web) of who made or supplies it, `file_name` has no path, `hashes` are algorithms
    (`SHA-512`), `properties` those of PROPERTIES that are stated. `is_related`: it stands in a relation."""

    supplier: str = ""
    contact: str = ""
    file_name: str = ""
    hashes: frozenset[str] = frozenset()
    source_uri: str = ""
    download_uri: str = ""
    properties: frozenset[str] = frozenset()
    is_related: bool = False


class DocumentStatements(msgspec.Struct, kw_only=True):
    """Of the document. `format` is its standard with the version, `author` who wrote it (no program), `contact` that one's address (mail
    or web), `created` when, `uri` its own name. `tells_completeness`: it says whether its dependencies are all."""

    format: str = ""
    author: str = ""
    contact: str = ""
    created: str = ""
    uri: str = ""
    tells_completeness: bool = False


def contact_in(texts: Iterable[str | None]) -> str:
    """The first mail or web address in the texts; "" if there is none."""
    for text in texts:
        found = _MAIL(text or "") or _ADDRESS(text or "")
        if found:
            return found[0]
    return ""


def algorithm(name: str) -> str:
    """`SHA-512` for what a standard calls `SHA512`, `sha512` or `SHA-512`."""
    plain = name.upper().replace("_", "-")
    return f"SHA-{plain.removeprefix('SHA')}" if re.fullmatch(r"SHA\d+", plain) else plain
