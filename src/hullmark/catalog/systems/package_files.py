"""Package files that lie in an image (`.deb`, `.rpm`, `.apk`): what they say of themselves, marked as not installed.

Formats: deb(5), an `ar` archive with `control.tar` in it; rpm's manual, "Package Format": a lead, a signature and a header;
Alpine's as `apk_file` says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from hullmark.catalog.cataloger import Cataloger
from hullmark.catalog.systems import apk
from hullmark.catalog.systems.apk_file import extract_apk
from hullmark.catalog.systems.deb_file import BEGINNING, DamagedFile, control_of
from hullmark.catalog.systems.dpkg import InstalledPackage, purl_of, source_of
from hullmark.catalog.systems.dpkg_status import Stanza, parse_status
from hullmark.catalog.systems.rpm import package_of
from hullmark.catalog.systems.rpmdb.header import DamagedHeader, RpmHeader, list_names, read_header
from hullmark.catalog.view import View
from hullmark.model.limit import Limit
from hullmark.model.package import NOT_INSTALLED, Location, Package, SourcePackage
from hullmark.rootfs.reads import MIB, LocatedFact, Read, Report

NAME = "package-files"
_HEADER_BYTES = Limit(16 * MIB, "bytes at the beginning of an rpm file that its headers are in")
_MOST_NEEDS = Limit(4096, "characters of what a package file depends on", "shortened")
_RPM, _HEADER = b"\xed\xab\xee\xdb", b"\x8e\xad\xe8\x01"
_LEAD, _INTRO, _ENTRY = 96, 16, 16
_OF_RPM = "rpmlib("
_LESS, _GREATER, _EQUAL = 2, 4, 8


_Extract = Callable[[str, memoryview, Report], Any]


class _Beginning:
    """Keeps the beginning of a large file, which is where a package file says what it is."""

    def __init__(self, most: int, extract: _Extract) -> None:
        self._most, self._extract = most, extract
        self._kept = bytearray()

    def write(self, piece: memoryview, /) -> None:
        """The next bytes of the file."""
        self._kept += piece[: self._most - len(self._kept)]

    def finish(self, report: Report, /) -> Any:
        """What the file says of itself."""
        return self._extract("", memoryview(self._kept), report)


def extract_deb(path: str, body: memoryview, report: Report) -> Stanza | None:
    """The control file of a .deb."""
    try:
        control = control_of(body)
    except DamagedFile as reason:
        report(f"the package file cannot be read: {reason}")
        return None
    found = parse_status(path, memoryview(control), report)
    if len(found) == 1 and found[0].version:
        return found[0]
    report("the package file has a control file without a package and its version")
    return None


def extract_rpm(path: str, body: memoryview, report: Report) -> RpmHeader | None:
    """The header of an .rpm, without its files: none of them is there."""
    try:
        header = read_header(_main_header(body), report)
    except (DamagedHeader, DamagedFile) as reason:
        report(f"the package file cannot be read: {reason}")
        return None
    if not header.name or not header.version:
        report("the package file has a header without a name and a version")
        return None
    return msgspec.structs.replace(header, files=None)


def _main_header(body: memoryview) -> bytes:
    """The header behind lead and signature, as a database keeps it. Raises DamagedFile."""
    if bytes(body[:4]) != _RPM:
        raise DamagedFile("it is not an rpm file")
    signature = _end_of(body, _LEAD)
    start = signature + -signature % 8
    return bytes(body[start + 8 : _end_of(body, start)])


def _end_of(body: memoryview, start: int) -> int:
    """Where a header ends that begins here: a mark, the number of its entries, the bytes of its data, and both."""
    if bytes(body[start : start + 4]) != _HEADER or len(body) < start + _INTRO:
        raise DamagedFile("it has no header where one should be")
    counts = (int.from_bytes(body[start + at : start + at + 4], "big") for at in (8, 12))
    entries, size = counts
    end = start + _INTRO + entries * _ENTRY + size
    if end > len(body):
        raise DamagedFile("it ends within its header, or the header is too large")
    return end


DEB: Read[Stanza] = Read(
    name="deb-file",
    fact=Stanza,
    extract=extract_deb,
    globs=("**/*.deb", "**/*.udeb", "**/*.ipk"),
    limit=BEGINNING,
    oversize=lambda size: _Beginning(BEGINNING, extract_deb),
)
APK: Read[apk.InstalledPackage] = Read(
    name="apk-file",
    fact=apk.InstalledPackage,
    extract=extract_apk,
    globs=("**/*.apk",),
    limit=BEGINNING,
    oversize=lambda size: _Beginning(BEGINNING, extract_apk),
)
RPM: Read[RpmHeader] = Read(
    name="rpm-file",
    fact=RpmHeader,
    extract=extract_rpm,
    globs=("**/*.rpm",),
    limit=_HEADER_BYTES,
    oversize=lambda size: _Beginning(_HEADER_BYTES, extract_rpm),
)


def assemble(view: View) -> Iterator[Package]:
    """One package a file."""
    for deb in view.facts(DEB):
        yield _of_deb(view, deb)
    for alpine in view.facts(APK):
        yield _of_apk(view, alpine)
    for rpm in view.facts(RPM):
        needs = ", ".join(_needs(rpm.fact))
        package = package_of(rpm.fact, Location(f"/{rpm.path}", rpm.layer), view.distro)
        yield msgspec.structs.replace(package, cataloger=NAME, notes=package.notes | _notes(needs))


def _of_deb(view: View, found: LocatedFact[Stanza]) -> Package:
    stanza = found.fact
    file = InstalledPackage(stanza, found.path, "", found.layer)
    needs = " ".join(stanza.depends.decode("utf-8", "replace").split())
    notes = {"maintainer": stanza.maintainer, "section": stanza.section}
    return Package(
        type="deb",
        name=stanza.name,
        version=file.version,
        purl=purl_of(file, view.distro),
        cataloger=NAME,
        arch=stanza.arch,
        source=source_of(file),
        locations=(Location(f"/{found.path}", found.layer),),
        notes={key: value for key, value in notes.items() if value} | _notes(needs),
    )


def _of_apk(view: View, found: LocatedFact[apk.InstalledPackage]) -> Package:
    package = found.fact
    needs = " ".join(package.depends.decode("utf-8", "replace").split())
    notes = {"maintainer": package.maintainer, "commit": package.commit, "provides": package.provides}
    return Package(
        type="apk",
        name=package.name,
        version=package.version,
        purl=apk.purl_of(package, view.distro),
        cataloger=NAME,
        arch=package.arch,
        source=SourcePackage(package.origin or package.name, package.version),
        licenses=apk.licenses(package.license),
        locations=(Location(f"/{found.path}", found.layer),),
        notes={key: value for key, value in notes.items() if value} | _notes(needs),
    )


def _notes(needs: str) -> dict[str, str]:
    return {**NOT_INSTALLED, **({"depends": needs[:_MOST_NEEDS]} if needs else {})}


def _needs(header: RpmHeader) -> Iterator[str]:
    """What the package requires, but for what it asks of rpm itself."""
    for need in list_names(header.requires):
        signs = ((_LESS, "<"), (_GREATER, ">"), (_EQUAL, "="))
        sign = "".join(text for bit, text in signs if need.flags & bit)
        if not need.name.startswith(_OF_RPM):
            yield f"{need.name} {sign} {need.version}" if sign and need.version else need.name


CATALOGER = Cataloger(name=NAME, types=("apk", "deb", "rpm"), reads=(DEB, APK, RPM), assemble=assemble)
