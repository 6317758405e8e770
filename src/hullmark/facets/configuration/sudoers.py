"""sudo: /etc/sudoers with what it includes, sudoers(5)."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from hullmark.facets.configuration.collected import MAX_PLACES, DefaultValue, SettingCollector
from hullmark.facets.configuration.include_tree import IncludeTree
from hullmark.facets.configuration.parser import Files, Parser
from hullmark.facets.configuration.release_defaults import SUDO, defaults_here
from hullmark.facets.configuration.source_line import SourceLine
from hullmark.facets.configuration.sudoers_syntax import (
    ALIASES,
    Default,
    NotRead,
    Rule,
    aliases,
    defaults,
    lines,
    plain,
    rules,
)
from hullmark.model.limit import Limit
from hullmark.model.setting import Setting, Value

MAIN = "/etc/sudoers"

_INCLUDE = re.compile(r"[@#]include(dir)?[ \t]+(.+)").fullmatch
_WORD = re.compile(r"[A-Za-z_]+").match
_NUMBER = re.compile(r"-?\d{1,9}(\.\d{1,3})?").fullmatch
_LISTS = frozenset({"env_check", "env_delete", "env_keep", "log_subcmds_exclude"})
_MAX_ITEMS = Limit(500, "items of a list in sudoers")

_IN_TRIXIE = (1, 9, 16)
_STANDARD: dict[str, DefaultValue] = {
    "authenticate": True,
    "env_reset": True,
    "passwd_tries": 3,
    "requiretty": False,
    "rootpw": False,
    "runas_default": "root",
    "runaspw": False,
    "setenv": False,
    "targetpw": False,
    "visiblepw": False,
}


_Places = tuple[SourceLine, ...]


class _Exempt(NamedTuple):
    """Who needs no password, and the lines that say so, those of aliases last."""

    name: str
    places: _Places


class _WrittenValue(msgspec.Struct, frozen=True):
    """A value, its last line, and the lines before that it comes of too."""

    value: Value
    path: str
    line: int
    more: _Places = ()


class _ScopedDefaults(msgspec.Struct, frozen=True):
    """A Defaults line that holds for some only."""

    scope: str
    path: str
    line: int
    settings: dict[str, Value]


class _WrittenRule(NamedTuple):
    """A rule, and the line that says it."""

    rule: Rule
    place: SourceLine


class _Alias(NamedTuple):
    """The members of an alias, and the line that says them."""

    members: tuple[str, ...]
    place: SourceLine


class _Policy:
    """What all files together say."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self._tree = IncludeTree(files)
        self.everyone: dict[str, _WrittenValue] = {}
        self.scoped: list[_ScopedDefaults] = []
        self.aliases: dict[tuple[str, str], _Alias] = {}
        self.rules: list[_WrittenRule] = []
        self._places: dict[tuple[str, str], _Places] = {}

    def read(self, path: str, by: str = "", line: int = 0) -> None:
        """Read a file and those that it includes."""
        with self._tree.opened(path, by, line) as text:
            for number, written in lines(text or ""):
                try:
                    self._line(written, path, number)
                except NotRead as error:
                    self._files.problem(path, f"a line cannot be read: {error}", number)

    def _line(self, written: str, path: str, line: int) -> None:
        if found := _INCLUDE(written):
            self._include(found, path, line)
            return
        word = _WORD(written)
        first = word[0] if word else ""
        rest = written[len(first) :]
        if first == "Defaults" and not rest[:1].isalnum():
            self._defaults(rest.rstrip(), path, line)
        elif first in ALIASES and rest[:1] in (" ", "\t"):
            for name, members in aliases(rest.strip()):
                if (ALIASES[first], name) in self.aliases:
                    raise NotRead(f"the alias {name} is there already")
                self.aliases[ALIASES[first], name] = _Alias(members, SourceLine(path, line))
        else:
            self.rules += (_WrittenRule(rule, SourceLine(path, line)) for rule in rules(written))

    def _include(self, found: re.Match[str], path: str, line: int) -> None:
        target = posixpath.join(posixpath.dirname(path), plain(found[2].strip()))
        if "%h" in target:
            self._files.problem(path, f"{target} depends on the name of the host, and is not read", line)
        elif not found[1]:
            self.read(target, path, line)
        else:
            for file in self._tree.matching(f"{target}/*", path, line):
                name = posixpath.basename(file)
                if "." not in name and not name.endswith("~"):
                    self.read(file, path, line)

    def _defaults(self, text: str, path: str, line: int) -> None:
        scope, found = defaults(text)
        if not scope:
            for default in found:
                known = self.everyone.get(default.name)
                value = _value(default, known.value if known else None)
                adds = known is not None and default.operator in ("+=", "-=")
                more = (*known.more, SourceLine(known.path, known.line)) if adds and known is not None else ()
                self.everyone[default.name] = _WrittenValue(value, path, line, more)
            return
        settings: dict[str, Value] = {}
        for default in found:
            known = self.everyone.get(default.name)
            before = settings.get(default.name, known.value if known else None)
            settings[default.name] = _value(default, before)
        self.scoped.append(_ScopedDefaults(scope, path, line, settings))

    def members(self, kind: str, names: tuple[str, ...]) -> Iterator[tuple[str, _Places]]:
        """The names with aliases replaced by their members, without repeats, and the lines of those aliases.

        Excluded ones have a `!` in front.
        """
        seen: set[str] = set()
        waiting: list[tuple[str, _Places]] = [(name, ()) for name in reversed(names)]
        while waiting:
            name, places = waiting.pop()
            if name in seen:
                continue
            seen.add(name)
            alias = self.aliases.get((kind, name))
            if alias is None:
                yield name, places
            else:
                waiting += [(member, (*places, alias.place)) for member in reversed(alias.members)]

    def alias_places(self, rule: Rule) -> _Places:
        """The lines of the aliases that stand in a rule, and in each other."""
        named = {"user": rule.users, "host": rule.hosts, "runas": rule.runas + rule.groups, "command": rule.commands}
        found: dict[SourceLine, None] = {}
        for kind, names in named.items():
            for name in names:
                found.update(dict.fromkeys(self._places_of(kind, name.lstrip("!"))))
        return tuple(found)

    def _places_of(self, kind: str, name: str) -> _Places:
        """The lines of an alias and of those in it, each found once; none for other names."""
        first = (kind, name)
        if first in self.aliases and first not in self._places:
            seen, waiting = {first: None}, [name]
            while waiting:
                members = (member.lstrip("!") for member in self.aliases[kind, waiting.pop()].members)
                inner = [one for one in members if (kind, one) in self.aliases and (kind, one) not in seen]
                seen |= dict.fromkeys((kind, one) for one in inner)
                waiting += inner
                if len(seen) > MAX_PLACES:
                    break
            self._places[first] = tuple(self.aliases[one].place for one in seen)
        return self._places.get(first, ())

    def without_password(self) -> Iterator[_Exempt]:
        """Who may run a command without a password, and the line that says so.

        Where this holds only for some hosts, commands or target users, everyone who may run something counts.
        """
        exempt = self.everyone.get("exempt_group")
        if exempt is not None and isinstance(exempt.value, str):
            yield _Exempt(f"%{exempt.value}", (SourceLine(exempt.path, exempt.line),))
        asked = self.everyone.get("authenticate", _WrittenValue(True, "", 0))
        nobody_asked, said = asked.value is False, [SourceLine(asked.path, asked.line)] if asked.value is False else []
        for scoped in self.scoped:
            if scoped.settings.get("authenticate") is False and scoped.scope.startswith(":"):
                for name, places in self.members("user", tuple(scoped.scope[1:].split(","))):
                    yield _Exempt(name, (SourceLine(scoped.path, scoped.line), *places))
            elif scoped.settings.get("authenticate") is False:
                nobody_asked = True
                said.append(SourceLine(scoped.path, scoped.line))
        for rule, place in self.rules:
            allows = any(not command.startswith("!") for command in rule.commands)
            if allows and ("NOPASSWD" in rule.tags or (nobody_asked and "PASSWD" not in rule.tags)):
                by = () if "NOPASSWD" in rule.tags else tuple(said)
                for name, places in self.members("user", rule.users):
                    yield _Exempt(name, (place, *by, *places))


