"""`make demo`: take an image, say what is inside, match it with advisories, judge it, explain.

`python -m tools.demo --help` tells the options.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tools.demo import console, tour
from tools.demo.choice import Choice, choose, make

ROOT = Path(__file__).resolve().parents[2]


def main() -> int:
    """The whole demonstration; answers its exit status."""
    arguments = _arguments()
    folder = ROOT / "var" / "demo"
    folder.mkdir(parents=True, exist_ok=True)
    program = tour.Program(ROOT, folder / "cache")
    choice = make(folder, _say) if arguments.build else choose(arguments.image, folder, _say)
    try:
        try:
            tour.inspect(program, _short(choice))
        except tour.Failed:
            if arguments.image or choice.made_here:
                raise
            # The registry answered and then did not give the image out, as when too many have asked.
            choice = make(folder, _say)
            tour.inspect(program, _short(choice))
        tour.match(program, _short(choice))
        tour.judge(program, _short(choice))
        tour.explain(program, _short(choice))
        print(console.words(ROOT, _short(choice)), end="", flush=True)
    except tour.Failed as failed:
        print(f"demo: the command above failed with {failed}", file=sys.stderr)
        return failed.status
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tools.demo", description="Shows what hullmark does.")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--image", metavar="SOURCE", help="the image to show it with (any SOURCE of hullmark)")
    which.add_argument("--build", action="store_true", help="make an image here, without asking a registry")
    return parser.parse_args()


def _short(choice: Choice) -> str:
    """The reference as one would type it in this folder."""
    return choice.reference.replace(f"{ROOT}/", "", 1) if choice.made_here else choice.reference


def _say(line: str) -> None:
    print(f"demo: {line}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
