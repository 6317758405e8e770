"""The vulnerabilities that packages had: of Debian 13 next to none is open on a day of updates, so what goes is counted by what was mended.

Debian's changelogs name the CVEs of a package. Each becomes an advisory (OSV) that no version mends: what an image has then is the weight
of its packages' pasts.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_CHANGELOGS = Path("www", "derived", "debian-changelog-cves.json")
_DEBIAN = "Debian:13"


def history(material: Path, folder: Path) -> Path:
    """A folder of advisories (OSV JSON), made in `folder` once of the material's map of changelogs."""
    place = folder / "advisories"
    if not place.exists():
        place.mkdir(parents=True)
        for advisory in advisories_of(_changelogs(material)):
            (place / f"{advisory['id']}.json").write_text(json.dumps(advisory), "utf-8")
    return place


def _changelogs(material: Path) -> Mapping[str, Any]:
    """The map, unpacked if it is not yet: source package → CVE → …"""
    if (material / _CHANGELOGS).exists():
        return dict(json.loads((material / _CHANGELOGS).read_bytes())["cves"])
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "advisories"
        shutil.copytree(material, copy)
        subprocess.run([sys.executable, "pack.py", "unpack"], check=True, cwd=copy, stdout=subprocess.DEVNULL)
        return dict(json.loads((copy / _CHANGELOGS).read_bytes())["cves"])


def advisories_of(changelogs: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """One advisory for each CVE, about all packages whose changelog names it, in every version."""
    named: dict[str, list[str]] = {}
    for package, cves in sorted(changelogs.items()):
        for cve in cves:
            named.setdefault(cve, []).append(package)
    return [_advisory(cve, packages) for cve, packages in sorted(named.items())]


def _advisory(cve: str, packages: list[str]) -> dict[str, Any]:
    ranges = [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}]}]
    affected = [{"package": {"ecosystem": _DEBIAN, "name": name}, "ranges": ranges} for name in packages]
    return {"id": cve, "modified": "2026-01-01T00:00:00Z", "affected": affected}
