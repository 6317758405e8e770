"""`hullmark compare`: which of two versions is the later one, in an ecosystem's own order."""

from __future__ import annotations

import argparse
import sys

NAME = "compare"
HELP = "compare two versions: prints -1, 0 or 1"

_LONGEST = 10_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument("scheme", metavar="SCHEME", nargs="?", help="the order (hullmark schemes lists them)")
    parser.add_argument("a", metavar="A", nargs="?", help="a version")
    parser.add_argument("b", metavar="B", nargs="?", help="another")
    parser.add_argument(
        "--stdin",
        action="store_true",
        help="read lines SCHEME<TAB>A<TAB>B; answer each on a line, ? for what is not a version",
    )


def run(arguments: argparse.Namespace) -> int:
    """Compare the two, or every line."""
    from hullmark.app.compare import order_of
    from hullmark.model.errors import HullmarkError

    if arguments.stdin:
        for line in sys.stdin:
            sys.stdout.write(f"{_answer(line)}\n")
        return 0
    if arguments.b is None:
        raise HullmarkError("compare takes SCHEME A B", advice="hullmark compare deb 1.0-1 1.0-2; or give --stdin")
    sys.stdout.write(f"{order_of(arguments.scheme, arguments.a, arguments.b)}\n")
    return 0


def _answer(line: str) -> str:
    from hullmark.app.compare import order_of
    from hullmark.model.errors import HullmarkError

    parts = line.rstrip("\n").split("\t")
    if len(parts) != 3 or len(line) > _LONGEST:
        return "?"
    try:
        return str(order_of(*parts))
    except HullmarkError:
        return "?"
