"""Image archives that lie in the object store: read there, by ranges, so that nobody needs a disk that they fit on.

An archive is another's word. Before an image counts as the one that its digest names, every stored layer was read once and is what the
manifest says: nobody comes to see what is known of an image whose layers they do not have, or spoils it for others.

Docker archives have no manifest, so that no digest names them. They go by the digest of one that we make: the JSON object, without
spaces, keys sorted, `{"config":{"digest":…},"layers":[{"digest":…,"size":…}…],"schemaVersion":2}`, layers bottom first by the
sha256 and number of their bytes as the archive has them. For layers that are plain tars, as `docker save` writes them, that is
the diff id; so the same image saved again has the same digest.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import msgspec

from hullmark.model.errors import BrokenImage, HullmarkError
from hullmark.model.image import Image, LayerBlob
from hullmark.model.limit import Limit
from hullmark.model.reference import Reference
from hullmark.server.objects.objects import ObjectReader, Objects
from hullmark.source import SourceOptions, docker_archive, oci_archive
from hullmark.source.archive import HEAD, Archive, check_head
from hullmark.source.image import ImageRequest
from hullmark.source.source import Source
from hullmark.source.tar import index_of

NAME = "the upload"
_MAX_MEMBERS = Limit(20_000, "members of an uploaded archive", "refused")
_WINDOW = 4 << 20
_HEADERS_WINDOW = 128 << 10
_ALGORITHMS = ("sha256", "sha512")


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """Which image of an archive it is about: what `wanted` names there ("": the only one), the digest it goes by, and its reference."""

    wanted: str
    digest: str
    reference: str


class ObjectStream:
    """`size` bytes of an object from `offset` on, fetched a window at a time."""

    def __init__(self, reader: ObjectReader, offset: int, size: int) -> None:
        self.span = (offset, size)
        self._reader = reader
        self._position = offset
        self._end = offset + size
        self._window = memoryview(b"")

    def readinto(self, buffer: memoryview) -> int:
        """Fill some of the buffer; 0 at the end."""
        if not self._window and self._position < self._end:
            length = min(_WINDOW, self._end - self._position)
            self._window = memoryview(self._reader.read_at(self._position, length))
            self._position += len(self._window)
        n = min(len(buffer), len(self._window))
        buffer[:n] = self._window[:n]
        self._window = self._window[n:]
        return n

    def close(self) -> None:
        """Drop what was fetched; the rest reads as nothing."""
        self._window = memoryview(b"")
        self._position = self._end


class StoredArchive:
    """An object as the sources read archives."""

    path = NAME

    def __init__(self, reader: ObjectReader) -> None:
        self._reader = reader

    def stream(self, offset: int, size: int) -> ObjectStream:
        """A fresh stream of `size` bytes from `offset` on."""
        return ObjectStream(self._reader, offset, size)

    def stamp(self, offset: int, now: float) -> str:
        """Nothing: layers of uploads are known by their digests alone."""
        del offset, now
        return ""


class _Headers:
    """Small reads that mostly follow each other, as of a tar's headers, served from one larger range."""

    def __init__(self, reader: ObjectReader) -> None:
        self._reader = reader
        self._start = 0
        self._held = b""

    def read_at(self, start: int, length: int) -> bytes:
        """At most `length` bytes from `start` on."""
        begin = start - self._start
        if begin < 0 or begin + length > len(self._held):
            self._held = self._reader.read_at(start, max(length, _HEADERS_WINDOW))
            self._start, begin = start, 0
        return self._held[begin : begin + length]


def archive_at(objects: Objects, key: str) -> Archive:
    """The archive that is stored under a key. Raises HullmarkError if there is none, or if it cannot be read."""
    reader = objects.open(key)
    if reader is None:
        raise HullmarkError("the uploaded archive is no longer there", advice="upload it again")
    headers = _Headers(reader)
    check_refused(headers.read_at(0, HEAD))
    return Archive(StoredArchive(reader), index_of(headers.read_at, reader.size, _MAX_MEMBERS))


def check_refused(head: bytes) -> None:
    """Raises HullmarkError if an archive that begins so cannot be taken."""
    check_head(head, NAME, "FILE")


