"""Debian packages: dpkg's status file (deb822, dpkg-query(1)), status.d folders of distroless images, and opkg's files."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Set

import msgspec

from hullmark.catalog.cataloger import Cataloger
from hullmark.catalog.distro import distro_qualifier
from hullmark.catalog.introduced import introduced
from hullmark.catalog.late import late
from hullmark.catalog.systems.copyright import COPYRIGHT
from hullmark.catalog.systems.dpkg_files import DIVERSIONS, LIST, MD5SUMS, Claim, claimed, claimed_names, diversions
from hullmark.catalog.view import View
from hullmark.model.inventory import Distro
from hullmark.model.limit import Limit
from hullmark.model.package import UNKNOWN_VERSION, Location, OwnedFile, Package, SourcePackage
from hullmark.model.purl import make_purl
from hullmark.rootfs.reads import MIB, LocatedFact, Read, Remark, Report, kind_of

_MAX_STANZAS = Limit(200_000, "packages of a dpkg database")
_MAX_VALUE = Limit(512, "bytes of one field of a dpkg database", "shortened")
_MAX_CONFFILES = Limit(4 * MIB, "bytes of one dpkg package's list of configuration files")
_MAX_COMPLAINTS = Limit(20, "problems of one dpkg database that are told one by one", "shortened")

_PRESENT = frozenset(
    ("", "installed", "unpacked", "half-configured", "triggers-awaited", "triggers-pending"),
)
"""The states in which a package's files are present; also true without a Status field (status.d, opkg's control)."""
_ABSENT = frozenset(("not-installed", "config-files"))

_FIELD = late(
    rb"\n(Package|Version|Architecture|Source|Status|Maintainer|Section|Conffiles)[ \t]*:[ \t]*"
    rb"([^\n]*+(?:\n[ \t][^\n]*+)*+)",
    re.IGNORECASE,
)
_NO_FIELD = late(rb"\n(?:[^ \t\n:][^:\n]*+(?=\n|\Z)|:)").search
_BETWEEN = late(rb"\n\n++")
# A separating line may hold spaces, but so may a line within a description: what follows decides.
_SPACED_BREAK = late(rb"\n[ \t]++(?=\nPackage[ \t]*:)", re.IGNORECASE)

_NAME = late(r"[A-Za-z0-9][A-Za-z0-9.+_-]{0,254}").fullmatch
# dpkg only warns about other characters in a version, but reads no version with spaces, or with an empty part.
_VERSION = late(r"(?:([0-9]{1,10}):)?((?!-[^-]*\Z)[^\s\x00-\x20\x7f-\xa0]{1,255}(?<!-))").fullmatch
_MAX_EPOCH = 2**31 - 1
_ARCH = late(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}").fullmatch
_SOURCE = late(r"([A-Za-z0-9][A-Za-z0-9.+_-]{0,254})\s*(?:\(\s*([!-')-~]{1,255}?)\s*\))?").match

_NO_RECORDS = (
    ".md5sums", ".list", ".conffiles", ".triggers", ".shlibs", ".symbols", ".templates", ".config",
    ".preinst", ".postinst", ".prerm", ".postrm",
)  # fmt: skip


class Stanza(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One package of a status file. Empty strings: not said.

    `state` is the third word of Status (installed, config-files …), `conffiles` the raw lines of Conffiles.
    """

    name: str
    version: str
    arch: str
    state: str
    source: str
    source_version: str
    maintainer: str
    section: str
    conffiles: bytes


Stanzas = tuple[Stanza, ...]
_Fields = dict[bytes, bytes]
_Complain = Callable[[str], None]


