"""How-to pages that are programs: their files are written, their commands run, and what they show must come."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from tests.support.program import Program

_STEP = re.compile(r"^(?:`([^`\n]+)`:\n\n```yaml|```console)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_STATUS = re.compile(r"# exit status (\d)$")


def commands_that_hold(page: Path, hullmark: Program) -> int:
    """Do what a page says, in the program's folder; the number of commands that ended and printed as the page has it."""
    count = 0
    for name, block in _STEP.findall(page.read_text("utf-8")):
        if name:
            (hullmark.place / name).write_text(block, "utf-8")
            continue
        for command in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            line, *shown = command.splitlines()
            status = _STATUS.search(line)
            program, *words = shlex.split(line, comments=True)
            ran = hullmark(*words)
            count += 1
            assert program == "hullmark"
            assert ran.status == (int(status[1]) if status else 0), (line, ran)
            assert [part for part in shown if part not in ran.text + ran.err] == [], (line, ran)
    return count
