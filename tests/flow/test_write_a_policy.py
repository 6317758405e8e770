"""docs/how-to/write-a-policy.md is true: its files are written, its commands run, and what it shows is what comes."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from tests.support.images import small_layout
from tests.support.places import REPOSITORY
from tests.support.program import program_in

PAGE = REPOSITORY / "docs" / "how-to" / "write-a-policy.md"
_STEP = re.compile(r"^(?:`([^`\n]+)`:\n\n```yaml|```console)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_STATUS = re.compile(r"# exit status (\d)$")


def test_a_newcomer_gets_from_nothing_to_an_enforced_policy_in_ten_commands(tmp_path: Path) -> None:
    hullmark = program_in(tmp_path / "run")
    small_layout(hullmark.place / "app")
    (hullmark.place / "known").mkdir()
    count = 0
    for name, block in _STEP.findall(PAGE.read_text("utf-8")):
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
            assert [part for part in shown if part not in ran.text] == [], (line, ran.text)
    assert count == 10
