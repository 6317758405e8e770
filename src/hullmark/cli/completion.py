"""`hullmark completion`: what a shell needs to complete command lines, made from the parsers themselves."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from typing import NamedTuple

NAME = "completion"
HELP = "write a shell's completion: bash, zsh or fish"

EPILOG = """\
how to use it
  bash   hullmark completion bash > ~/.local/share/bash-completion/completions/hullmark
  zsh    hullmark completion zsh > a folder of $fpath, as _hullmark
  fish   hullmark completion fish > ~/.config/fish/completions/hullmark.fish
"""


class CommandWords(NamedTuple):
    """A place in a command line: the words before it (`image list`), the words and options that may follow, each with its help."""

    path: tuple[str, ...]
    words: tuple[tuple[str, str], ...]
    options: tuple[tuple[str, str], ...]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument("shell", metavar="SHELL", choices=tuple(_SHELLS), help="bash, zsh or fish")


def run(arguments: argparse.Namespace) -> int:
    """Write the script."""
    from hullmark.cli.main import parser

    sys.stdout.write(_SHELLS[arguments.shell](list(_places(parser(), ()))))
    return 0


def _places(parser: argparse.ArgumentParser, path: tuple[str, ...]) -> Iterator[CommandWords]:
    """The parser's own place, and those of the parsers below it."""
    below: dict[str, argparse.ArgumentParser] = {}
    words: list[tuple[str, str]] = []
    options: list[tuple[str, str]] = []
    for action in parser._actions:
        said = _line(action.help)
        if isinstance(action, argparse._SubParsersAction):
            helps = {choice.dest: _line(choice.help) for choice in action._choices_actions}
            # What else a command or an action may be called by is not shown.
            words += [(name, helps[name]) for name in action.choices if name in helps]
            below |= {name: inner for name, inner in action.choices.items() if name in helps}
        elif action.option_strings:
            options += [(name, said) for name in action.option_strings]
        elif action.choices:
            words += [(str(name), "") for name in action.choices]
    yield CommandWords(path, tuple(words), tuple(options))
    for name, inner in below.items():
        yield from _places(inner, (*path, name))


def _line(text: str | None) -> str:
    """A help text on one line, without what shells would read as their own."""
    kept = "".join(letter for letter in text or "" if letter.isalnum() or letter in " ,.-:;()/_=")
    return " ".join(kept.replace(":", " ").split())[:80]


_BASH = """\
# hullmark: completion for bash, written by `hullmark completion bash`
_hullmark() {
    local word=${COMP_WORDS[COMP_CWORD]} before= at
    for ((at = 1; at < COMP_CWORD; at++)); do
        [[ ${COMP_WORDS[at]} == -* ]] || before+=" ${COMP_WORDS[at]}"
    done
    local words=
    while :; do
        case $before in
%s
            *) [[ $before == *" "* ]] && { before=${before%% *}; continue; } ;;
        esac
        break
    done
    COMPREPLY=($(compgen -W "$words" -- "$word"))
    [[ ${#COMPREPLY[@]} -gt 0 || $word == -* ]] || COMPREPLY=($(compgen -f -- "$word"))
}
complete -o filenames -F _hullmark hullmark
"""


def _bash(places: list[CommandWords]) -> str:
    rows = []
    for place in places:
        path = "".join(f" {word}" for word in place.path)
        words = " ".join(name for name, _ in (*place.words, *place.options))
        rows.append(f'            "{path}") words="{words}" ;;')
    return _BASH % "\n".join(rows)


_ZSH = """\
#compdef hullmark
# hullmark: completion for zsh, written by `hullmark completion zsh`
_hullmark() {
    local before= at
    for ((at = 2; at < CURRENT; at++)); do
        [[ ${words[at]} == -* ]] || before+=" ${words[at]}"
    done
    local -a found options
    while :; do
        case $before in
%s
            *) [[ $before == *" "* ]] && { before=${before%% *}; continue } ;;
        esac
        break
    done
    if [[ ${words[CURRENT]} == -* ]]; then
        _describe -o option options
    else
        (( $#found )) && _describe hullmark found || _files
    fi
}
_hullmark "$@"
"""


def _zsh(places: list[CommandWords]) -> str:
    rows = []
    for place in places:
        path = "".join(f" {word}" for word in place.path)
        found, options = (" ".join(f"'{name}:{said}'" for name, said in rows) for rows in place[1:])
        rows.append(f'            "{path}") found=({found}) options=({options}) ;;')
    return _ZSH % "\n".join(rows)


def _fish(places: list[CommandWords]) -> str:
    lines = ["# hullmark: completion for fish, written by `hullmark completion fish`"]
    for place in places:
        seen = [f"__fish_seen_subcommand_from {word}" for word in place.path] or ["__fish_use_subcommand"]
        others = [name for name, _ in place.words]
        where = "; and ".join(seen)
        at_words = (
            f"{where}; and not __fish_seen_subcommand_from {' '.join(others)}" if place.path and others else where
        )
        lines += [f"complete -c hullmark -n '{at_words}' -a '{name}' -d '{said}'" for name, said in place.words]
        for name, said in place.options:
            kind = "-l" if name.startswith("--") else "-s"
            lines.append(f"complete -c hullmark -n '{where}' {kind} '{name.lstrip('-')}' -d '{said}'")
    return "\n".join(lines) + "\n"


_SHELLS: dict[str, Callable[[list[CommandWords]], str]] = {"bash": _bash, "zsh": _zsh, "fish": _fish}