def _value(default: Default, before: Value) -> Value:
    """The value of a setting after a line has changed it. What is switched off is False, or an empty list."""
    if default.name in _LISTS:
        return _list(default, before if isinstance(before, tuple) else ())
    if not default.operator:
        return default.is_on
    number = _NUMBER(default.value)
    if number is None:
        return default.value
    return float(default.value) if number[1] else int(default.value)


def _list(default: Default, before: tuple[str, ...]) -> tuple[str, ...]:
    items = tuple(default.value.split())
    if default.operator == "-=":
        gone = set(items)
        return tuple(item for item in before if item not in gone)
    found = tuple(dict.fromkeys(before + items)) if default.operator == "+=" else items
    if len(found) > _MAX_ITEMS:
        raise NotRead(f"the list {default.name} is too long")
    return found


def _standard(files: Files) -> dict[str, DefaultValue]:
    """sudo's own defaults, those of its release, and those that a distribution has built in."""
    distro = files.distro
    is_trixie = distro is not None and (distro.id, distro.version_id.split(".")[0]) == ("debian", "13")
    standard = {**_STANDARD, **defaults_here(files, SUDO, release=_IN_TRIXIE if is_trixie else None)}
    if distro is not None and {"debian", "ubuntu"} & {distro.id, *distro.id_like}:
        standard["timestamp_timeout"] = 15
    return standard


