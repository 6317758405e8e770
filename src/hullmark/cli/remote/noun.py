"""Nouns of a server as tables: what is listed, shown, made, changed and removed at a path of its API.

What else a noun does is code beside its table.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hullmark.cli.remote.actions import Action, Run, add_actions, add_limit, api_of
from hullmark.cli.remote.shown import Column, show, show_fields, show_list
from hullmark.cli.rows import add_output

GUIDE = "`hullmark %s ACTION --help` says more of each. docs/how-to/%s.md shows them at work."

Path = str | Callable[[argparse.Namespace], str]
"""A path below /api/v1 in which `{name}` stands for what is named on the command line, or what answers the whole."""
Said = str | Callable[[Any], str]
"""What people are told of an answer: a sentence with `{fields}` of it, or what makes one."""


class Noun:
    """A noun with its actions, as the command line takes a verb. `guide` is the how-to that shows it at work."""

    def __init__(self, name: str, help: str, actions: Mapping[str, Action], *, guide: str = "use-a-server") -> None:
        self.NAME, self.HELP, self.EPILOG = name, help, GUIDE % (name, guide)
        self.actions = actions

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """The noun's own arguments."""
        add_actions(parser, self.actions)

    def run(self, arguments: argparse.Namespace) -> int:
        """Do the action."""
        return self.actions[arguments.action].run(arguments)


@dataclass(frozen=True, slots=True)
class Field:
    """An argument: its flag or name, its field in the API ("": none), and what argparse takes besides."""

    flag: str
    sent: str
    how: Mapping[str, Any]

    @property
    def dest(self) -> str:
        """Where argparse puts it."""
        return str(self.how.get("dest") or self.flag.lstrip("-").replace("-", "_"))


def field(flag: str, help: str, *, sent: str | None = None, **how: Any) -> Field:
    """An argument that the API calls `sent`, or the same as its flag."""
    name = flag.lstrip("-").replace("-", "_") if sent is None else sent
    return Field(flag, name, {"help": help, **how})


def name_field(help: str, metavar: str = "NAME", **how: Any) -> Field:
    """Which one is meant. It stands in paths."""
    return field("name", help, sent="", metavar=metavar, **how)


OUTPUT = Field("-o", "", {})
"""The format of the answer, where it does not stand behind all else in the help."""


def add_fields(parser: argparse.ArgumentParser, fields: Sequence[Field]) -> None:
    """Arguments, and the format of the answer."""
    for argument in fields if OUTPUT in fields else (*fields, OUTPUT):
        if argument is OUTPUT:
            add_output(parser)
        else:
            parser.add_argument(argument.flag, **argument.how)


def acting(help: str, fields: Sequence[Field], run: Run) -> Action:
    """What is code of its own, with the arguments that it takes."""
    return Action(help, lambda parser: add_fields(parser, fields), run)


def listing(
    help: str,
    path: Path,
    columns: Sequence[Column],
    none: str,
    filters: Sequence[Field] = (),
    more: Mapping[str, Column] = {},
) -> Action:
    """A list, or what fits some filters. `more` is shown besides with a filter; `none` is said of an empty one."""

    def add(parser: argparse.ArgumentParser) -> None:
        for argument in filters:
            parser.add_argument(argument.flag, **argument.how)
        add_limit(parser)
        add_output(parser)

    def run(arguments: argparse.Namespace) -> int:
        query = {argument.sent: getattr(arguments, argument.dest) or None for argument in filters if argument.sent}
        shown = [*columns, *(column for name, column in more.items() if getattr(arguments, name))]
        return show_list(arguments, api_of(arguments).pages(at(path, arguments), query, arguments.limit), shown, none)

    return Action(help, add, run)


def showing(help: str, path: Path, one: Field) -> Action:
    """All fields of one."""

    def run(arguments: argparse.Namespace) -> int:
        return show_fields(arguments, api_of(arguments).get(at(path, arguments)))

    return acting(help, (one,), run)


def sending(
    help: str, method: str, path: Path, fields: Sequence[Field], sentence: Said, document: object = None
) -> Action:
    """A request with the fields that the API knows, or with a document that is always the same; and its answer."""

    def run(arguments: argparse.Namespace) -> int:
        given = {argument.sent: getattr(arguments, argument.dest) for argument in fields if argument.sent}
        answer = api_of(arguments).json(method, at(path, arguments), document=given or document)
        return show(arguments, answer, sentence if callable(sentence) else sentence.format_map)

    return acting(help, fields, run)


def removing(help: str, path: Path, one: Field, word: str, sentence: str) -> Action:
    """One is no longer there; `word` names it in the answer, as the server answers nothing."""

    def run(arguments: argparse.Namespace) -> int:
        api_of(arguments).json("DELETE", at(path, arguments))
        return show(arguments, {word: getattr(arguments, one.dest)}, sentence.format_map)

    return acting(help, (one,), run)


def at(path: Path, arguments: argparse.Namespace) -> str:
    """The path that is meant."""
    from hullmark.net.api_client import segment

    if callable(path):
        return path(arguments)
    return path.format(name=segment(str(arguments.name))) if "{" in path else path
