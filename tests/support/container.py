"""The container image of this checkout: built by deploy/build-image.sh, once for what it is made of."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.places import REPOSITORY

BUILT = REPOSITORY / "var" / "images"
INPUTS = (
    *(
        "deploy/Containerfile",
        "deploy/rootfs.sh",
        "deploy/build-image.sh",
        "deploy/requirements.lock",
        "deploy/build.lock",
    ),
    *("pyproject.toml", "README.md", "LICENSE"),
)


@dataclass(frozen=True)
class Image:
    """An image in an archive, and its name."""

    archive: Path
    name: str


def inputs() -> str:
    """A digest of all that the recipe reads."""
    sources = [
        path
        for folder in ("src", "policies")
        for path in sorted((REPOSITORY / folder).rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    ]
    digest = hashlib.sha256()
    for path in (*(REPOSITORY / name for name in INPUTS), *sources):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(REPOSITORY)} {len(content)}\n".encode() + content)
    return digest.hexdigest()[:16]


def built_image() -> Image:
    """The image; skips the test where it cannot be built."""
    missing = [tool for tool in ("podman", "buildah", "mmdebstrap") if shutil.which(tool) is None]
    if missing or os.geteuid() != 0:
        pytest.skip(f"the image is built by root with podman, buildah and mmdebstrap: {missing or 'we are not root'}")
    BUILT.mkdir(parents=True, exist_ok=True)
    with BUILT.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        state = inputs()
        name, archive = f"localhost/hullmark:{state}", BUILT / f"{state}.tar"
        if not archive.is_file():
            _build(archive, name)
    return Image(archive, name)


@contextlib.contextmanager
def podman_with(image: Image, folder: Path) -> Iterator[tuple[str, ...]]:
    """How podman is called with a store of its own in a folder, that holds the image. The store is removed in the end."""
    store = ("podman", "--root", f"{folder}/root", "--runroot", f"{folder}/run", "--storage-driver", "overlay")
    runtime = ("--runtime", runc) if (runc := shutil.which("runc")) else ()
    podman = (*store, "--cgroup-manager", "cgroupfs", *runtime)
    try:
        ran = subprocess.run([*podman, "load", "--quiet", "-i", image.archive], capture_output=True, timeout=300)
        if ran.returncode:
            pytest.skip(f"podman cannot keep the image here: {ran.stderr.decode()[-300:]}")
        yield podman
    finally:
        subprocess.run([*podman, "rm", "--all", "--force"], capture_output=True, timeout=60)
        shutil.rmtree(folder, ignore_errors=True)


def _build(archive: Path, name: str) -> None:
    ran = subprocess.run(
        ["deploy/build-image.sh", f"{archive}.part", name],
        cwd=REPOSITORY,
        env={**os.environ, "STORE": str(BUILT), "LAYERS": "false" if os.environ.get("CI") else "true"},
        capture_output=True,
        timeout=1200,
    )
    assert ran.returncode == 0, ran.stderr.decode()[-3000:]
    for old in BUILT.glob("*.tar"):
        old.unlink()
    Path(f"{archive}.part").rename(archive)
