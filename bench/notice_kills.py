"""What came of killing a server that tells people of changes: `python -m bench.notice_kills FILE` writes its part of `bench/notify.md`.

FILE is what `HULLMARK_KILLS=200 HULLMARK_KILLS_REPORT=FILE pytest tests/service/test_notice_kills.py` wrote.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from bench.markdown import table
from bench.sections import replace_section

PAGE = Path(__file__).parent / "notify.md"
_TITLE = "# How people are told, measured\n"
_CHANGES = (
    ("snapshot", "snapshots of advisories"),
    ("policy", "policies put in force"),
    ("exception", "exceptions made or ended"),
    ("image", "images added, two of three under a tag that moved there"),
    ("deployment", "deployments told of"),
)


def main() -> None:
    """Write the section."""
    parser = argparse.ArgumentParser(prog="python -m bench.notice_kills", description=__doc__)
    parser.add_argument("file", type=Path)
    found = json.loads(parser.parse_args().file.read_bytes())
    if not PAGE.exists():
        PAGE.write_text(_TITLE, encoding="utf-8")
    replace_section(PAGE, "Kills", written(found))


def written(found: dict[str, Any]) -> str:
    """The section."""
    changes = [(name, found["changes"].get(key, 0)) for key, name in _CHANGES]
    return "\n".join(
        (
            f"`HULLMARK_KILLS={found['kills']} HULLMARK_KILLS_SEED={found['seed']} pytest tests/service/test_notice_kills.py`: "
            f"**{found['kills']} SIGKILLs** in {found['seconds']:.0f} s on two accounts with policies of their own, two workers, three "
            "webhooks (a quarter of what one was sent, and a seventh of what another was, was answered by an error, half an answer, "
            "late, or not at all) and a GitHub that fails one request in sixteen, while all this changed:\n",
            table(("what changed", "times"), changes),
            f"{found['settled']:.0f} s after the last kill nothing was left to do. {found['transitions']} transitions: {found['told']} "
            f"told, {found['suppressed']} suppressed, each with its reason. They are just the changes that the history of verdicts "
            f"tells of. {found['messages']} messages all arrived, those of a channel in order; the webhooks were asked "
            f"{found['requests']} times, {found['repeated']} of them with a message that had come before, which was the same to the "
            "byte. No transition came under two ids, the issues that are open are those that should be, and judging all images anew "
            "changed no verdict and told of nothing.\n",
            table(("what was killed", "times"), found["by"].items()),
        )
    )


if __name__ == "__main__":
    main()
