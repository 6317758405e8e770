"""Alpine packages: apk's installed database (apk-tools, installed database format: one letter, a colon, a value)."""

from __future__ import annotations

import binascii
import re
from collections.abc import Callable, Iterable, Iterator

import msgspec

from hullmark.catalog.cataloger import Cataloger
from hullmark.catalog.complaints import tell
from hullmark.catalog.distro import distro_qualifier
from hullmark.catalog.introduced import find_first_layers
from hullmark.catalog.view import View
from hullmark.model.inventory import Distro
from hullmark.model.late import late
from hullmark.model.limit import Limit
from hullmark.model.package import UNKNOWN_VERSION, Location, OwnedFile, Package, SourcePackage
from hullmark.model.purl import make_purl
from hullmark.rootfs.reads import MIB, LocatedFact, Read, Remark, Report

_MAX_PACKAGES = Limit(200_000, "packages of an apk database")
_MAX_VALUE = Limit(1024, "bytes of one field of an apk database", "shortened")
_MAX_PROVIDES = Limit(65536, "bytes of the names that one apk package provides", "shortened")
_MAX_DEPENDS = Limit(65536, "bytes of what one apk package depends on")
_MAX_PATH = Limit(4096, "bytes of one path in an apk database")
_MAX_COMPLAINTS = Limit(20, "problems of one apk database that are listed one by one", "shortened")

_BETWEEN = late(rb"\n\n++")
_FIELD = late(rb"\n([PVALomcspD]):([^\n]*+)")
_FILES = late(rb"\n(?=[FMRaZ]:)").search
_NO_FIELD = late(rb"\n(?:[^\n:][^\n:]|[^\n:]?(?:\n|\Z)|:)").search
# What a well-formed file part never holds: a cheap check before any line is parsed.
_ODD_FILES = late(
    rb"\n(?:[^FMRaZ\n]|F:[^\n]*?(?<![^:/])\.\.(?![^/\n])|F:/|[FR]:[^\n]{4096}|R:(?:\n|\Z|\.\.?(?:\n|\Z)|[^\n]*/)"
    rb"|Z:(?!Q1[A-Za-z0-9+/]{27}=(?:\n|\Z)|Q2[A-Za-z0-9+/]{43}=(?:\n|\Z)))"
).search

_NAME = late(r"[A-Za-z0-9._][A-Za-z0-9.+_@~-]{0,254}").fullmatch
_WORD = late(r"[!-~]{1,255}").fullmatch
_EXPRESSION = late(r"\(*[A-Za-z0-9.+:_-]+\)*(?:\s+(?:AND|OR|WITH)\s+\(*[A-Za-z0-9.+:_-]+\)*)*", re.IGNORECASE).fullmatch
_FILE_KEYS = frozenset((b"F:", b"R:", b"M:", b"a:", b"Z:"))
_CHECKSUMS = {"Q1": ("sha1", 20), "Q2": ("sha256", 32)}


