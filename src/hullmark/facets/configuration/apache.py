"""Apache httpd: its include tree, sections, and what virtual hosts and folders take over from further out.

Keys: `apache.ServerTokens`, `apache.virtual_host[0].ServerName`, `apache.directory[/var/www/].Options`, `apache.modules`. Directives
have the documentation's spelling. A virtual host has what it takes over from the server too, and a folder the options and overrides
of the folders above it, each with the place where it is written; of a list that stands several times the first place counts. What
.htaccess files set, as far as AllowOverride lets them, is their folder's: `apache.directory[/var/www/html].Options`.

`Options`, `AllowOverride` and `SSLProtocol` are what they come to, in the order of the alphabet: `All`, `None`, `+` and `-` are carried
out, and none is an empty tuple. Where there is more than one installation, the further ones' keys begin with
`apache[/path/of/its/httpd.conf]`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from hullmark.facets.configuration.apache_access import add_access_files
from hullmark.facets.configuration.apache_directives import (
    ALL_OPTIONS,
    DEFAULTS,
    FLAGS,
    KNOWN,
    LISTS,
    NUMBERED,
    NUMBERS,
    OPTIONS,
    OVERRIDES,
    PROTOCOLS,
    REPEATED,
    VIRTUAL_HOST,
    WORDS,
)
from hullmark.facets.configuration.apache_reader import ApacheReader, DirectiveWords, Section
from hullmark.facets.configuration.apache_refusals import tell_refusals
from hullmark.facets.configuration.collected import MAX_PLACES, DefaultValue, SettingCollector
from hullmark.facets.configuration.installations import installations
from hullmark.facets.configuration.parser import Files, Parser
from hullmark.facets.configuration.release_defaults import ABSENT, APACHE, defaults_here
from hullmark.facets.configuration.runs import Options, named_file, run_of, short_options
from hullmark.facets.configuration.source_line import SourceLine
from hullmark.facets.configuration.start import Command
from hullmark.model.limit import Limit
from hullmark.model.setting import Setting, Value

_MAIN = (
    "/etc/apache2/apache2.conf",
    "/etc/httpd/conf/httpd.conf",
    "/etc/apache2/httpd.conf",
    "/usr/local/apache2/conf/httpd.conf",
    "/opt/bitnami/apache/conf/httpd.conf",
    "/opt/bitnami/apache2/conf/httpd.conf",
)
_NAMES = ("apache2.conf", "conf/httpd.conf", "httpd.conf")
_ASKING = frozenset(("configtest", "fullstatus", "graceful-stop", "help", "status", "stop"))
_NUMBER = re.compile(r"-?[0-9]{1,15}").fullmatch

_KNOWN_WORDS: Mapping[str, tuple[tuple[str, ...], frozenset[str]]] = {
    "Options": (OPTIONS, ALL_OPTIONS),
    "AllowOverride": (OVERRIDES, frozenset(OVERRIDES)),
    "SSLProtocol": (PROTOCOLS, frozenset(PROTOCOLS)),
    "SSLProxyProtocol": (PROTOCOLS, frozenset(PROTOCOLS)),
}
"""Directives that switch words on and off: the words they know, and the meaning of `All`."""

_MAX_DEPTH = Limit(50, "folders above a folder whose options it may take over")
_PER_FOLDER = ("Options", "AllowOverride")

_Effective = tuple[DefaultValue, str, int, tuple[SourceLine, ...]]
"""A value, the path and line where it is written, and the other lines that it comes of."""


class _Host(NamedTuple):
    """The server or a virtual host: what is in effect there, and its folder sections by path."""

    effective: dict[str, _Effective]
    folders: dict[str, Section]


def settings(files: Files) -> Iterable[Setting]:
    """The settings of each installation. The image's own start counts for the first."""
    run = run_of(files, _is_run)
    given = _options(run) if run is not None else Options((), ())
    main = _main_file(files, run, given) if run is not None else ""
    for path, name in installations(files, (main, *_MAIN) if main else _MAIN, "apache"):
        is_started = run is not None and path == main
        if run is not None and not main:
            name = f"apache[{path}]"
        reader = _read_installation(files, path, name, given if is_started else Options((), ()))
        tell_refusals(files, reader, path)
        add_access_files(files, reader)
        yield from _Teller(files, reader, SettingCollector(files, path)).settings()


def _options(run: Command) -> Options:
    """Its options. A lone word, which apachectl and images' scripts take, is not an option."""
    return short_options(run.arguments, "CcDdEefk", stops=False)


