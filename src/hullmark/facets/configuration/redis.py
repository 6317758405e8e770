"""Redis and Valkey: servers and sentinels (the directives of redis.conf as Redis 8 and Valkey 8 read them).

A server is named by its file, as in `redis.server[/etc/redis/redis.conf].protected-mode`, a sentinel as in
`redis.sentinel[/etc/redis/sentinel.conf].port`. One that is started without a file is named by the place that starts it, as in
`redis.server[CMD].port`. Directives have the names of today: `replica` for `slave`, `listpack` for `ziplist`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain

import msgspec

from hullmark.facets.configuration.bracketed import BracketedNames
from hullmark.facets.configuration.collected import MAX_PLACES, DefaultValue, SettingCollector
from hullmark.facets.configuration.entries import at_most
from hullmark.facets.configuration.include_tree import IncludeTree
from hullmark.facets.configuration.parser import Files, Parser
from hullmark.facets.configuration.redis_directives import (
    ADDING,
    DEFAULTS,
    FOLDERS,
    LISTS,
    SECRETS,
    SENTINEL_DEFAULTS,
    SENTINEL_SECRETS,
    SERVER_NAMES,
    WORDS,
)
from hullmark.facets.configuration.redis_refusals import refusal
from hullmark.facets.configuration.release_defaults import REDIS, defaults_here
from hullmark.facets.configuration.runs import named_file, run_of
from hullmark.facets.configuration.source_line import SourceLine
from hullmark.facets.configuration.start import Command
from hullmark.facets.configuration.written import MASK, beside, number, without_password
from hullmark.model.setting import Setting, Value
from hullmark.rootfs.reads import Remark

_PIECE = re.compile(
    r"""[ \t\r\n\v\f]*+((?:[^ \t\r\n"']|"(?:\\.|[^"\\])*+"(?=\s|\Z)|'(?:\\'|[^'])*+'(?=\s|\Z))++)(?=[ \t\r\n]|\Z)""",
    re.DOTALL,
)
_QUOTED = re.compile(r""""((?:\\.|[^"\\])*+)"|'((?:\\'|[^'])*+)'""", re.DOTALL)
_ESCAPE = re.compile(r"\\(?:x([0-9A-Fa-f]{2})|(.))", re.DOTALL)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "a": "\a"}
_SPACE = " \t\r\n"
_ASKING = frozenset(("--check-system", "--help", "--test-memory", "--version", "-h", "-v"))
_WILD = re.compile(r"[*?\[]").search
_ACL_SECRET = re.compile(r"([><#!]).+", re.DOTALL).fullmatch


class Directive(msgspec.Struct, frozen=True):
    """One directive: its name in small letters, and its words."""

    name: str
    words: tuple[str, ...]
    path: str
    line: int


def _settings(files: Files) -> Iterable[Setting]:
    settings = SettingCollector(files, "/etc/redis/redis.conf")
    tree = IncludeTree(files)
    names = BracketedNames()
    seen: set[str] = set()
    standard = {**DEFAULTS, **defaults_here(files, REDIS)}
    run = run_of(files, _is_run)
    if run is not None:
        main, given = _read_command_line(files, run)
        is_sentinel = "sentinel" in f"{run.program} {main.rpartition('/')[2]}" or any(
            d.name == "sentinel" for d in given
        )
        prefix = f"redis.{'sentinel' if is_sentinel else 'server'}[{names.name(main or run.path)}]"
        if main:
            seen.add(files.real(main) or main)
        written = read_directives(files, tree, main) if main else iter(())
        told = (d for d in given if d.name not in ("sentinel", "include"))
        included = (i for d in given if d.name == "include" and d.words for i in _include(files, tree, d))
        _add_server(
            at_most(files, main or run.path, chain(written, told, included)),
            prefix,
            settings,
            SENTINEL_DEFAULTS if is_sentinel else standard,
        )
    for path in _main_files(files):
        real = files.real(path) or path
        if real not in seen:
            seen.add(real)
            is_sentinel = "sentinel" in path.rpartition("/")[2]
            prefix = f"redis.{'sentinel' if is_sentinel else 'server'}[{names.name(path)}]"
            directives = at_most(files, path, read_directives(files, tree, path))
            _add_server(directives, prefix, settings, SENTINEL_DEFAULTS if is_sentinel else standard)
    return settings.settings()


def _add_server(
    directives: Iterable[Directive], prefix: str, settings: SettingCollector, standard: Mapping[str, DefaultValue]
) -> None:
    for name, value in standard.items():
        settings.add(f"{prefix}.{name}", value)
    _server(directives, prefix, settings)


def _is_run(command: Command) -> bool:
    return not any(word.text in _ASKING for word in command.arguments)


def _read_command_line(files: Files, run: Command) -> tuple[str, list[Directive]]:
    """The file that a server is started with, "" for none, and the directives of its command line: each begins with two dashes."""
    words = list(run.arguments)
    main = ""
    if words and not (words[0].text or "").startswith("-"):
        main = named_file(files, run, words.pop(0))
    found: list[Directive] = []
    for word in words:
        text = word.text or ""
        if text.startswith("--"):
            found.append(Directive(text[2:].lower(), (), word.path, word.line))
        elif text == "-" or not found:
            files.problem(word.path, "what it is given on its standard input is not known", word.line)
        else:
            last = found[-1]
            found[-1] = Directive(last.name, (*last.words, text), last.path, last.line)
    return main, [_split_directive(directive) for directive in found]


