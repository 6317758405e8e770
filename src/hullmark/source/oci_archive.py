"""Tar archives of an OCI layout, as podman, skopeo and buildx write them: `oci-archive:FILE[:TAG]`."""

from __future__ import annotations

from pathlib import Path

from hullmark.model.errors import HullmarkError
from hullmark.model.image import Image
from hullmark.source.archive import Archive, is_archive_with, open_archive
from hullmark.source.files import LocalFile
from hullmark.source.image import ImageRequest
from hullmark.source.layout import LocalStore, layout_entries, open_layout
from hullmark.source.places import split_place
from hullmark.source.source import Source, SourceOptions


def is_layout(archive: Archive) -> bool:
    """Does the archive hold an OCI layout, with at least one of the images that its index lists?"""
    index = archive.find("index.json")
    if index is None or archive.find("oci-layout") is None:
        return False
    entries = layout_entries(index)
    return any(archive.blob(entry.digest) is not None for entry in entries if not entry.is_attestation)


def recognises(path: Path) -> bool:
    """Whether this file is such an archive."""
    return is_archive_with(str(path), is_layout)


def open_file(rest: str, reference: str, options: SourceOptions) -> Image:
    """The image in an archive."""
    place, wanted = split_place(rest)
    request = ImageRequest(kind=SOURCE.scheme, reference=reference, options=options)
    return read_archive(open_archive(LocalFile(place)), wanted, request)


def read_archive(archive: Archive, wanted: str, request: ImageRequest) -> Image:
    """The image in an archive that is open."""
    index = archive.find("index.json")
    if index is None:
        raise HullmarkError(
            f"{archive.file.path} is not an OCI archive: it has no index.json",
            advice="if docker saved it, use docker-archive:",
        )
    return open_layout(index, LocalStore(archive.blob, request.options.clock()), wanted, request)


SOURCE = Source(scheme="oci-archive", open=open_file, recognises=recognises)