def image_in(archive: Archive, choice: Choice) -> Image:
    """The image that was chosen. Raises HullmarkError."""
    source, read = _reader_of(archive)
    # Without this machine's platform: a later reader must find the same image.
    request = ImageRequest(kind=source.scheme, reference=choice.reference, options=SourceOptions())
    image = read(archive, choice.wanted, request)
    if image.digest and choice.digest and image.digest != choice.digest:
        raise BrokenImage("the uploaded archive is another than it was", advice="upload it again")
    return image if image.digest else msgspec.structs.replace(image, digest=choice.digest)


def _reader_of(archive: Archive) -> tuple[Source, Callable[[Archive, str, ImageRequest], Image]]:
    if oci_archive.is_layout(archive):
        return oci_archive.SOURCE, oci_archive.read_archive
    if archive.find("manifest.json") is not None:
        return docker_archive.SOURCE, docker_archive.read_archive
    raise HullmarkError(
        "the upload is a tar archive without an image: it has neither manifest.json nor an index.json of images in it",
        advice="upload an archive made by docker save, podman save, skopeo or buildx",
    )


def chosen_in(archive: Archive, reference: Reference) -> tuple[Choice, Image]:
    """The only image of an archive or, if there are several, the one that the archive gives this reference's name.

    Its layers are read and checked. Raises HullmarkError; BrokenImage where a layer is not what the manifest says.
    """
    choice, image = _find_image(archive, reference)
    stored = _checked_layers(image)
    if not image.digest:
        image = msgspec.structs.replace(image, digest=_own_digest(image, stored))
    return msgspec.structs.replace(choice, digest=image.digest), image


def _find_image(archive: Archive, reference: Reference) -> tuple[Choice, Image]:
    name, tag = f"{reference.host}/{reference.repository}", reference.tag or "latest"
    parts = name.split("/")
    names = ["/".join(parts[place:]) for place in range(len(parts))]
    _reader_of(archive)
    refusal: HullmarkError | None = None
    for wanted in ("", *(f"{repository}:{tag}" for repository in names), tag):
        choice = Choice(wanted=wanted, digest="", reference=str(reference))
        try:
            return choice, image_in(archive, choice)
        except BrokenImage:
            raise
        except HullmarkError as error:
            refusal = refusal or error
    assert refusal is not None  # noqa: S101 - the loop ran
    raise HullmarkError(
        f"{refusal}", advice="save the image alone, for one platform, or give a reference that the archive knows it by"
    )


def _checked_layers(image: Image) -> list[str]:
    """The sha256 of each layer's stored bytes."""
    known: dict[tuple[object, str], str] = {}
    return [_check_layer(layer, known) for layer in image.layers]


def _check_layer(layer: LayerBlob, known: dict[tuple[object, str], str]) -> str:
    """The digest of a layer's stored bytes, the promised one if any; bytes that several layers share are read once."""
    algorithm = layer.digest.partition(":")[0] or _ALGORITHMS[0]
    if algorithm not in _ALGORITHMS:
        raise HullmarkError(
            f"the layer {layer.digest[:40]} has an unknown kind of digest", advice="build the image anew"
        )
    stream = layer.open()
    try:
        span = stream.span if isinstance(stream, ObjectStream) else id(layer)
        digest = known.get((span, algorithm), "")
        if not digest:
            hashed, buffer = hashlib.new(algorithm), memoryview(bytearray(1 << 20))
            while n := stream.readinto(buffer):
                hashed.update(buffer[:n])
            digest = known[span, algorithm] = f"{algorithm}:{hashed.hexdigest()}"
    finally:
        stream.close()
    if layer.digest and digest != layer.digest:
        raise BrokenImage(f"the layer {layer.digest} has other bytes than its name says", advice="save the image again")
    return digest


def _own_digest(image: Image, stored: list[str]) -> str:
    layers = [{"digest": digest, "size": layer.size} for digest, layer in zip(stored, image.layers, strict=True)]
    manifest = {"config": {"digest": image.config_digest}, "layers": layers, "schemaVersion": 2}
    return f"sha256:{hashlib.sha256(msgspec.json.encode(manifest, order='sorted')).hexdigest()}"


__all__ = ["Choice", "archive_at", "check_refused", "chosen_in", "image_in"]
