"""nginx: its include tree, the blocks in each other, and what each level inherits from those further out.

Keys: `nginx.user`, `nginx.events.worker_connections`, `nginx.http.server[0].location[0].path`. What a level of `http`, `stream` or
`mail` inherits is given there too, with the place where it is written; of a list that stands several times the first place counts.
Where there is more than one installation, the further ones' keys begin with `nginx[/path/of/its/nginx.conf]`. What the image starts nginx
with counts: its file (`-c`, `-p`), and the directives of `-g`, which come before those of the file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import msgspec

from hullmark.facets.configuration.collected import MAX_PLACES, DefaultValue, SettingCollector
from hullmark.facets.configuration.include_tree import IncludeTree
from hullmark.facets.configuration.installations import installations
from hullmark.facets.configuration.nginx_directives import (
    ARGUMENT,
    DEFAULTS,
    FLAGS,
    INHERITED,
    LISTS,
    NUMBERS,
    REPEATED,
    SINGLE,
    TABLES,
    TOGETHER,
)
from hullmark.facets.configuration.nginx_refusals import NEWEST, refusal
from hullmark.facets.configuration.nginx_syntax import Directive, parse
from hullmark.facets.configuration.parser import Files, Parser
from hullmark.facets.configuration.release_defaults import NGINX, defaults_here
from hullmark.facets.configuration.runs import Options, named_file, run_of, short_options
from hullmark.facets.configuration.shell_expansion import StartWord
from hullmark.facets.configuration.source_line import SourceLine
from hullmark.facets.configuration.start import Command
from hullmark.model.limit import Limit
from hullmark.model.setting import Setting, Value
from hullmark.rootfs.reads import Remark

_MAIN = (
    "/etc/nginx/nginx.conf",
    "/usr/local/nginx/conf/nginx.conf",
    "/usr/local/openresty/nginx/conf/nginx.conf",
    "/usr/local/etc/nginx/nginx.conf",
    "/opt/bitnami/nginx/conf/nginx.conf",
)
_PREFIXES = ("/etc/nginx", "/usr/local/nginx", "/usr/share/nginx", "/var/lib/nginx", "/usr/local/openresty/nginx")
"""Where a file's name begins that is given without its folder: each build has its own."""

_SEVERAL = frozenset(("env", "error_log", "include", "load_module"))
_NAME = re.compile(r"[A-Za-z0-9_]{1,100}").fullmatch
_NUMBER = re.compile(r"-?[0-9]{1,15}").fullmatch
_MAX_DEPTH = Limit(40, "blocks of nginx in each other, files that are included counted in")
_MAX_DIRECTIVES = Limit(200_000, "directives of one nginx")

_MOST_REFUSALS = Limit(50, "directives that nginx refuses and that are listed", "shortened")
_WITH_TLS = ("http", "mail", "stream")

_Effective = tuple[DefaultValue, str, int, tuple[SourceLine, ...]]
"""A value, the path and line where it is written, and the other lines of a list."""


class _Block(msgspec.Struct):
    """A block with its includes read. `outermost` is http, stream, mail or another top block; "" for the file itself."""

    key: str
    kind: str
    outermost: str
    argument: str = ""
    path: str = ""
    line: int = 0
    directives: dict[str, list[Directive]] = {}
    blocks: dict[str, list[_Block]] = {}
    entries: list[str] = []


def settings(files: Files) -> Iterable[Setting]:
    """The settings of each installation. The image's own start counts for the first."""
    run = run_of(files, _is_run)
    if run is None:
        for main, name in installations(files, _MAIN, "nginx"):
            yield from _Reader(files, main, name).settings()
        return
    given = _options(run)
    main = _main_file(files, run, given)
    yield from _Reader(files, main, "nginx", given.last("g")).settings()
    for other, name in installations(files, (main, *_MAIN), "nginx"):
        if other != main:
            yield from _Reader(files, other, name if main else f"nginx[{other}]").settings()


def _options(run: Command) -> Options:
    return short_options(run.arguments, "cegps")


def _is_run(command: Command) -> bool:
    return not _options(command).has("?", "T", "V", "h", "s", "t", "v")


def _main_file(files: Files, run: Command, given: Options) -> str:
    """The configuration file that nginx is started with; "" where that is not in the image."""
    named, prefix = given.last("c"), given.last("p")
    if named is None:
        usual = next((path for path in _MAIN if files.status(path) is not None), "")
        if not usual and prefix is not None:
            return named_file(files, run, StartWord("conf/nginx.conf", *_place(prefix)), prefix.text or "")
        if not usual:
            files.problem(run.path, "nginx is started, and its configuration is not where it is looked for", run.line)
        return usual
    text = named.text or ""
    if text.startswith("/") or prefix is not None:
        return named_file(files, run, named, (prefix.text or "") if prefix is not None else "")
    there = [folder for folder in _PREFIXES if files.status(f"{folder}/{text}") is not None]
    if len(there) == 1:
        return f"{there[0]}/{text}"
    files.problem(named.path, f"where {text[:200]} lies, which nginx is started with, is not known", named.line)
    return ""