def _add_rule(collected: SettingCollector, key: str, written: _WrittenRule, more: _Places) -> None:
    rule, place = written
    for name, value in (
        ("users", rule.users),
        ("hosts", rule.hosts),
        ("runas", rule.runas),
        ("runas_groups", rule.groups),
        ("options", rule.options),
        ("tags", rule.tags),
        ("commands", rule.commands),
    ):
        if value or name in ("runas", "tags"):
            collected.add(f"{key}.{name}", value, *place, more)


def settings(files: Files) -> list[Setting]:
    """The settings of sudo, where it has a configuration."""
    if files.status(MAIN) is None:
        return []
    collected = SettingCollector(files, MAIN)
    policy = _Policy(files)
    policy.read(MAIN)
    for name, standard in _standard(files).items():
        collected.add(f"sudoers.defaults.{name}", standard)
    for name, written in policy.everyone.items():
        collected.add(f"sudoers.defaults.{name}", written.value, written.path, written.line, written.more)
    for i, scoped in enumerate(policy.scoped):
        collected.add(f"sudoers.scoped[{i}].scope", scoped.scope, scoped.path, scoped.line)
        for name, value in scoped.settings.items():
            collected.add(f"sudoers.scoped[{i}].{name}", value, scoped.path, scoped.line)
    for (kind, name), (members, place) in policy.aliases.items():
        collected.add(f"sudoers.alias.{kind}[{name}]", members, *place)
    for i, rule in enumerate(policy.rules):
        _add_rule(collected, f"sudoers.rule[{i}]", rule, policy.alias_places(rule.rule))
    found = list(policy.without_password())
    names = tuple(dict.fromkeys(exempt.name for exempt in found if not exempt.name.startswith("!")))
    places = [place for exempt in found for place in exempt.places]
    collected.add("sudoers.nopasswd", names, *(places[0] if places else SourceLine("", 0)), places)
    return collected.settings()


PARSER = Parser(name="sudoers", globs=("etc/sudoers", "etc/sudoers.d/*"), settings=settings)
"""Who may run what as whom, one rule for each run of commands with the same rights; `sudoers.nopasswd`: who needs no password."""
