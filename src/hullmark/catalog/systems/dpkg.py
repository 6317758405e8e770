"""Debian packages: those of dpkg's status file, of status.d folders of distroless images, and of opkg's files, with their files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Set

import msgspec

from hullmark.catalog.cataloger import Cataloger
from hullmark.catalog.distro import distro_qualifier
from hullmark.catalog.introduced import find_first_layers
from hullmark.catalog.systems.copyright import COPYRIGHT
from hullmark.catalog.systems.dpkg_files import (
    DIVERSIONS,
    LIST,
    MD5SUMS,
    Claim,
    claimed_names,
    diversions,
    list_claimed_files,
)
from hullmark.catalog.systems.dpkg_status import ABSENT, PRESENT, RECORD, STATUS, Stanza, Stanzas
from hullmark.catalog.view import View
from hullmark.model.inventory import Distro
from hullmark.model.licence_evidence import LicenceEvidence, make_evidence
from hullmark.model.package import UNKNOWN_VERSION, Location, OwnedFile, Package, SourcePackage
from hullmark.model.purl import make_purl
from hullmark.rootfs.reads import LocatedFact, Read


class InstalledPackage(msgspec.Struct, frozen=True):
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


def installed_packages(view: View) -> Iterator[InstalledPackage]:
    for home, read, found in _databases(view):
        layers = find_first_layers(view.versions(read, found.path), _present, top=found.layer)
        for stanza in found.fact:
            if stanza.state in PRESENT:
                yield InstalledPackage(stanza, found.path, home, layers.get(_key(stanza), found.layer))


def _key(stanza: Stanza) -> tuple[str, str, str]:
    return stanza.name, stanza.version, stanza.arch


def _present(stanzas: Stanzas) -> Iterable[tuple[str, str, str]]:
    return (_key(stanza) for stanza in stanzas if stanza.state in PRESENT)


def source_of(installed: InstalledPackage) -> SourcePackage:
    """What the package was built from."""
    stanza = installed.stanza
    return SourcePackage(stanza.source or stanza.name, stanza.source_version or installed.version)


def purl_of(installed: InstalledPackage, distro: Distro | None) -> str:
    stanza, source = installed.stanza, source_of(installed)
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


def _licenses(view: View, packages: Iterable[InstalledPackage]) -> dict[str, tuple[LicenceEvidence, ...]]:
    """Each package's folder of documents → the licences that its copyright file names, and where.

    Packages without one (slim images have lost the links in /usr/share/doc) get that of a package of the same source: it
    covers the whole source.
    """
    own: dict[str, tuple[LicenceEvidence, ...]] = {}
    of_source: dict[tuple[str, SourcePackage], tuple[LicenceEvidence, ...]] = {}
    lost: list[InstalledPackage] = []
    for installed in packages:
        found = view.fact_at(COPYRIGHT, installed.doc + "/copyright")
        if found is None:
            lost.append(installed)
        else:
            told = own[installed.doc] = make_evidence(found.fact, "License", f"/{found.path}", found.layer)
            of_source.setdefault((installed.root, source_of(installed)), told)
    for installed in lost:
        own.setdefault(installed.doc, of_source.get((installed.root, source_of(installed)), ()))
    return own


def assemble(view: View) -> Iterator[Package]:
    """The packages whose files are there: installed, unpacked or half configured.

    Half-installed packages and unknown states are problems; removed packages are ignored.
    """
    _report_unread(view)
    packages = list(installed_packages(view))
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
            purl=purl_of(installed, view.distro),
            cataloger=CATALOGER.name,
            arch=stanza.arch,
            source=source_of(installed),
            licenses=tuple(license.license for license in licenses[installed.doc]),
            license_evidence=licenses[installed.doc],
            locations=(Location("/" + installed.path, installed.layer),),
            notes={key: value for key, value in notes.items() if value},
        )


def _report_unread(view: View) -> None:
    for _, _, found in _databases(view):
        for stanza in found.fact:
            if stanza.state not in PRESENT and stanza.state not in ABSENT:
                view.problem(found.path, f"the package {stanza.name} is not installed: its state is {stanza.state!r}")
    read = {found.path for found in view.facts(STATUS)}  # also those that an older version replaces
    for path in ("var/lib/dpkg/status", "var/lib/opkg/status", "usr/lib/opkg/status"):
        if view.exists(path) and view.resolve(path) not in read:
            view.problem(
                path, "the package database could not be read: it is not a file, or a link to one of another name"
            )


def list_owned_files(view: View) -> Iterator[OwnedFile]:
    """The files that the installed packages' lists name, at the places to which diversions moved them."""
    for claim in _claims(view):
        yield from list_claimed_files(view, claim)


def find_owned_files(view: View, names: Set[str]) -> Iterator[OwnedFile]:
    """The owned files whose last segment is among the names, without digests."""
    for claim in _claims(view):
        yield from claimed_names(view, claim, names)


def _claims(view: View) -> Iterator[Claim]:
    homes = {home for home, _, _ in _databases(view)}
    moved = {home: diversions(view, f"{home}/diversions") for home in sorted(homes)}
    for installed in installed_packages(view):
        stanza = installed.stanza
        info = f"{installed.home}/info/{stanza.name}"
        beside = (installed.path.removesuffix(".control"), f"{installed.path.rpartition('/')[0]}/{stanza.name}")
        yield Claim(
            stems=(f"{info}:{stanza.arch}", info, *beside) if stanza.arch else (info, *beside),
            conffiles=stanza.conffiles,
            owner=purl_of(installed, view.distro),
            moved=moved[installed.home].for_package(stanza.name),
            root=installed.root,
        )


CATALOGER = Cataloger(
    name="dpkg",
    types=("deb",),
    reads=(STATUS, RECORD, LIST, MD5SUMS, DIVERSIONS, COPYRIGHT),
    assemble=assemble,
    owned=list_owned_files,
    named=find_owned_files,
    system=True,
)