def _is_run(command: Command) -> bool:
    given = _options(command)
    stops = given.last("k")
    asks = given.has("L", "M", "S", "V", "h", "l", "t", "v") or any(word.text in _ASKING for word in given.rest)
    return not asks and (stops is None or stops.text in ("start", "restart", "graceful"))


def _main_file(files: Files, run: Command, given: Options) -> str:
    named, root = given.last("f"), given.last("d")
    usual = next((path for path in _MAIN if files.status(path) is not None), "")
    if named is not None:
        return named_file(
            files, run, named, (root.text or "") if root else usual.rpartition("/")[0].removesuffix("/conf")
        )
    if root is not None and usual:
        of_root = next(
            (f"{root.text}/{name}" for name in _NAMES if files.status(f"{root.text}/{name}") is not None), ""
        )
        if not of_root:
            files.problem(root.path, f"no configuration of httpd is known in {(root.text or '')[:200]}", root.line)
        return of_root
    if not usual:
        files.problem(run.path, "httpd is started, and its configuration is not in the image", run.line)
    return usual


def _read_installation(files: Files, main: str, name: str, given: Options) -> ApacheReader:
    """The installation that is started: with what is defined, and with directives before and after those of the files."""
    reader = ApacheReader(files, main, name)
    for option in given.options:
        if option.name == "D" and option.value is not None:
            variable, equals, value = (option.value.text or "").partition("=")
            reader.defines[variable] = value if equals else None
    if (root := given.last("d")) is not None:
        reader.root(root.text or "")
    for letter in "Cc":
        for option in given.options:
            if option.name == letter and option.value is not None:
                reader.read_line(option.value.text or "", option.value.path, option.value.line)
        if letter == "C":
            reader.read()
    return reader


class _Teller:
    """Gives the settings that the sections amount to."""

    def __init__(self, files: Files, reader: ApacheReader, found: SettingCollector) -> None:
        self._files = files
        self._reader = reader
        self._found = found

    def settings(self) -> list[Setting]:
        reader, name = self._reader, self._reader.top.key
        first = next((place for place in reader.modules.values() if place.line), SourceLine("", 0))
        self._found.add(f"{name}.modules", tuple(reader.modules), *first)
        self._found.add(f"{name}.defines", tuple(reader.defines))
        self._tell(reader.top, {name: (value, "", 0, ()) for name, value in self._defaults()}, ())
        return self._found.settings()

    def _defaults(self) -> Iterator[tuple[str, DefaultValue]]:
        """The defaults of the modules that are loaded; what others would do is not there."""
        by_release = defaults_here(self._files, APACHE)
        for module, values in DEFAULTS.items():
            for directive, value in values.items():
                yield directive, by_release.get(directive, value) if module in self._reader.modules else ABSENT

    def _tell(self, section: Section, outer: dict[str, _Effective], hosts: tuple[_Host, ...]) -> None:
        """Give the settings of a section and of those in it. `outer` is what it takes over, `hosts` whose section it is."""
        if section.argument and section.kind in NUMBERED:
            is_host = section.kind == "virtual_host"
            argument: Value = tuple(section.argument.split()) if is_host else section.argument
            name = "addresses" if is_host else "arguments"
            self._found.add(f"{section.key}.{name}", argument, section.path, section.line)
        effective = outer | dict(_own(section, outer))
        for name, (value, path, line, more) in effective.items():
            self._found.add(f"{section.key}.{name}", value, path, line, more)
        if section.kind in ("", "virtual_host"):
            hosts = (*hosts, _Host(effective, _folders(section)))
        for inner in section.sections.values():
            if self._found.is_full:
                return
            if inner.kind == "directory" and len(_parts(inner.argument)) > _MAX_DEPTH:
                self._files.problem(inner.path, "a folder is so deep that not all it takes over is known", inner.line)
            self._tell(inner, _taken_over(inner, hosts), hosts)


def _taken_over(section: Section, hosts: tuple[_Host, ...]) -> dict[str, _Effective]:
    """What a section takes over from those further out."""
    if section.kind == "virtual_host":
        return {name: value for name, value in hosts[-1].effective.items() if name in VIRTUAL_HOST}
    if section.kind != "directory":
        return {}
    effective = {name: hosts[-1].effective[name] for name in _PER_FOLDER if name in hosts[-1].effective}
    for folder in _and_above(section.argument):
        for host in hosts:
            other = host.folders.get(folder)
            if other is section:
                return effective
            own = dict(_own(other, effective)) if other is not None else {}
            effective |= {name: own[name] for name in _PER_FOLDER if name in own}
    return effective


