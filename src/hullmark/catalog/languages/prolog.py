"""Packs of SWI-Prolog: pack.pl in each pack's folder (SWI-Prolog's manual, "Creating a pack")."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from hullmark.catalog.cataloger import Cataloger
from hullmark.catalog.documents import text_of
from hullmark.catalog.view import View
from hullmark.model.late import late
from hullmark.model.package import UNKNOWN_VERSION, Location, Package
from hullmark.model.purl import make_purl
from hullmark.rootfs.reads import MIB, Read, Report

_TYPE = "swiplpack"
_TERM = late(
    r"^[ \t]*(name|version|home)\(\s*(?:'([^'\\\n]{1,512})'|\"([^\"\\\n]{1,512})\"|([a-z][A-Za-z0-9_]{0,127}))\s*\)\s*\.",
    8,
)
_IS_NAME = late(r"[A-Za-z][A-Za-z0-9_-]{0,127}").fullmatch
_IS_VERSION = late(r"[0-9A-Za-z][0-9A-Za-z.+_-]{0,127}").fullmatch


class Pack(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What a pack.pl says."""

    name: str
    version: str
    homepage: str = ""


def extract(path: str, body: memoryview, report: Report) -> Pack | None:
    """The terms name, version and home, each on a line of its own."""
    fields: dict[str, str] = {}
    for term in _TERM.finditer(text_of(body)):
        fields.setdefault(term[1], term[2] or term[3] or term[4])
    name, version = fields.get("name", ""), fields.get("version", "")
    if not _IS_NAME(name):
        report("the description of a pack of SWI-Prolog has no name that can be used")
        return None
    return Pack(name, version if _IS_VERSION(version) else "", fields.get("home", ""))


PACK = Read(name="prolog-pack", fact=Pack, globs=("**/pack.pl",), extract=extract, limit=MIB)


def assemble(view: View) -> Iterator[Package]:
    """One package a pack."""
    for found in view.facts(PACK):
        fact = found.fact
        yield Package(
            type=_TYPE,
            name=fact.name,
            version=fact.version or UNKNOWN_VERSION,
            purl=make_purl(_TYPE, fact.name, fact.version),
            cataloger="prolog",
            locations=(Location(f"/{found.path}", found.layer),),
            notes={"homepage": fact.homepage} if fact.homepage else {},
        )


CATALOGER = Cataloger(name="prolog", types=(_TYPE,), reads=(PACK,), assemble=assemble)
