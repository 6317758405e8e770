"""What dpkg's status file says on which terms packages are there: `Essential: yes` and `Protected: yes`, which all others take for granted
(Debian Policy 3.8), and the names that they answer to (Provides)."""

from __future__ import annotations

import re

import msgspec

from hullmark.model.limit import Limit
from hullmark.rootfs.reads import Read, Report

_MAX_BYTES = Limit(256 << 20, "bytes of dpkg's status file, where essential packages are looked for")
_STANZA = re.compile(rb"\n\n+")
_FIELD = re.compile(rb"(?mi)^(package|essential|protected|important|provides):[ \t]*(.*(?:\n[ \t].*)*)$")
_FLAGS = (b"essential", b"protected", b"important")


class DpkgTerms(msgspec.Struct, frozen=True):
    """The names of essential packages, and the Provides of all, as they are written."""

    essential: tuple[str, ...] = ()
    provides: tuple[str, ...] = ()


def _terms(path: str, body: memoryview, report: Report) -> DpkgTerms:
    essential, provides = set(), set()
    for stanza in _STANZA.split(bytes(body)):
        fields = {key.lower(): value.strip() for key, value in _FIELD.findall(stanza)}
        if any(fields.get(flag, b"").lower() == b"yes" for flag in _FLAGS):
            essential.add(fields.get(b"package", b"").decode("utf-8", "replace").lower())
        if named := fields.get(b"provides"):
            provides.add(named.decode("utf-8", "replace"))
    return DpkgTerms(tuple(sorted(essential)), tuple(sorted(provides)))


DPKG_TERMS: Read[DpkgTerms] = Read(
    name="dpkg-terms", fact=DpkgTerms, extract=_terms, globs=("var/lib/dpkg/status",), limit=_MAX_BYTES
)