def _split_directive(directive: Directive) -> Directive:
    """A directive whose name and value are one word, as in `--port 6380` within quotes."""
    name, *words = directive.name.split(None, 1)[:2] or [""]
    return Directive(name, (*words, *directive.words), directive.path, directive.line)


def _main_files(files: Files) -> Iterator[str]:
    for folder in FOLDERS:
        for name in SERVER_NAMES:
            yield from files.matching(f"{folder}/{name}")


def read_directives(files: Files, tree: IncludeTree, path: str, by: str = "", at: int = 0) -> Iterator[Directive]:
    """The directives of a file and of those that it includes, in their order."""
    with tree.opened(path, by, at) as text:
        for line, raw in enumerate((text or "").split("\n"), 1):
            written = raw.strip(_SPACE)
            if not written or written[0] == "#":
                continue
            words = split(written)
            if words is None:
                files.problem(path, Remark("its quotes are not balanced"), line)
            elif words and words[0].lower() == "include" and len(words) > 1:
                yield from _include(files, tree, Directive("include", words[1:], path, line))
            elif words:
                directive = Directive(words[0].lower(), words[1:], path, line)
                if reason := refusal(_name_of_today(directive.name), directive.words):
                    files.problem(path, Remark(f"the server refuses to start: {reason}"), line)
                yield directive


def _include(files: Files, tree: IncludeTree, include: Directive) -> Iterator[Directive]:
    target = beside(include.path, include.words[0])
    for path in tree.matching(target, include.path, include.line) if _WILD(target) else [target]:
        yield from read_directives(files, tree, path, include.path, include.line)


def split(line: str) -> tuple[str, ...] | None:
    """The words of a line, quotes and escapes undone; None if quotes do not close, or close inside a word."""
    words = []
    at, end = 0, len(line.rstrip())
    while at < end:
        found = _PIECE.match(line, at)
        if found is None:
            return None
        words.append(_QUOTED.sub(_unquote, found[1]))
        at = found.end()
    return tuple(words)


def _unquote(found: re.Match[str]) -> str:
    if found[1] is None:
        return found[2].replace("\\'", "'")
    return _ESCAPE.sub(lambda e: chr(int(e[1], 16)) if e[1] else _ESCAPES.get(e[2], e[2]), found[1])


def _name_of_today(name: str) -> str:
    return name.replace("slave", "replica").replace("ziplist", "listpack")


def _server(directives: Iterable[Directive], prefix: str, settings: SettingCollector) -> None:
    """The settings of one server: of repeated settings the last counts, except those that add up."""
    lists: dict[str, dict[str, str]] = {}
    places: dict[str, list[SourceLine]] = {}
    for directive in directives:
        name = _name_of_today(directive.name)
        words = directive.words
        if name == "sentinel" and words:
            name, words = f"sentinel.{words[0].lower()}", words[1:]
        if name in ADDING or (name.startswith("sentinel.") and len(words) > 1):
            _add_up(lists.setdefault(name, {}), name, words)
            places.setdefault(name, []).append(SourceLine(directive.path, directive.line))
        else:
            settings.add(f"{prefix}.{name}", convert_value(name, words), directive.path, directive.line)
    for name, entries in lists.items():
        settings.add(f"{prefix}.{name}", tuple(entries.values()), *places[name][-1], places[name][-MAX_PLACES:])


def _add_up(entries: dict[str, str], name: str, words: tuple[str, ...]) -> None:
    """Note what a directive adds. `save` takes pairs, and forgets the others if it is empty; one buffer limit is for one class."""
    if name == "save":
        if words == ("",):
            entries.clear()
            return
        pairs = (" ".join(words[i : i + 2]) for i in range(0, len(words), 2))
        entries |= {pair: pair for pair in pairs}
    elif name == "client-output-buffer-limit":
        for i in range(0, len(words), 4):
            kind = words[i].lower().replace("slave", "replica")
            entries[kind] = " ".join((kind, *words[i + 1 : i + 4]))
    else:
        entry = " ".join(_format_word(word) for word in _mask_words(name, words))
        entries[entry] = entry


def _format_word(word: str) -> str:
    return word or '""'


def _mask_words(name: str, words: tuple[str, ...]) -> tuple[str, ...]:
    if name == "user":
        return tuple(f"{found[1]}{MASK}" if (found := _ACL_SECRET(word)) else word for word in words)
    if name in SENTINEL_SECRETS:
        return (*words[:-1], MASK)
    return tuple(without_password(word) for word in words)


def convert_value(name: str, words: tuple[str, ...]) -> Value:
    """The value of a directive that is given once."""
    if name in LISTS:
        return tuple(piece for word in words for piece in word.split())
    if not words:
        return None
    if name in SECRETS:
        return MASK if words[0] else ""
    words = _mask_words(name, words)
    if len(words) > 1:
        return words
    if name in WORDS:
        return words[0]
    return {"yes": True, "no": False}.get(words[0].lower(), number(words[0]))


PARSER = Parser(
    name="redis",
    globs=("**/*.conf",),
    settings=_settings,
    programs=("redis-server", "redis-sentinel", "valkey-server", "valkey-sentinel", "keydb-server"),
)
