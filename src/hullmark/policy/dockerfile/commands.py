"""The commands that a RUN starts, as far as they can be recognised without a shell.

Words are split as in the POSIX shell (2.3, Token Recognition). Nothing is expanded, so a command named by a variable is not seen.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

from hullmark.model.dockerfile import Instruction
from hullmark.policy.dockerfile.words import exec_form

Command = tuple[str, ...]
"""A command's name without its folder, and its arguments, quotes taken away."""

_ENDS = re.compile(r"[();|&\n]+").fullmatch
_REDIRECTS = re.compile(r"[<>&|]*[<>][<>&|]*").fullmatch
_ASSIGNS = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\+?=").match
_SKIPPED = frozenset(("!", "{", "}", "if", "then", "elif", "else", "fi", "while", "until", "do", "done"))
_STARTERS = frozenset(("sudo", "doas", "env", "exec", "nice", "nohup", "time", "command", "eatmydata"))
_SHELLS = frozenset(("sh", "bash", "ash", "dash", "zsh", "ksh"))


def commands_of(run: Instruction) -> Iterator[Command]:
    """The commands of a RUN in their order, with those of its here-documents last. For `sudo make`, both commands are listed."""
    words = exec_form(run.value)
    if words is not None:
        yield from _of_words(words)
        return
    yield from _of_script(run.value)
    if run.value.startswith("<<") and len(run.value.split()) == len(
        run.heredocs
    ):  # otherwise they are input for a program
        for heredoc in run.heredocs:
            yield from _of_script(heredoc.text)


def _of_words(words: tuple[str, ...]) -> Iterator[Command]:
    if len(words) > 2 and _name(words[0]) in _SHELLS and words[1].startswith("-") and words[1].endswith("c"):
        yield from _of_script(words[2])
    elif words:
        yield from _list_commands(list(words))


def _of_script(text: str) -> Iterator[Command]:
    command: list[str] = []
    is_target = False
    for word in _words(text):
        if is_target:
            is_target = False
        elif _REDIRECTS(word):
            is_target = True
            if command and command[-1].isdecimal():
                command.pop()  # the number of the redirected file descriptor
        elif _ENDS(word):
            yield from _list_commands(command)
            command = []
        else:
            command.append(word)
    yield from _list_commands(command)


def _words(text: str) -> Iterator[str]:
    lexer = shlex.shlex(text, posix=True, punctuation_chars="();<>|&\n")
    lexer.whitespace = " \t\r"
    lexer.whitespace_split = True
    lexer.commenters = ""
    try:
        while (word := lexer.get_token()) is not None:
            yield word
    except ValueError:
        return  # a quote is not closed; the words before it were yielded


def _list_commands(words: list[str]) -> Iterator[Command]:
    place = 0
    while place < len(words):
        word = words[place]
        name = _name(word)
        place += 1
        if word in _SKIPPED or _ASSIGNS(word):
            continue
        if name not in _STARTERS:
            yield (name, *words[place:])
            return
        yield (name,)
        while place < len(words) and words[place].startswith("-"):
            place += 1


def _name(word: str) -> str:
    return word.rstrip("/").rpartition("/")[2]
