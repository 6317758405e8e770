"""A Debian of an older release without its security updates, built once a day and kept below var/ for all tests that want one."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hullmark.maintenance.upkeep.apt_sources import AptSource, parse_sources
from tests.support.places import REPOSITORY

OLDER = "bookworm"
_INCLUDED = "openssl,expat,libexpat1,libpng16-16,libpq5,curl,linux-libc-dev,python3-minimal"
_MERGED = ("--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr", "--include=usr-is-merged")
"""/bin is a link from the start; else a package turns it into one, and brings the whole of Perl for that."""


def archives() -> dict[str, str]:
    """Where this machine takes Debian's packages and its security updates from."""
    paths = (path for path in Path("/etc/apt").glob("sources.list*/*") if path.suffix in (".list", ".sources"))
    sources = [source for path in paths for source in _sources(path)]
    security = [source.uri for source in sources if source.suite.endswith("-security")]
    usual = [source.uri for source in sources if not source.suite.endswith(("-security", "-updates", "/"))]
    return {"main": usual[0], "security": security[0]} if usual and security else {}


def older_root() -> Path:
    """The archive of its root. Skips the test where it cannot be built: without root's rights, mmdebstrap or an archive of Debian."""
    at = archives()
    if not at or os.geteuid() != 0 or shutil.which("mmdebstrap") is None:
        pytest.skip("root with mmdebstrap and an archive of Debian are needed")
    kept = REPOSITORY / "var" / "older"
    kept.mkdir(parents=True, exist_ok=True)
    made = kept / f"{datetime.now(UTC).date()}.tar"
    with (kept / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            for old in kept.glob("*.tar"):
                old.unlink()
            partial = kept / "partial.tar"
            command = [
                "mmdebstrap",
                "--quiet",
                *_MERGED,
                "--variant=apt",
                f"--include={_INCLUDED}",
                OLDER,
                str(partial),
            ]
            subprocess.run([*command, f"deb {at['main']} {OLDER} main"], check=True, timeout=300)
            partial.rename(made)
    return made


def _sources(path: Path) -> tuple[AptSource, ...]:
    return parse_sources(str(path), memoryview(path.read_bytes()), lambda reason: None) or ()
