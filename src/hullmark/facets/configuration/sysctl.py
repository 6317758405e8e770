"""Kernel parameters: sysctl.d and sysctl.conf as `sysctl --system` reads them (sysctl.d(5), sysctl(8), procps-ng 4).

A parameter is named with dots, as in `sysctl.net.ipv4.ip_forward`; what is written with slashes is turned round, so that the dot in
the name of an interface is a slash. A pattern stays a setting of its own, and also counts for `all` and `default`, which are on every
machine, unless they are set by name or excluded. A parameter that is excluded from patterns, and not set, has no value.
Values are what the kernel would be given at boot of a machine; a container has its own only where its runtime runs sysctl.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import msgspec

from hullmark.facets.configuration.collected import SettingCollector
from hullmark.facets.configuration.entries import at_most
from hullmark.facets.configuration.include_tree import IncludeTree
from hullmark.facets.configuration.parser import Files, Parser
from hullmark.facets.configuration.written import number
from hullmark.model.setting import Setting
from hullmark.rootfs.reads import Remark

_FOLDERS = ("/etc/sysctl.d", "/run/sysctl.d", "/usr/local/lib/sysctl.d", "/usr/lib/sysctl.d", "/lib/sysctl.d")
_LAST = "/etc/sysctl.conf"
_SPACE = " \t\r\n\v\f"
_PER_INTERFACE = re.compile(r"(net\.ipv[46]\.(?:conf|neigh)\.)\*(\.[^*?\[]+)").fullmatch
_TURNED = str.maketrans("./", "/.")


class _Assignment(msgspec.Struct, frozen=True):
    name: str
    value: str | None
    path: str
    line: int


def _settings(files: Files) -> Iterable[Setting]:
    settings = SettingCollector(files, _LAST)
    tree = IncludeTree(files)
    last: dict[str, _Assignment] = {}
    for assignment in at_most(
        files, _LAST, (assignment for path in _files(files) for assignment in _assignments(files, tree, path))
    ):
        if assignment.value is not None or assignment.name not in last:
            last[assignment.name] = assignment
    implied = (other for assignment in last.values() for other in _expand_pattern(assignment))
    for assignment in (*last.values(), *(other for other in implied if other.name not in last)):
        value = assignment.value if assignment.value is None else number(assignment.value)
        settings.add(f"sysctl.{assignment.name}", value, assignment.path, assignment.line)
    return settings.settings()


def _files(files: Files) -> Iterator[str]:
    """The files in reading order: by name, whatever the folder; of several with one name, the one in the first folder."""
    by_name: dict[str, str] = {}
    for folder in _FOLDERS:
        for path in files.matching(f"{folder}/*.conf"):
            by_name.setdefault(path.rpartition("/")[2], path)
    yield from (by_name[name] for name in sorted(by_name))
    if files.status(_LAST) is not None:
        yield _LAST


def _assignments(files: Files, tree: IncludeTree, path: str) -> Iterator[_Assignment]:
    with tree.opened(path) as text:
        for number_, raw in enumerate((text or "").split("\n"), 1):
            line = raw.strip(_SPACE)
            if not line or line[0] in "#;":
                continue
            name, equals, value = line.partition("=")
            name = name.strip(_SPACE)
            is_lenient = name.startswith("-")
            name = _convert_separators(name.removeprefix("-").strip(_SPACE))
            if not name or not (equals or is_lenient):
                files.problem(path, Remark("it gives no parameter a value"), number_)
            else:
                yield _Assignment(name, value.strip(_SPACE) if equals else None, path, number_)


def _convert_separators(name: str) -> str:
    """The name with dots between its parts. The first separator is the one that counts."""
    slash, dot = name.find("/"), name.find(".")
    return name.translate(_TURNED) if slash >= 0 and (dot < 0 or slash < dot) else name


def _expand_pattern(assignment: _Assignment) -> Iterator[_Assignment]:
    """What a pattern for all interfaces says about those that are on every machine."""
    found = _PER_INTERFACE(assignment.name)
    if found and assignment.value is not None:
        for interface in ("all", "default"):
            yield _Assignment(f"{found[1]}{interface}{found[2]}", assignment.value, assignment.path, assignment.line)


PARSER = Parser(
    name="sysctl",
    globs=("etc/sysctl.conf", *(f"{folder[1:]}/*.conf" for folder in _FOLDERS)),
    settings=_settings,
)
