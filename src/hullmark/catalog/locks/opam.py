"""OCaml's opam files in a project: NAME.opam or opam (opam's manual, "opam"), each a package of the project."""

from __future__ import annotations

from collections.abc import Iterator

from hullmark.catalog.cataloger import Cataloger
from hullmark.catalog.declared import is_others
from hullmark.catalog.documents import text_of
from hullmark.catalog.languages.opam import NAMELESS, Opam, extract, package
from hullmark.catalog.view import View
from hullmark.model.late import late
from hullmark.model.package import Package
from hullmark.rootfs.reads import MIB, Read, Report

_NAME = "opam-lock"
_SWITCH = "/.opam-switch/"
_IS_OPAM = late(r"^(?:opam-version|name|version|synopsis|maintainer|depends|build)[ \t]*:", 8).search  # MULTILINE


def assemble(view: View) -> Iterator[Package]:
    """One package a file outside opam's own folders."""
    for found in view.facts(OPAM):
        if not is_others(found.path) and _SWITCH not in f"/{found.path}":
            made = package(found, _NAME)
            if made is None:
                view.problem(found.path, NAMELESS)
            else:
                yield made


def extract_file(path: str, body: memoryview, report: Report) -> Opam | None:
    """The fields of a project's file; None for what is only called opam, like the program itself and its completion for shells."""
    if path.rpartition("/")[2] == "opam" and not _IS_OPAM(text_of(body)):
        return None
    return extract(path, body, report)


OPAM = Read(name="opam-file", fact=Opam, globs=("**/opam", "**/*.opam"), extract=extract_file, limit=4 * MIB)
CATALOGER = Cataloger(name=_NAME, types=("opam",), reads=(OPAM,), assemble=assemble)
