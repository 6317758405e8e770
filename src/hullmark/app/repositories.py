"""From what a person writes to the repository of manifests that it means."""

from __future__ import annotations

from pathlib import Path

from hullmark.model.errors import HullmarkError
from hullmark.model.inventory import InventorySource
from hullmark.source import SourceOptions, classify
from hullmark.source.layout_repository import LayoutFolder, open_layout_archive
from hullmark.source.places import split_place
from hullmark.source.registry_repository import RegistryRepository
from hullmark.source.repository import Repository, WritableRepository


def repository_of(reference: str, options: SourceOptions) -> Repository:
    """The repository that a source is in. Raises HullmarkError for a source that has none."""
    scheme, rest = classify(reference)
    if scheme in ("registry", "image"):
        return RegistryRepository(rest, options)
    if scheme == "oci-dir":
        return LayoutFolder(Path(split_place(rest)[0]))
    if scheme in ("oci-archive", "docker-archive"):
        return open_layout_archive(split_place(rest)[0])
    raise HullmarkError(
        f"nothing is attached to {reference[:200]}", advice="name an image in a registry, or an OCI layout folder"
    )


def place_of(
    reference: str, source: InventorySource, options: SourceOptions, *, attaches: bool
) -> WritableRepository | None:
    """The repository of an image that was judged, None where it is in none. Raises HullmarkError where one must be attached to."""
    if source.kind == "registry":
        return RegistryRepository(classify(reference)[1], options, "pull,push" if attaches else "pull")
    if source.kind == "oci-dir":
        return LayoutFolder(Path(split_place(classify(reference)[1])[0]))
    if attaches:
        raise HullmarkError(
            f"nothing can be attached to an image from {source.kind}",
            advice="name it as registry:NAME, or an OCI layout folder; --attestation FILE writes a file",
        )
    return None
