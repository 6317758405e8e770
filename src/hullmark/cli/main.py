"""Parse the command line, run the verb, and turn errors into one line what, one line what to do, and an exit status."""

from __future__ import annotations

import argparse
import gc
import os
import sys
from collections.abc import Sequence

from hullmark._version import __version__
from hullmark.cli import cache, check, files, lists, scan
from hullmark.cli.settings import add_common

VERBS = (scan, check, files, cache, *lists.LISTS)
"""Every verb, in the order in which `--help` shows them."""

PASSED, STOPPED, REFUSED, CANNOT_TELL, BUG, INTERRUPTED = 0, 1, 2, 3, 10, 130

_EXIT_CODES = """\
exit status:
  0  passed
  1  the policy says stop
  2  wrong usage, or what was asked cannot be done
  3  cannot tell: data that the policy needs is missing
  10 a bug in hullmark
"""


def parser() -> argparse.ArgumentParser:
    """The whole command line."""
    top = argparse.ArgumentParser(
        prog="hullmark",
        description="Says what is inside a container image, and whether it may be deployed.",
        epilog=_EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="version", version=f"hullmark {__version__}")
    verbs = top.add_subparsers(dest="verb", metavar="COMMAND", required=True)
    for verb in VERBS:
        sub = verbs.add_parser(
            verb.NAME,
            help=verb.HELP,
            description=verb.HELP[0].upper() + verb.HELP[1:] + ".",
            epilog=getattr(verb, "EPILOG", None),
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        verb.add_arguments(sub)
        add_common(sub)
        sub.set_defaults(run=verb.run)
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program; answers its exit status."""
    arguments = parser().parse_args(argv)
    # A scan makes hundreds of thousands of values without cycles and then ends: collecting them is wasted work.
    gc.disable()
    from hullmark.model.errors import HullmarkError

    try:
        status = int(arguments.run(arguments))
        sys.stdout.flush()
        return status
    except HullmarkError as error:
        if arguments.debug:
            raise
        _say(f"hullmark: {error}")
        if error.advice:
            _say(f"  {error.advice}")
        return REFUSED
    except BrokenPipeError:
        # Whoever read our output has seen enough. Python would complain again when it closes standard output.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PASSED
    except KeyboardInterrupt:
        return INTERRUPTED
    # The last line of defence: a fault of ours still ends with a message and a status of its own.
    except Exception as error:
        if arguments.debug:
            raise
        _say(f"hullmark: a bug in hullmark: {type(error).__name__}: {error}")
        _say("  please report it; --debug shows where it happened")
        return BUG


def _say(line: str) -> None:
    """One line for a person. Names from an image may hold anything, so control characters are written out."""
    safe = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in line)
    sys.stderr.write(safe.encode("utf-8", "backslashreplace").decode() + "\n")
