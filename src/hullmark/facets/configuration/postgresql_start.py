"""What PostgreSQL is told when it is started: its data, its file, and settings that count after all files (postgres(1), pg_ctl(1))."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping

import msgspec

from hullmark.facets.configuration.parser import Files
from hullmark.facets.configuration.postgresql_conf import WrittenSetting
from hullmark.facets.configuration.runs import Options, named_file, run_of, short_options
from hullmark.facets.configuration.shell_expansion import StartWord
from hullmark.facets.configuration.start import Command

PROGRAMS = ("postgres", "postmaster", "pg_ctl")

_VALUED = "BCDcdfhkNoprStvW"
_NAMES: Mapping[str, str] = {
    "B": "shared_buffers", "N": "max_connections", "S": "work_mem", "h": "listen_addresses", "k": "unix_socket_directories", "p": "port",
}  # fmt: skip
_SWITCHED: Mapping[str, tuple[str, str]] = {"F": ("fsync", "off"), "i": ("listen_addresses", "*"), "l": ("ssl", "on")}
_ASKING = ("C", "V", "?", "help", "version", "describe-config", "single", "boot", "check")


class PostgresStart(msgspec.Struct, frozen=True):
    """A server as it is started. `main`: its postgresql.conf, "" where that is not in the image; `data` its data directory."""

    main: str
    data: str
    given: tuple[WrittenSetting, ...]
    path: str


def start_of(files: Files) -> PostgresStart | None:
    """How the image starts a server; None where it starts none."""
    has_server = any(command.is_exec and command.program != "pg_ctl" for command in files.commands)
    run = run_of(files, lambda command: _is_run(command, has_server=has_server))
    if run is None:
        return None
    given = tuple(_read_command_line(files, run))
    words = {setting.name: setting for setting in given}
    data = _options(run).last("D") or files.environment("PGDATA")
    folder = (data.text or "").rstrip("/") if data is not None else ""
    named = words.get("config_file")
    if named is not None:
        main = named_file(files, run, StartWord(named.value, named.path, named.line), folder)
        return PostgresStart(main, folder or named.value.rpartition("/")[0], given, run.path)
    main = f"{folder}/postgresql.conf"
    if not folder or files.status(main) is None:
        files.problem(
            run.path,
            f"the cluster that {run.program} is started with is not in the image: what sets it up is not known",
            run.line,
        )
        main = ""
    return PostgresStart(main, folder, given, run.path)


def _is_run(command: Command, *, has_server: bool) -> bool:
    given = _options(command)
    if command.program == "pg_ctl":
        return not has_server and any(word.text in ("start", "restart") for word in given.rest)
    return not given.has(*_ASKING)


def _options(command: Command) -> Options:
    return short_options(command.arguments, "DlmoptcUPNsSe" if command.program == "pg_ctl" else _VALUED, stops=False)


def _read_command_line(files: Files, run: Command) -> Iterator[WrittenSetting]:
    """The settings that the command line makes, in their order."""
    options = _options(run)
    if run.program == "pg_ctl":
        words: list[StartWord] = []
        for option in options.options:
            if option.name == "o" and option.value is not None:
                words += _split(files, option.value)
        options = short_options(words, _VALUED, stops=False)
    for option in options.options:
        word = option.value or option.word
        if option.name in ("c", "-") and option.value is not None:
            name, _, value = (option.value.text or "").partition("=")
        elif len(option.name) > 1 and option.value is not None:
            name, value = option.name, option.value.text or ""
        elif option.name in _SWITCHED:
            name, value = _SWITCHED[option.name]
        elif option.name in _NAMES and option.value is not None:
            name, value = _NAMES[option.name], option.value.text or ""
        else:
            continue
        yield WrittenSetting(name.strip().replace("-", "_").lower(), value, word.path, word.line)


def _split(files: Files, word: StartWord) -> list[StartWord]:
    try:
        return [StartWord(piece, word.path, word.line) for piece in shlex.split(word.text or "")]
    except ValueError:
        files.problem(word.path, "the options that pg_ctl gives the server are not understood", word.line)
        return []
