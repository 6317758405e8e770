"""OCaml packages that opam installed: SWITCH/.opam-switch/packages/NAME.VERSION/opam (opam's manual, "opam")."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from hullmark.catalog.cataloger import Cataloger
from hullmark.catalog.documents import text_of
from hullmark.catalog.view import View
from hullmark.model.late import late
from hullmark.model.limit import Limit
from hullmark.model.package import UNKNOWN_VERSION, Location, Package
from hullmark.model.purl import make_purl
from hullmark.rootfs.reads import MIB, LocatedFact, Read, Report

NAMELESS = "the opam file does not tell which package it is about"
_MAX_LICENCES = Limit(32, "licences of one OCaml package", "shortened")
is_name = late(r"[A-Za-z0-9_+-]{1,128}").fullmatch
is_version = late(r"[A-Za-z0-9][A-Za-z0-9_+.~-]{0,127}").fullmatch
_FIELD = late(r'^(name|version|homepage)\s*:\s*"([^"\\\n]{1,1024})"', 8).finditer  # MULTILINE
_LICENCES = late(r'^license\s*:\s*(?:\[([^\]]{0,4096})\]|("[^"\n]{1,512}"))', 8).search
_TEXT = late(r'"([^"\n]{1,512})"').findall


class Opam(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What an opam file says; its name and version are those of its folder where it has none."""

    name: str
    version: str
    licenses: tuple[str, ...] = ()
    homepage: str = ""


def extract(path: str, body: memoryview, report: Report) -> Opam | None:
    """The fields at the beginning of lines."""
    text = text_of(body)
    fields: dict[str, str] = {}
    for field in _FIELD(text):
        fields.setdefault(field[1], field[2])
    stated = _LICENCES(text)
    names = dict.fromkeys(_TEXT(stated[1] or stated[2] or "")) if stated else {}
    name, version = fields.get("name", ""), fields.get("version", "")
    return Opam(
        name if is_name(name) else "",
        version if is_version(version) else "",
        tuple(names)[:_MAX_LICENCES],
        fields.get("homepage", ""),
    )


INSTALLED = Read(
    name="opam-installed", fact=Opam, globs=("**/.opam-switch/packages/*/opam",), extract=extract, limit=4 * MIB
)


def identity(found: LocatedFact[Opam]) -> tuple[str, str]:
    """Name and version: the file's own, else those of the folder `NAME.VERSION`, or of the file `NAME[.VERSION].opam`."""
    folder, _, base = found.path.rpartition("/")
    stem = base.removesuffix(".opam") if base != "opam" else folder.rpartition("/")[2]
    name, _, version = stem.partition(".")
    if found.fact.name and not stem.startswith(f"{found.fact.name}."):
        version = ""
    name = found.fact.name or (name if is_name(name) else "")
    return name, found.fact.version or (version if is_version(version) else "")


def package(found: LocatedFact[Opam], cataloger: str) -> Package | None:
    """The package that a file describes; None if nothing tells its name."""
    name, version = identity(found)
    if not name:
        return None
    return Package(
        type="opam",
        name=name,
        version=version or UNKNOWN_VERSION,
        purl=make_purl("opam", name, version),
        cataloger=cataloger,
        licenses=found.fact.licenses,
        locations=(Location(f"/{found.path}", found.layer),),
        notes={"homepage": found.fact.homepage} if found.fact.homepage else {},
    )


def assemble(view: View) -> Iterator[Package]:
    """One package a folder."""
    for found in view.facts(INSTALLED):
        made = package(found, "opam")
        if made is None:
            view.problem(found.path, NAMELESS)
        else:
            yield made


CATALOGER = Cataloger(name="opam", types=("opam",), reads=(INSTALLED,), assemble=assemble)
