"""systemd: units with their drop-ins, systemd.unit(5): which are enabled, which are masked, and what they run."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator

import msgspec

from hullmark.facets.configuration.bracketed import escape_brackets
from hullmark.facets.configuration.collected import SettingCollector
from hullmark.facets.configuration.parser import Files, Parser
from hullmark.facets.configuration.systemd_syntax import Assignment, Fault, assignments, is_list, items, scalar
from hullmark.facets.configuration.written import without_password
from hullmark.model.limit import Limit
from hullmark.model.setting import Setting, Value

FOLDERS = (
    "/etc/systemd/system",
    "/run/systemd/system",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
)
"""Where units are; of two with one name the first counts."""

TYPES = ("service", "socket", "target", "timer", "path", "mount", "automount", "swap", "slice", "scope", "device")
"""The endings of units' names."""

_ETC, _NULL = FOLDERS[0], "/dev/null"
_MAX_UNITS = Limit(10_000, "units of systemd")
_MAX_ITEMS = Limit(10_000, "items of a list of a unit of systemd")


class _Unit(msgspec.Struct):
    """A unit: its file, its other names, and the units that bring it up."""

    name: str
    path: str
    is_masked: bool = False
    is_enabled: bool = False
    aliases: list[str] = []
    wanted_by: list[str] = []


class _WrittenValue(msgspec.Struct):
    value: Value
    path: str
    line: int


def _units(files: Files) -> dict[str, _Unit]:
    """The units by name. A link to a unit of another name is an alias of it."""
    units: dict[str, _Unit] = {}
    links: list[tuple[str, str]] = []
    seen: set[str] = set()
    for folder in FOLDERS:
        for path in (path for kind in TYPES for path in files.matching(f"{folder}/*.{kind}")):
            name, real = posixpath.basename(path), files.real(path) or path
            if name in seen or len(units) >= _MAX_UNITS:
                continue
            seen.add(name)
            target = posixpath.basename(real)
            if target != name and target.endswith(tuple(f".{kind}" for kind in TYPES)):
                links.append((path, target))
            else:
                units[name] = _Unit(name, path, is_masked=_is_masked(files, name, path))
    if len(units) >= _MAX_UNITS:
        files.problem(_ETC, "so many units are not read")
    for path, target in links:
        unit = units.get(target)
        if unit is None:
            units[posixpath.basename(path)] = _Unit(posixpath.basename(path), path)
            continue
        unit.aliases.append(posixpath.basename(path))
        unit.is_enabled = unit.is_enabled or path.startswith(_ETC)
    return units


def _is_masked(files: Files, name: str, path: str) -> bool:
    """Whether the file of a unit is empty, or masked by a link to /dev/null."""
    status = files.status(path)
    if status is not None and status.kind == "f" and not status.size:
        return True
    return any(files.real(f"{folder}/{name}") == _NULL for folder in FOLDERS[: _place(path) + 1])


def _place(path: str) -> int:
    return next((i for i, folder in enumerate(FOLDERS) if path.startswith(f"{folder}/")), 0)


def _note_wants(files: Files, units: dict[str, _Unit]) -> None:
    """Links in *.wants and *.requires bring units up; those below /etc are what `systemctl enable` makes."""
    by_name = units | {alias: unit for unit in units.values() for alias in unit.aliases}
    for folder in FOLDERS:
        for kind in ("wants", "requires"):
            for path in files.matching(f"{folder}/*.{kind}/*"):
                name = posixpath.basename(path)
                unit = by_name.get(name) or by_name.get(_template(name))
                if unit is None:
                    continue
                by = posixpath.basename(posixpath.dirname(path)).removesuffix(f".{kind}")
                unit.is_enabled = unit.is_enabled or folder == _ETC
                if by not in unit.wanted_by and len(unit.wanted_by) < _MAX_ITEMS:
                    unit.wanted_by.append(by)
                elif by not in unit.wanted_by:
                    files.problem(path, "so many units that bring this one up are not told")


def _template(name: str) -> str:
    """The template that a unit is an instance of, as getty@.service; empty for other units."""
    stem, _, kind = name.rpartition(".")
    prefix, at, instance = stem.partition("@")
    return f"{prefix}@.{kind}" if at and instance else ""


