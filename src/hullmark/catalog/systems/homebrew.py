"""Packages of Homebrew: kegs, Cellar/NAME/VERSION, with their formula or receipt, and formulae of taps (Homebrew's Formula Cookbook)."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from hullmark.catalog.cataloger import Cataloger
from hullmark.catalog.documents import text_of
from hullmark.catalog.presence import presence
from hullmark.catalog.view import View
from hullmark.model.late import late
from hullmark.model.package import UNKNOWN_VERSION, Location, OwnedFile, Package
from hullmark.model.purl import make_purl
from hullmark.rootfs.reads import MIB, LocatedFact, Read, Report

_KEG = late(r"((?:.*/)?Cellar/([^/]{1,128})/([^/]{1,128}))/.+").fullmatch
_TAP = late(r"(?:.*/)?Library/Taps/([^/]{1,128})/([^/]{1,128})/Formula/(?:[^/]{1,128}/)?([^/]{1,128})\.rb").fullmatch
_LINE = late(r"""^[ \t]*(desc|homepage|license|version|url|name)[ \t]+["']([^"'\n#]{1,1024})["']""")
_IN_URL = late(r"[-_/]v?(\d+(?:\.\d+)+[a-z]?)(?:[-_.](?:src|orig))?\.(?:tar|t[gbx]z|zip)").search


class Formula(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What a formula says, as far as it is plain text."""

    version: str = ""
    license: str = ""
    homepage: str = ""


def extract_formula(path: str, body: memoryview, report: Report) -> Formula | None:
    """The first of each plain field, of the formula itself and not of its resources, which come later."""
    found: dict[str, str] = {}
    for line in text_of(body).splitlines():
        field = _LINE.match(line)
        if field is not None:
            found.setdefault(field[1], field[2])
    url = _IN_URL(found.get("url", ""))
    version = found.get("version", "") or (url[1] if url else "")
    return Formula(version, found.get("license", ""), found.get("homepage", ""))


FORMULA = Read(
    name="homebrew-formula",
    fact=Formula,
    globs=("**/Cellar/*/*/.brew/*.rb", "**/Library/Taps/*/*/Formula/*.rb", "**/Library/Taps/*/*/Formula/*/*.rb"),
    extract=extract_formula,
    limit=4 * MIB,
)
RECEIPT = presence("homebrew-receipt", "**/Cellar/*/*/INSTALL_RECEIPT.json")


def _kegs(view: View) -> dict[str, tuple[str, str, LocatedFact[Formula] | None, Location]]:
    """Folder of a keg → its name, version, formula if it has one, and its record."""
    kegs: dict[str, tuple[str, str, LocatedFact[Formula] | None, Location]] = {}
    for found in view.facts(FORMULA):
        keg = _KEG(found.path)
        if keg:
            kegs[keg[1]] = keg[2], keg[3], found, Location(f"/{found.path}", found.layer)
    for receipt in view.facts(RECEIPT):
        keg = _KEG(receipt.path)
        if keg and keg[1] not in kegs:
            kegs[keg[1]] = keg[2], keg[3], None, Location(f"/{receipt.path}", receipt.layer)
    return kegs


def _purl(name: str, version: str) -> str:
    return make_purl("brew", name, version)


def _package(name: str, version: str, formula: Formula, at: Location, tap: str = "") -> Package:
    return Package(
        type="brew",
        name=name,
        version=version or UNKNOWN_VERSION,
        purl=_purl(name, version),
        cataloger="homebrew",
        licenses=(formula.license,) if formula.license else (),
        locations=(at,),
        notes={key: value for key, value in (("homepage", formula.homepage), ("tap", tap)) if value},
    )


def assemble(view: View) -> Iterator[Package]:
    """One package a keg, and one a formula of a tap that says its version."""
    for name, version, formula, at in _kegs(view).values():
        yield _package(name, version, formula.fact if formula else Formula(), at)
    for found in view.facts(FORMULA):
        tap = _TAP(found.path)
        if tap and found.fact.version:
            at = Location(f"/{found.path}", found.layer)
            yield _package(tap[3], found.fact.version, found.fact, at, f"{tap[1]}/{tap[2].removeprefix('homebrew-')}")


def list_owned_files(view: View) -> Iterator[OwnedFile]:
    """All that is in a keg's folder."""
    owners = {folder: _purl(name, version) for folder, (name, version, _, _) in _kegs(view).items()}
    for path, _ in view.below("") if owners else ():
        keg = _KEG(path)
        if keg and keg[1] in owners:
            yield OwnedFile(path, owners[keg[1]])


CATALOGER = Cataloger(
    name="homebrew", types=("brew",), reads=(FORMULA, RECEIPT), assemble=assemble, owned=list_owned_files, system=True
)
