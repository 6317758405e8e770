"""What MySQL and MariaDB are told when they are started: which option files they read, and options that count after all of these."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from hullmark.facets.configuration.mysql_names import SWITCHES
from hullmark.facets.configuration.mysql_options import MAIN_FILES, Option
from hullmark.facets.configuration.parser import Files
from hullmark.facets.configuration.runs import named_file, run_of
from hullmark.facets.configuration.shell_expansion import StartWord
from hullmark.facets.configuration.start import Command

PROGRAMS = ("mysqld", "mariadbd", "mysqld_safe", "mariadbd-safe", "mysqld-debug")

_ASKING = frozenset((
    "--bootstrap", "--help", "--initialize", "--initialize-insecure", "--print-defaults", "--version", "-?", "-V",
))  # fmt: skip
_SHORT: Mapping[str, str] = {"-P": "port", "-h": "datadir", "-u": "user", "-b": "basedir", "-t": "tmpdir"}
_FILES = ("--defaults-file", "--defaults-extra-file")


def find_server_command(files: Files) -> Command | None:
    """The command that the server runs on with. One without a network only prepares a server's data."""
    return run_of(files, _is_run)


def _is_run(command: Command) -> bool:
    texts = [word.text or "" for word in command.arguments]
    is_for_a_moment = not command.is_exec and "--skip-networking" in texts
    return not is_for_a_moment and _ASKING.isdisjoint(texts)


def main_files(files: Files, run: Command | None) -> tuple[str, ...]:
    """The option files that are read, in their order."""
    home = files.environment("MYSQL_HOME")
    mains = (*MAIN_FILES, *([f"{home.text}/my.cnf"] if home is not None and home.text else []))
    suffix = files.environment("MYSQL_GROUP_SUFFIX")
    if suffix is not None and suffix.text != "":
        files.problem(
            suffix.path, "groups with a suffix, as MYSQL_GROUP_SUFFIX asks for them, are not read", suffix.line
        )
    for word in run.arguments if run is not None else ():
        name, _, value = (word.text or "").partition("=")
        if name == "--no-defaults":
            return ()
        if name in _FILES and run is not None:
            path = named_file(files, run, StartWord(value, word.path, word.line))
            found = (path,) if path else ()
            mains = found if name == "--defaults-file" else (*mains, *found)
        elif name == "--defaults-group-suffix":
            files.problem(word.path, "groups with a suffix, as it is started with, are not read", word.line)
    return mains


def given_options(files: Files, run: Command) -> Iterator[Option]:
    """The options of the command line. A word without dashes is the value of the option before it."""
    words = list(run.arguments)
    while words:
        word = words.pop(0)
        text = word.text or ""
        name, equals, value = text.partition("=")
        if not text.startswith("--") and _SHORT.get(text[:2]):
            name, value, equals = f"--{_SHORT[text[:2]]}", text[2:], text[2:]
        elif not text.startswith("--"):
            files.problem(word.path, f"{text[:100]}, which the server is started with, is not known", word.line)
            continue
        if name.startswith("--defaults-") or name == "--no-defaults":
            continue
        bare = name[2:]
        if (
            not equals
            and words
            and not (words[0].text or "-").startswith("-")
            and bare.replace("-", "_") not in SWITCHES
        ):
            value, equals = words.pop(0).text or "", "="
        yield Option("mysqld", bare, value if equals else None, word.path, word.line)