def _drop_in_folders(unit: _Unit) -> list[str]:
    """Names of the folders that have drop-ins for a unit: its own before those for all units of a prefix or a type."""
    names = []
    for name in (unit.name, *unit.aliases):
        stem, _, kind = name.rpartition(".")
        prefix, at, _ = stem.partition("@")
        parts = prefix.split("-")[:20]
        names += [f"{name}.d", *([f"{prefix}@.{kind}.d"] if at else [])]
        names += [f"{'-'.join(parts[:i])}-.{kind}.d" for i in range(len(parts) - 1, 0, -1)]
        names.append(f"{kind}.d")
    return list(dict.fromkeys(names))


class _DropIns:
    """All drop-ins of all units, found once."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self._by_folder: dict[str, list[str]] = {}
        for folder in FOLDERS:
            for path in files.matching(f"{folder}/*.d/*.conf"):
                self._by_folder.setdefault(posixpath.basename(posixpath.dirname(path)), []).append(path)

    def of(self, unit: _Unit) -> list[str]:
        """Its drop-ins in the order in which they are read: by name of file, where one of a name hides the others."""
        found: dict[str, str] = {}
        for folder in _drop_in_folders(unit):
            for path in self._by_folder.get(folder, ()):
                found.setdefault(posixpath.basename(path), path)
        return [path for _, path in sorted(found.items()) if self._files.real(path) != _NULL]


def _effective(files: Files, paths: Iterable[str]) -> dict[tuple[str, str], _WrittenValue]:
    """The settings by section and name after every file: lists add up, and of all else the last line counts."""
    found: dict[tuple[str, str], _WrittenValue] = {}
    lists: dict[tuple[str, str], list[str]] = {}
    for assignment in _assignments(files, paths):
        key = (assignment.section, assignment.name)
        if not is_list(assignment.name):
            found[key] = _WrittenValue(
                scalar(assignment.name, without_password(assignment.value)), assignment.path, assignment.line
            )
            continue
        gathered = lists.setdefault(key, [])
        if not assignment.value:
            gathered.clear()
        elif len(gathered) < _MAX_ITEMS:
            gathered += items(assignment.name, without_password(assignment.value))
        else:
            files.problem(assignment.path, f"so many values of {assignment.name[:100]} are not read", assignment.line)
        found[key] = _WrittenValue(None, assignment.path, assignment.line)
    for key, gathered in lists.items():
        found[key].value = tuple(gathered)
    return found


def _assignments(files: Files, paths: Iterable[str]) -> Iterator[Assignment]:
    for path in paths:
        for assignment in assignments(files.text(path) or "", path):
            if isinstance(assignment, Fault):
                files.problem(path, assignment.reason, assignment.line)
            else:
                yield assignment


def _add_unit(collected: SettingCollector, files: Files, unit: _Unit, drop_ins: _DropIns) -> None:
    key = f"systemd.unit[{escape_brackets(unit.name)}]"
    collected.add(f"{key}.masked", unit.is_masked, unit.path, 1)
    if unit.is_masked:
        return
    collected.add(f"{key}.enabled", unit.is_enabled, unit.path, 1)
    if unit.aliases:
        collected.add(f"{key}.aliases", tuple(unit.aliases), unit.path, 1)
    if unit.wanted_by:
        collected.add(f"{key}.wanted_by", tuple(unit.wanted_by), unit.path, 1)
    for (section, name), written in _effective(files, (unit.path, *drop_ins.of(unit))).items():
        collected.add(
            f"{key}.{escape_brackets(section)}.{escape_brackets(name)}", written.value, written.path, written.line
        )


def settings(files: Files) -> list[Setting]:
    """The settings of every unit of the system; those of users' own sessions are left out."""
    collected = SettingCollector(files, _ETC)
    units = _units(files)
    _note_wants(files, units)
    drop_ins = _DropIns(files)
    for unit in units.values():
        _add_unit(collected, files, unit, drop_ins)
        if collected.is_full:
            break
    return collected.settings()


PARSER = Parser(
    name="systemd",
    globs=tuple(
        f"{folder.lstrip('/')}/{glob}"
        for folder in FOLDERS
        for glob in (*(f"*.{kind}" for kind in TYPES), "*.d/*.conf")
    ),
    settings=settings,
)
"""Units. `enabled`: a link below /etc brings them up, as `systemctl enable` makes it; `wanted_by`: the units that do so, by any link."""
