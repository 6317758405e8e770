"""What PHP is told when it is started: the options of php, php-cgi and php-fpm, and the variables of the environment."""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from hullmark.facets.configuration.parser import Files
from hullmark.facets.configuration.runs import Options, named_file, run_of, short_options
from hullmark.facets.configuration.shell_expansion import StartWord
from hullmark.facets.configuration.start import Command

PROGRAMS = ("php", "php[0-9]*", "php-fpm*", "php-cgi*")

_FPM = re.compile(r"php-fpm.*|php[0-9.]*-fpm.*").fullmatch
_CGI = re.compile(r"php-cgi.*|php[0-9.]*-cgi.*").fullmatch
_LONG = {"define": "d", "php-ini": "c", "no-php-ini": "n", "fpm-config": "y", "prefix": "p"}
_ASKING = ("h", "i", "m", "t", "v", "help", "info", "modules", "test", "version", "ini")


class PhpStart(msgspec.Struct, frozen=True):
    """One interface as it is started.

    `ini` is the file or folder of -c, or of PHPRC where `is_only` is not set; "" for none. `defined` are lines of php.ini. `scanned` None:
    the folder that PHP was built with.
    """

    ini: str = ""
    is_only: bool = False
    has_files: bool = True
    defined: tuple[StartWord, ...] = ()
    pools: str = ""
    scanned: tuple[str, ...] | None = None


def start_of(files: Files, interface: str) -> PhpStart:
    """How the image starts a server interface: cli, cgi, fpm, or another that only the environment tells something."""
    run = run_of(files, lambda command: _interface(command) == interface and not _options(command).has(*_ASKING), _way)
    given = _options(run) if run is not None else Options((), ())
    named, pools = given.last("c"), given.last("y")
    variable = files.environment("PHPRC")
    is_named = run is not None and named is not None
    return PhpStart(
        named_file(files, run, named) if run is not None and named is not None else _of_environment(files, variable),
        is_named,
        not given.has("n"),
        tuple(_list_definitions(given)),
        named_file(files, run, pools) if run is not None and pools is not None else "",
        _find_scan_folders(files),
    )


def _interface(command: Command) -> str:
    return "fpm" if _FPM(command.program) else "cgi" if _CGI(command.program) else "cli"


def _options(command: Command) -> Options:
    is_fpm = _interface(command) == "fpm"
    words = []
    for word in command.arguments:
        text = word.text or ""
        letter = _LONG.get(text[2:]) if text.startswith("--") else None
        words.append(StartWord(f"-{letter}", word.path, word.line) if letter else word)
    return short_options(words, "cdgpyO" if is_fpm else "cdfrBRFEStTbz", stops=not is_fpm)


def _way(command: Command) -> object:
    options = _options(command).options
    return [(option.name, option.value and option.value.text) for option in options if option.name in "cdny"]


def _list_definitions(given: Options) -> Iterator[StartWord]:
    """What -d gives as lines of php.ini, quoted as PHP does it."""
    for option in given.options:
        if option.name == "d" and option.value is not None:
            name, equals, value = (option.value.text or "").partition("=")
            is_plain = not value or value[0].isalnum() or value[0] in "\"'"
            line = f"{name}={value if is_plain else chr(34) + value + chr(34)}" if equals else f"{name}=1"
            yield StartWord(line, option.value.path, option.value.line)


def _of_environment(files: Files, word: StartWord | None) -> str:
    if word is None or word.text == "":
        return ""
    if word.text is None or not word.text.startswith("/") or files.status(word.text) is None:
        files.problem(word.path, "PHPRC names a place that is not in the image, or is not known", word.line)
        return ""
    return word.text


def _find_scan_folders(files: Files) -> tuple[str, ...] | None:
    word = files.environment("PHP_INI_SCAN_DIR")
    if word is None:
        return None
    if word.text is None:
        files.problem(word.path, "PHP_INI_SCAN_DIR is set to what is not known", word.line)
        return None
    folders = tuple(word.text.split(":")) if word.text else ()
    for folder in folders:
        if folder and files.status(folder) is None:
            files.problem(word.path, f"PHP_INI_SCAN_DIR names {folder[:200]}, which is not in the image", word.line)
    return folders
