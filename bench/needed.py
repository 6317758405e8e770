"""Programs that a measurement runs beside Hullmark's own: it says which are missing before it begins."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from tests.support.engines import BUSYBOX


def demand(*programs: str, files: tuple[Path, ...] = (), as_root: bool = False) -> None:
    """End with what is missing, if anything is: of programs with `|` between them, one will do. `make test-packages` installs them."""
    missing = [program for program in programs if not any(map(shutil.which, program.split("|")))]
    missing += [str(file) for file in files if not file.exists()]
    if missing:
        raise SystemExit(f"not installed: {', '.join(missing)} (as root: make test-packages corpus-packages)")
    if as_root and os.geteuid() != 0:
        raise SystemExit("this is measured by root alone: engines and mount namespaces are its")


def demand_engine(*programs: str) -> None:
    """What Docker's engine and the small image with a shell need, and these programs besides."""
    demand("dockerd", "containerd", "runc", *programs, files=(BUSYBOX,), as_root=True)
