"""The command that a program runs on with, taken apart: its options, and the files that they name."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from hullmark.facets.configuration.parser import Files
from hullmark.facets.configuration.shell_expansion import StartWord
from hullmark.facets.configuration.start import Command


class Option(NamedTuple):
    """An option without its dashes, and its value, with where that is written; None where it has none."""

    name: str
    value: StartWord | None
    word: StartWord


class Options(NamedTuple):
    """The options of a command in their order, and its other words."""

    options: tuple[Option, ...]
    rest: tuple[StartWord, ...]

    def last(self, *names: str) -> StartWord | None:
        """The value of the last option with one of these names."""
        return next((option.value for option in reversed(self.options) if option.name in names and option.value), None)

    def has(self, *names: str) -> bool:
        """Whether one of these is given."""
        return any(option.name in names for option in self.options)


def short_options(arguments: Iterable[StartWord], valued: str, *, stops: bool = True) -> Options:
    """Options of one letter, as getopt(3) parts them; `valued` are the letters that have a value. A long one is an option of its own name,
    with what follows `=`. `stops`: the first other word ends them.
    """
    options: list[Option] = []
    rest: list[StartWord] = []
    words = list(arguments)
    while words:
        word = words.pop(0)
        text = word.text or ""
        if text == "--" or text[:1] != "-" or text == "-":
            rest += [] if text == "--" else [word]
            if stops or text == "--":
                rest += words
                break
        elif text.startswith("--"):
            name, equals, value = text[2:].partition("=")
            options.append(Option(name, StartWord(value, word.path, word.line) if equals else None, word))
        else:
            options += _cluster(word, text[1:], valued, words)
    return Options(tuple(options), tuple(rest))


def _cluster(word: StartWord, letters: str, valued: str, words: list[StartWord]) -> Iterable[Option]:
    """The options of one word. The value of the last one may be the next word."""
    for i, letter in enumerate(letters):
        if letter not in valued:
            yield Option(letter, None, word)
            continue
        attached = letters[i + 1 :]
        value = StartWord(attached, word.path, word.line) if attached else words.pop(0) if words else None
        yield Option(letter, value, word)
        return


def _words(command: Command) -> object:
    return [word.text for word in command.arguments]


def run_of(
    files: Files, is_run: Callable[[Command], bool], way: Callable[[Command], object] = _words
) -> Command | None:
    """The command that the image's program runs on with; None where it starts none.

    Of several the one that a shell becomes counts, and that there are others is a Problem. `way` says what makes
    two of them differ.
    """
    runs = sorted((command for command in files.commands if is_run(command)), key=lambda command: not command.is_exec)
    if not runs:
        return None
    first = runs[0]
    for run in runs:
        if not run.is_known:
            files.problem(run.path, f"{run.program} is started with an argument that is not known", run.line)
    if any(way(first) != way(other) for other in runs[1:]):
        files.problem(first.path, f"{first.program} is started in more than one way; the first one counts", first.line)
    return first


def named_file(files: Files, command: Command, word: StartWord, folder: str = "") -> str:
    """The path of a file that a command names, "" with a Problem if it is not in the image.

    `folder` is where one that is not absolute begins, if that is not where the program is started.
    """
    text = word.text or ""
    base = folder or command.folder
    if not base.startswith("/"):
        base = f"{command.folder.rstrip('/')}/{base}" if command.folder else ""
    if not text.startswith("/") and not base:
        files.problem(
            word.path, f"where {text[:200]} lies, which {command.program} is started with, is not known", word.line
        )
        return ""
    path = text if text.startswith("/") else f"{base.rstrip('/')}/{text}"
    if files.status(path) is None:
        files.problem(
            word.path, f"{command.program} is started with {path[:200]}, which is not in the image", word.line
        )
        return ""
    return path
