"""What Java is told when it is started: options of the command line, and those of the variables that every runtime reads (java(1))."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from hullmark.facets.configuration.bracketed import escape_brackets
from hullmark.facets.configuration.collected import SettingCollector
from hullmark.facets.configuration.parser import Files
from hullmark.facets.configuration.runs import run_of
from hullmark.facets.configuration.shell_expansion import StartWord
from hullmark.facets.configuration.start import Command
from hullmark.facets.configuration.written import MASK, without_password

PROGRAMS = ("java", "javaw")

_VALUED = frozenset((
    "--add-exports", "--add-modules", "--add-opens", "--add-reads", "--class-path", "--limit-modules", "--module-path", "--source",
    "--upgrade-module-path", "-classpath", "-cp", "-p",
))  # fmt: skip
_ENDING = frozenset(("-jar", "-m", "--module"))
_ELSEWHERE = ("-XX:Flags=", "-XX:VMOptionsFile=")


def options(files: Files) -> list[StartWord]:
    """The options of the runtime in the order in which they count, the last one most."""
    run = run_of(files, _is_run)
    found = [*_of_variable(files, "JAVA_TOOL_OPTIONS"), *_of_variable(files, "JDK_JAVA_OPTIONS")]
    found += _of_command(files, run) if run is not None else []
    return [*found, *_of_variable(files, "_JAVA_OPTIONS")]


def _is_run(command: Command) -> bool:
    return not any(
        word.text in ("-version", "--version", "-help", "--help", "-h", "-?") for word in command.arguments[:1]
    )


def _of_variable(files: Files, name: str) -> list[StartWord]:
    word = files.environment(name)
    if word is None:
        return []
    try:
        pieces = None if word.text is None else shlex.split(word.text)
    except ValueError:
        pieces = None
    if pieces is None:
        files.problem(word.path, f"{name} is set to what is not known", word.line)
    return list(_read(files, [StartWord(piece, word.path, word.line) for piece in pieces or ()]))


def _of_command(files: Files, run: Command) -> list[StartWord]:
    """Its options up to the program that it runs."""
    found: list[StartWord] = []
    words = list(run.arguments)
    while words:
        word = words.pop(0)
        text = word.text or ""
        if text in _ENDING or text[:1] not in ("-", "@"):
            break
        found.append(word)
        if text in _VALUED and words:
            words.pop(0)
    return list(_read(files, found))


def _read(files: Files, words: list[StartWord]) -> Iterator[StartWord]:
    for word in words:
        text = word.text or ""
        if text.startswith(("@", *_ELSEWHERE)):
            files.problem(
                word.path, f"the options of a file that Java is started with are not read: {text[:200]}", word.line
            )
        yield word


def add_options(words: list[StartWord], settings: SettingCollector) -> None:
    """`java.options`, and each system property as `java.property[NAME]`."""
    if words:
        shown = tuple(_mask_option(word.text or "") for word in words)
        settings.add("java.options", shown, words[-1].path, words[-1].line)
    for word in words:
        if (word.text or "").startswith("-D"):
            name, _, value = (word.text or "")[2:].partition("=")
            settings.add(f"java.property[{escape_brackets(name)}]", _mask_value(name, value), word.path, word.line)


def _mask_option(option: str) -> str:
    name, equals, value = option.partition("=")
    return f"{name}{equals}{_mask_value(name, value)}"


def _mask_value(name: str, value: str) -> str:
    is_secret = name.lower().endswith(("password", "passwd", "secret", "token"))
    return MASK if is_secret and value else without_password(value)
