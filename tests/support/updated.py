"""A program that has the advisories of every feed of the real data: they are read once for a test run, by whichever process comes first."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from dataclasses import dataclass
from typing import Any

import pytest

from tests.support.advisories import advisory_files
from tests.support.program import Program, program_in


@dataclass(frozen=True)
class Updated:
    """A program of the caller's own, whose home has the advisories, and what the update that brought them answered."""

    program: Program
    answer: Any


def updated_program(folders: pytest.TempPathFactory) -> Updated:
    """The program, in a new folder. The test is skipped where the data is absent."""
    mirror = advisory_files()
    run = folders.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        run = run.parent
    made = run / "updated-once"
    with (run / "updated-once.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            partial = run / "updated-once.partial"
            ran = program_in(partial)("db", "update", "--from", mirror, "-o", "json", seconds=600)
            (partial / "answer.json").write_text(json.dumps(ran.document))
            partial.rename(made)
    program = program_in(folders.mktemp("updated"))
    shutil.copytree(made / "home", program.home, dirs_exist_ok=True)
    return Updated(program, json.loads((made / "answer.json").read_bytes()))
