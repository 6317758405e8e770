"""C and C++ packages of vcpkg: the database vcpkg/status of installed ones, in dpkg's format (vcpkg's source, statusparagraph.cpp)."""

from __future__ import annotations

from collections.abc import Iterator

from hullmark.catalog.cataloger import Cataloger
from hullmark.catalog.declared import Ecosystem, Listing, PackageCollector, packages
from hullmark.catalog.documents import text_of
from hullmark.catalog.view import View
from hullmark.model.late import late
from hullmark.model.package import Package
from hullmark.rootfs.reads import MIB, Read, Report

NAME = "vcpkg"
is_name = late(r"[a-z0-9][a-z0-9-]{0,127}").fullmatch
is_version = late(r"[0-9A-Za-z][0-9A-Za-z.+_#-]{0,127}").fullmatch


def extract(path: str, body: memoryview, report: Report) -> Listing | None:
    """The installed packages; a feature of one is a paragraph of its own, without a version."""
    gathering = PackageCollector(is_name, is_version)
    for paragraph in text_of(body).replace("\r", "").split("\n\n"):
        fields = dict(line.split(": ", 1) for line in paragraph.splitlines() if ": " in line and line[:1] != " ")
        if not fields or "Feature" in fields or fields.get("Status", "").split()[-1:] != ["installed"]:
            continue
        port = fields.get("Port-Version", "0")
        version = fields.get("Version") or None
        if version and port != "0":
            version = f"{version}#{port}"
        triplet = fields.get("Architecture", "")
        gathering.add(fields.get("Package"), version, qualifiers=(("triplet", triplet),) if is_name(triplet) else ())
    return gathering.finish(report)


STATUS: Read[Listing] = Read(
    name="vcpkg-status", fact=Listing, extract=extract, globs=("**/vcpkg/status",), limit=16 * MIB
)
_VCPKG = Ecosystem(type="vcpkg", cataloger=NAME)


def assemble(view: View) -> Iterator[Package]:
    """What the databases say is installed."""
    return packages(view, (STATUS,), _VCPKG, everywhere=True)


CATALOGER = Cataloger(name=NAME, types=("vcpkg",), reads=(STATUS,), assemble=assemble)
