"""Shelves with settled snapshots on them, and keys that openssl made."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path

import pytest
from msgspec.structs import replace

from hullmark.advisories.database.build import build, digest_of
from hullmark.advisories.database.layout import settle
from hullmark.advisories.database.shelf import Shelf
from hullmark.model.advisory import Advisory, AffectedPackage, Exploitability, Range, Record
from tests.support.matching import info


def numbered(number: int, summary: str = "", modified: str = "2026-01-01") -> Advisory:
    """One of many advisories that look alike."""
    part = AffectedPackage(
        namespace="pypi", name=f"package{number % 50}", scheme="pep440", ranges=(Range(low="1", high=f"2.{number}"),)
    )
    return Advisory(
        id=f"A-{number:06}",
        source="one",
        aliases=(f"CVE-2026-{number}",),
        summary=summary or f"about {number}",
        modified=modified,
        affected=(part,),
    )


def some_feeds(count: int, changed: Iterable[int] = (), day: str = "2026-01-01") -> dict[str, list[Record]]:
    """A feed of `count` advisories, of which some are changed, and a feed of scores."""
    anew = set(changed)
    advisories: list[Record] = [
        replace(numbered(each), summary="changed", modified=day) if each in anew else numbered(each)
        for each in range(count)
    ]
    return {
        "one": advisories,
        "scores": [Exploitability(f"CVE-2026-{each}", each / count, 0.5, day) for each in range(9)],
    }


def made(path: Path, feeds: Mapping[str, Iterable[Record]]) -> str:
    """A settled snapshot of these feeds' records at a path; its digest."""
    build(path, [(replace(info(name), name=name), iter(feeds[name])) for name in sorted(feeds)])
    settle(path)
    return digest_of(path)


def put(shelf: Shelf, feeds: Mapping[str, Iterable[Record]], at: datetime | None = None) -> str:
    """Such a snapshot, in use on a shelf (from a moment on); its digest."""
    with shelf.lock(), shelf.scratch() as folder:
        digest = made(folder / "made", feeds)
        shelf.adopt(folder / "made", digest, at)
    return digest


def key_pair(folder: Path, name: str = "key", kind: str = "ed25519") -> tuple[Path, Path]:
    """A private and a public key in PEM, made by openssl; the test is skipped where it is missing."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    private, public = folder / f"{name}.pem", folder / f"{name}.pub"
    openssl("genpkey", "-algorithm", kind, "-out", private)
    openssl("pkey", "-in", private, "-pubout", "-out", public)
    return private, public


def fingerprint_of(public: Path) -> str:
    """What `verify` answers for a key: `sha256:HEX` over it in DER."""
    der = subprocess.run(
        ["openssl", "pkey", "-pubin", "-in", public, "-outform", "DER"], check=True, capture_output=True
    )
    return f"sha256:{hashlib.sha256(der.stdout).hexdigest()}"


def openssl(*arguments: str | Path) -> None:
    """Run openssl, which must succeed."""
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)
