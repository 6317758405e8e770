"""Parse the command line, run the verb, and turn errors into one line what, one line what to do, and an exit status."""

from __future__ import annotations

import argparse
import gc
import os
import sys
import threading
from collections.abc import Sequence
from importlib import import_module
from typing import Any, NoReturn

from hullmark._version import __version__
from hullmark.cli.environment import warn_of_mistyped
from hullmark.cli.help import HelpFormatter
from hullmark.cli.output import let_go_of_stdout
from hullmark.cli.settings import add_common

_VERBS = (
    "scan",
    "vulns",
    "check",
    "verify",
    "copy",
    "policy",
    "diff",
    "layers",
    "explain",
    "upkeep",
    "minimize",
    "fix",
    "report",
    "files",
    "config",
    "secrets",
    "malware",
    "sbom",
    "quality",
    "db",
    "compare",
    "cache",
    "serve",
    "worker",
    "inventory",
    "agent",
    "admit",
    "migrate",
    "backup",
    "restore",
    "completion",
    "man",
)
"""The modules of one verb each, in the order in which `--help` shows them."""

_REMOTE = (
    *("login", "logout", "whoami", "image", "exception", "account", "user", "key", "federation", "registry"),
    *("channel", "message", "subscription", "silence", "place", "application"),
    *("watch", "hook", "event", "audit", "advisories", "export", "system"),
    *("explain_change", "mcp"),
)
"""The same, in `remote`: what a server is asked for."""

_BEFORE = ("--server", "--account")
"""Options that may stand before the verb, as well as behind it."""

_VERSION = "--version"
_TOP = ("-h", "--help", _VERSION)
_LACKING = "the following arguments are required: "
_KEPT_FREE = 16 << 20

PASSED, STOPPED, REFUSED, CANNOT_TELL, BUG, INTERRUPTED = 0, 1, 2, 3, 10, 130

_EPILOG = """\
begin with:
  hullmark scan nginx:1.27                          what is inside
  hullmark vulns nginx:1.27                         what is wrong with it
  hullmark check --policy policy.yaml nginx:1.27    whether it may be deployed

exit status:
  0  passed
  1  the policy says stop, or --fail-on is met
  2  wrong usage, or what was asked cannot be done
  3  cannot tell: data that the policy needs is missing
  10 a bug in hullmark
  130 interrupted (Ctrl-C)
"""


class _Parser(argparse.ArgumentParser):
    """Says what is wrong as all other errors are said, not with the whole usage."""

    def error(self, message: str, advice: str = "") -> NoReturn:
        """End with what is wrong and what to do."""
        lacks = message.removeprefix(_LACKING).split(", ")[0] if message.startswith(_LACKING) else ""
        if lacks:
            from hullmark.cli.habits import missing

            article = "" if lacks.startswith("-") else "an " if lacks[0] in "AEIOU" else "a "
            message, advice = f"{self.prog} needs {article}{lacks}", missing(self.prog, lacks)
        _say(f"hullmark: {message}")
        _say(f"  {advice or f'{self.prog} --help shows what can be given'}")
        sys.exit(REFUSED)

    def unknown(self, words: Sequence[str], verb: str, action: str) -> NoReturn:
        """End with the first option that the verb, or its action, does not have, and what may be meant by it."""
        option = next((word for word in words if word.startswith("-")), words[0])
        from hullmark.cli.habits import suggest_option

        there, name = self._innermost(verb, action)
        advice = suggest_option(option, there._option_string_actions)
        name = f"hullmark {name}".rstrip()
        self.error(
            f"{name} has no option {option.partition('=')[0][:50]}",
            advice or f"{name} --help lists them",
        )

    def _innermost(self, *names: str) -> tuple[argparse.ArgumentParser, str]:
        """The parser of a verb, or of its action, and its name."""
        found: argparse.ArgumentParser = self
        path: list[str] = []
        for name in names:
            subs = (one for one in found._actions if isinstance(one, argparse._SubParsersAction))
            inner = next((sub.choices[name] for sub in subs if name in sub.choices), None)
            if inner is None:
                break
            found, path = inner, [*path, name]
        return found, " ".join(path)

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        """Of verbs and their actions there are too many for one line: a mistyped one is answered with what comes near it."""
        names = isinstance(action, argparse._SubParsersAction) or action.metavar == "ACTION"
        if action.choices is None or value in action.choices:
            return
        from difflib import get_close_matches

        from hullmark.cli.habits import instead, resolve_name

        near = list(
            dict.fromkeys(
                resolve_name(action, name) for name in get_close_matches(str(value), tuple(map(str, action.choices)))
            )
        )
        what = str(action.metavar or action.dest).lower() if not action.option_strings else action.option_strings[-1]
        there = (
            f"there is no {what} {str(value)[:50]!r}"
            if not action.option_strings
            else f"{what}: there is no {str(value)[:50]!r}"
        )
        if names and (advice := instead(self.prog, value)):
            self.error(there, advice)
        if names and not near:
            self.error(there, f"{self.prog} --help lists them")
        known = "" if near or names else f"; known are {', '.join(map(str, action.choices))}"
        raise argparse.ArgumentError(None, there + (f": {' or '.join(near)}?" if near else known))


