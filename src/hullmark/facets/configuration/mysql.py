"""MySQL and MariaDB: the option files of the whole machine (MariaDB Knowledge Base, Configuring MariaDB with Option Files).

What a server reads from any of its groups is `mysql.server.<option>`, the last one counts; the other groups keep their names, as
`mysql.client[mysqldump].quick`. Options are named as variables are: with underscores, in small letters, in full. What the image starts
the server with counts last. A name that is shortened is the option that it means where all names of the release are known; elsewhere it
stays as it is written, with a Problem.

Groups for one version of a server count whatever the version; where several versions are named, that is a Problem.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import chain

from msgspec.structs import replace

from hullmark.facets.configuration.bracketed import escape_brackets
from hullmark.facets.configuration.collected import SettingCollector
from hullmark.facets.configuration.entries import at_most
from hullmark.facets.configuration.mysql_names import DEFAULTS, LISTS, NAMED_SKIP, REPEATED, SWITCHES
from hullmark.facets.configuration.mysql_options import MAIN_FILES, Option, read_options
from hullmark.facets.configuration.mysql_refusals import COMPLETE, PLUGINS, expand_option_name
from hullmark.facets.configuration.mysql_start import PROGRAMS, find_server_command, given_options, main_files
from hullmark.facets.configuration.parser import Files, Parser
from hullmark.facets.configuration.release_defaults import MARIADB, MYSQL, defaults_here
from hullmark.facets.configuration.source_line import SourceLine
from hullmark.facets.configuration.written import number, without_password
from hullmark.model.setting import Setting, Value

_SERVER = frozenset(("mysqld", "server", "mariadb", "mariadbd", "galera", "mysql_cluster"))
_SHARED = "client-server"
_NOT_READ = ("mysql_cluster",)
_COMPLETE = ".".join(map(str, COMPLETE))
_OF_VERSION = re.compile(r"(?:mysqld|mariadb|mariadbd)-([0-9]{1,3}\.[0-9]{1,3})").fullmatch
_LOOSE = re.compile(r"(?:loose|autoset)_").match
_PREFIX = re.compile(r"(skip|disable|enable)_").match
_ON = frozenset(("1", "on", "true"))
"""A switch with any other value is off, with a warning where it is not a word for off."""


def _settings(files: Files) -> Iterable[Setting]:
    settings = SettingCollector(files, MAIN_FILES[0])
    lists: dict[str, list[str]] = {}
    places: dict[str, list[SourceLine]] = {}
    versions: dict[str, Option] = {}
    has_server = bool(files.commands)
    run = find_server_command(files)
    written = read_options(files, main_files(files, run))
    given = given_options(files, run) if run is not None else iter(())
    options = list(at_most(files, MAIN_FILES[0], chain(written, given)))
    is_complete = _is_complete(files, options)
    for option in options:
        version = _OF_VERSION(option.group.lower())
        is_server = option.group.lower() in _SERVER or version is not None
        has_server |= is_server
        if option.name:
            if version:
                versions.setdefault(version[1], option)
            if is_server or option.group == _SHARED:
                is_read = is_complete and (version is None or version[1] == _COMPLETE) and option.group not in _NOT_READ
                option = expand_option_name(files, option, is_complete=is_read)
            name, value = convert_option(option)
            for scope in _scopes(option.group, is_server=is_server):
                key = f"{scope}.{name}"
                if name in REPEATED:
                    lists.setdefault(key, []).append(str(value))
                place = SourceLine(option.path, option.line)
                if name in REPEATED:
                    places.setdefault(key, []).append(place)
                settings.add(key, value, *place, places.get(key, ()))
    if len(versions) > 1:
        last = list(versions.values())[-1]
        files.problem(
            last.path, "there are groups for several versions of the server; all are taken to count", last.line
        )
    found = [
        replace(setting, value=tuple(lists[setting.key])) if setting.key in lists else setting
        for setting in settings.settings()
    ]
    return _with_defaults(files, found) if has_server else found


def _is_complete(files: Files, options: Iterable[Option]) -> bool:
    """Whether all options that the server has are known."""
    releases = files.releases(*MARIADB.packages)
    is_known = bool(releases) and all(release[:2] == COMPLETE for release in releases)
    return is_known and not any(option.name.replace("-", "_") in PLUGINS for option in options)


def _scopes(group: str, *, is_server: bool) -> tuple[str, ...]:
    if group == _SHARED:
        return ("mysql.server", f"mysql.client[{escape_brackets(group)}]")
    return ("mysql.server",) if is_server else (f"mysql.client[{escape_brackets(group)}]",)


def _with_defaults(files: Files, found: list[Setting]) -> list[Setting]:
    known = {setting.key for setting in found}
    standard = SettingCollector(files, MAIN_FILES[0])
    for name, value in {**DEFAULTS, **defaults_here(files, MYSQL, MARIADB)}.items():
        if f"mysql.server.{name}" not in known:
            standard.add(f"mysql.server.{name}", value)
    return found + standard.settings()


def convert_option(option: Option) -> tuple[str, Value]:
    """The option's variable and its value: `skip-log-bin` is `log_bin` off, `loose-` in front says nothing about the value."""
    name = option.name.replace("-", "_")
    if loose := _LOOSE(name):
        name = name[loose.end() :]
    prefix = _PREFIX(name)
    if prefix and name not in NAMED_SKIP and name not in SWITCHES:
        return name[prefix.end() :], prefix[1] == "enable"
    value = option.value
    if name in SWITCHES:
        return name, True if value is None else value.lower() in _ON
    if name in LISTS and value is not None:
        return name, tuple(word.strip() for word in value.split(",") if word.strip())
    return name, None if value is None else number(without_password(value))


PARSER = Parser(
    name="mysql",
    globs=("etc/my.cnf", "usr/etc/my.cnf", "etc/mysql/**/*.cnf", "etc/my.cnf.d/*.cnf", "etc/mysql/my.cnf"),
    settings=_settings,
    programs=PROGRAMS,
)