def parse_status(path: str, body: memoryview, report: Report) -> Stanzas:
    """The packages of a status file, in its order, whatever their state.

    A stanza that dpkg would refuse is reported and left out; of a repeated field the first counts. CRLF, field
    names in any case and bytes that are not UTF-8 are read. A stanza without Version keeps its name.
    """
    complaints: list[str] = []
    stanzas: list[Stanza] = []
    for number, chunk in enumerate(_chunks(body)):
        if number >= _MAX_STANZAS and chunk.strip():
            complaints.append(f"the file has more than {_MAX_STANZAS:,} stanzas; the rest was not read")
            break
        for fields in _records(chunk, complaints.append):
            stanza = _stanza(fields, complaints.append)
            if stanza is not None:
                stanzas.append(stanza)
    for complaint in complaints[:_MAX_COMPLAINTS]:
        report(complaint)
    if more := complaints[_MAX_COMPLAINTS:]:
        reason = f"{len(more):,} more faults of this file are not listed"
        report(Remark(reason) if all(kind_of(reason) == "note" for reason in more) else reason)
    return tuple(stanzas)


def parse_record(path: str, body: memoryview, report: Report) -> Stanzas | None:
    """A file of status.d, or opkg's NAME.control; None for the other files beside them."""
    if path.endswith(_NO_RECORDS) and bytes(body[:8]).lower() != b"package:":
        return None
    return parse_status(path, body, report)


def _chunks(body: memoryview) -> Iterator[bytes]:
    """The blocks between empty lines, each with a line feed before its first line."""
    data = b"".join((b"\n", body))
    if b"\r\n" in data:
        data = data.replace(b"\r\n", b"\n")
    if _SPACED_BREAK.search(data):
        data = _SPACED_BREAK.sub(b"\n", data)
    start = 0
    for between in _BETWEEN.finditer(data):
        yield data[start : between.start()]
        start = between.end() - 1
    yield data[start:]


def _records(chunk: bytes, complain: _Complain) -> Iterator[_Fields]:
    """The fields of a stanza, or of several stanzas where the empty line between them is missing."""
    fields: _Fields = {}
    twice: list[str] = []
    for key, value in _FIELD.findall(chunk):
        key = key.lower()
        if key not in fields:
            fields[key] = value
        elif key == b"package":
            complain(Remark(f"the stanza of {_shown(fields[key])} does not end before that of {_shown(value)}"))
            yield fields
            fields = {key: value}
        else:
            twice.append(key.decode().capitalize())
    if not fields and not chunk.strip():
        return
    if _NO_FIELD(chunk):
        complain(f"the stanza of {_shown(fields.get(b'package', b''))} has a line that is not a field")
    if twice:
        complain(f"the stanza of {_shown(fields.get(b'package', b''))} has {', '.join(twice[:8])} more than once")
    yield fields


def _stanza(fields: _Fields, complain: _Complain) -> Stanza | None:
    name = _text(fields, b"package")
    if not _NAME(name):
        complain(f"a stanza has {'no Package' if not name else f'the package name {name[:80]!r}'} and was not read")
        return None
    written = _text(fields, b"version")
    version = _version(written) if written else ""
    if version is None:
        complain(f"the package {name} has the version {written[:80]!r} and was not read")
        return None
    arch = _text(fields, b"architecture")
    if arch and not _ARCH(arch):
        complain(Remark(f"the package {name} has the architecture {arch[:80]!r}, which was not read", "unidentified"))
        arch = ""
    source = _SOURCE(_text(fields, b"source"))
    conffiles = fields.get(b"conffiles", b"")
    if len(conffiles) > _MAX_CONFFILES:
        complain(f"the package {name} has {len(conffiles):,} bytes of Conffiles, which were not read")
        conffiles = b""
    status = _text(fields, b"status").lower().split()
    return Stanza(
        name=name,
        version=version,
        arch=arch,
        state=status[-1] if status else "",
        source=source[1] if source else "",
        source_version=(source[2] or "") if source else "",
        maintainer=_text(fields, b"maintainer"),
        section=_text(fields, b"section"),
        conffiles=conffiles,
    )


def _version(written: str) -> str | None:
    """The version as dpkg prints it: without a zero epoch. None for what it refuses."""
    match = _VERSION(written)
    if match is None:
        return None
    epoch, rest = match.groups()
    if epoch is None:
        return rest if ":" not in rest else None
    number = int(epoch)
    return None if number > _MAX_EPOCH else f"{number}:{rest}" if number else rest


