"""A program that has the advisories of the real data, which are read once a day for a state of the program.

Reading those of every feed takes half a minute; `make test` reads the feeds of LIGHT alone, in a fifth of it. Several files of
tests look into what comes of it. What is kept is named by all that it depends on: the data, the feeds, the program's source, and
the day that feeds are said to have been asked.
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

LIGHT = (
    "debian,debian-lists,debian-support,distro-info,alpine,ghsa,github-api,pypa,rubysec,rustsec,haskell,retirejs,osv,kubernetes,kev,"
    "endoflife"
)
"""Feeds for most tests. The others (Ubuntu's, AlmaLinux', EPSS and so on) take four times as long as these."""


@dataclass(frozen=True)
class Updated:
    """A program of the caller's own, whose home has the advisories, and what the update that brought them answered. `some`: the words that
    name its feeds, none for all."""

    program: Program
    answer: Any
    some: tuple[str, ...] = ()


def updated_program(folders: pytest.TempPathFactory, config: pytest.Config | None = None) -> Updated:
    """The program, in a new folder, with LIGHT feeds where `config` leaves slow tests out. The test is skipped where the data is absent."""
    some = ("--feeds", LIGHT) if config is not None and config.getoption("markexpr") == "not slow" else ()
    mirror = advisory_files()
    kept = REPOSITORY / "var" / "updated"
    kept.mkdir(parents=True, exist_ok=True)
    state = _state(mirror)
    made = kept / (state + ("-light" if some else ""))
    program = program_in(folders.mktemp("updated"))
    with (kept / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            for old in kept.iterdir():
                if old.is_dir() and not old.name.startswith(state):
                    shutil.rmtree(old)
            partial = made.with_suffix(".partial")
            shutil.rmtree(partial, ignore_errors=True)
            ran = program_in(partial)("db", "update", "--from", mirror, *some, "-o", "json", seconds=600)
            (partial / "answer.json").write_text(json.dumps(ran.document))
            partial.rename(made)
        shutil.copytree(made / "home", program.home, dirs_exist_ok=True)
        return Updated(program, json.loads((made / "answer.json").read_bytes()), some)


def _state(mirror: Path) -> str:
    """Names what the advisories depend on."""
    digest = hashlib.sha256(f"{mirror} {datetime.now(UTC).date()}".encode())
    for path in sorted((REPOSITORY / "src").rglob("*.py")):
        digest.update(f"{path.relative_to(REPOSITORY)}\0".encode() + path.read_bytes())
    return digest.hexdigest()[:16]
