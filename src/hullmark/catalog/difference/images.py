"""Two images side by side: packages, files, settings, layers, licences, sizes."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from hullmark.catalog.difference.files import file_changes
from hullmark.catalog.difference.packages import package_changes
from hullmark.catalog.difference.settings import setting_changes
from hullmark.model.difference import ImageDifference, ImageSizes, LayerDifference, VulnerabilityDifference
from hullmark.model.image_layers import ImageLayers, LayerFiles
from hullmark.model.inventory import FileRecord, Inventory
from hullmark.model.licences.expressions import in_spdx_terms

_NOT_THERE = frozenset(("missing", "ghost"))


class ComparedImage(msgspec.Struct, frozen=True, kw_only=True):
    """An inventory, and what each of its layers does (none: that is not known)."""

    inventory: Inventory
    layers: tuple[LayerFiles, ...] = ()


def image_difference(
    before: ComparedImage,
    after: ComparedImage,
    vulnerabilities: VulnerabilityDifference | None = None,
    *,
    by_layer: bool = False,
) -> ImageDifference:
    """All that differs. `by_layer`: with what each layer of the second image does, if that is known."""
    old, new = before.inventory, after.inventory
    return ImageDifference(
        before=old.source,
        after=new.source,
        before_distro=old.distro,
        after_distro=new.distro,
        packages=package_changes(old.packages, new.packages),
        licences_in=_licences_beside(new, old),
        licences_out=_licences_beside(old, new),
        before_sizes=_sizes(before),
        after_sizes=_sizes(after),
        files=file_changes(old, new),
        settings=setting_changes(old.config, new.config),
        layers=_layers(old, new),
        vulnerabilities=vulnerabilities,
        by_layer=ImageLayers(source=new.source, layers=after.layers) if by_layer and after.layers else None,
        gaps=tuple(_gaps(before, after, by_layer=by_layer, is_matched=vulnerabilities is not None)),
        before_problems=old.problems,
        after_problems=new.problems,
    )


def _licences_beside(one: Inventory, other: Inventory) -> tuple[str, ...]:
    """The licences that only packages of the one have, in SPDX's terms. Their names do not depend on case (SPDX 2.3, annex D)."""
    known = {licence.lower() for package in other.packages for licence in in_spdx_terms(package.licenses)}
    found = {licence for package in one.packages for licence in in_spdx_terms(package.licenses)}
    return tuple(sorted(licence for licence in found if licence.lower() not in known))


def _layers(before: Inventory, after: Inventory) -> LayerDifference | None:
    """What both images begin with, by the digests of their tars; None where one of them has no layers."""
    old, new = before.source.layers, after.source.layers
    if not old or not new:
        return None
    shared = 0
    while shared < min(len(old), len(new)) and old[shared].diff_id and old[shared].diff_id == new[shared].diff_id:
        shared += 1
    return LayerDifference(shared=new[:shared], new=new[shared:], gone=old[shared:])


def _sizes(image: ComparedImage) -> ImageSizes:
    inventory, layers = image.inventory, image.inventory.source.layers
    there = None
    if inventory.files is not None:
        there = [file for file in inventory.files if file.state not in _NOT_THERE]
    return ImageSizes(
        stored=sum(layer.size for layer in layers) if layers and all(layer.size >= 0 for layer in layers) else None,
        unpacked=sum(layer.unpacked for layer in image.layers) if image.layers else None,
        visible=_visible_bytes(there) if there is not None else None,
        files=len(there) if there is not None else None,
        packages=len(inventory.packages),
        unexplained=inventory.unexplained.executables if inventory.unexplained is not None else None,
    )


def _visible_bytes(there: list[FileRecord]) -> int:
    """The bytes of all files, each once: a hard link is another name of a file, and says which."""
    files = [file for file in there if file.type == "file"]
    paths = {file.path for file in files}
    # Where a later layer took away the name that links lead to, one of them stands for the file.
    names = {file.link or file.path: file.size for file in files if not file.link or f"/{file.link}" not in paths}
    return sum(names.values())


def _names(before: Inventory, after: Inventory) -> tuple[str, str]:
    """What to call the two. A bill of materials goes by the name of its image, which may be the other one."""
    one, other = before.source.reference, after.source.reference
    return (one, other) if one != other else (f"{one} (before)", f"{other} (after)")


def _gaps(before: ComparedImage, after: ComparedImage, *, by_layer: bool, is_matched: bool) -> Iterator[str]:
    images = dict(zip(_names(before.inventory, after.inventory), (before.inventory, after.inventory), strict=True))
    for what, lacking in (
        ("files", [name for name, image in images.items() if image.files is None]),
        ("settings", [name for name, image in images.items() if image.config is None]),
        ("layers", [name for name, image in images.items() if not image.source.layers]),
    ):
        if lacking:
            yield f"{what} were not compared: they are not known of {' and '.join(lacking)}"
    if by_layer and not after.layers:
        yield f"what each layer does is not known of {after.inventory.source.reference}"
    if not is_matched:
        yield "vulnerabilities were not compared: there is no database of advisories here (hullmark db update)"
