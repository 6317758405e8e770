"""A program that has the advisories of every feed of the real data, which are read once a day for a state of the program.

Reading them takes half a minute, and three files of tests, of `make test` and of `make test-slow`, look into what comes of it. What is kept
is named by all that it depends on: the data, the program's source, and the day that feeds are said to have been asked.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.support.advisories import advisory_files
from tests.support.places import REPOSITORY
from tests.support.program import Program, program_in


@dataclass(frozen=True)
class Updated:
    """A program of the caller's own, whose home has the advisories, and what the update that brought them answered."""

    program: Program
    answer: Any


def updated_program(folders: pytest.TempPathFactory) -> Updated:
    """The program, in a new folder. The test is skipped where the data is absent."""
    mirror = advisory_files()
    kept = REPOSITORY / "var" / "updated"
    kept.mkdir(parents=True, exist_ok=True)
    made = kept / _state(mirror)
    program = program_in(folders.mktemp("updated"))
    with (kept / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            for old in kept.iterdir():
                if old.is_dir():
                    shutil.rmtree(old)
            partial = made.with_suffix(".partial")
            ran = program_in(partial)("db", "update", "--from", mirror, "-o", "json", seconds=600)
            (partial / "answer.json").write_text(json.dumps(ran.document))
            partial.rename(made)
        shutil.copytree(made / "home", program.home, dirs_exist_ok=True)
        return Updated(program, json.loads((made / "answer.json").read_bytes()))


def _state(mirror: Path) -> str:
    """Names what the advisories depend on."""
    digest = hashlib.sha256(f"{mirror} {datetime.now(UTC).date()}".encode())
    for path in sorted((REPOSITORY / "src").rglob("*.py")):
        digest.update(f"{path.relative_to(REPOSITORY)}\0".encode() + path.read_bytes())
    return digest.hexdigest()[:16]
