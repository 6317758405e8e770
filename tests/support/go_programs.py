"""Programs that Go builds for tests. What it compiled of its library is kept below var/, as that takes longer than the tests do."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from tests.support.places import REPOSITORY

GO = shutil.which("go")


def build_with_go(folder: Path, name: str = "program", **environment: str) -> Path:
    """The program of the module in a folder, built by the Go that is here. `environment`: more variables, as GOOS."""
    assert GO is not None
    usual = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(folder),
        "GOCACHE": str(REPOSITORY / "var" / "go"),
        "GOTOOLCHAIN": "local",
        "GOFLAGS": "-buildvcs=false",
    }
    subprocess.run([GO, "build", "-o", name, "."], cwd=folder, check=True, env=usual | environment)
    return folder / name
