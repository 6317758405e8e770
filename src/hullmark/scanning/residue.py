"""Write what is left of an image as an OCI layout of one layer (OCI image specification 1.1, image-layout and config)."""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, BinaryIO, cast

import msgspec

from hullmark.model.errors import BrokenImage, HullmarkError
from hullmark.model.image import Image, ImageConfig, LayerBlob
from hullmark.model.inventory import FileRecord
from hullmark.model.limit import Limit
from hullmark.reach.tree import FileTree
from hullmark.rootfs.inflate import VerifyingStream, inflated
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


class _Inflated(io.RawIOBase):
    """The bytes of a layer's tar, bounded as they are when a layer is read."""

    def __init__(self, blob: LayerBlob) -> None:
        self._stored = VerifyingStream(blob.open(), algorithm_of(blob.digest))
        self._readinto = inflated(self._stored)
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

    def close(self) -> None:
        """Let go of the blob."""
        if not self.closed:
            self._stored.close()
        super().close()


class _Hashed(io.RawIOBase):
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


def _write_layer(image: Image, residue: Residue, blobs: Path) -> tuple[dict[str, Any], str]:
    """Write the one layer. Files whose only body has another name in the image bring that name along."""
    kept, tree = set(residue.kept), FileTree(residue.files)
    while True:
        target = blobs / "layer"
        with target.open("wb") as file:
            stored = _Hashed(file)
            with gzip.GzipFile(
                fileobj=cast("BinaryIO", stored), mode="wb", compresslevel=6, mtime=0, filename=""
            ) as packed:
                plain = _Hashed(cast("BinaryIO", packed))
                with tarfile.open(fileobj=cast("BinaryIO", plain), mode="w|", format=tarfile.PAX_FORMAT) as out:
                    missing = _copy(image, residue, (kept, tree), out)
        if not missing:
            break
        kept |= missing
    digest = stored.hash.hexdigest()
    target.rename(blobs / digest)
    return {"mediaType": _LAYER, "digest": f"sha256:{digest}", "size": stored.size}, f"sha256:{plain.hash.hexdigest()}"


def _copy(image: Image, residue: Residue, wanted: tuple[set[str], FileTree], out: tarfile.TarFile) -> set[str]:
    """Copy what stays, layer by layer; returns paths whose bodies hard links need and that were not among it."""
    kept, tree = wanted
    folders = _folders(tree, kept)
    written: set[str] = set()
    missing: set[str] = set()
    for number, blob in enumerate(image.layers):
        try:
            with (
                closing(_Inflated(blob)) as raw,
                tarfile.open(fileobj=io.BufferedReader(raw, _CHUNK), mode="r|") as tar,
            ):
                for member in tar:
                    path = _visible(member, number, tree)
                    if not path or path not in (folders if member.isdir() else kept):
                        continue
                    member.name = path[1:]
                    if member.islnk():
                        target = _placed(member.linkname, tree)
                        if target not in written:
                            missing.add(target)
                            continue
                        member.linkname = target[1:]
                    _add(member, path, (tar, out), residue.rewritten)
                    written.add(path)
        except tarfile.TarError as error:
            raise BrokenImage(f"a layer is damaged: {error}", advice="fetch or build the image again") from error
    return missing - kept


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


def _placed(name: str, tree: FileTree) -> str:
    """The visible path of a tar's name: its folder's links followed."""
    clean = normalise(name.encode("utf-8", "surrogateescape"))
    if not clean:
        return ""
    path = "/" + clean.decode("utf-8", "backslashreplace")
    folder, _, base = path.rpartition("/")
    real = tree.find(folder or "/").real
    return f"{real.rstrip('/')}/{base}" if real else ""


def _visible(member: tarfile.TarInfo, layer: int, tree: FileTree) -> str:
    """The path of an entry if it is the one that a container sees; "" for others."""
    path = _placed(member.name, tree)
    record = tree.files.get(path)
    return path if record is not None and record.layer == layer else ""


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