def _place(word: StartWord) -> SourceLine:
    return SourceLine(word.path, word.line)


class _Reader:
    """Reads one installation."""

    def __init__(self, files: Files, main: str, name: str, given: StartWord | None = None) -> None:
        """`given` are directives of the command line. Without a main file they are all there is."""
        self._files = files
        self._main = main
        self._given = given
        self._name = name
        self._prefix = main.rpartition("/")[0]
        self._tree = IncludeTree(files)
        self._found = SettingCollector(files, main)
        self._count = 0
        self._is_stopped = False
        self._refusals = 0
        self._has_modules = "openresty" in main or "bitnami" in main
        self._is_checked = all(release <= NEWEST for release in files.releases(*NGINX.packages))

    def settings(self) -> list[Setting]:
        top = _Block(self._name, "", "")
        given = self._of_command_line()
        self._fill(top, given, 0)
        if self._main:
            with self._tree.opened(self._main) as text:
                if text is None and not given:
                    return []
                self._fill(top, self._parse_directives(text or "", self._main), 0)
        for directive in given:
            if directive.name not in _SEVERAL and len(top.directives.get(directive.name, ())) > 1:
                reason = f'nginx refuses to start: it is given "{directive.name}" on its command line and in a file'
                self._files.problem(directive.path, reason, directive.line)
        self._tell(top, {})
        return self._found.settings()

    def _of_command_line(self) -> list[Directive]:
        """The directives that come before those of the file."""
        if self._given is None:
            return []
        directives = self._parse_directives(self._given.text or "", self._given.path)
        for directive in directives:
            directive.line = self._given.line
        return directives

    def _parse_directives(self, text: str, path: str) -> list[Directive]:
        return parse(text, path, lambda reason, line: self._files.problem(path, reason, line))

    def _fill(self, block: _Block, directives: Iterable[Directive], depth: int) -> None:
        """Sort directives into a block, those of included files at the place of the include."""
        for directive in directives:
            self._count += 1
            if self._count > _MAX_DIRECTIVES:
                self._stop(directive)
                return
            if directive.name == "include" and directive.block is None:
                for path, text in self._read_includes(directive):
                    self._fill(block, self._parse_directives(text, path), depth)
            elif block.kind in TABLES and directive.block is None:
                block.entries.append(" ".join((directive.name, *directive.arguments)))
            elif not _NAME(directive.name):
                self._files.problem(directive.path, Remark("this is not a directive, and is left out"), directive.line)
            elif directive.block is not None:
                self._check(block, directive)
                self._nest(block, directive, directive.block, depth)
            else:
                self._check(block, directive)
                block.directives.setdefault(directive.name, []).append(directive)

    def _check(self, block: _Block, directive: Directive) -> None:
        """Tell of a directive with which nginx does not start. What it sets is kept."""
        self._has_modules |= directive.name == "load_module"
        if self._is_checked:
            self._refuse(directive, refusal(directive, block.kind, block.outermost, has_modules=self._has_modules))

    def _refuse(self, directive: Directive, reason: str) -> None:
        self._refusals += bool(reason)
        if reason and self._refusals <= _MOST_REFUSALS:
            told = Remark(f"nginx refuses to start: {directive.name}: {reason}")
            self._files.problem(directive.path, told, directive.line)

    def _stop(self, directive: Directive) -> None:
        if not self._is_stopped:
            reason = f"there are more than {_MAX_DIRECTIVES:,} directives; the rest is left out"
            self._files.problem(directive.path, reason, directive.line)
        self._is_stopped = True

    def _nest(self, block: _Block, directive: Directive, inner: list[Directive], depth: int) -> None:
        """Sort a block inside another."""
        name = directive.name
        if depth >= _MAX_DEPTH:
            self._files.problem(
                directive.path, "blocks stand too deep in each other; this one is left out", directive.line
            )
            return
        siblings = block.blocks.setdefault(name, [])
        if siblings and name in SINGLE:
            self._refuse(directive, "there may be only one such block" if self._is_checked else "")
        else:
            place = "" if name in SINGLE else f"[{len(siblings)}]"
            argument, outermost = " ".join(directive.arguments), block.outermost or name
            key = f"{block.key}.{name}{place}"
            siblings.append(_Block(key, name, outermost, argument, directive.path, directive.line, {}, {}, []))
        self._fill(siblings[-1], inner, depth + 1)

    def _read_includes(self, directive: Directive) -> Iterator[tuple[str, str]]:
        """Path and text of each file that an include names."""
        if len(directive.arguments) != 1:
            self._files.problem(directive.path, Remark("an include of other than one name"), directive.line)
            return
        name = directive.arguments[0]
        pattern = name if name.startswith("/") else f"{self._prefix}/{name}"
        is_glob = any(c in pattern for c in "*?[")
        for path in self._tree.matching(pattern, directive.path, directive.line) if is_glob else [pattern]:
            if self._is_stopped:
                return
            with self._tree.opened(path, directive.path, directive.line) as text:
                if text is not None:
                    yield path, text

    def _tell(self, block: _Block, outer: dict[str, _Effective]) -> None:
        """Give the settings of a block and of those in it; `outer` is what is in effect around it."""
        if block.argument:
            name = ARGUMENT.get(block.kind, "arguments")
            self._found.add(f"{block.key}.{name}", block.argument, block.path, block.line)
        if block.kind in TABLES:
            self._found.add(f"{block.key}.entries", tuple(block.entries), block.path, block.line)
        own = self._own(block)
        inherited = INHERITED.get((block.outermost, block.kind))
        if inherited is not None:
            effective = {
                name: value for name, value in outer.items() if name in inherited and not _is_replaced(name, own)
            }
        else:
            effective = {}
        effective = {name: (value, "", 0, ()) for name, value in self._defaults(block)} | effective | own
        for name, (value, path, line, more) in effective.items():
            self._found.add(f"{block.key}.{name}", value, path, line, more)
        for blocks in block.blocks.values():
            for inner in blocks:
                if self._found.is_full:
                    return
                self._tell(inner, effective if inherited is not None else outer | effective)

    def _defaults(self, block: _Block) -> Iterator[tuple[str, DefaultValue]]:
        """The defaults that a block has, if it is an outermost one."""
        if block.kind == block.outermost:
            yield from DEFAULTS.get(block.kind, {}).items()
            yield from defaults_here(self._files, NGINX).items() if block.kind in _WITH_TLS else ()

    def _own(self, block: _Block) -> dict[str, _Effective]:
        """The values that a block itself sets."""
        own: dict[str, _Effective] = {}
        for name, directives in block.directives.items():
            first = directives[0]
            more = tuple(SourceLine(directive.path, directive.line) for directive in directives[1 : MAX_PLACES + 1])
            own[name] = (_value(name, directives), first.path, first.line, more)
        if "user" in own and not block.kind and (words := block.directives["user"][-1].arguments):
            own["user"] = (words[0], *own["user"][1:])
            if len(words) > 1:
                own.setdefault("group", (words[1], *own["user"][1:]))
        return own


