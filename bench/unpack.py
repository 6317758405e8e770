"""An OCI layout as a folder of files, made by tools that are not ours: umoci, and skopeo for what umoci cannot read."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PLAIN = tuple("application/vnd.oci.image.layer.v1.tar" + end for end in ("+gzip", ""))


@contextmanager
def unpacked(layout: Path) -> Iterator[Path]:
    """The image's root file system in a temporary folder. Needs the rights to own files as anyone (root)."""
    with tempfile.TemporaryDirectory(prefix="hullmark-truth-") as folder:
        source = layout
        if not _is_plain(layout):
            source = Path(folder) / "gzip"
            _run("skopeo", "copy", "--dest-decompress", f"oci:{layout}:latest", f"dir:{folder}/dir")
            _run("skopeo", "copy", "--format", "oci", f"dir:{folder}/dir", f"oci:{source}:latest")
        _run("umoci", "unpack", "--image", f"{source}:latest", f"{folder}/bundle")
        yield Path(folder) / "bundle" / "rootfs"


def _is_plain(layout: Path) -> bool:
    """Whether the layout holds one image with layers that umoci knows."""
    index = json.loads((layout / "index.json").read_bytes())
    digest = index["manifests"][0]["digest"]
    manifest = json.loads((layout / "blobs" / digest.replace(":", "/")).read_bytes())
    return all(layer["mediaType"] in _PLAIN for layer in manifest.get("layers", ({"mediaType": "none"},)))


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}: {done.stderr.decode(errors='replace')[-500:]}")