def _text(fields: _Fields, key: bytes) -> str:
    value = fields.get(key)
    return value[:_MAX_VALUE].decode("utf-8", "replace").strip() if value else ""


def _shown(name: bytes) -> str:
    return repr(name[:80].decode("utf-8", "replace").strip()) if name.strip() else "a package without a name"


STATUS: Read[Stanzas] = Read(
    name="dpkg-status",
    stands_in=True,
    fact=Stanzas,
    extract=parse_status,
    globs=("**/dpkg/status", "**/lib/opkg/status"),
    limit=256 * MIB,
)
RECORD: Read[Stanzas] = Read(
    name="dpkg-record",
    fact=Stanzas,
    extract=parse_record,
    globs=("**/dpkg/status.d/*", "**/lib/opkg/info/*.control"),
    limit=16 * MIB,
)


class _InstalledPackage(msgspec.Struct, frozen=True):
    """An installed package: its stanza, the file it is in, that file's folder, and the layer that brought it."""

    stanza: Stanza
    path: str
    home: str
    layer: int

    @property
    def version(self) -> str:
        return self.stanza.version or UNKNOWN_VERSION

    @property
    def doc(self) -> str:
        """The package's folder of documents."""
        return f"{self.root}usr/share/doc/{self.stanza.name}"

    @property
    def root(self) -> str:
        """The folder, with a slash at its end, that the database's paths are relative to; "" for the image's own root."""
        for below in ("var/lib/dpkg", "usr/lib/opkg", "var/lib/opkg", "lib/opkg"):
            if f"/{self.home}".endswith("/" + below):
                return self.home[: -len(below)]
        return ""


def _databases(view: View) -> Iterator[tuple[str, Read[Stanzas], LocatedFact[Stanzas]]]:
    """(the database's folder, what read it, a file of it) for each file that dpkg or opkg would read as its database."""
    canonical = view.resolve("var/lib/dpkg")
    known: dict[str, set[str]] = {}
    for read in (STATUS, RECORD):
        for found in view.facts(read):
            home = found.path.rpartition("/")[0]
            if read is RECORD:
                home = home.rpartition("/")[0]
            if home != canonical and not f"/{home}".endswith(("/lib/dpkg", "/lib/opkg")):
                continue
            names = known.setdefault(home, set())
            if read is STATUS:
                names.update(stanza.name for stanza in found.fact)
            elif home.endswith("opkg") and any(stanza.name in names for stanza in found.fact):
                # Each package has a control file beside the status file, which alone knows the state.
                continue
            yield home, read, found


def _installed(view: View) -> Iterator[_InstalledPackage]:
    for home, read, found in _databases(view):
        layers = introduced(view.versions(read, found.path), _present, top=found.layer)
        for stanza in found.fact:
            if stanza.state in _PRESENT:
                yield _InstalledPackage(stanza, found.path, home, layers.get(_key(stanza), found.layer))


def _key(stanza: Stanza) -> tuple[str, str, str]:
    return stanza.name, stanza.version, stanza.arch


def _present(stanzas: Stanzas) -> Iterable[tuple[str, str, str]]:
    return (_key(stanza) for stanza in stanzas if stanza.state in _PRESENT)


def _source(installed: _InstalledPackage) -> SourcePackage:
    stanza = installed.stanza
    return SourcePackage(stanza.source or stanza.name, stanza.source_version or installed.version)


def _purl(installed: _InstalledPackage, distro: Distro | None) -> str:
    stanza, source = installed.stanza, _source(installed)
    upstream = source.name if source.version == installed.version else f"{source.name}@{source.version}"
    return make_purl(
        "deb",
        stanza.name,
        stanza.version,
        namespace=distro.id if distro else "debian",
        qualifiers={
            "arch": stanza.arch,
            "distro": distro_qualifier(distro),
            "upstream": "" if upstream == stanza.name else upstream,
        },
    )


