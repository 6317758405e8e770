"""Folders as `skopeo copy … dir:DIR` makes them (containers-transports(5)): manifest.json, version, blobs by their hex."""

from __future__ import annotations

from pathlib import Path

from hullmark.model.digest import checked_digest, digest_of
from hullmark.model.errors import BrokenImage, HullmarkError
from hullmark.model.image import Image
from hullmark.source.files import ByteRange, LocalFile, read_bounded
from hullmark.source.image import ImageRequest, image_from_document
from hullmark.source.layout import LocalStore
from hullmark.source.manifest import MANIFEST_LIMIT
from hullmark.source.source import Source, SourceOptions


def recognises(path: Path) -> bool:
    """Whether this is such a folder."""
    return (path / "manifest.json").is_file() and (path / "version").is_file()


def open_folder(rest: str, reference: str, options: SourceOptions) -> Image:
    """The image in such a folder."""
    folder = Path(rest)
    if not (folder / "manifest.json").is_file():
        raise HullmarkError(f"{rest} has no manifest.json", advice="name a folder that skopeo copied an image to")
    body = read_bounded(LocalFile(str(folder / "manifest.json")).whole().open(), MANIFEST_LIMIT)
    if body is None:
        raise BrokenImage(f"manifest.json has more than {MANIFEST_LIMIT} bytes", advice="do not trust it")
    store = LocalStore(lambda digest: _blob(folder, digest), options.clock())
    request = ImageRequest(kind=SOURCE.scheme, reference=reference, options=options)
    return image_from_document(store, body, digest_of(body), request)


def _blob(folder: Path, digest: str) -> ByteRange | None:
    """Blobs are named by their hex alone, the manifests of an index have `.manifest.json` appended."""
    hexadecimal = checked_digest(digest, "a blob").partition(":")[2]
    paths = (folder / hexadecimal, folder / f"{hexadecimal}.manifest.json")
    found = next((path for path in paths if path.exists()), None)
    return None if found is None else LocalFile(str(found)).whole()


SOURCE = Source(scheme="skopeo-dir", open=open_folder, recognises=recognises)