def _folders(section: Section) -> dict[str, Section]:
    """The folder sections of a server or virtual host by path."""
    return {_and_above(inner.argument)[-1]: inner for inner in section.sections.values() if inner.kind == "directory"}


def _and_above(path: str) -> list[str]:
    """A folder and those above it, outermost first; of a path that is very deep, not all between."""
    parts = _parts(path)
    depths = [*range(min(len(parts), _MAX_DEPTH)), len(parts)]
    return ["/" + "/".join(parts[:depth]) for depth in depths]


def _parts(path: str) -> list[str]:
    return [part for part in path.split("/") if part]


def _own(section: Section, outer: Mapping[str, _Effective]) -> Iterator[tuple[str, _Effective]]:
    """What a section itself sets."""
    for name, written in section.directives.items():
        if name in _KNOWN_WORDS:
            yield name, _resolve_switches(name, written, outer.get(name), section.kind)
        elif name in LISTS:
            last = written[-1]
            yield name, (last.words, last.path, last.line, ())
        elif name in REPEATED or (len(written) > 1 and name.lower() not in KNOWN):
            first = written[0]
            value = tuple(" ".join(one.words) for one in written)
            yield name, (value, first.path, first.line, _places(written))
        else:
            last = written[-1]
            yield name, (_value(name, last), last.path, last.line, ())


def _resolve_switches(name: str, written: list[DirectiveWords], outer: _Effective | None, kind: str) -> _Effective:
    """What a directive that switches words on and off comes to, from what is in effect further out.

    Where that cannot be known, as for a pattern, the words are left as they are written if all of them add or take away.
    """
    last = written[-1]
    is_relative = all(word[:1] in ("+", "-") for one in written for word in one.words)
    if name in _PER_FOLDER and is_relative and kind not in ("", "virtual_host", "directory"):
        return tuple(word for one in written for word in one.words), last.path, last.line, _places(written)
    known, every = _KNOWN_WORDS[name]
    spelled = {word.lower(): word for word in known}
    value: set[str] = set(outer[0]) if outer is not None and isinstance(outer[0], tuple) else set()
    begun = 0 if outer is None or not outer[1] else -1
    for one in written:
        if name not in _PER_FOLDER or not all(word[:1] in ("+", "-") for word in one.words):
            value, begun = set(), written.index(one)
        for word in one.words:
            sign, bare = (word[0], word[1:].lower()) if word[:1] in ("+", "-") else ("", word.lower())
            meant = {"all": every, "none": frozenset[str]()}.get(bare, frozenset({spelled.get(bare, bare)}))
            replaces = not sign and name not in _PER_FOLDER
            value = value - meant if sign == "-" else set(meant) if replaces else value | meant
    above = (SourceLine(outer[1], outer[2]), *outer[3]) if begun < 0 and outer is not None else ()
    return tuple(sorted(value)), last.path, last.line, (*above, *_places(written[max(begun, 0) :]))


def _places(written: list[DirectiveWords]) -> tuple[SourceLine, ...]:
    return tuple(SourceLine(one.path, one.line) for one in written[:MAX_PLACES])


def _value(name: str, written: DirectiveWords) -> Value:
    """The value of a directive that occurs once, or of the last one that counts."""
    if not written.words:
        return None
    word = " ".join(written.words)
    if name in FLAGS and word.lower() in ("on", "off"):
        return word.lower() == "on"
    if name in NUMBERS and _NUMBER(word):
        return int(word)
    return WORDS.get(name, {}).get(word.lower(), word)


PARSER = Parser(
    name="apache",
    globs=(
        "**/.htaccess",
        "etc/apache2/*",
        "etc/apache2/**/*.conf",
        "etc/apache2/**/*.load",
        "etc/apache2/sites-enabled/*",
        "etc/apache2/sites-available/*",
        "etc/apache2/conf.d/*",
        "etc/httpd/**/*.conf",
        "usr/share/httpd/**/*.conf",
        "usr/local/apache2/conf/**/*.conf",
        "opt/bitnami/apache/conf/**/*.conf",
        "opt/bitnami/apache2/conf/**/*.conf",
    ),
    settings=settings,
    programs=(
        "httpd",
        "apache2",
        "apachectl",
        "apache2ctl",
        "httpd-foreground",
        "apache2-foreground",
        "httpd-prefork",
        "httpd2",
    ),
)
"""Apache httpd."""
