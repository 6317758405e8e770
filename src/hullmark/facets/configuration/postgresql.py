"""PostgreSQL: the settings of each cluster, and who may log on to it (PostgreSQL, Server Configuration and Client Authentication).

A cluster is named as Debian names it, as in `postgresql.cluster[17/main].ssl`, and else by the folder of its postgresql.conf.
What ALTER SYSTEM has written (postgresql.auto.conf in the data directory) replaces the rest, and
what the image starts the server with replaces that. Values with a unit stay words.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

from hullmark.facets.configuration.bracketed import escape_brackets
from hullmark.facets.configuration.collected import SettingCollector
from hullmark.facets.configuration.entries import at_most
from hullmark.facets.configuration.include_tree import IncludeTree
from hullmark.facets.configuration.parser import Files, Parser
from hullmark.facets.configuration.postgresql_conf import WrittenSetting, read_conf
from hullmark.facets.configuration.postgresql_hba import Field, Record, hba_record, ident_record, read_lines
from hullmark.facets.configuration.postgresql_names import DEFAULTS, LISTS, SWITCHES, WORDS
from hullmark.facets.configuration.postgresql_refusals import refusal
from hullmark.facets.configuration.postgresql_start import PROGRAMS, PostgresStart, start_of
from hullmark.facets.configuration.release_defaults import POSTGRESQL, defaults_here
from hullmark.facets.configuration.written import MASK, number, without_password
from hullmark.model.limit import Limit
from hullmark.model.setting import Setting, Value
from hullmark.rootfs.reads import Remark

_MAIN = (
    "/etc/postgresql/postgresql.conf",
    "/etc/postgresql/*/*/postgresql.conf",
    "/usr/local/pgsql/data/postgresql.conf",
    "/opt/bitnami/postgresql/conf/postgresql.conf",
    *(f"/var/lib/{folder}/{'*/' * depth}postgresql.conf" for folder in ("postgresql", "pgsql") for depth in range(4)),
)
_DEBIAN = re.compile(r"/etc/postgresql/([^/]+/[^/]+)").fullmatch
_VERSION = re.compile(r"/([0-9]{1,2})(?:\.[0-9]+)?(?=/)")
_LONGEST_LIST = Limit(10_000, "characters of a list in postgresql.conf")
_CONNECTION_SECRET = re.compile(r"(\bpassword\s*=\s*)(?:'(?:[^'\\]|\\.){0,999}+'?|[^\s']++)", re.IGNORECASE)
_ITEM = re.compile(r'\s*+("(?:[^"]|"")*+"|[^,]*+)\s*+(?:,|\Z)').findall


def _settings(files: Files) -> Iterable[Setting]:
    settings = SettingCollector(files, _MAIN[1])
    tree = IncludeTree(files)
    seen: set[str] = set()
    start = start_of(files)
    if start is not None:
        if start.main:
            seen.add(files.real(start.main) or start.main)
        _cluster(files, tree, start, settings)
    for main in (path for glob in _MAIN for path in files.matching(glob)):
        real = files.real(main) or main
        if real not in seen:
            seen.add(real)
            _cluster(files, tree, PostgresStart(main, "", (), ""), settings)
    return settings.settings()


def _cluster(files: Files, tree: IncludeTree, start: PostgresStart, settings: SettingCollector) -> None:
    main = start.main
    folder = main.rpartition("/")[0] if main else start.data or start.path
    written = read_conf(files, tree, main) if main else iter(())
    found = {assignment.name: assignment for assignment in at_most(files, main, written)}
    given = {setting.name: setting for setting in start.given}
    named = (given | found).get("data_directory")
    data = start.data or (named.value if named is not None else folder)
    automatic = f"{data}/postgresql.auto.conf"
    if files.status(automatic) is not None:
        found |= {
            assignment.name: assignment for assignment in at_most(files, automatic, read_conf(files, tree, automatic))
        }
    found |= given
    debian = _DEBIAN(folder)
    cluster = f"postgresql.cluster[{escape_brackets(debian[1] if debian else folder)}]"
    version = _VERSION.search(main)
    release = (int(version[1]),) if version else None
    for name, value in {**DEFAULTS, **defaults_here(files, POSTGRESQL, release=release)}.items():
        settings.add(f"{cluster}.{name}", value)
    for assignment in found.values():
        if reason := refusal(assignment.name, assignment.value, release[0] if release else None):
            files.problem(assignment.path, Remark(f"postgres refuses to start: {reason}"), assignment.line)
        if assignment.name in LISTS and len(assignment.value) >= _LONGEST_LIST:
            files.problem(assignment.path, f"{assignment.name} is too long, and was not taken apart", assignment.line)
        settings.add(
            f"{cluster}.{assignment.name}",
            convert_value(assignment.name, assignment.value),
            assignment.path,
            assignment.line,
        )
    for name, record in (("hba", hba_record), ("ident", ident_record)):
        path = _locate_file(found.get(f"{name}_file"), data, f"pg_{name}.conf")
        if files.status(path) is not None:
            _records(files, tree, path, f"{cluster}.{name}", record, settings)


def _locate_file(setting: WrittenSetting | None, data: str, usual: str) -> str:
    """The path of a file that a setting names, if it does. The server runs in the data directory."""
    path = setting.value if setting is not None and setting.value else usual
    return path if path.startswith("/") else f"{data}/{path}"


def _records(
    files: Files,
    tree: IncludeTree,
    path: str,
    prefix: str,
    record: Callable[[tuple[Field, ...]], Record],
    settings: SettingCollector,
) -> None:
    count = 0
    for line in read_lines(files, tree, path):
        try:
            named = record(line.fields)
        except ValueError as error:
            files.problem(line.path, str(error), line.line)
            continue
        for name, value in named:
            settings.add(f"{prefix}[{count}].{name}", value, line.path, line.line)
        count += 1


def convert_value(name: str, value: str) -> Value:
    """A value by what the server knows its setting to be. Settings of extensions are numbers where they look like one."""
    if name in SWITCHES:
        return _switch(value)
    if name in LISTS and len(value) < _LONGEST_LIST:
        return tuple(_list(value)) if value.strip() else ()
    value = _CONNECTION_SECRET.sub(rf"\1{MASK}", without_password(value))
    return value if name in WORDS else number(value)


def _switch(value: str) -> Value:
    """Any beginning of true, false, yes and no, and what of on and off is not the beginning of both."""
    word = value.strip().lower()
    if word and (word == "1" or "true".startswith(word) or "yes".startswith(word) or word == "on"):
        return True
    if word and (word == "0" or "false".startswith(word) or "no".startswith(word) or word in ("of", "off")):
        return False
    return value


def _list(value: str) -> Iterator[str]:
    for word in _ITEM(value)[:-1]:  # the last is what follows the end: nothing
        is_quoted = len(word) > 1 and word[0] == word[-1] == '"'
        yield word[1:-1].replace('""', '"') if is_quoted else word.strip()


PARSER = Parser(
    name="postgresql",
    globs=("**/*.conf",),
    settings=_settings,
    programs=PROGRAMS,
)
