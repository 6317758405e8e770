"""Packages: what is installed in an image, whatever installed it."""

from __future__ import annotations

import msgspec

from hullmark.model.licence_evidence import LicenceEvidence

UNKNOWN_VERSION = "UNKNOWN"
"""Used where a package's record has no version: the package is installed, its version unknown."""

NOT_INSTALLED = {"claimed": "true", "installed": "false"}
"""The notes of a package that lies there as a file and is not installed: it only says of itself what it would bring."""


class Location(msgspec.Struct, frozen=True, order=True):
    """Where the record of a package is: an absolute path, and the index of the layer that added it.

    A package inside an archive has the form `/app/shop.ear:lib/x.jar`.
    """

    path: str
    layer: int


class SourcePackage(msgspec.Struct, frozen=True, order=True):
    """The source package that a binary package was built from (`glibc` for `libc6`)."""

    name: str
    version: str


class Package(msgspec.Struct, frozen=True, kw_only=True):
    """One package as its own record describes it.

    `type` is the purl type (deb, rpm, apk, pypi, npm, gem, maven, golang, cargo, generic …). `version` is the ecosystem's own full version
    (deb and rpm with epoch), or UNKNOWN_VERSION. `licenses` are as found: expressions, names or free text, in the order of the record.
    `license_evidence` is where they were found, and which others were found in the texts of files; empty if this was not requested.
    `owned_by` is the purl of the operating system package that owns this package's record. `mains` are the purls of the programs that a
    module is built into (including its own, if it is one), "" for one without a name. `notes` are the ecosystem's extras for reports.
    Matching reads some of them: `symbols` (Go), `vendor` and `modularity` (rpm), `section` (deb), `manifest_name` (Maven: the artifact that
    an archive's manifest names instead of the pom's) and `cpes` (the names in an SBOM for software that no advisories cover under its own
    name: `part:vendor:product`, separated by blanks).
    """

    type: str
    name: str
    version: str
    purl: str
    cataloger: str
    arch: str = ""
    source: SourcePackage | None = None
    licenses: tuple[str, ...] = ()
    license_evidence: tuple[LicenceEvidence, ...] = ()
    locations: tuple[Location, ...] = ()
    owned_by: str | None = None
    mains: tuple[str, ...] = ()
    notes: dict[str, str] = {}


def is_file(package: Package) -> bool:
    """Whether the package is not installed, but only present as a file."""
    return NOT_INSTALLED.items() <= package.notes.items()


class OwnedFile(msgspec.Struct, frozen=True, gc=False):
    """A path that a package's own record claims, with the data in the record.

    `path` has no leading slash. `algorithm` is md5, sha1 or sha256 ("" if the record has no digest), `digest` its lower-case hex. `config`:
    the administrator may change it. `ghost`: it need not exist. `kind` is "f", "d", "l" or "" if not known; `link` is a symbolic link's
    target if the record has it.
    """

    path: str
    owner: str
    algorithm: str = ""
    digest: str = ""
    config: bool = False
    ghost: bool = False
    kind: str = ""
    link: str = ""
