"""From an image to its inventory."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from hullmark.model.image import Image, ImageConfig
from hullmark.model.inventory import FileRecord, Inventory, InventoryLayer, InventorySource
from hullmark.rootfs.dispatch import Dispatch
from hullmark.rootfs.entry import LayerRecord
from hullmark.rootfs.layer import verify
from hullmark.rootfs.limits import DEFAULT
from hullmark.rootfs.reads import Read
from hullmark.scanning.cores import usable_cores
from hullmark.scanning.fingerprint import analysis_fingerprint, code_fingerprint, read_fingerprint
from hullmark.scanning.layercache import LayerCache
from hullmark.scanning.layers import Extra, LayerReading, are_kept, known_digests, layer_records
from hullmark.scanning.request import Analysis, ScanRequest, ScanResources, ScanResult
from hullmark.scanning.shown_settings import without_secrets
from hullmark.source.folder import read_folder

_REGISTRY_JOBS = 3


def scan_image(image: Image, request: ScanRequest, resources: ScanResources) -> ScanResult:
    """Everything in the image. Raises BrokenImage if it is not what its manifest says.

    A scan for packages alone is kept whole: the same image answers at once the next time.
    """
    request = _with_corrections(_with_keeping(request, resources), resources, image)
    cache = layer_cache(resources, digests=request.digests)
    is_plain = not (request.files or request.digests or request.contents or request.facets or request.layers)
    is_plain = is_plain and not (request.keeps or request.keeps_text)
    if cache is not None and is_plain and (kept := _load_kept_result(image, request, cache)) is not None:
        analysis, found = kept
        return ScanResult(inventory_of(image, analysis), found=found)
    # An answer that was kept needs no cataloger: they are imported when a layer must be read or folded.
    from hullmark.scanning.analysis import analyse, catalogers_for

    # Without a cache nothing need be read for catalogers; what is kept of a layer serves every request, so it always has what they want.
    is_bare = cache is None and not request.packages
    catalogers = () if is_bare else catalogers_for(request)
    records = _records(image, request, resources, cache, is_bare=is_bare)
    analysis, files, extras = analyse(records, request, catalogers, image.config)
    if cache is not None and is_plain:
        key = _result_key(image, request, [record.digest for record in records])
        cache.save_result(key, msgspec.msgpack.encode((analysis, extras.found)))
    return ScanResult(inventory_of(image, analysis, files), *extras)


RecordReader = Callable[[ScanRequest], list[LayerRecord]]
"""Reads the layers of one image, with all that a request needs."""


def read_records(image: Image, request: ScanRequest, resources: ScanResources) -> list[LayerRecord]:
    """The records of an image's layers, with all that the request needs. Raises BrokenImage if it is not what its manifest says."""
    request = _with_corrections(_with_keeping(request, resources), resources, image)
    return _records(image, request, resources, layer_cache(resources, digests=request.digests), is_bare=False)


def scan_records(
    image: Image, records: Sequence[LayerRecord], request: ScanRequest, resources: ScanResources
) -> ScanResult:
    """As `scan_image`, of an image that has these layers, whether anybody built it or not."""
    from hullmark.scanning.analysis import analyse, catalogers_for

    request = _with_corrections(_with_keeping(request, resources), resources, image)
    analysis, files, extras = analyse(records, request, catalogers_for(request), image.config)
    return ScanResult(inventory_of(image, analysis, files), *extras)


def layer_cache(resources: ScanResources, *, digests: bool) -> LayerCache | None:
    """The records that are kept, those with the digests of files or those without; None where nothing is kept."""
    keep = resources.records()
    return LayerCache(keep, analysis_fingerprint((f"digests={digests}",))) if keep is not None else None


def _with_keeping(request: ScanRequest, resources: ScanResources) -> ScanRequest:
    """The request, with what must be kept of every image."""
    if resources.records() is None:
        return request
    return replace(
        request, keeps=request.keeps or resources.keeping == "always", keeps_text=resources.keeping == "text"
    )


def _with_corrections(request: ScanRequest, resources: ScanResources, image: Image) -> ScanRequest:
    """The request, with the index of Java archives, the corrections that are about this image, and those that are about others."""
    if not request.packages:
        return request
    request = replace(request, jars=resources.jars)
    if resources.corrections is None:
        return request
    names = (image.reference, image.reference.partition(":")[2], image.digest, image.config_digest, *image.tags)
    return replace(request, corrections=resources.corrections.about(tuple(filter(None, names))))


