"""Makes the image of many ecosystems in var/ecosystems: an OCI layout, and listed.json with what each package manager lists.

`python -m tests.support.ecosystems` makes it, if it is not there. A package manager that is not installed is left out, with the reason.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import Any

from tests.support import clients
from tests.support.ecosystems import files, languages, systems
from tests.support.ecosystems.recipe import Recipe, Workshop
from tests.support.images import Blobs, tagged, write_layout
from tests.support.places import REPOSITORY

RECIPES: tuple[Recipe, ...] = (*systems.RECIPES, *languages.RECIPES, *files.RECIPES)
PLACE = REPOSITORY / "var" / "ecosystems"


def built() -> dict[str, Any] | str:
    """What each ecosystem's package manager lists (name → listed or skipped), of the image at PLACE/oci; or why there is none."""
    python = clients.interpreter_with(clients.ECOSYSTEMS)
    if isinstance(python, str):
        return python
    done = PLACE / f"listed-{_fingerprint()}.json"
    if not done.exists():
        shutil.rmtree(PLACE, ignore_errors=True)
        PLACE.mkdir(parents=True)
        listed = _build(python, PLACE / "oci")
        if any("failed" in each for each in listed.values()):
            return listed  # the next one tries again
        done.write_text(json.dumps(listed, indent=1, sort_keys=True))
    found: dict[str, Any] = json.loads(done.read_text())
    return found


def kept() -> dict[str, Any] | str:
    """What `built` answered when these recipes made the image; or how to have it made."""
    done = PLACE / f"listed-{_fingerprint()}.json"
    if not done.exists():
        return "the image of many ecosystems was not built (make ecosystems)"
    found: dict[str, Any] = json.loads(done.read_text())
    return found


def _fingerprint() -> str:
    """Changes with the recipes."""
    sources = sorted(Path(__file__).parent.glob("*.py"))
    return hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()[:12]


def _build(python: Path, layout: Path) -> dict[str, Any]:
    listed: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="ecosystems-") as folder:
        root = Path(folder, "root")
        (root / "etc").mkdir(parents=True)
        (root / "etc/os-release").write_text("ID=debian\nVERSION_ID=13\n")
        for recipe in RECIPES:
            work = Path(folder, "work", recipe.name)
            work.mkdir(parents=True)
            try:
                found = recipe.install(Workshop(work, root, python))
                listed[recipe.name] = {"listed": sorted(found)}
            except FileNotFoundError as error:
                listed[recipe.name] = {"skipped": f"{error.filename} is not installed"}
            except subprocess.CalledProcessError as error:
                said = (error.stderr or b"").decode("utf-8", "replace")[-500:]
                listed[recipe.name] = {"failed": f"{error.cmd[0]}: {said}"}
        _pack(root, Path(folder, "layer.tar"), layout)
    return listed


def _pack(root: Path, layer: Path, layout: Path) -> None:
    with tarfile.open(layer, "w") as tar:
        tar.add(root, ".", recursive=True)
    blobs = Blobs()
    write_layout(layout, blobs, [tagged(blobs.image((layer.read_bytes(),)), "latest")])