def _licenses(view: View, packages: Iterable[_InstalledPackage]) -> dict[str, tuple[str, ...]]:
    """Each package's folder of documents → the licences that its copyright file names.

    Packages without one (slim images have lost the links in /usr/share/doc) get that of a package of the same source: it
    covers the whole source.
    """
    own: dict[str, tuple[str, ...]] = {}
    of_source: dict[tuple[str, SourcePackage], tuple[str, ...]] = {}
    lost: list[_InstalledPackage] = []
    for installed in packages:
        found = view.fact_at(COPYRIGHT, installed.doc + "/copyright")
        if found is None:
            lost.append(installed)
        else:
            own[installed.doc] = found.fact
            of_source.setdefault((installed.root, _source(installed)), found.fact)
    for installed in lost:
        own.setdefault(installed.doc, of_source.get((installed.root, _source(installed)), ()))
    return own


def assemble(view: View) -> Iterator[Package]:
    """The packages whose files are there: installed, unpacked or half configured.

    Half-installed packages and unknown states are problems; removed packages are ignored.
    """
    _report_unread(view)
    packages = list(_installed(view))
    licenses = _licenses(view, packages)
    for installed in packages:
        stanza = installed.stanza
        notes = {"maintainer": stanza.maintainer, "section": stanza.section}
        if stanza.state != "installed":
            notes["status"] = stanza.state
        yield Package(
            type="deb",
            name=stanza.name if installed.home.endswith("opkg") else stanza.name.lower(),
            version=installed.version,
            purl=_purl(installed, view.distro),
            cataloger=CATALOGER.name,
            arch=stanza.arch,
            source=_source(installed),
            licenses=licenses[installed.doc],
            locations=(Location("/" + installed.path, installed.layer),),
            notes={key: value for key, value in notes.items() if value},
        )


def _report_unread(view: View) -> None:
    for _, _, found in _databases(view):
        for stanza in found.fact:
            if stanza.state not in _PRESENT and stanza.state not in _ABSENT:
                view.problem(found.path, f"the package {stanza.name} is not installed: its state is {stanza.state!r}")
    read = {found.path for found in view.facts(STATUS)}  # also those that an older version replaces
    for path in ("var/lib/dpkg/status", "var/lib/opkg/status", "usr/lib/opkg/status"):
        if view.exists(path) and view.resolve(path) not in read:
            view.problem(
                path, "the package database could not be read: it is not a file, or a link to one of another name"
            )


def owned(view: View) -> Iterator[OwnedFile]:
    """The files that the installed packages' lists name, at the places to which diversions moved them."""
    for claim in _claims(view):
        yield from claimed(view, claim)


def named(view: View, names: Set[str]) -> Iterator[OwnedFile]:
    """The owned files whose last segment is among the names, without digests."""
    for claim in _claims(view):
        yield from claimed_names(view, claim, names)


def _claims(view: View) -> Iterator[Claim]:
    homes = {home for home, _, _ in _databases(view)}
    moved = {home: diversions(view, f"{home}/diversions") for home in sorted(homes)}
    for installed in _installed(view):
        stanza = installed.stanza
        info = f"{installed.home}/info/{stanza.name}"
        beside = (installed.path.removesuffix(".control"), f"{installed.path.rpartition('/')[0]}/{stanza.name}")
        yield Claim(
            stems=(f"{info}:{stanza.arch}", info, *beside) if stanza.arch else (info, *beside),
            conffiles=stanza.conffiles,
            owner=_purl(installed, view.distro),
            moved=moved[installed.home].for_package(stanza.name),
            root=installed.root,
        )


CATALOGER = Cataloger(
    name="dpkg",
    types=("deb",),
    reads=(STATUS, RECORD, LIST, MD5SUMS, DIVERSIONS, COPYRIGHT),
    assemble=assemble,
    owned=owned,
    named=named,
    system=True,
)