def verbs(only: str | None = None) -> list[Any]:
    """Every verb; just the one called `only`, if there is one, and none for `--version`: a run need not import the others."""
    if only == _VERSION:
        return []
    there = {**{name: name for name in _VERBS}, **{name.replace("_", "-"): f"remote.{name}" for name in _REMOTE}}
    names = (there[only],) if only in there else (*there.values(), "lists")
    modules = [import_module(f"hullmark.cli.{name}") for name in names]
    return [verb for module in modules for verb in getattr(module, "VERBS", (module,))]


def parser(only: str | None = None) -> _Parser:
    """The whole command line.

    `only`: the first word. Of a verb that is not meant by it, nothing but its name and what it is for will be looked at, and what it takes
    is left out, which is faster; where that can be, so is the verb.
    """
    top = _Parser(
        prog="hullmark",
        description="Says what is inside a container image, and whether it may be deployed.",
        epilog=_EPILOG,
        formatter_class=HelpFormatter,
        allow_abbrev=False,
    )
    top.add_argument(_VERSION, action="version", version=f"hullmark {__version__}")
    top.add_argument("--server", metavar="URL", default=argparse.SUPPRESS, help="ask this Hullmark server")
    top.add_argument("--account", metavar="NAME", default=argparse.SUPPRESS, help="the account to act in on the server")
    parsers = top.add_subparsers(dest="verb", metavar="COMMAND", required=True, prog="hullmark", title="commands")
    for verb in (asked := verbs(only)):
        sub = parsers.add_parser(
            verb.NAME,
            help=verb.HELP,
            description=verb.HELP[0].upper() + verb.HELP[1:] + ".",
            epilog=getattr(verb, "EPILOG", None),
            formatter_class=HelpFormatter,
            allow_abbrev=False,
        )
        if only is None or only == verb.NAME or len(asked) == 1:
            verb.add_arguments(sub)
            add_common(sub)
            sub.set_defaults(run=verb.run)
    return top


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """The arguments, by name. Ends the program if they are wrong."""
    argv = _verb_first(_expand_help(argv))
    if argv and argv[0].startswith("-") and argv[0] not in _TOP:
        parser("scan").unknown(argv[:1], "", "")
    whole = parser(argv[0] if argv else "")
    arguments, left = whole.parse_known_args(argv)
    # Python 3.11's argparse takes positional arguments of any number in one place only: not some more behind an option.
    many = getattr(arguments, "source", getattr(arguments, "arguments", None))
    if isinstance(many, list) and not any(text.startswith("-") for text in left):
        many += left
    elif any(text.partition("=")[0] in _BEFORE for text in left):
        whole.error(f"{arguments.verb} works on this machine, and asks no server")
    elif left:
        whole.unknown(left, arguments.verb, getattr(arguments, "action", "") or "")
    return arguments


