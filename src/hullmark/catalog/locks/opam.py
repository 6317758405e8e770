"""OCaml's opam files in a project: NAME.opam or opam (opam's manual, "opam"), each a package of the project."""

from __future__ import annotations

from collections.abc import Iterator

from hullmark.catalog.cataloger import Cataloger
from hullmark.catalog.declared import is_others
from hullmark.catalog.languages.opam import Opam, extract, package
from hullmark.catalog.view import View
from hullmark.model.package import Package
from hullmark.rootfs.reads import MIB, Read

_NAME = "opam-lock"
_SWITCH = "/.opam-switch/"


def assemble(view: View) -> Iterator[Package]:
    """One package a file outside opam's own folders."""
    for found in view.facts(OPAM):
        if not is_others(found.path) and _SWITCH not in f"/{found.path}":
            made = package(found, _NAME)
            if made is not None:
                yield made


OPAM = Read(name="opam-file", fact=Opam, globs=("**/opam", "**/*.opam"), extract=extract, limit=4 * MIB)
CATALOGER = Cataloger(name=_NAME, types=("opam",), reads=(OPAM,), assemble=assemble)
