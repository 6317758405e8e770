"""Gentoo's database of installed packages: var/db/pkg/CATEGORY/NAME-VERSION/CONTENTS, LICENSE and others (PMS, portage's vartree.py)."""

from __future__ import annotations

from collections.abc import Iterator

from hullmark.catalog.cataloger import Cataloger
from hullmark.catalog.presence import presence
from hullmark.catalog.view import View
from hullmark.model.late import late
from hullmark.model.licence_evidence import make_evidence
from hullmark.model.limit import Limit
from hullmark.model.package import Location, OwnedFile, Package
from hullmark.model.purl import make_purl
from hullmark.rootfs.reads import MIB, Read, Report

_MAX_LICENCES = Limit(100, "licences of one package of Gentoo's", "shortened")

# Names end where a hyphen and a version follow (PMS, "Package names" and "Version specifications").
_PLACE = late(
    r"(?:.*/)?var/db/pkg/([A-Za-z0-9_][A-Za-z0-9+_.-]{0,127})/([A-Za-z0-9_][A-Za-z0-9+_-]{0,127}?)"
    r"-(\d[\d.]{0,63}[a-z]?(?:_(?:alpha|beta|pre|rc|p)\d*){0,8}(?:-r\d{1,16})?)/[^/]+"
).fullmatch
_OBJ = late(r"obj (.+) ([0-9a-f]{32}) \d+").fullmatch
_SYM = late(r"sym (.+?) -> (.+) \d+").fullmatch
_WORD = late(r"[A-Za-z0-9@+_.-]+").fullmatch


def extract_contents(path: str, body: memoryview, report: Report) -> bytes | None:
    """The list of files, kept as it is: it is only read when someone asks for the owners. That of an empty package is empty."""
    return bytes(body)


def extract_licence(path: str, body: memoryview, report: Report) -> tuple[str, ...] | None:
    """The names of licences, without conditions (`foo?`), choices (`||`) and brackets."""
    words = bytes(body).decode("utf-8", "replace").split()
    names = dict.fromkeys(word for word in words if _WORD(word))
    return tuple(names)[:_MAX_LICENCES] or None


_FOLDER = "**/var/db/pkg/*/*"
PF = presence("portage-pf", f"{_FOLDER}/PF")
CONTENTS = Read(
    name="portage-contents", fact=bytes, globs=(f"{_FOLDER}/CONTENTS",), extract=extract_contents, limit=64 * MIB
)
LICENSE = Read(
    name="portage-license", fact=tuple[str, ...], globs=(f"{_FOLDER}/LICENSE",), extract=extract_licence, limit=MIB
)


def _identity(path: str) -> tuple[str, str, str] | None:
    """Category and name, version, and purl, as the folders say."""
    place = _PLACE(path)
    if place is None:
        return None
    return f"{place[1]}/{place[2]}", place[3], make_purl("ebuild", place[2], place[3], namespace=place[1])


def _records(view: View) -> Iterator[tuple[str, int]]:
    """Path and layer of each folder's record: its CONTENTS, or at least its PF."""
    known = set()
    for found in view.facts(CONTENTS):
        known.add(found.path.rpartition("/")[0])
        yield found.path, found.layer
    for named in view.facts(PF):
        if named.path.rpartition("/")[0] not in known:
            yield named.path, named.layer


def assemble(view: View) -> Iterator[Package]:
    """One package a folder with a record."""
    for path, layer in _records(view):
        identity = _identity(path)
        if identity is None:
            view.problem(path, "its folder's name is not that of a package of Gentoo's, which is left out")
            continue
        licence = view.fact_at(LICENSE, f"{path.rpartition('/')[0]}/LICENSE")
        yield Package(
            type="ebuild",
            name=identity[0],
            version=identity[1],
            purl=identity[2],
            cataloger="portage",
            licenses=licence.fact if licence else (),
            license_evidence=make_evidence(licence.fact, "LICENSE", f"/{licence.path}", licence.layer)
            if licence
            else (),
            locations=(Location(f"/{path}", layer),),
        )


def _file(line: str, owner: str) -> OwnedFile | None:
    if line.startswith("obj ") and (obj := _OBJ(line)):
        return OwnedFile(obj[1].lstrip("/"), owner, "md5", obj[2], config=obj[1].startswith("/etc/"), kind="f")
    if line.startswith("dir "):
        return OwnedFile(line[4:].strip("/"), owner, kind="d")
    if line.startswith("sym ") and (sym := _SYM(line)):
        return OwnedFile(sym[1].lstrip("/"), owner, kind="l", link=sym[2])
    return None


def list_owned_files(view: View) -> Iterator[OwnedFile]:
    """Files with their md5, folders and links on the packages' lists; names may hold blanks."""
    for found in view.facts(CONTENTS):
        identity = _identity(found.path)
        for line in found.fact.decode("utf-8", "surrogateescape").split("\n") if identity else ():
            file = _file(line, identity[2]) if identity else None
            if file is not None and file.path and "\0" not in file.path:
                yield file


CATALOGER = Cataloger(
    name="portage",
    types=("ebuild",),
    reads=(CONTENTS, PF, LICENSE),
    assemble=assemble,
    owned=list_owned_files,
    system=True,
)
