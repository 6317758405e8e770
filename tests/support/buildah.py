"""Images built by buildah, in a store of its own, in docker's format."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True)
class Buildah:
    """Builds images into archives below a folder."""

    folder: Path

    def build(self, name: str, dockerfile: str, files: Mapping[str, bytes] | None = None) -> str:
        """The source of the image that a Dockerfile makes with these files beside it. Skips the test where nothing can be built."""
        context = self.folder / f"{name}.context"
        context.mkdir(parents=True)
        (context / "Dockerfile").write_text(dockerfile)
        for path, body in (files or {}).items():
            (context / path).parent.mkdir(parents=True, exist_ok=True)
            (context / path).write_bytes(body)
        # An OCI layout would not carry health checks.
        archive = self.folder / f"{name}.tar"
        store = ("--root", f"{self.folder}/root", "--runroot", f"{self.folder}/run", "--storage-driver", "overlay")
        command = [
            "buildah",
            *store,
            "build",
            *_limits(),
            "--isolation",
            "chroot",
            "--format",
            "docker",
            "--pull-never",
        ]
        ran = subprocess.run(
            [*command, "-t", f"docker-archive:{archive}", str(context)],
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert ran.returncode == 0, ran.stderr[-3000:]
        return f"docker-archive:{archive}"

    def clear(self) -> None:
        """Remove the store."""
        shutil.rmtree(self.folder, ignore_errors=True)


def _limits() -> list[str]:
    """This process's own limits: buildah asks for more by itself, which is not always allowed."""
    kinds = {"nofile": resource.RLIMIT_NOFILE, "nproc": resource.RLIMIT_NPROC}
    most = {name: resource.getrlimit(kind)[1] for name, kind in kinds.items()}
    return [f"--ulimit={name}={limit}:{limit}" for name, limit in most.items() if limit != resource.RLIM_INFINITY]


def usable_buildah(folder: Path) -> Buildah:
    """buildah with a store below a folder; skips the test where it cannot build."""
    if os.geteuid() != 0 or any(shutil.which(tool) is None for tool in ("buildah", "dpkg-deb")):
        pytest.skip("root with buildah and dpkg-deb is needed")
    buildah = Buildah(folder)
    try:
        buildah.build("probe", "FROM scratch\nCOPY probe /probe\n", {"probe": b"x"})
    except AssertionError as error:
        pytest.skip(f"buildah cannot build here: {str(error)[-300:]}")
    return buildah
