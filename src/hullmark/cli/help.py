"""How the help of a command is laid out, with an example that is made from what it takes."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable, Iterator
from typing import Any

from hullmark.cli.output import columns

_SAMPLES = {
    "SOURCE": "registry.example.com/team/shop:1.4",
    "SOURCE [PATH]": "registry.example.com/team/shop:1.4 /etc/os-release",
    "IMAGE": "registry.example.com/team/shop:1.4",
    "IMAGE|FILE": "registry.example.com/team/shop:1.4",
    "REFERENCE": "registry.example.com/team/shop:1.4",
    "REF": "registry.example.com/team/shop:1.4",
    "HOST/REPOSITORY[:TAG]": "registry.example.com/team/shop:1.4",
    "ID|REFERENCE": "registry.example.com/team/shop:1.4",
    "HOST[/PREFIX]": "registry.example.com",
    "REGISTRY-NAME": "registry.example.com/advisories:latest",
    "POLICY": "policy.yaml",
    "BUNDLE": "bundle.json",
    "DIGEST": "sha256:8041f0954dd1",
    "DIGEST|FILE": "sha256:8041f0954dd1",
    "ID|PACKAGE": "CVE-2021-44228",
    "ID|NAME": "shop",
    "NAME": "shop",
    "ID": "7",
    "PATTERN": "CVE-2021-44228+*",
    "DAY": "2026-12-31",
    "TIME": "2026-12-31T18:00:00Z",
    "WHO": "ann@example.com",
    "TEXT": "accepted",
    "KIND": "webhook",
    "ROLE": "viewer",
    "TARGET": "backup.tar",
}


FIRST_SECTION = "look into images"
SECTIONS: dict[str, tuple[str, ...]] = {
    "judge and fix": ("check", "fix", "minimize", "upkeep", "report", "policy", "verify", "copy"),
    "vulnerability database": ("db", "compare"),
    "what runs, and what may start": ("inventory", "agent", "admit"),
    "run a server": ("serve", "worker", "migrate", "backup", "restore"),
    "use a server: inventory": (
        *("login", "logout", "whoami", "image", "place", "collector", "application"),
        *("watch", "hook", "registry", "advisories", "exception", "export"),
    ),
    "use a server: notifications": (
        *("channel", "subscription", "silence", "message", "event", "explain-change"),
        "mcp",
    ),
    "use a server: administration": ("account", "user", "key", "federation", "audit", "system"),
    "hullmark itself": (
        *("cache", "completion", "man"),
        *("catalogers", "facets", "feeds", "schemes", "formats", "channels"),
    ),
}
"""Commands by what they are for, as the program's help lists them; those that are not named here look into images."""

_NAME_WIDTH = 16
_MOST_IN_USAGE = 6
_NARROWEST = 20
_TWO_COLUMNS = re.compile(r" +\S+(?: \S+)* {2,}").match


class HelpFormatter(argparse.RawDescriptionHelpFormatter):
    """Help as wide as the terminal. Asking for the width here spares every run the import of shutil."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=max(columns(80), 40) - 2)

    def _format_action(self, action: argparse.Action) -> str:
        """The program's commands under headings; all else as argparse lays it out."""
        if isinstance(action, argparse._SubParsersAction) and action.dest == "verb":
            return "\n".join(self._section(title, said) for title, said in _by_section(action))
        return super()._format_action(action)

    def _section(self, title: str, said: list[tuple[str, str]]) -> str:
        lines = [f"  {title}"]
        for name, text in said:
            first, *more = self._split_lines(text, max(self._width - _NAME_WIDTH - 4, 11))
            lines += [f"    {name:<{_NAME_WIDTH}}{first}", *(f"{'':<{_NAME_WIDTH + 4}}{line}" for line in more)]
        return "\n".join(lines) + "\n"

    def _split_lines(self, text: str, width: int) -> list[str]:
        """Folded between words alone: names of options and files are whole."""
        from textwrap import wrap

        return wrap(" ".join(text.split()), width, break_on_hyphens=False)

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        """As wide as the terminal. Lines that fit stay as they are; one that does not goes on in the next, if that is prose, too."""
        made: list[str] = []
        prose = ""
        for line in text.splitlines():
            if prose and line and not line.startswith(" "):
                line, prose = f"{prose} {line}", ""
            if prose:
                made, prose = [*made, *self._split_lines(prose, width)], ""
            if line.startswith(" "):
                made += _wrap_columns(line, width)
            elif len(line) > width:
                prose = line
            else:
                made.append(line)
        made += self._split_lines(prose, width) if prose else []
        return "".join(f"{indent}{line}\n" for line in made)

    def _format_usage(
        self,
        usage: str | None,
        actions: Iterable[argparse.Action],
        groups: Iterable[argparse._MutuallyExclusiveGroup],
        prefix: str | None,
    ) -> str:
        """Of many options, those that must be given: the rest is listed below."""
        shown = list(actions)
        options = [action for action in shown if action.option_strings]
        if usage is None and len(options) > _MOST_IN_USAGE:
            kept = [action for action in shown if action.required or not action.option_strings]
            words = super()._format_usage(None, kept, (), "").split()
            begun = f"usage: {self._prog} "
            left = " ".join(words[len(self._prog.split()) :])
            folded = self._split_lines(f"[OPTIONS] {left}", max(self._width - len(begun), _NARROWEST))
            usage = f"{self._prog} " + ("\n" + " " * len(begun)).join(folded)
        return super()._format_usage(usage, shown, groups, prefix)

    def start_section(self, heading: str | None) -> None:
        """The same, in one word less."""
        super().start_section("arguments" if heading == "positional arguments" else heading)


def _wrap_columns(line: str, width: int) -> Iterator[str]:
    """A line of two columns, its second one folded where it is too wide."""
    found = _TWO_COLUMNS(line) if len(line) > width else None
    if found is None or found.end() > width - _NARROWEST:
        yield line
        return
    from textwrap import wrap

    first, *more = wrap(line[found.end() :], width - found.end())
    yield f"{found[0]}{first}"
    yield from (f"{'':<{found.end()}}{piece}" for piece in more)


def _by_section(commands: argparse._SubParsersAction[Any]) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Each section's title with its commands and what is said of them, without empty ones."""
    left = {choice.dest: choice.help or "" for choice in commands._choices_actions}
    named = [(title, [(name, left.pop(name)) for name in names if name in left]) for title, names in SECTIONS.items()]
    yield from ((title, said) for title, said in ((FIRST_SECTION, list(left.items())), *named) if said)


def add_example(parser: argparse.ArgumentParser, options: str = "") -> None:
    """Show, at the end of the parser's help, a command line that it takes; `options` are shown besides what must be given."""
    words = " ".join(filter(None, (parser.prog, *_words(parser), options)))
    example = f"example:\n  {words}\n"
    parser.epilog = f"{parser.epilog}\n{example}" if parser.epilog else example


def _words(parser: argparse.ArgumentParser) -> Iterator[str]:
    """What must be given, in the order of the parser."""
    for action in parser._actions:
        value = _sample(action)
        if not action.option_strings and action.nargs not in ("?", "*"):
            yield value
        elif action.required and action.option_strings:
            yield f"{action.option_strings[-1]} {value}"


def _sample(action: argparse.Action) -> str:
    if action.choices is not None:
        return str(next(iter(action.choices)))
    name = str(action.metavar or action.dest)
    text = _SAMPLES.get(name, name)
    return f"'{text}'" if any(sign in text for sign in "*|[ ") and name != "SOURCE [PATH]" else text
