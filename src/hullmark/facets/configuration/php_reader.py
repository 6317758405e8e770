"""Reads the files of one PHP: php.ini and its scan folder for each server interface, and php-fpm's pools."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial

import msgspec

from hullmark.facets.configuration.collected import SettingCollector
from hullmark.facets.configuration.include_tree import IncludeTree
from hullmark.facets.configuration.parser import Files
from hullmark.facets.configuration.php_ini import Entry, IniReader
from hullmark.facets.configuration.php_pools import PoolOverride, in_effect, with_more
from hullmark.facets.configuration.php_refusals import entry_refusal, pool_refusal
from hullmark.facets.configuration.php_settings import (
    ALL_SINCE_8_4,
    CONSTANTS,
    DEFAULTS,
    FIXED,
    GLOBAL_DEFAULTS,
    POOL_DEFAULTS,
    convert_value,
    pool_typed,
)
from hullmark.facets.configuration.php_start import PhpStart, start_of
from hullmark.facets.configuration.release_defaults import PHP, Release, defaults_here
from hullmark.facets.configuration.shell_expansion import StartWord
from hullmark.model.setting import Setting, Value
from hullmark.rootfs.reads import Remark

_NAME = re.compile(r"[A-Za-z0-9_.:-]{1,100}").fullmatch
_SECTION = re.compile(r"(path|host)=(.{1,200})", re.IGNORECASE | re.DOTALL).fullmatch
_POOL = re.compile(r".{1,200}", re.DOTALL).fullmatch
_LOADED = ("extension", "zend_extension")
_PHP_VALUES = ("php_admin_flag", "php_admin_value", "php_flag", "php_value")

_OWN_FILE = {
    "apache2": "php-apache2handler.ini",
    "cgi": "php-cgi-fcgi.ini",
    "cli": "php-cli.ini",
    "fpm": "php-fpm-fcgi.ini",
}
"""What a server interface reads in place of php.ini if it is there."""


class Interface(msgspec.Struct):
    """A server interface: cli, fpm, apache2 …, the folder of its php.ini, its scan folder and the main file of its pools."""

    name: str
    folder: str
    scanned: str
    pools: str = ""


class Installation(msgspec.Struct):
    """PHP once. `is_new`: it is known to be 8.4 or later. `prefix` is what names of pools' files are relative to. `release`: as far as its
    folder tells.
    """

    label: str
    interfaces: list[Interface]
    is_new: bool = False
    prefix: str = "/usr"
    release: Release | None = None


class PhpReader:
    """Reads one installation; its settings' keys begin with `name`."""

    def __init__(self, files: Files, installation: Installation, name: str) -> None:
        self._files = files
        self._installation = installation
        self._name = name
        self._tree = IncludeTree(files)
        self._found = SettingCollector(files, installation.interfaces[0].folder + "/php.ini")
        self._constants = {**CONSTANTS, "E_ALL": ALL_SINCE_8_4} if installation.is_new else CONSTANTS
        self._lists: dict[str, list[str]] = {}
        self._seen: set[str] = set()
        self._overrides: list[PoolOverride] = []
        self._pools: dict[str, dict[str, str]] = {}

    def settings(self) -> list[Setting]:
        """The settings of every interface, and of php-fpm's pools."""
        for interface in self._installation.interfaces:
            start = start_of(self._files, interface.name)
            self._read(interface, start)
            pools = start.pools or interface.pools
            if pools and self._files.status(pools) is not None:
                self._read_pools(f"{self._name}.{interface.name}", pools)
                self._tell_overrides(f"{self._name}.{interface.name}")
        return self._found.settings()

    def _entries(self, path: str, known: Mapping[str, str]) -> Iterator[Entry]:
        """The entries of one file. `known` are the settings so far, which a `${NAME}` may name."""
        with self._tree.opened(path) as text:
            report = partial(self._files.problem, path)
            yield from IniReader(text or "", self._constants, self._lookup(known), report).entries()

    def _lookup(self, known: Mapping[str, str]) -> Callable[[str], str | None]:
        """The value of `${NAME}`: a setting's that stands before it, else a variable's of the environment."""

        def value(name: str) -> str | None:
            word = self._files.environment(name) if name not in known else None
            return word.text if word is not None else known.get(name)

        return value

    def _read(self, interface: Interface, start: PhpStart) -> None:
        """Read the ini files of an interface in order: what is read later counts."""
        top = f"{self._name}.{interface.name}"
        fixed = FIXED.get(interface.name, {})
        by_release = defaults_here(self._files, PHP, release=self._installation.release)
        for name, value in {**DEFAULTS, **by_release, **fixed}.items():
            self._found.add(f"{top}.{name}", value)
        known: dict[str, str] = {}
        for path in self._ini_files(interface, start):
            for entry in self._entries(path, known):
                section = self._section(entry, interface)
                if section is None or not self._is_name(entry, path) or (not section and entry.name in fixed):
                    continue
                if not section:
                    known[entry.name] = entry.value
                self._take(f"{top}{section}.{entry.name}", entry, path)
        for word in start.defined:
            for entry in IniReader(word.text or "", self._constants, self._lookup(known), self._at(word)).entries():
                if self._is_name(entry, word.path):
                    entry.line = word.line
                    self._take(f"{top}.{entry.name}", entry, word.path)
        self._tell_lists()

    def _at(self, word: StartWord) -> Callable[[str, int], None]:
        return lambda reason, line: self._files.problem(word.path, reason, word.line)

    def _ini_files(self, interface: Interface, start: PhpStart) -> list[str]:
        if not start.has_files:
            return []
        folders = [start.ini] if start.is_only else [start.ini, interface.folder]
        first = next((path for folder in folders if folder for path in self._main_files(interface, folder)), "")
        scanned = [interface.scanned] if start.scanned is None else [f or interface.scanned for f in start.scanned]
        return [
            *([first] if first else []),
            *(path for f in scanned if f for path in self._files.matching(f"{f}/*.ini")),
        ]

    def _main_files(self, interface: Interface, place: str) -> Iterator[str]:
        """The file itself, or what an interface reads in a folder."""
        status = self._files.status(place)
        if status is not None and status.kind != "d":
            yield place
        for name in (_OWN_FILE.get(interface.name, "php.ini"), "php.ini"):
            if self._files.status(f"{place}/{name}") is not None:
                yield f"{place}/{name}"

    def _section(self, entry: Entry, interface: Interface) -> str | None:
        """The part of a key that limits a setting to one path or host; None where the interface ignores it."""
        found = _SECTION(entry.section)
        if found is None:
            return ""
        return None if interface.name == "cli" else f".{found[1].lower()}[{found[2]}]"

    def _is_name(self, entry: Entry, path: str) -> bool:
        """Whether PHP may have a setting of this name. What is meant as a comment of old is passed over as PHP does."""
        is_name = _NAME(entry.name) is not None
        if not is_name and not entry.name.startswith("#"):
            self._files.problem(path, "this is not a setting, and is left out", entry.line)
        return is_name

    def _take(self, key: str, entry: Entry, path: str) -> None:
        if entry.name in _LOADED or entry.offset is not None:
            if key not in self._lists:
                self._lists[key] = []
                self._found.add(key, (), path, entry.line)
            self._lists[key].append(f"{entry.offset}={entry.value}" if entry.offset else entry.value)
        else:
            self._found.add(key, convert_value(entry.name, entry.value), path, entry.line)

    def _tell_lists(self) -> None:
        for key, values in self._lists.items():
            self._found.replace(key, tuple(values))
        self._lists.clear()

    def _read_pools(self, top: str, main: str) -> None:
        """Read php-fpm's files: what it sets for itself, and each pool."""
        for name, value in GLOBAL_DEFAULTS.items():
            self._found.add(f"{top}.global.{name}", value)
        self._pools.clear()
        self._read_pool_file(top, main, "", "", 0)
        if not self._pools:
            self._report_refusal(main, "no pool is defined", 0)
        for pool, values in self._pools.items():
            if reason := pool_refusal(values):
                self._report_refusal(main, f"pool {pool[:100]}: {reason}", 0)

    def _report_refusal(self, path: str, reason: str, line: int) -> None:
        self._files.problem(path, Remark(f"php-fpm refuses to start: {reason}"), line)

    def _read_pool_file(self, top: str, path: str, pool: str, by: str, line: int) -> None:
        with self._tree.opened(path, by, line) as text:
            report = partial(self._files.problem, path)
            reader = IniReader(text or "", self._constants, self._lookup({}), report, needs_values=True)
            for entry in reader.entries():
                section = entry.section or pool
                entry.name = entry.name.lower()
                if entry.name == "include":
                    self._include(top, section, entry, path)
                else:
                    self._take_pool(top, section, entry, path)

    def _include(self, top: str, section: str, entry: Entry, path: str) -> None:
        pattern = entry.value if entry.value.startswith("/") else f"{self._installation.prefix}/{entry.value}"
        is_glob = any(c in pattern for c in "*?[")
        for inner in self._tree.matching(pattern, path, entry.line) if is_glob else [pattern]:
            self._read_pool_file(top, inner, section, path, entry.line)

    def _tell_overrides(self, top: str) -> None:
        """Give what pools change of PHP's settings: those of each pool, and those of PHP where every pool changes them."""
        by_setting: dict[str, dict[str, PoolOverride]] = {}
        for override in in_effect(self._overrides):
            by_setting.setdefault(override.setting, {})[override.pool] = override
        for setting, pools in by_setting.items():
            before = self._found.value(f"{top}.{setting}")
            for pool, override in pools.items():
                place = (override.path, override.line)
                value = with_more(setting, before, override.value)
                self._found.add(f"{top}.pool[{pool}].{setting}", value, *place)
                if pools.keys() == self._seen:
                    self._found.add(f"{top}.{setting}", value, *place)
        self._overrides.clear()

    def _take_pool(self, top: str, section: str, entry: Entry, path: str) -> None:
        is_global = section.lower() in ("", "global")
        if not is_global and not _POOL(section):
            self._files.problem(path, "a pool's name is too long; it is left out", entry.line)
            return
        if not is_global:
            self._begin_pool(f"{top}.pool[{section}]", section)
        entry.value = entry.value if is_global else entry.value.replace("$pool", section)
        if reason := entry_refusal(entry, is_global=is_global, release=self._installation.release):
            self._report_refusal(path, reason, entry.line)
        elif not self._is_name(entry, path):
            return
        if is_global and entry.offset is None:
            self._found.add(f"{top}.global.{entry.name}", pool_typed(entry.name, entry.value), path, entry.line)
        elif not is_global:
            self._take_of_pool(f"{top}.pool[{section}]", section, entry, path)

    def _begin_pool(self, key: str, section: str) -> None:
        self._pools.setdefault(section, {})
        if section not in self._seen:
            self._seen.add(section)
            for name, default in POOL_DEFAULTS.items():
                self._found.add(f"{key}.{name}", default)

    def _take_of_pool(self, key: str, section: str, entry: Entry, path: str) -> None:
        if entry.offset is None:
            self._pools[section][entry.name] = entry.value
            self._found.add(f"{key}.{entry.name}", pool_typed(entry.name, entry.value), path, entry.line)
        elif _NAME(entry.offset):
            value: Value = convert_value(entry.offset, entry.value) if entry.name in _PHP_VALUES else entry.value
            self._found.add(f"{key}.{entry.name}[{entry.offset}]", value, path, entry.line)
            if entry.name in _PHP_VALUES:
                self._overrides.append(PoolOverride(section, entry.name, entry.offset, value, path, entry.line))
        elif entry.offset:
            self._files.problem(path, "this is not a setting, and is left out", entry.line)
