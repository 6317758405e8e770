"""Old Python wheels and npm packages, real ones, unpacked as their installers do."""

from __future__ import annotations

import base64
import hashlib
import io
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

from tools.demo.debian import Unavailable
from tools.demo.layers import Layer, Tree

WHEELS = ("Django==2.2", "Jinja2==2.10", "requests==2.19.1", "urllib3==1.24")
NEWER_WHEELS = ("requests==2.31.0",)
NPM_PACKAGES = ("lodash@4.17.4", "minimist@0.0.8")

SITE = "opt/shop/lib/python3.11/site-packages"
NODE_MODULES = "opt/shop/node_modules"


def fetch_wheels(folder: Path, wanted: Sequence[str]) -> list[Path]:
    """Download pure wheels with pip as this machine has it set up. Raises Unavailable."""
    folder.mkdir(parents=True, exist_ok=True)
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
    _run([*pip, "--dest", str(folder), *wanted], folder)
    files = sorted(folder.glob("*.whl"))
    if not files:
        raise Unavailable("pip downloaded nothing")
    return files


def fetch_npm(folder: Path, wanted: Sequence[str]) -> list[Path]:
    """Download npm packages with npm as this machine has it set up. Raises Unavailable."""
    if shutil.which("npm") is None:
        raise Unavailable("there is no npm on this machine")
    folder.mkdir(parents=True, exist_ok=True)
    _run(["npm", "pack", "--silent", *wanted], folder)
    return sorted(folder.glob("*.tgz"))


def _run(command: Sequence[str], folder: Path) -> None:
    done = subprocess.run(  # noqa: S603
        command, check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL, cwd=folder
    )
    if done.returncode:
        last = [line for line in done.stderr.splitlines() if line.strip()][-1:]
        raise Unavailable(f"{Path(command[0]).name} failed: {''.join(last).strip() or done.returncode}")


def install_wheel(file: Path, layer: Layer) -> None:
    """Unpack a wheel into the site folder, and add to its RECORD what an installer adds."""
    with zipfile.ZipFile(file) as wheel:
        bodies = {name: wheel.read(name) for name in wheel.namelist() if not name.endswith("/")}
    record = next(name for name in bodies if name.endswith(".dist-info/RECORD"))
    installer = f"{record.rpartition('/')[0]}/INSTALLER"
    bodies[installer] = b"pip\n"
    digest = base64.urlsafe_b64encode(hashlib.sha256(bodies[installer]).digest()).rstrip(b"=").decode()
    bodies[record] += f"{installer},sha256={digest},{len(bodies[installer])}\n".encode()
    for name, body in bodies.items():
        if "/../" not in f"/{name}":
            layer.write(f"{SITE}/{name}", body)


def uninstall(name: str, tree: Tree, layer: Layer) -> bool:
    """Take a Python distribution away; answers whether it was there."""
    folders = {item.path[len(SITE) + 1 :].partition("/")[0] for item in tree.under(SITE)}
    gone = {folder for folder in folders if folder == name or folder.lower().startswith(f"{name}-")}
    for folder in gone:
        layer.delete(f"{SITE}/{folder}")
    return bool(gone)


def install_npm(file: Path, layer: Layer) -> None:
    """Unpack an npm package into node_modules."""
    stem = file.name.removesuffix(".tgz").rpartition("-")[0]
    with tarfile.open(fileobj=io.BytesIO(file.read_bytes())) as tar:
        for entry in tar:
            body = tar.extractfile(entry) if entry.isreg() else None
            _, _, inside = entry.name.partition("/")
            if body is not None and inside and "/../" not in f"/{inside}":
                layer.write(f"{NODE_MODULES}/{stem}/{inside}", body.read())
