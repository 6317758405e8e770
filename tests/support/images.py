"""Small images made in a test: OCI layouts in folders or archives, and archives as `docker save` writes them."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hullmark.model.image import LayerBlob

OCI = "application/vnd.oci.image."
MANIFEST = OCI + "manifest.v1+json"
INDEX = OCI + "index.v1+json"
CONFIG = OCI + "config.v1+json"
LAYER = OCI + "layer.v1.tar+gzip"

Json = dict[str, Any]


def sha256(body: bytes) -> str:
    """The digest, with its algorithm."""
    return "sha256:" + hashlib.sha256(body).hexdigest()


def tar_of(files: Mapping[str, bytes], *, links: Mapping[str, str] | None = None) -> bytes:
    """A tar with these files, and symbolic links."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for name, body in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(body)
            tar.addfile(info, io.BytesIO(body))
        for name, target in (links or {}).items():
            info = tarfile.TarInfo(name)
            info.type, info.linkname = tarfile.SYMTYPE, target
            tar.addfile(info)
    return out.getvalue()


def gz(body: bytes) -> bytes:
    """gzip, the same bytes each time."""
    return gzip.compress(body, mtime=0)


LAYERS = (
    tar_of({"etc/os-release": b"ID=debian\nVERSION_ID=13\n"}),
    tar_of({"app/main": b"#!/bin/sh\n" * 5}),
)


def config_of(layers: Sequence[bytes], platform: str = "linux/amd64", **more: Any) -> Json:
    """A config for these (uncompressed) layers."""
    os, architecture, *variant = platform.split("/")
    return {
        "os": os,
        "architecture": architecture,
        **({"variant": variant[0]} if variant else {}),
        "created": "2025-01-01T00:00:00Z",
        "config": {"Cmd": ["/bin/sh"], "Env": ["A=1"]},
        "rootfs": {"type": "layers", "diff_ids": [sha256(layer) for layer in layers]},
        "history": [{"created_by": f"step {place}"} for place in range(len(layers))],
        **more,
    }


def to_json(value: Any) -> bytes:
    """JSON, unless it is bytes already."""
    return value if isinstance(value, bytes) else json.dumps(value).encode()


@dataclass
class Blobs:
    """What goes into a layout or a registry: blobs by their digests."""

    held: dict[str, bytes] = field(default_factory=dict)

    def put(self, body: bytes, media_type: str, **more: Any) -> Json:
        """Hold a blob; its descriptor."""
        digest = sha256(body)
        self.held[digest] = body
        return {"mediaType": media_type, "digest": digest, "size": len(body), **more}

    def image(
        self,
        layers: Sequence[bytes] = LAYERS,
        *,
        platform: str = "linux/amd64",
        config: Callable[[Json], Any] | None = None,
        manifest: Callable[[Json], Any] | None = None,
    ) -> Json:
        """Hold an image with gzipped layers; the descriptor of its manifest. `config` and `manifest` may bend them."""
        wanted = config_of(layers, platform)
        described = [self.put(gz(layer), LAYER) for layer in layers]
        made = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": self.put(to_json(config(wanted) if config else wanted), CONFIG),
            "layers": described,
        }
        return self.put(to_json(manifest(made) if manifest else made), MANIFEST)

    def index(self, entries: Sequence[Json]) -> Json:
        """Hold an index; its descriptor."""
        return self.put(to_json({"schemaVersion": 2, "mediaType": INDEX, "manifests": list(entries)}), INDEX)


def tagged(descriptor: Json, tag: str) -> Json:
    """The descriptor with a tag."""
    return {**descriptor, "annotations": {"org.opencontainers.image.ref.name": tag}}


def with_platform(descriptor: Json, platform: str) -> Json:
    """The descriptor with the platform that an index gives it."""
    os, architecture, *variant = platform.split("/")
    return {
        **descriptor,
        "platform": {"os": os, "architecture": architecture, **({"variant": variant[0]} if variant else {})},
    }


def layout_files(blobs: Blobs, entries: Sequence[Json] | bytes) -> dict[str, bytes]:
    """The files of an OCI layout whose index lists these entries."""
    index = entries if isinstance(entries, bytes) else to_json({"schemaVersion": 2, "manifests": list(entries)})
    files = {f"blobs/{digest.replace(':', '/')}": body for digest, body in blobs.held.items()}
    return {**files, "oci-layout": b'{"imageLayoutVersion": "1.0.0"}', "index.json": index}


def write_layout(folder: Path, blobs: Blobs, entries: Sequence[Json] | bytes) -> Path:
    """An OCI layout in a folder."""
    for name, body in layout_files(blobs, entries).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)
    return folder


def small_layout(folder: Path, tag: str = "latest") -> Path:
    """An OCI layout with one image of two layers."""
    blobs = Blobs()
    return write_layout(folder, blobs, [tagged(blobs.image(), tag)])


def layout_of(folder: Path, files: Mapping[str, bytes]) -> Path:
    """An OCI layout with one image of one layer that holds these files."""
    blobs = Blobs()
    return write_layout(folder, blobs, [tagged(blobs.image((tar_of(files),)), "latest")])


def docker_files(
    tags: Sequence[str] = ("shop:1",), layers: Sequence[bytes] = LAYERS, platform: str = "linux/amd64"
) -> tuple[dict[str, bytes], Json]:
    """The files of one image as older `docker save` writes them, and its entry for manifest.json."""
    config = to_json(config_of(layers, platform))
    name = sha256(config).partition(":")[2] + ".json"
    files = {name: config} | {f"{sha256(layer)[7:19]}/layer.tar": layer for layer in layers}
    entry = {"Config": name, "RepoTags": list(tags), "Layers": [f"{sha256(layer)[7:19]}/layer.tar" for layer in layers]}
    return files, entry


def write_docker_archive(path: Path, images: Sequence[tuple[dict[str, bytes], Json]]) -> Path:
    """An archive of these images, manifest.json last."""
    files: dict[str, bytes] = {}
    for more, _ in images:
        files |= more
    path.write_bytes(tar_of({**files, "manifest.json": to_json([entry for _, entry in images])}))
    return path


def stored(layer: LayerBlob) -> bytes:
    """All stored bytes of a layer."""
    stream, body, buffer = layer.open(), bytearray(), memoryview(bytearray(1 << 16))
    try:
        while n := stream.readinto(buffer):
            body += buffer[:n]
    finally:
        stream.close()
        stream.close()
    return bytes(body)
