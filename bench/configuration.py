"""Traps of configuration beside the programs that they are about: what each program says it runs with, and what Hullmark says.

    python -m bench.configuration

writes bench/configuration.md. The programs run in the root file system that the oracles of the tests use.
"""

from __future__ import annotations

import re
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from tests.support.configured import configured_root
from tests.support.traps import Judged, Trap, answer_of, judged, overlaid
from tests.traps import TRAPS

_PAGE = Path(__file__).with_name("configuration.md")
_HEAD = """\
# Traps of configuration

Images in which a program is set to what a rule forbids: by a file, by how the image starts it (CMD, ENTRYPOINT, ENV), by a script, or
by nothing but a default that is not known. Each program was started in a Debian root file system as the image starts it, and said itself
what it runs with; a policy of one rule judged the image. `stop` and `unknown` are right, and where a file or a start leaves it
`unknown`, `configuration.unread` fires too. Made by
`python -m bench.configuration`.

"""


def main() -> int:
    """Write the page; 1 if a trap was missed."""
    root = configured_root()
    with tempfile.TemporaryDirectory() as folder, overlaid(root, Path(folder) / "overlay") as merged:
        rows = [(trap, _said(trap, merged), judged(trap, Path(folder) / str(i))) for i, trap in enumerate(TRAPS)]
    _PAGE.write_text(_HEAD + "\n".join(_lines(rows)) + "\n", "utf-8")
    return int(any(not _is_right(trap, found) for trap, _, found in rows))


def _said(trap: Trap, root: Path) -> str:
    """The line in which the program says it."""
    answer = answer_of(trap, root)
    found = re.search(trap.says, answer)
    if found is None:
        return "(it does not say so)"
    start, end = answer.rfind("\n", 0, found.end()) + 1, answer.find("\n", found.end())
    return " ".join(answer[start : end if end >= 0 else None].split())[:80]


def _is_right(trap: Trap, found: Judged) -> bool:
    return found.outcome.value == "stop" or (found.outcome.value == "unknown" and (found.is_unread or trap.is_unset))


def _lines(rows: list[tuple[Trap, str, Judged]]) -> Iterator[str]:
    yield "| set by | traps | stop | unknown | missed |"
    yield "| --- | --: | --: | --: | --: |"
    for how in ("file", "start", "script", "nothing"):
        counts = Counter(found.outcome.value for trap, _, found in rows if trap.how == how)
        wrong = sum(not _is_right(trap, found) for trap, _, found in rows if trap.how == how)
        yield f"| {how} | {sum(counts.values())} | {counts['stop']} | {counts['unknown']} | {wrong} |"
    yield ""
    yield "| trap | set by | the program says | Hullmark says |"
    yield "| --- | --- | --- | --- |"
    for trap, said, found in rows:
        told = f"{found.outcome.value}" + (", unread" if found.is_unread else "")
        yield f"| {trap.name} | {trap.how} | `{said.replace('|', chr(92) + '|')}` | {told} |"


if __name__ == "__main__":
    sys.exit(main())
