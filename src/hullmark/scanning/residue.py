"""Write what is left of an image as an OCI layout of one layer (OCI image specification 1.1, image-layout and config)."""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from copy import copy
from pathlib import Path
from typing import Any, BinaryIO, cast

import msgspec

from hullmark.model.errors import BrokenImage, HullmarkError
from hullmark.model.image import Image, ImageConfig, LayerBlob
from hullmark.model.inventory import FileRecord
from hullmark.model.limit import Limit
from hullmark.reach.tree import FileTree
from hullmark.rootfs.inflate import VerifyingStream, open_inflater
from hullmark.rootfs.layer import algorithm_of
from hullmark.rootfs.limits import DEFAULT
from hullmark.rootfs.paths import normalise

_MAX_RECORD = Limit(256 << 20, "bytes of a package database that is rewritten for what is left", "refused")
_CHUNK = 1 << 20
_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
_CONFIG = "application/vnd.oci.image.config.v1+json"
_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_INDEX = "application/vnd.oci.image.index.v1+json"
_STATE = ("/var/", "/run/", "/srv/", "/home/")

Rewriting = Callable[[bytes], bytes]


class Residue(msgspec.Struct, frozen=True, kw_only=True):
    """What stays: all files of the image, the paths that stay, and databases that are rewritten, by path."""

    files: tuple[FileRecord, ...]
    kept: frozenset[str]
    rewritten: Mapping[str, Rewriting]


class _LayerTar(io.RawIOBase):
    """The bytes of a layer's tar, bounded as they are when a layer is read."""

    def __init__(self, blob: LayerBlob) -> None:
        self._blob = blob
        self._stored = VerifyingStream(blob.open(), algorithm_of(blob.digest))
        self._readinto = open_inflater(self._stored)
        self._total = 0

    def readable(self) -> bool:
        """It is only read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """The next bytes; 0 at the end."""
        count = self._readinto(memoryview(buffer))
        self._total += count
        if self._total > DEFAULT.layer_bytes:
            raise BrokenImage(f"a layer has more than {DEFAULT.layer_bytes:,} bytes", advice="do not trust it")
        return count

    def verify(self) -> None:
        """Raises BrokenImage if the bytes are not those that the manifest names: they come a second time."""
        self._stored.drain()
        if self._blob.digest and self._stored.digest != self._blob.digest:
            raise BrokenImage("a layer is another than when it was read before", advice="try again")

    def close(self) -> None:
        """Let go of the blob."""
        if not self.closed:
            self._stored.close()
        super().close()


class _HashingWriter(io.RawIOBase):
    """Hashes and counts what is written."""

    def __init__(self, target: BinaryIO) -> None:
        self._target = target
        self.hash = hashlib.sha256()
        self.size = 0

    def writable(self) -> bool:
        """It is only written."""
        return True

    def write(self, data: Any) -> int:
        """Hand the bytes on."""
        piece = bytes(data)
        self.hash.update(piece)
        self.size += len(piece)
        self._target.write(piece)
        return len(piece)


def write_residue(image: Image, residue: Residue, folder: Path) -> None:
    """Write the layout into a folder. Raises HullmarkError where that cannot be done, BrokenImage for a damaged layer."""
    blobs = folder / "blobs" / "sha256"
    try:
        blobs.mkdir(parents=True, exist_ok=True)
        layer, diff_id = _write_layer(image, residue, blobs)
        _write_documents(image.config or ImageConfig(), layer, diff_id, folder)
    except OSError as error:
        raise HullmarkError(
            f"cannot write to {folder}: {error.strerror}", advice="check path, rights and space"
        ) from error


Origin = tuple[int, int]
"""The entry that a body is in: the number of the layer, and of the entry in it."""


def _write_layer(image: Image, residue: Residue, blobs: Path) -> tuple[dict[str, Any], str]:
    tree = FileTree(residue.files)
    names = _names_of_bodies(image, residue.kept, tree)
    target = blobs / "layer"
    with target.open("wb") as file:
        stored = _HashingWriter(file)
        with gzip.GzipFile(
            fileobj=cast("BinaryIO", stored), mode="wb", compresslevel=6, mtime=0, filename=""
        ) as packed:
            plain = _HashingWriter(cast("BinaryIO", packed))
            with tarfile.open(fileobj=cast("BinaryIO", plain), mode="w|", format=tarfile.PAX_FORMAT) as out:
                _copy(image, residue, names, tree, out)
    digest = stored.hash.hexdigest()
    target.rename(blobs / digest)
    return {"mediaType": _LAYER, "digest": f"sha256:{digest}", "size": stored.size}, f"sha256:{plain.hash.hexdigest()}"


def _names_of_bodies(image: Image, kept: frozenset[str], tree: FileTree) -> dict[Origin, list[str]]:
    """The regular files that stay, by the entry that their body is in: hard links have that of another name, which may be one that a later
    layer deleted."""
    origins: dict[str, Origin] = {}
    visible: dict[str, Origin] = {}
    for number, blob in enumerate(image.layers):
        for index, (_, member) in enumerate(_members(blob)):
            if not (member.isreg() or member.islnk()):
                continue
            path = _resolve_folder(member.name, tree)
            origin = origins.get(_resolve_folder(member.linkname, tree)) if member.islnk() else (number, index)
            if origin is None:
                continue
            origins[path] = origin
            if path in kept and _is_visible(path, number, tree):
                visible[path] = origin
    names: dict[Origin, list[str]] = {}
    for path, origin in sorted(visible.items()):
        names.setdefault(origin, []).append(path)
    return names


def _members(blob: LayerBlob) -> Iterator[tuple[tarfile.TarFile, tarfile.TarInfo]]:
    """The entries of a layer, in their order; it is verified at the end. Raises BrokenImage for a damaged one."""
    with closing(_LayerTar(blob)) as raw:
        try:
            with tarfile.open(fileobj=io.BufferedReader(raw, _CHUNK), mode="r|") as tar:
                for member in tar:
                    yield tar, member
        except tarfile.TarError as error:
            raise BrokenImage(f"a layer is damaged: {error}", advice="fetch or build the image again") from error
        raw.verify()


def _copy(image: Image, residue: Residue, names: dict[Origin, list[str]], tree: FileTree, out: tarfile.TarFile) -> None:
    """Copy what stays, layer by layer: bodies under the first of their names, with links from the others."""
    folders = _folders(tree, residue.kept)
    for number, blob in enumerate(image.layers):
        for index, (tar, member) in enumerate(_members(blob)):
            if member.isreg():
                first, *others = names.get((number, index), ("",))
                if first:
                    member.name = first[1:]
                    _add(member, first, (tar, out), residue.rewritten)
                for other in others:
                    link = copy(member)
                    link.name, link.type, link.linkname, link.size = other[1:], tarfile.LNKTYPE, first[1:], 0
                    out.addfile(link)
            elif not member.islnk():
                path = _resolve_folder(member.name, tree)
                if path in (folders if member.isdir() else residue.kept) and _is_visible(path, number, tree):
                    member.name = path[1:]
                    _add(member, path, (tar, out), {})


def _add(
    member: tarfile.TarInfo,
    path: str,
    tars: tuple[tarfile.TarFile, tarfile.TarFile],
    rewritten: Mapping[str, Rewriting],
) -> None:
    source, out = tars
    body = source.extractfile(member) if member.isreg() else None
    rewrite = rewritten.get(path)
    if body is not None and rewrite is not None:
        if member.size > _MAX_RECORD:
            raise HullmarkError(f"{path} has {member.size:,} bytes, and is not rewritten", advice="it is too large")
        content = rewrite(body.read())
        member.size = len(content)
        body = io.BytesIO(content)
    out.addfile(member, body)


def _resolve_folder(name: str, tree: FileTree) -> str:
    """The visible path of a tar's name: its folder's links followed."""
    clean = normalise(name.encode("utf-8", "surrogateescape"))
    if not clean:
        return ""
    path = "/" + clean.decode("utf-8", "backslashreplace")
    folder, _, base = path.rpartition("/")
    real = tree.find(folder or "/").real
    return f"{real.rstrip('/')}/{base}" if real else ""


def _is_visible(path: str, layer: int, tree: FileTree) -> bool:
    """Whether the layer's entry of this path is the one that a container sees."""
    record = tree.files.get(path)
    return record is not None and record.layer == layer


