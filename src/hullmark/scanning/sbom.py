"""Bills of materials as what is inspected: from a file, or from what somebody sent, to an inventory."""

from __future__ import annotations

from pathlib import Path

from msgspec.structs import replace

from hullmark.catalog.sbom import read_sbom
from hullmark.catalog.sbom.document import MAX_BYTES
from hullmark.catalog.sbom.packages import merge_packages
from hullmark.model.errors import HullmarkError
from hullmark.model.image import HistoryEntry, ImageConfig
from hullmark.model.inventory import Inventory
from hullmark.scanning.documents import read_bounded, read_input
from hullmark.scanning.request import ScanRequest, ScanResources, ScanResult
from hullmark.scanning.shown_settings import without_secrets


def inventory_from_sbom(document: Path | bytes, name: str = "") -> Inventory:
    """The inventory that a document tells, in whichever of the formats in `catalog.sbom`; its `source.kind` is `sbom`.

    `name` stands for what was inspected where the document does not say (by default a file's path). Raises HullmarkError for what
    cannot be read, is not an SBOM, or is too large.
    """
    if isinstance(document, Path):
        document, name = read_bounded(document, MAX_BYTES), name or str(document)
    return _mask(read_sbom(document, name))


def _mask(inventory: Inventory) -> Inventory:
    """The inventory with secrets masked in the settings, and in the instructions that it has beside its layers."""
    config, layers = inventory.config or ImageConfig(), inventory.source.layers
    steps = tuple(HistoryEntry(layer.created_by) for layer in layers)
    shown = without_secrets(replace(config, history=config.history + steps))
    history, steps = shown.history[: len(config.history)], shown.history[len(config.history) :]
    masked = tuple(replace(layer, created_by=step.created_by) for layer, step in zip(layers, steps, strict=True))
    return replace(
        inventory,
        source=replace(inventory.source, layers=masked),
        config=replace(shown, history=history) if inventory.config is not None else None,
    )


def sbom_at(path: str, resources: ScanResources) -> Inventory:
    """The inventory of a file's document, corrected; `-`: of what standard input gives."""
    inventory = (
        inventory_from_sbom(Path(path)) if path != "-" else inventory_from_sbom(read_input(MAX_BYTES), "standard input")
    )
    if resources.corrections is None:
        return inventory
    from hullmark.catalog.corrections.apply import corrected_inventory

    source = inventory.source
    names = (source.reference, source.digest, source.config_digest, *source.tags)
    return corrected_inventory(inventory, resources.corrections.about(tuple(filter(None, names))), merge_packages)


def take_sbom(path: str, request: ScanRequest, resources: ScanResources) -> ScanResult:
    """An SBOM's answer to a request. Raises HullmarkError if the request is for facts that only the image itself has."""
    lacking = [what for what, is_wanted in _beyond(request).items() if is_wanted]
    if lacking:
        raise HullmarkError(f"an SBOM does not tell {lacking[0]}", advice="name the image itself")
    inventory = sbom_at(path, resources)
    if not request.files:
        return ScanResult(replace(inventory, files=None))
    if inventory.files is None:
        raise HullmarkError(
            "this SBOM lists no files", advice="name the image itself, or write it with scan --files -o json"
        )
    return ScanResult(inventory)


def take_part_of_sbom(path: str, request: ScanRequest, resources: ScanResources) -> ScanResult:
    """An SBOM's answer to a policy's request. The rest is None: rules that need it are unknown.

    Its list of files is left out too: it has not all that rules ask of files.
    """
    inventory = sbom_at(path, resources)
    return ScanResult(replace(inventory, files=None), facets={facet.name: None for facet in request.facets})


def _beyond(request: ScanRequest) -> dict[str, bool]:
    """What an SBOM never has, and whether it is requested."""
    return {
        "what the files hold": bool(request.contents),
        "what is in the image besides packages": bool(request.facets),
        "what later layers deleted": request.ghosts or request.all_layers,
        "what each layer does": request.layers,
        "what other catalogers would find": bool(request.catalogers),
    }
