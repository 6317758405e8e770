"""The differences between two images."""

from __future__ import annotations

from typing import Literal

import msgspec

from hullmark.model.image_layers import ImageLayers
from hullmark.model.inventory import Distro, FileRecord, InventoryLayer, InventorySource
from hullmark.model.match import Match, SnapshotInfo
from hullmark.model.problem import Problem

PackageStep = Literal["in", "out", "up", "down", "changed"]
"""A package came, went, has a later or an earlier version, or is another in something else (or versions that cannot be compared)."""

FileStep = Literal["in", "out", "changed"]


class PackageVersion(msgspec.Struct, frozen=True, order=True, gc=False):
    """One version of a package in an image, however often it occurs. `licenses` are those of all copies, sorted, in SPDX terms if they can
    be expressed so.
    """

    version: str
    arch: str
    licenses: tuple[str, ...] = ()


class PackageChange(msgspec.Struct, frozen=True, kw_only=True):
    """A package that differs between the images. It is identified by type, namespace and name."""

    step: PackageStep
    type: str
    namespace: str
    name: str
    before: PackageVersion | None
    after: PackageVersion | None


class FileChange(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A file that differs between the images. `what` lists what differs: type, content, target, mode, owner, capability."""

    step: FileStep
    path: str
    what: tuple[str, ...]
    before: FileRecord | None
    after: FileRecord | None


class SettingChange(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """A setting of the image's config: its name there (`Env`), the key if the setting has several, and both values; None: not set.

    Values that are lists of words are JSON arrays. Secrets are masked.
    """

    name: str
    key: str
    before: str | None
    after: str | None


class LayerDifference(msgspec.Struct, frozen=True, kw_only=True):
    """`shared`: the layers that both images begin with. `new` and `gone` are the remaining layers of the second and the first image, bottom
    first.
    """

    shared: tuple[InventoryLayer, ...]
    new: tuple[InventoryLayer, ...]
    gone: tuple[InventoryLayer, ...]


class ImageSizes(msgspec.Struct, frozen=True, kw_only=True):
    """How large an image is; None for what is not known.

    `stored`: bytes of the layers as stored; `unpacked`: bytes of the files in all layers; `visible`: bytes of the files that a container
    sees (a file with two names counts once); `files` and `packages`: their numbers; `unexplained`: the number of executables that nothing
    explains.
    """

    stored: int | None
    unpacked: int | None
    visible: int | None
    files: int | None
    packages: int
    unexplained: int | None = None


class VulnerabilityDifference(msgspec.Struct, frozen=True, kw_only=True):
    """Counting matches that only one of the images has, and the number of vulnerabilities of packages that both have. Both images were
    matched with `snapshot`.
    """

    snapshot: SnapshotInfo | None
    come: tuple[Match, ...]
    gone: tuple[Match, ...]
    stay: int


class ImageDifference(msgspec.Struct, frozen=True, kw_only=True):
    """All differences between two images, sorted. A part that is None was not compared; `gaps` give the reasons, a sentence each.

    `by_layer` is what each layer of the second image does, if that was requested. The problems are those met in reading the images.
    """

    before: InventorySource
    after: InventorySource
    before_distro: Distro | None
    after_distro: Distro | None
    packages: tuple[PackageChange, ...]
    licences_in: tuple[str, ...]
    licences_out: tuple[str, ...]
    before_sizes: ImageSizes
    after_sizes: ImageSizes
    files: tuple[FileChange, ...] | None = None
    settings: tuple[SettingChange, ...] | None = None
    layers: LayerDifference | None = None
    vulnerabilities: VulnerabilityDifference | None = None
    by_layer: ImageLayers | None = None
    gaps: tuple[str, ...] = ()
    before_problems: tuple[Problem, ...] = ()
    after_problems: tuple[Problem, ...] = ()