def _expand_help(argv: Sequence[str]) -> Sequence[str]:
    """The same with `help COMMAND` and `help NOUN ACTION` as `COMMAND --help`."""
    return [*argv[1:3], "--help"] if list(argv[:1]) == ["help"] else argv


def _verb_first(argv: Sequence[str]) -> list[str]:
    """The same command line with the options before the verb behind it."""
    rest, moved = list(argv), []
    while rest and rest[0].partition("=")[0] in _BEFORE:
        taken = 1 if "=" in rest[0] else 2
        moved += rest[:taken]
        del rest[:taken]
    return [*rest[:1], *moved, *rest[1:]]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program; answers its exit status."""
    _open_missing_streams()
    argv = sys.argv[1:] if argv is None else argv
    arguments = parse(argv)
    warn_of_mistyped(os.environ)
    # A scan makes hundreds of thousands of values without cycles and then ends: collecting them is wasted work.
    gc.disable()
    # Freeing a large piece once tells glibc to keep what is freed later (mallopt(3), M_MMAP_THRESHOLD): bodies and blocks
    # then use the same memory again and again, where fresh memory costs a page fault every 4 KiB.
    bytes(_KEPT_FREE)
    try:
        if isinstance(sources := getattr(arguments, "source", None), list):
            from hullmark.cli.habits import refuse_sources

            refuse_sources(sources)
        status = int(arguments.run(arguments))
        sys.stdout.flush()
        return status
    except KeyboardInterrupt:
        _leave_threads_behind()
        return INTERRUPTED
    except BrokenPipeError:
        let_go_of_stdout()
        return PASSED
    # The last line of defence: a fault of ours still ends with a message and a status of its own.
    except Exception as error:
        if arguments.debug:
            raise
        return _explain(error)


def program() -> NoReturn:
    """What the command `hullmark` runs: `main`, and then the end of the process.

    Everything is written and closed by then. Python would take apart each of a scan's values before it ended, which is up to three
    hundredths of the time that the scan took.
    """
    status = main()
    try:
        sys.stderr.flush()
    finally:
        os._exit(status)


def _explain(error: Exception) -> int:
    """One line what, one line what to do; answers the exit status."""
    from hullmark.model.errors import HullmarkError

    if isinstance(error, HullmarkError):
        what, advice, status = str(error), error.advice, REFUSED
    elif isinstance(error, OSError) and error.strerror:
        # A full disk, a failing one, too many open files: the machine's trouble, not ours.
        what = f"{error.filename}: {error.strerror}" if error.filename else error.strerror
        advice, status = "check space, rights and limits of this machine", REFUSED
        _settle_stdout()
    else:
        what = f"a bug in hullmark: {type(error).__name__}: {error}"
        advice, status = "please report it; --debug shows where it happened", BUG
    _say(f"hullmark: {what}")
    if advice:
        _say(f"  {advice}")
    return status


def _leave_threads_behind() -> None:
    """End now if others still read: the interpreter would wait for each, however long its connection hangs."""
    if threading.active_count() > 1:
        sys.stderr.flush()
        os._exit(INTERRUPTED)


def _settle_stdout() -> None:
    """Write what waits to be written, if that can be done at all."""
    try:
        sys.stdout.flush()
    except OSError:
        let_go_of_stdout()


def _open_missing_streams() -> None:
    """A parent may have closed them: then what is said goes nowhere, and no image file gets their numbers."""
    for name in ("stdin", "stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "r" if name == "stdin" else "w"))  # noqa: PTH123, SIM115 - as long as the process


def _say(line: str) -> None:
    """One line for a person. Names from an image may hold anything, so control characters are written out."""
    safe = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in line)
    sys.stderr.write(safe.encode("utf-8", "backslashreplace").decode() + "\n")
