"""Why something is in an image: which layer and instruction added it, which package owns it, and what needs it."""

from __future__ import annotations

import msgspec

from hullmark.model.inventory import FileRecord, InventorySource
from hullmark.model.match import Match
from hullmark.model.package import Package
from hullmark.model.problem import Problem
from hullmark.model.relation import Relation


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """A path with the layer that added it: its index (-1: not known), its digest, and its instruction ("": not known)."""

    path: str
    layer: int
    digest: str = ""
    instruction: str = ""


class PackageProvenance(msgspec.Struct, frozen=True, kw_only=True):
    """Why a package is in the image. All names are package URLs.

    `chain` is the shortest chain of packages to it, from one that no package needs or owns, both ends included. `needed_by` are the
    relations in which it is the dependency, `needs` those in which it is the dependent; None if the source does not record them. `matches`
    is None if there are no advisories.
    """

    package: Package
    places: tuple[Place, ...]
    chain: tuple[str, ...]
    needed_by: tuple[Relation, ...] | None
    needs: tuple[Relation, ...] | None
    matches: tuple[Match, ...] | None = None


class FileVersion(msgspec.Struct, frozen=True, kw_only=True):
    """A file as one layer added it. `file.state` is `ghost` if a later layer replaced or deleted it."""

    file: FileRecord
    place: Place


class FileProvenance(msgspec.Struct, frozen=True, kw_only=True):
    """Why a file is in the image. `path` is the one requested, `real` the target of its links; `versions` are what layers put there, the
    lowest first; `packages` are those whose record the file is.
    """

    path: str
    real: str
    versions: tuple[FileVersion, ...]
    packages: tuple[str, ...] = ()


class Provenance(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to why something is in an image: a file, with the packages that own it, or one or several packages."""

    source: InventorySource
    subject: str
    file: FileProvenance | None
    packages: tuple[PackageProvenance, ...]
    problems: tuple[Problem, ...] = ()