def _folders(tree: FileTree, kept: Iterable[str]) -> set[str]:
    """The folders above what stays, and those that programs write into: empty ones, and all where state is kept."""
    found: set[str] = set()
    for path in kept:
        while (path := path.rpartition("/")[0]) and path not in found:
            found.add(path)
    for path, record in tree.files.items():
        if record.type != "dir" or (tree.names(path) and not path.startswith(_STATE)):
            continue
        found.add(path)
        while (path := path.rpartition("/")[0]) and path not in found:
            found.add(path)
    return found


def _write_documents(config: ImageConfig, layer: dict[str, Any], diff_id: str, folder: Path) -> None:
    settings = msgspec.json.encode(_config(config, diff_id), order="sorted")
    manifest = {
        "schemaVersion": 2,
        "mediaType": _MANIFEST,
        "config": _descriptor(_CONFIG, settings),
        "layers": [layer],
    }
    written = msgspec.json.encode(manifest, order="sorted")
    index = {"schemaVersion": 2, "mediaType": _INDEX, "manifests": [_descriptor(_MANIFEST, written)]}
    for body in (settings, written):
        (folder / "blobs" / "sha256" / hashlib.sha256(body).hexdigest()).write_bytes(body)
    (folder / "index.json").write_bytes(msgspec.json.encode(index, order="sorted"))
    (folder / "oci-layout").write_bytes(b'{"imageLayoutVersion":"1.0.0"}')


def _descriptor(media_type: str, body: bytes) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": f"sha256:{hashlib.sha256(body).hexdigest()}", "size": len(body)}


def _config(config: ImageConfig, diff_id: str) -> dict[str, Any]:
    return {
        "os": config.os or "linux",
        "architecture": config.architecture,
        **({"variant": config.variant} if config.variant else {}),
        "config": dict(_settings(config)),
        "rootfs": {"type": "layers", "diff_ids": [diff_id]},
        "history": [{"created_by": "hullmark minimize"}],
    }


def _settings(config: ImageConfig) -> Iterator[tuple[str, Any]]:
    check = config.healthcheck
    values: dict[str, Any] = {
        "User": config.user,
        "Env": list(config.env),
        "Entrypoint": list(config.entrypoint),
        "Cmd": list(config.cmd),
        "WorkingDir": config.working_dir,
        "ExposedPorts": {port: {} for port in config.exposed_ports},
        "Volumes": {volume: {} for volume in config.volumes},
        "Labels": dict(config.labels),
        "StopSignal": config.stop_signal,
        "Healthcheck": {
            "Test": list(check.test),
            "Interval": check.interval,
            "Timeout": check.timeout,
            "Retries": check.retries,
        }
        if check is not None
        else None,
    }
    return ((name, value) for name, value in values.items() if value)