class InstalledPackage(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One package of the database. Empty strings: not said. `provides` are the other names it answers to
    (`so:libz.so.1=1.3`, `cmd:sh=1.36-r0`), separated by spaces, `depends` the names that it needs
    (`so:libc.musl-x86_64.so.1`, `busybox>1.30`, `!uclibc`), as raw as `files`, the lines of its folders and files."""

    name: str
    version: str
    arch: str
    license: str
    origin: str
    maintainer: str
    commit: str
    repository: str
    provides: str
    files: bytes
    depends: bytes = b""


Database = tuple[InstalledPackage, ...]
_Complain = Callable[[str], None]


def parse_installed(path: str, body: memoryview, report: Report) -> Database:
    """The packages of the database, in its order.

    A package without a valid name is reported and left out; so are lines that are not fields, and files whose path
    leaves the root. A package without a version keeps its name.
    """
    complaints: list[str] = []
    packages: list[InstalledPackage] = []
    for number, chunk in enumerate(_chunks(body)):
        if number >= _MAX_PACKAGES and chunk.strip():
            complaints.append(f"the database has more than {_MAX_PACKAGES:,} packages; the rest was not read")
            break
        for record in _records(chunk, complaints.append):
            package = _package(record, complaints.append)
            if package is not None:
                packages.append(package)
    tell(complaints, _MAX_COMPLAINTS, report)
    return tuple(packages)


def _chunks(body: memoryview) -> Iterator[bytes]:
    """The blocks between empty lines, each with a line feed before its first line."""
    data = b"".join((b"\n", body))
    if b"\r\n" in data:
        data = data.replace(b"\r\n", b"\n")
    start = 0
    for between in _BETWEEN.finditer(data):
        yield data[start : between.start()]
        start = between.end() - 1
    yield data[start:].removesuffix(b"\n")


def _records(chunk: bytes, complain: _Complain) -> Iterator[bytes]:
    """The record of a package, or of several where the empty line between them is missing."""
    first, *more = chunk.split(b"\nP:")
    if len(more) < 2:
        yield chunk
        return
    complain(Remark(f"{len(more) - 1:,} record(s) begin before the one above has ended"))
    yield b"\nP:".join((first, more[0]))
    yield from (b"\nP:" + record for record in more[1:])


def _package(chunk: bytes, complain: _Complain) -> InstalledPackage | None:
    fields: dict[bytes, bytes] = {}
    for key, value in _FIELD.findall(chunk):
        fields.setdefault(key, value)
    name = _text(fields, b"P")
    if not _NAME(name):
        if chunk.strip():
            complain(f"a record has {f'the package name {name[:80]!r}' if name else 'no name'} and was not read")
        return None
    version = _text(fields, b"V")
    if version and not _WORD(version):
        complain(f"the package {name} has the version {version[:80]!r} and was not read")
        return None
    if _NO_FIELD(chunk):
        complain(f"the record of {name} has a line that is not a field")
    arch, origin = _text(fields, b"A"), _text(fields, b"o")
    begin = _FILES(chunk)
    files = chunk[begin.start() :] if begin else b""
    depends = fields.get(b"D", b"")
    if len(depends) > _MAX_DEPENDS:
        complain(f"the package {name} needs more than {_MAX_DEPENDS:,} bytes of names, which were not read")
        depends = b""
    return InstalledPackage(
        name=name,
        version=version,
        arch=arch if _WORD(arch) else "",
        license=_text(fields, b"L"),
        origin=origin if _NAME(origin) else "",
        maintainer=_text(fields, b"m"),
        commit=_text(fields, b"c"),
        repository=_text(fields, b"s"),
        provides=_text(fields, b"p", _MAX_PROVIDES),
        files=_sound(name, files, complain) if files and _ODD_FILES(files) else files,
        depends=depends,
    )


def _text(fields: dict[bytes, bytes], key: bytes, limit: int = _MAX_VALUE) -> str:
    value = fields.get(key)
    if not value:
        return ""
    text = value[:limit].decode("utf-8", "replace").strip()
    return text if text.isprintable() or key in b"PV" else "".join(c for c in text if c.isprintable())


def _sound(name: str, files: bytes, complain: _Complain) -> bytes:
    """The valid lines of the file part; the others are reported."""
    kept: list[bytes] = []
    outside = bad = 0
    folder_stays = file_stays = True
    for line in files.split(b"\n")[1:]:
        key, value = line[:2], line[2:]
        if key == b"F:":
            folder_stays = file_stays = _is_inside(value)
            outside += not folder_stays
        elif key == b"R:" and folder_stays:
            file_stays = _is_inside(value) and b"/" not in value and value not in (b"", b".")
            outside += not file_stays
        elif key == b"Z:" and file_stays and not _digest(value.decode("ascii", "replace"))[0]:
            bad += 1
            continue
        if file_stays and key in _FILE_KEYS:
            kept.append(line)
    if outside:
        complain(f"the package {name} has {outside} path(s) that are too long or leave the root, which were not read")
    if bad:
        complain(f"the package {name} has {bad} checksum(s) that cannot be read")
    return b"".join(b"\n" + line for line in kept)


def _is_inside(path: bytes) -> bool:
    return len(path) < _MAX_PATH and not path.startswith(b"/") and b".." not in path.split(b"/")


def _digest(text: str) -> tuple[str, str]:
    """(algorithm, hex) of `Q1…` or `Q2…`; two empty strings for anything else."""
    algorithm, size = _CHECKSUMS.get(text[:2], ("", 0))
    try:
        digest = binascii.a2b_base64(text[2:])
    except ValueError:
        return "", ""
    return (algorithm, digest.hex()) if size and len(digest) == size else ("", "")


INSTALLED: Read[Database] = Read(
    name="apk-installed",
    stands_in=True,
    fact=Database,
    extract=parse_installed,
    globs=("**/apk/db/installed",),
    limit=256 * MIB,
)


def databases(view: View) -> Iterator[tuple[LocatedFact[Database], dict[tuple[str, str, str], int]]]:
    canonical = {view.resolve("lib/apk/db/installed"), view.resolve("usr/lib/apk/db/installed")}
    for found in view.facts(INSTALLED):
        if found.path in canonical or f"/{found.path}".endswith("/lib/apk/db/installed"):
            yield found, find_first_layers(view.versions(INSTALLED, found.path), _keys, top=found.layer)


def _key(package: InstalledPackage) -> tuple[str, str, str]:
    return package.name, package.version, package.arch


def _keys(database: Database) -> Iterable[tuple[str, str, str]]:
    return map(_key, database)


def purl_of(package: InstalledPackage, distro: Distro | None) -> str:
    return make_purl(
        "apk",
        package.name,
        package.version,
        namespace=distro.id if distro else "alpine",
        qualifiers={
            "arch": package.arch,
            "distro": distro_qualifier(distro),
            "upstream": package.origin if package.origin != package.name else "",
        },
    )


def licenses(text: str) -> tuple[str, ...]:
    """The L field: an SPDX expression is one licence, any other text is a list of names separated by spaces."""
    return (text,) if _EXPRESSION(text) else tuple(dict.fromkeys(text.split()))


def assemble(view: View) -> Iterator[Package]:
    """Every package of the database, virtual ones too, as `apk info` lists them."""
    for path in ("lib/apk/db/installed", "usr/lib/apk/db/installed"):
        if view.exists(path) and view.fact_at(INSTALLED, path) is None:
            view.problem(
                path, "the package database could not be read: it is not a file, or a link to one of another name"
            )
    for found, layers in databases(view):
        for package in found.fact:
            version = package.version or UNKNOWN_VERSION
            notes = {
                "maintainer": package.maintainer,
                "commit": package.commit,
                "repository": package.repository,
                "provides": package.provides,
            }
            yield Package(
                type="apk",
                name=package.name,
                version=version,
                purl=purl_of(package, view.distro),
                cataloger=CATALOGER.name,
                arch=package.arch,
                source=SourcePackage(package.origin or package.name, version),
                licenses=licenses(package.license),
                locations=(Location("/" + found.path, layers.get(_key(package), found.layer)),),
                notes={key: value for key, value in notes.items() if value},
            )


def list_owned_files(view: View) -> Iterator[OwnedFile]:
    """The folders and files that the records list. What apk protects (/etc) is configuration."""
    for found, _ in databases(view):
        root = root_of(found.path)
        for package in found.fact:
            if package.files:
                yield from owned_files(
                    package.files.decode("utf-8", "surrogateescape"), purl_of(package, view.distro), root
                )


def root_of(path: str) -> str:
    for below in ("usr/lib/apk/db/installed", "lib/apk/db/installed"):
        if f"/{path}".endswith("/" + below):
            return path[: -len(below)]
    return ""


def owned_files(lines: str, owner: str, root: str) -> Iterator[OwnedFile]:
    folder, name, mode, digest = root, "", "", ("", "")
    for line in (lines + "\nF:").split("\n"):
        key = line[:2]
        if key == "R:" or key == "F:":
            if name:
                path = folder + name
                yield OwnedFile(path, owner, digest[0], digest[1], path.startswith(root + "etc/"), False, _kind(mode))
            name, mode, digest = line[2:] if key == "R:" else "", "", ("", "")
            if key == "F:" and len(line) > 2:
                folder = f"{root}{line[2:]}/"
                yield OwnedFile(folder[:-1], owner, kind="d")
            elif key == "F:":
                folder = root
        elif key == "Z:":
            digest = _digest(line[2:])
        elif key == "a:":
            mode = line.split(":")[3] if line.count(":") > 2 else ""


def _kind(mode: str) -> str:
    # The record has no file types. Links have mode 777 and the digest of their target; few files have that mode.
    return "" if mode.endswith("777") else "f"


CATALOGER = Cataloger(
    name="apk", types=("apk",), reads=(INSTALLED,), assemble=assemble, owned=list_owned_files, system=True
)
