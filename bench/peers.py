"""What two other scanners list of an image: syft, and osv-scanner's library (PyPI `osvpy`), each from a virtual environment of its own.

Neither is needed by anything but `bench/scanners.md`; what is not there is left out of it. osv-scanner reads images from registries alone,
so that they are pushed to one on this machine. Answers are kept (var/peers), since some take ten minutes.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.native.answer import Item, NotThere

_TYPES = {
    "python": "pypi", "java-archive": "maven", "go-module": "golang", "rust-crate": "cargo", "dotnet": "nuget",
    "php-composer": "composer", "binary": "generic",
}  # fmt: skip
_ECOSYSTEMS = {
    "PyPI": "pypi",
    "Maven": "maven",
    "Go": "golang",
    "crates.io": "cargo",
    "RubyGems": "gem",
    "Packagist": "composer",
}
LIST_WITH_OSV = """
import asyncio, json, osvpy, sys
async def main(reference):
    batch = await osvpy.scan(reference, all_packages=True, languages=osvpy.LanguageSelection.ALL, workers=1)
    (image,) = batch.images
    if not image.complete:
        sys.exit(str([(each.code, each.message) for each in image.diagnostics]))
    rows = ((o.package, o.context) for o in image.occurrences)
    print(json.dumps([[p.ecosystem, p.purl, p.os_package_name or p.name, p.version, c.path] for p, c in rows]))
asyncio.run(main(sys.argv[1]))
"""


@dataclass(frozen=True, slots=True)
class Peer:
    """One other scanner: `ask(name, layout)` lists what it finds, by purl type. Raises NotThere where it fails."""

    name: str
    ask: Callable[[str, Path], list[tuple[str, Item]]]


def kept(peer: Peer, folder: Path) -> Peer:
    """The same, whose answers are kept in a folder, one file an image."""

    def ask(name: str, layout: Path) -> list[tuple[str, Item]]:
        file = folder / f"{name}.{peer.name}.json"
        if not file.exists():
            folder.mkdir(parents=True, exist_ok=True)
            try:
                file.write_text(json.dumps(peer.ask(name, layout)))
            except NotThere as error:
                file.write_text(json.dumps(str(error)))
        answer = json.loads(file.read_text())
        if isinstance(answer, str):
            raise NotThere(answer)
        return [(kind, Item(*item)) for kind, item in answer]

    return Peer(peer.name, ask)


def syft(program: Path) -> Peer:
    """The program at this path."""

    def ask(_name: str, layout: Path) -> list[tuple[str, Item]]:
        with tempfile.TemporaryDirectory() as folder:
            single = layout
            if _is_index(layout):
                # syft reads layouts of one image: this machine's.
                single = Path(folder) / "single"
                _output("skopeo", "copy", "-q", f"oci:{layout}:latest", f"oci:{single}:latest")
            text = _output(str(program), "scan", f"oci-dir:{single}", "-q", "-o", "syft-json")
        return [
            (
                _TYPES.get(artifact["type"], artifact["type"]),
                Item(artifact["name"], artifact["version"], _place(artifact)),
            )
            for artifact in json.loads(text)["artifacts"]
        ]

    return Peer("syft", ask)


def _is_index(layout: Path) -> bool:
    (entry,) = json.loads((layout / "index.json").read_bytes())["manifests"]
    return "index" in entry["mediaType"]


def _place(artifact: dict[str, Any]) -> str:
    inside = str((artifact.get("metadata") or {}).get("virtualPath", ""))
    return inside or str(artifact["locations"][0]["path"])


def osv(python: Path, registry: str) -> Peer:
    """The interpreter that has osvpy, and a registry on this machine that takes images without TLS."""

    def ask(name: str, layout: Path) -> list[tuple[str, Item]]:
        reference = pushed(layout, registry, name)
        return [
            (_type(ecosystem, purl), Item(name, version, "/" + path.lstrip("/")))
            for ecosystem, purl, name, version, path in json.loads(_output(str(python), "-c", LIST_WITH_OSV, reference))
        ]

    return Peer("osv-scanner", ask)


def pushed(layout: Path, registry: str, name: str) -> str:
    """Put an image into a registry that asks for no TLS, and say how it is called there."""
    reference = f"{registry}/{name}:latest"
    _output("skopeo", "copy", "-q", "--dest-tls-verify=false", f"oci:{layout}:latest", f"docker://{reference}")
    return reference


def _type(ecosystem: str, purl: str) -> str:
    return purl.removeprefix("pkg:").partition("/")[0] if purl else _ECOSYSTEMS.get(ecosystem, ecosystem)


def _output(*command: str) -> str:
    # The hashes of all files, which nobody asks for here, take syft more memory than there is for a large image.
    environment = {**os.environ, "SYFT_CHECK_FOR_APP_UPDATE": "false", "SYFT_FILE_METADATA_SELECTION": "none"}
    done = subprocess.run(command, capture_output=True, check=False, env=environment)
    if done.returncode:
        raise NotThere(f"{Path(command[0]).name} failed: {done.stderr.decode(errors='replace')[:200]}")
    return done.stdout.decode()


def unmatched(kind: str, listed: Iterable[Item], others: Iterable[Item]) -> list[Item]:
    """What one scanner lists of a type, and another does not under that name and version, wherever it lies."""
    known = {(_name(kind, item.name), _version(item.version)) for item in others}
    return sorted(item for item in set(listed) if (_name(kind, item.name), _version(item.version)) not in known)


def _name(kind: str, name: str) -> str:
    plain = name.lower()
    if kind == "pypi":
        return re.sub(r"[-_.]+", "-", plain)
    return plain.rpartition(":")[2] if kind == "maven" else plain


def _version(version: str) -> str:
    # Go's versions have a v, and its toolchain's a word; an epoch is told by some tools only.
    return re.sub(r"^(?:v|go|\d+:)(?=\d)", "", version)