def _is_replaced(name: str, own: dict[str, _Effective]) -> bool:
    """Whether a block sets a directive that shares its list with this one."""
    return any(name in group and not group.isdisjoint(own) for group in TOGETHER)


def _value(name: str, directives: list[Directive]) -> Value:
    """The value of a directive that occurs once or several times at one level."""
    if name in LISTS:
        return tuple(word for directive in directives for word in directive.arguments)
    if len(directives) > 1 or name in REPEATED:
        return tuple(_words(directive) for directive in directives)
    directive = directives[0]
    if directive.code is None and not directive.arguments:
        return None
    word = _words(directive)
    if name in FLAGS and word.lower() in ("on", "off"):
        return word.lower() == "on"
    if name in NUMBERS and _NUMBER(word):
        return int(word)
    return word


def _words(directive: Directive) -> str:
    words = (*directive.arguments, directive.code) if directive.code is not None else directive.arguments
    return " ".join(words)


PARSER = Parser(
    name="nginx",
    globs=(
        "etc/nginx/*",
        "etc/nginx/**/*.conf",
        "etc/nginx/sites-enabled/*",
        "etc/nginx/sites-available/*",
        "etc/nginx/conf.d/*",
        "etc/nginx/snippets/*",
        "usr/share/nginx/modules/*.conf",
        "usr/share/nginx/modules-available/*.conf",
        "usr/local/nginx/conf/*",
        "usr/local/nginx/conf/**/*.conf",
        "usr/local/openresty/nginx/conf/*",
        "usr/local/openresty/nginx/conf/**/*.conf",
        "usr/local/etc/nginx/*",
        "usr/local/etc/nginx/**/*.conf",
        "opt/bitnami/nginx/conf/*",
        "opt/bitnami/nginx/conf/**/*.conf",
    ),
    settings=settings,
    programs=("nginx", "nginx-debug", "openresty"),
)
"""nginx and what is built from it."""
