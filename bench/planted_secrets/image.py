"""Writes a tree as an OCI image folder of one layer."""

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Sequence
from pathlib import Path

from bench.planted_secrets.model import Stored

_OCI = "application/vnd.oci.image."


def _layer(files: Sequence[Stored]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for stored in files:
            info = tarfile.TarInfo(stored.path.lstrip("/"))
            info.size, info.mtime, info.mode = len(stored.content), 1760000000, 0o644
            tar.addfile(info, io.BytesIO(stored.content))
    return out.getvalue()


def write_image(folder: Path, files: Sequence[Stored]) -> None:
    """FOLDER becomes an OCI layout with the tag `latest`."""
    blobs = folder / "blobs" / "sha256"
    blobs.mkdir(parents=True, exist_ok=True)

    def put(content: bytes, kind: str) -> dict[str, object]:
        name = hashlib.sha256(content).hexdigest()
        (blobs / name).write_bytes(content)
        return {"mediaType": _OCI + kind, "digest": "sha256:" + name, "size": len(content)}

    tar = _layer(files)
    layer = put(gzip.compress(tar, mtime=0), "layer.v1.tar+gzip")
    settings = {
        "architecture": "amd64",
        "os": "linux",
        "config": {"Cmd": ["/bin/sh"]},
        "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(tar).hexdigest()]},
        "history": [{"created_by": "COPY tree /"}],
    }
    config = put(json.dumps(settings).encode(), "config.v1+json")
    image = {"schemaVersion": 2, "mediaType": _OCI + "manifest.v1+json", "config": config, "layers": [layer]}
    entry = {
        **put(json.dumps(image).encode(), "manifest.v1+json"),
        "annotations": {"org.opencontainers.image.ref.name": "latest"},
    }
    (folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [entry]}))
    (folder / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
