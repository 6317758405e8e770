"""An image of layers as an OCI layout in a folder (the OCI image specification, image-layout.md)."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tools.demo.layers import Layer

_OCI = "application/vnd.oci.image."


def write_layout(
    folder: Path, layers: Sequence[Layer], settings: dict[str, Any], *, architecture: str, created: int
) -> None:
    """Write the image with the tag `latest`. `created` is in seconds since 1970; equal input makes equal bytes."""
    blobs = folder / "blobs" / "sha256"
    blobs.mkdir(parents=True, exist_ok=True)
    time = datetime.fromtimestamp(created, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    diff_ids, descriptors = [], []
    for layer in layers:
        tar = layer.tar(created)
        diff_ids.append(_digest(tar))
        descriptors.append(_put(blobs, gzip.compress(tar, 5, mtime=0), "layer.v1.tar+gzip"))
    config = {
        "architecture": architecture,
        "os": "linux",
        "created": time,
        "config": settings,
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
        "history": [{"created": time, "created_by": layer.created_by} for layer in layers],
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": f"{_OCI}manifest.v1+json",
        "config": _put(blobs, _json(config), "config.v1+json"),
        "layers": descriptors,
    }
    entry = _put(blobs, _json(manifest), "manifest.v1+json")
    entry["annotations"] = {"org.opencontainers.image.ref.name": "latest"}
    (folder / "oci-layout").write_bytes(_json({"imageLayoutVersion": "1.0.0"}))
    (folder / "index.json").write_bytes(_json({"schemaVersion": 2, "manifests": [entry]}))


def _put(blobs: Path, body: bytes, kind: str) -> dict[str, Any]:
    digest = _digest(body)
    (blobs / digest.partition(":")[2]).write_bytes(body)
    return {"mediaType": _OCI + kind, "digest": digest, "size": len(body)}


def _digest(body: bytes) -> str:
    return "sha256:" + hashlib.sha256(body).hexdigest()


def _json(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True).encode()
