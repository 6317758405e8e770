"""The inventory: everything that was found in an image. It is what is stored; findings are derived from it."""

from __future__ import annotations

import msgspec

from hullmark.model.image import ImageConfig
from hullmark.model.package import Package
from hullmark.model.problem import Problem
from hullmark.model.relation import Relation


class Distro(msgspec.Struct, frozen=True, kw_only=True):
    """The operating system an image is built on, from os-release(5). An empty string means that it is not stated.

    `base` is the distribution and codename that a derived one is built from, such as `ubuntu:jammy`. `repositories` are the ids of the rpm
    repositories that the image declares it is built from or takes packages from, sorted.
    """

    id: str
    version_id: str = ""
    codename: str = ""
    pretty_name: str = ""
    id_like: tuple[str, ...] = ()
    cpe_name: str = ""
    base: str = ""
    repositories: tuple[str, ...] = ()


class InventoryLayer(msgspec.Struct, frozen=True, kw_only=True):
    """A layer of the image: digest of the stored blob, digest of the tar, stored size in bytes, the instruction."""

    digest: str
    diff_id: str
    size: int
    created_by: str


class InventorySource(msgspec.Struct, frozen=True, kw_only=True):
    """What was inspected, in enough detail to find it again."""

    kind: str
    reference: str
    digest: str
    config_digest: str
    platform: str
    layers: tuple[InventoryLayer, ...]
    tags: tuple[str, ...] = ()


class FileRecord(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    r"""One file of the image, or one that is missing although a package lists it (state `missing`).

    `path` begins with a slash; bytes that are not UTF-8 are written `\xNN`. `type` is file, dir, symlink, char, block, fifo; `mode` the
    permission bits; `sha256` and `sha1` lower-case hex ("" for anything without content). `layer` is the index of the layer that added it.
    `owner` is the purl of the owning package. `state` is ok, changed, config-changed, missing, unowned, unverified (owned, but the record
    has no digest to compare), or ghost (deleted by a later layer, still in the image).
    """

    path: str
    type: str
    mode: int
    uid: int
    gid: int
    size: int
    sha256: str
    link: str
    layer: int
    owner: str | None
    state: str
    capability: str = ""
    sha1: str = ""


class UnexplainedFile(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An executable that nothing explains: an absolute path, its size in bytes, the index of the layer that added it."""

    path: str
    size: int
    layer: int


class UnexplainedPrograms(msgspec.Struct, frozen=True, kw_only=True):
    """Executables that nothing explains: no package owns them and no cataloger explains them.

    Programs and shared libraries (ELF, PE, Mach-O) count whatever their mode, scripts (`#!`) only if they can be executed; each file counts
    once. `bytes` is their total size. `largest` names the largest, largest first.
    """

    executables: int
    bytes: int
    largest: tuple[UnexplainedFile, ...] = ()


class Inventory(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that was found in one image. Tuples are sorted; equal images give equal inventories.

    `unexplained` is None if they were not counted: the source is a list of packages, or an older inventory. `relations` tell which package
    needs which; None if they were not requested.
    """

    source: InventorySource
    distro: Distro | None
    packages: tuple[Package, ...]
    problems: tuple[Problem, ...]
    config: ImageConfig | None = None
    files: tuple[FileRecord, ...] | None = None
    unexplained: UnexplainedPrograms | None = None
    relations: tuple[Relation, ...] | None = None

    @property
    def is_whole(self) -> bool:
        """Whether, as far as is known, nothing in the image was left unseen."""
        return not any(problem.is_open for problem in self.problems)