def _records(
    image: Image, request: ScanRequest, resources: ScanResources, cache: LayerCache | None, *, is_bare: bool
) -> list[LayerRecord]:
    """The layers' records with everything that the request needs; `is_bare`: nothing of it is for catalogers.

    Content that is requested is looked for among the kept files first. Layers are read for it only where one of them is not kept.
    """
    from hullmark.scanning.analysis import extra_reads_for, is_all_kept, reads_for

    jobs = resources.jobs or max(usable_cores(), _REGISTRY_JOBS if image.kind == "registry" else 1)
    unkept = frozenset(("kept", "content")) if resources.keeping == "never" else frozenset[str]()
    reads = () if is_bare else reads_for()
    reading = LayerReading(
        reads=reads, unkept=unkept, digests=request.digests, cache=cache, jobs=jobs, watch=resources.watch
    )
    if request.contents and cache is not None and resources.keeping != "never":
        request = replace(request, keeps=True)
        without = replace(reading, extras=_extras(extra_reads_for(replace(request, contents=())), reads, cache))
        if are_kept(image, without):
            records = layer_records(image, without)
            if is_all_kept(records, request):
                return records
    return layer_records(image, replace(reading, extras=_extras(extra_reads_for(request), reads, cache)))


def _extras(wanted: Sequence[Read[Any]], usual: Sequence[Read[Any]], cache: LayerCache | None) -> tuple[Extra, ...]:
    """What is kept beside the records. What catalogers read is in them: kept apart, it would be lacking there for everybody else.

    A fingerprint takes reading the program's own source: it is made where something is kept.
    """
    held = {id(read) for read in usual}
    others = (read for read in wanted if id(read) not in held)
    return tuple(Extra(read, read_fingerprint(read) if cache is not None else "") for read in others)


def scan_folder(folder: str, reference: str, request: ScanRequest, resources: ScanResources) -> ScanResult:
    """Everything below a folder, read as a root file system. Raises HullmarkError if it cannot be read."""
    from hullmark.catalog import CATALOGERS, DECLARED
    from hullmark.scanning.analysis import analyse, catalogers_for, extra_reads_for, reads_for

    # A folder may be a project that is not built yet: there, what lock files name counts too.
    usual, catalogers = CATALOGERS + DECLARED, catalogers_for(request, is_folder=True)
    if not request.packages:
        catalogers = ()
    image = Image(kind="dir", reference=reference, layers=())
    request = _with_corrections(request, resources, image)
    others = extra_reads_for(replace(request, catalogers=()))
    reads = (*reads_for(catalogers), *others)
    record = read_folder(folder, Dispatch(reads), digests=request.digests, limits=DEFAULT)
    analysis, files, extras = analyse([record], request, catalogers, usual=usual)
    return ScanResult(inventory_of(image, analysis, files), *extras)


def _result_key(image: Image, request: ScanRequest, digests: Sequence[str]) -> str:
    parts = [str(request.all_layers), *request.catalogers, *map(read_fingerprint, request.reads)]
    if request.licences:
        parts.append(code_fingerprint(("model/licences", "catalog/licences")))
    if request.corrections is not None:
        parts.append(request.corrections.digest)
    if request.jars is not None:
        parts.append(f"{request.jars.title} {request.jars.digest}")
    if request.relations:
        parts.append(code_fingerprint(("catalog/relations", "versions")))
    joined = "\n".join((image.config_digest, *parts, *digests))
    return "sha256:" + hashlib.sha256(joined.encode()).hexdigest()


def _load_kept_result(
    image: Image, request: ScanRequest, cache: LayerCache
) -> tuple[Analysis, dict[str, dict[str, Any]]] | None:
    """The kept result of these very layers, and what the request's reads found, each verified as `known_digests` tells, or
    None."""
    digests = [digest for digest in known_digests(image, cache) if digest is not None]
    if len(digests) != len(image.layers):
        return None
    payload = cache.load_result(_result_key(image, request, digests))
    if payload is None:
        return None
    try:
        result, facts = msgspec.msgpack.decode(payload, type=tuple[Analysis, dict[str, dict[str, Any]]])
        found = {
            read.name: msgspec.convert(facts[read.name], dict[str, read.fact])  # type: ignore[name-defined]
            for read in request.reads
        }
    except msgspec.MsgspecError:
        return None
    for blob, (digest, diff_id, size) in zip(image.layers, result.layers, strict=True):
        verify(blob, digest, diff_id, size)
    return result, found


def inventory_of(image: Image, result: Analysis, files: tuple[FileRecord, ...] | None = None) -> Inventory:
    """The inventory of an image whose layers came to this analysis. Secrets in its settings are masked from here on."""
    config = without_secrets(image.config) if image.config is not None else None
    instructions = _instructions(config)
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
        config=config,
        files=files,
        unexplained=result.unexplained,
        relations=result.relations,
    )


def _instructions(config: ImageConfig | None) -> list[str]:
    """The build instruction of each layer, as far as the history tells."""
    return [entry.created_by for entry in config.history if not entry.empty_layer] if config is not None else []
