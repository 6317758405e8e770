"""Packages that the notes of programs name. A distribution writes them into all that it builds, so they outlive its data base."""

from __future__ import annotations

from collections.abc import Iterator

from hullmark.catalog.binaries.programs import PROGRAMS, PackageNote
from hullmark.catalog.view import View
from hullmark.model.package import UNKNOWN_VERSION, Location, Package
from hullmark.model.purl import make_purl

CATALOGER_NAME = "elf-notes"
_NAMESPACES = {"alpm": "arch", "apk": "alpine", "deb": "debian", "rpm": ""}
_TYPES = {"pacman": "alpm", "arch": "alpm"}


def read_package_notes(view: View) -> Iterator[Package]:
    """One package for each program whose note names one."""
    for found in view.facts(PROGRAMS):
        if found.fact.note is not None and found.fact.note.name:
            yield _package(found.fact.note, Location(f"/{found.path}", found.layer))


def _package(note: PackageNote, at: Location) -> Package:
    told = note.type.lower()
    type = _TYPES.get(told, told)
    if type not in _NAMESPACES:
        type = "generic"
    system = note.os.lower()
    distro = f"{system}-{note.os_version}" if system and note.os_version else system
    return Package(
        type=type,
        name=note.name,
        version=note.version or UNKNOWN_VERSION,
        purl=make_purl(
            type,
            note.name,
            note.version,
            namespace=system or _NAMESPACES.get(type, ""),
            qualifiers={"arch": note.architecture, "distro": distro},
        ),
        cataloger=CATALOGER_NAME,
        arch=note.architecture,
        locations=(at,),
        notes={"os_cpe": note.os_cpe} if note.os_cpe else {},
    )
