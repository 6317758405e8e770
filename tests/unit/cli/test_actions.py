"""The actions of nouns: one word for one thing everywhere, other words taken too, each help for itself with an example that holds."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Iterator

import pytest

from hullmark.cli.main import main, parse, parser
from hullmark.cli.remote.actions import OTHER_NAMES


def actions() -> Iterator[tuple[str, str, argparse.ArgumentParser]]:
    """Noun, action and its parser, for all that are shown."""
    (verbs,) = (one for one in parser()._actions if isinstance(one, argparse._SubParsersAction))
    for noun, inner in verbs.choices.items():
        for sub in inner._actions:
            if isinstance(sub, argparse._SubParsersAction):
                shown = {choice.dest for choice in sub._choices_actions}
                yield from ((noun, name, found) for name, found in sub.choices.items() if name in shown)


ACTIONS = list(actions())


def test_there_is_one_word_for_one_thing() -> None:
    others = {other for names in OTHER_NAMES.values() for other in names} - set(OTHER_NAMES)
    # A server's advisories are updated, as those of this machine are: nothing of theirs is changed.
    shown = [(noun, name) for noun, name, _ in ACTIONS if name in others and name != "update"]
    assert shown == []
    assert {noun for noun, name, _ in ACTIONS if name == "update"} == {"db", "advisories"}


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("channel remove shop", "delete"),
        ("channel delete shop", "delete"),
        ("policy remove shop", "delete"),
        ("image get shop", "show"),
        ("image ls", "list"),
        ("key create ci --role ci", "add"),
        ("exception delete 7", "end"),
        ("watch edit 7", "change"),
        ("advisories update", "update"),
        ("policy get shop", "show"),
    ],
)
def test_other_words_are_taken_for_it(typed: str, meant: str) -> None:
    assert parse(typed.split()).action == meant


@pytest.mark.parametrize(("noun", "name"), [(noun, name) for noun, name, _ in ACTIONS])
def test_help_shows_the_action_alone_with_an_example_that_is_taken(
    noun: str, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if noun == "sbom":
        return  # its one action is described with its formats
    with pytest.raises(SystemExit):
        main((noun, name, "--help"))
    shown = capsys.readouterr().out
    before, _, example = shown.partition("\nexample:\n")
    assert before.startswith(f"usage: hullmark {noun} {name} ")
    words = shlex.split(example)
    assert words[:3] == ["hullmark", noun, name]
    arguments = parse(words[1:])
    assert (arguments.verb, arguments.action) == (noun, name)


def test_an_action_of_db_shows_only_its_own_options(capsys: pytest.CaptureFixture[str]) -> None:
    shown = {}
    for name in ("update", "status", "export", "import"):
        with pytest.raises(SystemExit):
            main(("db", name, "--help"))
        shown[name] = capsys.readouterr().out
    for option, names in (
        ("--from", {"update"}),
        ("--since", {"export"}),
        ("--trust", {"import"}),
        ("--keep-snapshots", {"update", "import"}),
        ("--db-dir", set(shown)),
    ):
        assert {name for name, text in shown.items() if f"  {option} " in text} == names


def test_what_stands_before_an_action_holds_behind_it() -> None:
    before = parse(["db", "--db-dir", "x", "-q", "-o", "json", "status"])
    behind = parse(["db", "status", "--db-dir", "x", "-q", "-o", "json"])
    assert vars(before) | {"run": None} == vars(behind) | {"run": None}
    assert parse(["db", "status"]).output == "table"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            "db status --cache-dir x",
            "advisories are kept in --db-dir DIR; --cache-dir is for layers that were read",
        ),
        (
            "scan --db-dir x y",
            "layers are kept in --cache-dir DIR; --db-dir is for advisories, which this command does not read",
        ),
        ("image list --stat x", "did you mean --state?"),
    ],
)
def test_a_folder_or_option_that_is_called_otherwise_is_answered(
    words: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        parse(words.split())
    assert ended.value.code == 2
    assert capsys.readouterr().err.splitlines()[1] == f"  {said}"
