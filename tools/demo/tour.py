"""The three-minute tour: real commands, what they print, and how long they took."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

HULLMARK = ".venv/bin/hullmark"
POLICY = "examples/policy.yaml"
ADVISORIES = "examples/advisories"
ADVISORIES_OF = "2026-11-28"
"""The day of which they declare themselves whole: by it the tour asks, whenever it is made."""

_VERDICTS = (0, 1, 3)
_NEXT = """\
What to try next (`hullmark` is .venv/bin/hullmark here)
  hullmark scan {0} -o cyclonedx-json=sbom.json
      writes the same as an SBOM, for other tools
  hullmark files {0} --all-layers --state ghost
      lists what later layers deleted, and everybody who has the image still has
  hullmark minimize {0} --why mount
      says whether anything that it starts needs mount; without --why what else may go
  hullmark check {0} --policy {1} -o json
      gives the verdict to a pipeline; exit status 1 means stop. Change the policy and look again
  hullmark db update && hullmark vulns {0}
      fetches what all sources know, and matches the image with it
  make demo IMAGE=NAME
      makes the same tour through an image of yours
  README.md, docs/how-to/add-a-cataloger.md
      go on from here
"""


class Failed(Exception):
    """A command ended in a way it should not."""

    def __init__(self, status: int) -> None:
        super().__init__(f"exit status {status}")
        self.status = status


@dataclass(frozen=True, slots=True)
class Program:
    """The installed program, and the folder where it keeps layers during the tour."""

    root: Path
    cache: Path

    def run(
        self,
        *arguments: str,
        head: int | None = None,
        tail: int = 0,
        without: Sequence[str] = (),
        good: Sequence[int] = (0,),
    ) -> None:
        """Show a command, run it, and show what it prints: all of it, or the first and the last lines.

        With `head`, lines that have one of `without` in them are left out, as the grep that is shown would do.
        Raises Failed for an exit status that is not among the good ones.
        """
        grep = f" | grep -v {shlex.join(f'-e{word}' for word in without)}" if without else ""
        print(f"\n$ hullmark {shlex.join(arguments)}{grep}", flush=True)
        environment = {**os.environ, "HULLMARK_CACHE_DIR": str(self.cache)}
        begun = time.perf_counter()
        done = subprocess.run(  # noqa: S603
            [self.root / HULLMARK, *arguments],
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=None if head is None else subprocess.PIPE,
            text=True,
            errors="replace",
            env=environment,
            cwd=self.root,
        )
        seconds = time.perf_counter() - begun
        if head is not None:
            kept = [line for line in done.stdout.splitlines(True) if not any(word in line for word in without)]
            sys.stdout.writelines(shortened("".join(kept), head, tail))
        print(f"[{seconds:.1f} s, exit status {done.returncode}]", flush=True)
        if done.returncode not in good:
            raise Failed(done.returncode)


def shortened(text: str, head: int, tail: int) -> list[str]:
    """The first and last lines of a text, with a line between them that counts what was left out."""
    lines = text.splitlines(keepends=True)
    if len(lines) <= head + tail + 1:
        return lines
    return [*lines[:head], f"    … {len(lines) - head - tail} more lines …\n", *lines[len(lines) - tail :]]


def inspect(program: Program, reference: str) -> None:
    """What is inside, read from the image; then again, from what is kept of its layers."""
    _title("What is inside")
    program.run("scan", reference, head=12, tail=12)
    print("\nA layer is read once, ever. The second time:")
    program.run("scan", reference, head=0, tail=1)


def match(program: Program, reference: str) -> None:
    """What is known to be wrong, by a handful of advisories that need no network."""
    _title(f"What is known to be wrong? By the few advisories in {ADVISORIES}:")
    told = ("--at", ADVISORIES_OF, "--advisories", ADVISORIES)
    program.run("vulns", "--why", *told, reference, head=16, tail=12)


def judge(program: Program, reference: str) -> None:
    """Whether it may be deployed. A stop is an answer, not a failure of the tour."""
    _title(f"May it be deployed? By {POLICY}:")
    program.run("check", "--policy", POLICY, reference, good=_VERDICTS)


def explain(program: Program, reference: str) -> None:
    """Which files are not as their packages brought them, which came with none, and what is hidden below."""
    _title("Which files are not what the packages brought?")
    program.run("files", "--state", "changed", "--state", "config-changed", reference, head=12, tail=6)
    _title("Which files came with no package? (dpkg's own records and /opt aside)")
    program.run("files", "--state", "unowned", reference, head=12, tail=4, without=("/opt/", "/var/lib/dpkg/"))
    print()
    print(_NEXT.format(reference, POLICY), end="", flush=True)


def _title(text: str) -> None:
    print(f"\n--- {text}", flush=True)
