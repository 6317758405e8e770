"""Why something is in an image: which layer and instruction brought it, who owns it, who needs it."""

from __future__ import annotations

import msgspec

from hullmark.model.inventory import FileRecord, InventorySource
from hullmark.model.match import Match
from hullmark.model.package import Package
from hullmark.model.problem import Problem
from hullmark.model.relation import Relation


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """A path with the layer that brought it: its index (-1: not known), its digest, and its instruction ("": not known)."""

    path: str
    layer: int
    digest: str = ""
    instruction: str = ""


class PackageProvenance(msgspec.Struct, frozen=True, kw_only=True):
    """Why a package is there. All names are package URLs.

    `chain` is the shortest way to it from a package that nobody needs or owns, both ends included. `needed_by` are the relations whose
    dependency it is, `needs` those whose dependent; None where the source does not tell. `matches` is None where there are no advisories.
    """

    package: Package
    places: tuple[Place, ...]
    chain: tuple[str, ...]
    needed_by: tuple[Relation, ...] | None
    needs: tuple[Relation, ...] | None
    matches: tuple[Match, ...] | None = None


class FileVersion(msgspec.Struct, frozen=True, kw_only=True):
    """A file as one layer brought it. `file.state` is `ghost` where a later layer replaced or deleted it."""

    file: FileRecord
    place: Place


class FileProvenance(msgspec.Struct, frozen=True, kw_only=True):
    """Why a file is there. `path` is what was asked for, `real` where its links lead; `versions` are what layers brought there, the
    lowest first, `packages` those whose record the file is."""

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
