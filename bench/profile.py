"""Where the CPU time of one run goes: `python -m bench.profile [--rows N] [--sort cumtime] -- scan SOURCE …`."""

from __future__ import annotations

import argparse
import cProfile
import pstats
import sys

from hullmark.cli.main import main as hullmark


def main() -> None:
    """The command line: what follows `--` is hullmark's own. One thread, as the profiler sees only that, and no cache."""
    parser = argparse.ArgumentParser(prog="python -m bench.profile", description=__doc__)
    parser.add_argument("--rows", type=int, default=40)
    parser.add_argument("--sort", choices=("tottime", "cumtime"), default="tottime")
    parser.add_argument("command", nargs="+", help="a hullmark command")
    arguments = parser.parse_args()
    profiler = cProfile.Profile()
    profiler.runcall(hullmark, [*arguments.command, "--no-cache", "--jobs", "1", "-o", "json=/dev/null"])
    pstats.Stats(profiler, stream=sys.stdout).strip_dirs().sort_stats(arguments.sort).print_stats(arguments.rows)


if __name__ == "__main__":
    main()
