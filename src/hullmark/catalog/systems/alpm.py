"""pacman's database of installed packages: var/lib/pacman/local/*/desc, files and mtree (libalpm, lib/libalpm/be_local.c; mtree(5))."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

import msgspec

from hullmark.catalog.cataloger import Cataloger
from hullmark.catalog.documents import text_of
from hullmark.catalog.view import View
from hullmark.model.late import late
from hullmark.model.limit import Limit
from hullmark.model.package import Location, OwnedFile, Package, SourcePackage
from hullmark.model.purl import make_purl
from hullmark.rootfs.reads import MIB, LocatedFact, Read, Report

_MAX_VALUES = Limit(100, "licences of one package of pacman's", "shortened")
_MAX_MTREE = Limit(64 * MIB, "bytes of a package's mtree in pacman's database, unpacked")

_IS_NAME = late(r"[A-Za-z0-9@_+][A-Za-z0-9@._+-]{0,254}").fullmatch
_IS_VERSION = late(r"[A-Za-z0-9:._+~]{1,127}(?:-[0-9.]{1,32})?").fullmatch
_HEADING = late(r"%[A-Z0-9]+%").fullmatch
_OCTAL = late(r"\\([0-3][0-7]{2})")
_DIGEST = late(r" sha256digest=([0-9a-f]{64})| md5digest=([0-9a-f]{32})").search
_DISTROS = frozenset(("arch", "archarm", "artix", "cachyos", "endeavouros", "garuda", "manjaro", "msys2", "steamos"))


class Description(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What a desc says."""

    name: str
    version: str
    arch: str = ""
    source: str = ""
    licenses: tuple[str, ...] = ()
    homepage: str = ""


def _sections(body: memoryview) -> dict[str, list[str]]:
    """The lines below each heading, up to an empty line."""
    found: dict[str, list[str]] = {}
    lines: list[str] = []
    for line in text_of(body).split("\n"):
        line = line.removesuffix("\r")
        if _HEADING(line):
            lines = found.setdefault(line, [])
        elif line:
            lines.append(line)
        else:
            lines = []
    return found


def extract_desc(path: str, body: memoryview, report: Report) -> Description | None:
    """The fields of a desc; one without a sound name and version is reported."""
    sections = _sections(body)
    first = {key: lines[0].strip() for key, lines in sections.items() if lines}
    name, version = first.get("%NAME%", ""), first.get("%VERSION%", "")
    if not _IS_NAME(name) or not _IS_VERSION(version):
        report("the record of pacman's has no NAME and VERSION that can be used")
        return None
    base = first.get("%BASE%", "")
    return Description(
        name,
        version,
        first.get("%ARCH%", "")[:64],
        base if _IS_NAME(base) else "",
        tuple(line[:512] for line in sections.get("%LICENSE%", ())[:_MAX_VALUES]),
        first.get("%URL%", "")[:1024],
    )


def extract_files(path: str, body: memoryview, report: Report) -> bytes | None:
    """The list of files, kept as it is: it is only read when someone asks for the owners."""
    return bytes(body) or None


def extract_mtree(path: str, body: memoryview, report: Report) -> bytes | None:
    """The packed list of digests, kept as it is."""
    return bytes(body) if bytes(body[:2]) == b"\x1f\x8b" else None


_FOLDER = "**/var/lib/pacman/local/*"
DESC = Read(name="alpm-desc", fact=Description, globs=(f"{_FOLDER}/desc",), extract=extract_desc, limit=4 * MIB)
FILES = Read(name="alpm-files", fact=bytes, globs=(f"{_FOLDER}/files",), extract=extract_files, limit=64 * MIB)
MTREE = Read(name="alpm-mtree", fact=bytes, globs=(f"{_FOLDER}/mtree",), extract=extract_mtree, limit=16 * MIB)


def _purl(view: View, fact: Description) -> str:
    """The namespace is the distribution's id; Arch where the image does not say, as everybody's packages come from there."""
    distro = view.distro.id if view.distro else ""
    namespace = distro if distro in _DISTROS else "arch"
    return make_purl("alpm", fact.name, fact.version, namespace=namespace, qualifiers={"arch": fact.arch})


def assemble(view: View) -> Iterator[Package]:
    """One package a desc; its source is the base that it was built from."""
    for found in view.facts(DESC):
        fact = found.fact
        yield Package(
            type="alpm",
            name=fact.name,
            version=fact.version,
            purl=_purl(view, fact),
            cataloger="alpm",
            arch=fact.arch,
            source=SourcePackage(fact.source or fact.name, fact.version),
            licenses=fact.licenses,
            locations=(Location(f"/{found.path}", found.layer),),
            notes={"homepage": fact.homepage} if fact.homepage else {},
        )


def _digests(packed: bytes, view: View, path: str) -> dict[str, tuple[str, str]]:
    """Path → algorithm and digest, from an mtree."""
    try:
        inflater = zlib.decompressobj(31)
        unpacked = inflater.decompress(packed, _MAX_MTREE)
        if inflater.unconsumed_tail:
            view.problem(path, f"the list of digests has more than {_MAX_MTREE:,} bytes; the rest was not read")
    except zlib.error:
        view.problem(path, "the list of digests cannot be unpacked")
        return {}
    found = {}
    for line in unpacked.decode("utf-8", "surrogateescape").split("\n"):
        digest = _DIGEST(line)
        if digest and line.startswith("./"):
            name = _OCTAL.sub(lambda code: chr(int(code[1], 8)), line[2:].split(" ", 1)[0])
            # Octal codes are bytes of UTF-8.
            name = (
                name.encode("latin-1", "surrogateescape").decode("utf-8", "surrogateescape") if "\\" in line else name
            )
            found[name] = ("sha256", digest[1]) if digest[1] else ("md5", digest[2])
    return found


def _claims(view: View, desc: LocatedFact[Description]) -> Iterator[OwnedFile]:
    folder, owner = desc.path.rpartition("/")[0], _purl(view, desc.fact)
    listing, mtree = view.fact_at(FILES, f"{folder}/files"), view.fact_at(MTREE, f"{folder}/mtree")
    if listing is None:
        return
    sections = _sections(memoryview(listing.fact))
    digests = _digests(mtree.fact, view, mtree.path) if mtree else {}
    backups = dict(line.split("\t", 1) for line in sections.get("%BACKUP%", ()) if "\t" in line)
    for path in sections.get("%FILES%", ()):
        if "\0" in path or not path.strip("/"):
            continue
        algorithm, digest = digests.get(path, ("", ""))
        is_folder = path.endswith("/")
        yield OwnedFile(
            path.strip("/"), owner, algorithm, digest, config=path in backups, kind="d" if is_folder else ""
        )


def list_owned_files(view: View) -> Iterator[OwnedFile]:
    """The files on the packages' lists, with the digests of their mtrees. Those to back up are configuration."""
    for desc in view.facts(DESC):
        yield from _claims(view, desc)


CATALOGER = Cataloger(
    name="alpm", types=("alpm",), reads=(DESC, FILES, MTREE), assemble=assemble, owned=list_owned_files, system=True
)
