"""`hullmark man`: manual pages in roff (man(7)), made from the parsers themselves."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from hullmark._version import __version__

NAME = "man"
HELP = "show or write manual pages, of the program or of a command"
EPILOG = """\
how to install them
  hullmark man --into ~/.local/share/man/man1    then: man hullmark, man hullmark-scan
  hullmark man --into /usr/local/share/man/man1  for everybody
"""

_WIDTH = 76
_PLAIN = {"\\": "\\e", "-": "\\-", "'": "\\(aq", "`": "\\(ga", "^": "\\(ha", "~": "\\(ti", '"': "\\(dq"}
_ARGUMENTS = "positional arguments"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument("command", metavar="COMMAND", nargs="?", default="", help="which one (default: the program)")
    parser.add_argument("--into", metavar="DIR", help="write all pages into this folder: hullmark.1, hullmark-scan.1 …")


def run(arguments: argparse.Namespace) -> int:
    """Write one page to standard output, at a terminal as man shows it, or all into a folder."""
    from hullmark.cli.main import parser
    from hullmark.model.errors import HullmarkError

    found = pages(parser())
    if arguments.into:
        return _write(found, Path(arguments.into))
    name = f"hullmark-{arguments.command}" if arguments.command else "hullmark"
    if name not in found:
        raise HullmarkError(f"there is no command {arguments.command[:50]!r}", advice="hullmark --help lists them")
    return _show(found[name])


def _write(found: dict[str, str], folder: Path) -> int:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in found.items():
        (folder / f"{name}.1").write_text(text, "ascii")
    sys.stdout.write(f"{len(found)} pages are in {folder}\n")
    return 0


def _show(text: str) -> int:
    import shutil
    import subprocess

    shows = shutil.which("man") if sys.stdout.isatty() else None
    if shows is None:
        sys.stdout.write(text)
        return 0
    return subprocess.run([shows, "-l", "-"], input=text.encode(), check=False).returncode  # noqa: S603 - it is man, given no names


def pages(whole: argparse.ArgumentParser) -> dict[str, str]:
    """Every page by its name: `hullmark`, and one for each command."""
    (commands,) = (one for one in whole._actions if isinstance(one, argparse._SubParsersAction))
    helps = {choice.dest: choice.help or "" for choice in commands._choices_actions}
    others = [f"hullmark-{name}" for name in helps]
    found = {"hullmark": _page(whole, "hullmark", whole.description or "", helps, others)}
    for name, said in helps.items():
        found[f"hullmark-{name}"] = _page(commands.choices[name], f"hullmark-{name}", said, {}, ["hullmark"])
    return found


def _page(parser: argparse.ArgumentParser, name: str, said: str, commands: dict[str, str], see: list[str]) -> str:
    lines = [
        f'.TH {roff(name.upper())} 1 "{_day()}" "hullmark {__version__}" "Hullmark"',
        ".nh",
        *(".SH NAME", f"{roff(name)} \\- {_text(said.rstrip('.'))}"),
        *(".SH SYNOPSIS", *_usage(parser)),
    ]
    if commands:
        lines += [".SH COMMANDS"]
        for command, text in commands.items():
            lines += [".TP", f"\\fB{roff(command)}\\fR", _text(text)]
    else:
        lines += [".SH DESCRIPTION", _text(parser.description or said)]
    lines += _options(parser, ".SH")
    lines += _actions(parser)
    if parser.epilog:
        lines += [".SH NOTES", *_as_it_is(parser.epilog)]
    lines += [".SH SEE ALSO", ",\n".join(f".BR {roff(other)} (1)" for other in see).replace(",\n", " ,\n")]
    return "\n".join(lines) + "\n"


def _actions(parser: argparse.ArgumentParser) -> Iterator[str]:
    """Each action of a noun, with its own arguments and options."""
    for subs in parser._actions:
        if not isinstance(subs, argparse._SubParsersAction) or parser.prog == "hullmark":
            continue
        yield ".SH ACTIONS"
        for choice in subs._choices_actions:
            inner = subs.choices[choice.dest]
            yield from (
                f".SS {roff(choice.dest)}",
                _text(inner.description or choice.help or ""),
                ".PP",
                *_usage(inner),
            )
            yield from _options(inner, "")
            if inner.epilog:
                yield from (".PP", *_as_it_is(inner.epilog))


def _options(parser: argparse.ArgumentParser, section: str) -> Iterator[str]:
    """The arguments and options, by group; `section` is the macro above each group, "" for none."""
    formatter = _formatter(parser)
    for group in parser._action_groups:
        shown = [
            action
            for action in group._group_actions
            if action.help is not argparse.SUPPRESS and not isinstance(action, argparse._SubParsersAction)
        ]
        if shown and section:
            title = "arguments" if group.title == _ARGUMENTS else str(group.title)
            yield f"{section} {roff(title.upper())}"
        for action in shown:
            yield from (".TP", _head(action), _text(formatter._expand_help(action) if action.help else ""))


def _head(action: argparse.Action) -> str:
    """`-o, --output FORMAT`, or the name of an argument."""
    value = str(action.metavar or (action.dest if action.nargs != 0 else ""))
    if action.choices is not None and action.metavar is None:
        value = "|".join(map(str, action.choices))
    if not action.option_strings:
        return f"\\fI{roff(value)}\\fR"
    names = ", ".join(f"\\fB{roff(name)}\\fR" for name in action.option_strings)
    return f"{names} \\fI{roff(value)}\\fR" if action.nargs != 0 and value else names


def _usage(parser: argparse.ArgumentParser) -> Iterator[str]:
    formatter = _formatter(parser)
    formatter.add_usage(parser.usage, parser._actions, parser._mutually_exclusive_groups, prefix="")
    yield from _as_it_is(formatter.format_help())


def _formatter(parser: argparse.ArgumentParser) -> argparse.HelpFormatter:
    """The same page on every terminal."""
    return argparse.RawDescriptionHelpFormatter(parser.prog, width=_WIDTH)


def _as_it_is(text: str) -> Iterator[str]:
    yield ".nf"
    yield from (_line(line) for line in text.strip("\n").split("\n"))
    yield ".fi"


def _text(text: str) -> str:
    return _line(" ".join(text.split()))


def _line(text: str) -> str:
    """A line that begins with no macro."""
    safe = roff(text)
    return f"\\&{safe}" if safe.startswith((".", "\\(aq")) or not safe else safe


def roff(text: str) -> str:
    """The text as roff shows it, in ASCII: signs that mean something to it, and what is not ASCII, by their names."""
    return "".join(_PLAIN.get(c, c) if c.isascii() else f"\\[u{ord(c):04X}]" for c in text)


def _day() -> str:
    """The day that SOURCE_DATE_EPOCH sets, if it does."""
    from hullmark.cli.output import timestamp

    return (timestamp() or "")[:10]
