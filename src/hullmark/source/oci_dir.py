"""Folders in the OCI image layout (OCI image specification 1.1): `oci-dir:DIR[:TAG]`, `oci-dir:DIR@DIGEST`."""

from __future__ import annotations

from pathlib import Path

from hullmark.model.digest import checked_digest
from hullmark.model.errors import HullmarkError
from hullmark.model.image import Image
from hullmark.source.files import ByteRange, LocalFile
from hullmark.source.image import ImageRequest
from hullmark.source.layout import LocalStore, open_layout
from hullmark.source.places import split_place
from hullmark.source.source import Source, SourceOptions


def recognises(path: Path) -> bool:
    """Is this a folder in the OCI layout?"""
    return (path / "index.json").is_file() and ((path / "oci-layout").is_file() or (path / "blobs").is_dir())


def open_folder(rest: str, reference: str, options: SourceOptions) -> Image:
    """The image in a layout folder."""
    place, wanted = split_place(rest)
    folder = Path(place)
    if not folder.exists():
        raise HullmarkError(f"there is no folder {place}", advice="check the path")
    if not (folder / "index.json").is_file():
        raise HullmarkError(
            f"{place} is not an OCI layout: it has no index.json", advice="name a folder with index.json"
        )
    store = LocalStore(lambda digest: _blob(folder, digest), options.clock())
    request = ImageRequest(kind=SOURCE.scheme, reference=reference, options=options)
    return open_layout(LocalFile(str(folder / "index.json")).whole(), store, wanted, request)


def _blob(folder: Path, digest: str) -> ByteRange | None:
    path = folder / "blobs" / Path(*checked_digest(digest, "a blob").split(":"))
    return LocalFile(str(path)).whole() if path.exists() else None


SOURCE = Source(scheme="oci-dir", open=open_folder, recognises=recognises)
