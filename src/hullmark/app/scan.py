"""From an image to its inventory."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from hullmark.app.fingerprint import analysis_fingerprint
from hullmark.app.layers import Reading, Watch, known_digests, layer_records
from hullmark.catalog import CATALOGERS
from hullmark.catalog.distro import DISTRO_READS, read_distro
from hullmark.catalog.inventory import catalogue
from hullmark.catalog.ownership import file_records
from hullmark.catalog.tree_view import TreeView
from hullmark.facets.content import content_read
from hullmark.model.image import Image
from hullmark.model.inventory import Distro, FileRecord, Inventory, InventoryLayer, InventorySource
from hullmark.model.package import Package
from hullmark.model.problem import Problem
from hullmark.rootfs.dispatch import Dispatch
from hullmark.rootfs.entry import LayerRecord, text
from hullmark.rootfs.layer import verify
from hullmark.rootfs.reads import Read
from hullmark.rootfs.squash import squash
from hullmark.store.layercache import LayerCache

DEFAULT_JOBS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is wanted of an image besides its packages.

    `files`: every file with its owner. `digests`: hash each of them, which tells those that are no longer what their
    package brought. `ghosts`: also the files that later layers deleted or replaced, `all_layers`: their packages too.
    `contents`: globs of files whose content is wanted.
    """

    files: bool = False
    digests: bool = False
    ghosts: bool = False
    all_layers: bool = False
    contents: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What a scan may use: a folder for records (None: keep nothing), threads, and someone to tell of progress."""

    cache_folder: Path | None = None
    jobs: int = DEFAULT_JOBS
    watch: Watch | None = None


@dataclass(frozen=True, slots=True)
class Scanned:
    """An inventory, and the content of the files that were asked for, by absolute path."""

    inventory: Inventory
    contents: dict[str, bytes] = field(default_factory=dict)


class _Result(msgspec.Struct, frozen=True, array_like=True):
    """What is kept of a scan without files: all that the layers determine."""

    layers: tuple[tuple[str, str, int], ...]
    distro: Distro | None
    packages: tuple[Package, ...]
    problems: tuple[Problem, ...]


def reads_for(wish: Wish) -> list[Read[Any]]:
    """What the catalogers and the wish want to read, each once."""
    reads: list[Read[Any]] = [*DISTRO_READS]
    for cataloger in CATALOGERS:
        reads += cataloger.reads
    if wish.contents:
        reads.append(content_read(wish.contents))
    return list({read.name: read for read in reads}.values())


def scan_image(image: Image, wish: Wish, means: Means) -> Scanned:
    """Everything in the image. Raises BrokenImage if it is not what its manifest says.

    A scan for packages alone is kept whole: the same image answers at once the next time.
    """
    reads = reads_for(wish)
    words = (f"digests={wish.digests}", *wish.contents)
    cache = None
    if means.cache_folder is not None:
        cache = LayerCache(means.cache_folder, analysis_fingerprint(words))
    is_plain = not (wish.files or wish.digests or wish.contents)
    if cache is not None and is_plain and (kept := _kept(image, wish, cache)) is not None:
        return Scanned(_inventory(image, kept, None))
    reading = Reading(dispatch=Dispatch(reads), digests=wish.digests, cache=cache, jobs=means.jobs, watch=means.watch)
    records = layer_records(image, reading)
    scanned = inventory_of(image, records, wish)
    if cache is not None and is_plain:
        inventory = scanned.inventory
        result = _Result(
            tuple((record.digest, record.diff_id, record.size) for record in records),
            inventory.distro,
            inventory.packages,
            inventory.problems[len(image.problems) :],
        )
        cache.save_result(
            _result_key(image, wish, [record.digest for record in records]), msgspec.msgpack.encode(result)
        )
    return scanned


def inventory_of(image: Image, records: Sequence[LayerRecord], wish: Wish) -> Scanned:
    """Fold the layers and run the catalogers over the result."""
    tree = squash(records, keep_ghosts=wish.ghosts or wish.all_layers)
    distro_view = TreeView(tree, records)
    distro = read_distro(distro_view)
    found = catalogue(tree, records, CATALOGERS, distro, all_layers=wish.all_layers, claims=wish.files)
    problems = [Problem("/" + text(p.path) if p.path else "", layer, p.room, p.reason) for layer, p in tree.problems]
    problems += [*distro_view.problems, *found.problems]
    result = _Result(
        tuple((record.digest, record.diff_id, record.size) for record in records),
        distro,
        found.packages,
        tuple(sorted(set(problems))),
    )
    files = file_records(tree, found.claims) if wish.files else None
    contents: dict[str, bytes] = {}
    if wish.contents:
        view = TreeView(tree, records)
        contents = {"/" + item.path: item.fact for item in view.facts(content_read(wish.contents))}
    return Scanned(_inventory(image, result, files), contents)


def _result_key(image: Image, wish: Wish, digests: Sequence[str]) -> str:
    joined = "\n".join((image.config_digest, str(wish.all_layers), *digests))
    return "sha256:" + hashlib.sha256(joined.encode()).hexdigest()


def _kept(image: Image, wish: Wish, cache: LayerCache) -> _Result | None:
    """The kept result of these very layers, each verified as `known_digests` tells, or None."""
    digests = [digest for digest in known_digests(image, cache) if digest is not None]
    if len(digests) != len(image.layers):
        return None
    payload = cache.load_result(_result_key(image, wish, digests))
    if payload is None:
        return None
    try:
        result = msgspec.msgpack.decode(payload, type=_Result)
    except msgspec.MsgspecError:
        return None
    for blob, (digest, diff_id, size) in zip(image.layers, result.layers, strict=True):
        verify(blob, digest, diff_id, size)
    return result


def _inventory(image: Image, result: _Result, files: tuple[FileRecord, ...] | None) -> Inventory:
    instructions = _instructions(image)
    layers = tuple(
        InventoryLayer(
            digest=digest,
            diff_id=diff_id,
            size=size,
            created_by=instructions[number] if number < len(instructions) else "",
        )
        for number, (digest, diff_id, size) in enumerate(result.layers)
    )
    platform = str(image.platform) if image.platform is not None else ""
    return Inventory(
        source=InventorySource(
            kind=image.kind,
            reference=image.reference,
            digest=image.digest,
            config_digest=image.config_digest,
            platform=platform,
            layers=layers,
            tags=image.tags,
        ),
        distro=result.distro,
        packages=result.packages,
        problems=image.problems + result.problems,
        config=image.config,
        files=files,
    )


def _instructions(image: Image) -> list[str]:
    """The build instruction of each layer, as far as the history tells."""
    if image.config is None:
        return []
    return [entry.created_by for entry in image.config.history if not entry.empty_layer]
