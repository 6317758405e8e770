"""pip: where Python's packages come from (pip, Configuration).

`pip.<section>.<option>` is what root gets: the files for all, then root's own, then those of the installations. What another user
has of their own is `pip.user[<name>].<section>.<option>`.
"""

from __future__ import annotations

from collections.abc import Iterable

from hullmark.facets.configuration.bracketed import BracketedNames
from hullmark.facets.configuration.collected import SettingCollector
from hullmark.facets.configuration.include_tree import IncludeTree
from hullmark.facets.configuration.ini import read_ini
from hullmark.facets.configuration.parser import Files, Parser
from hullmark.facets.configuration.written import number, without_password
from hullmark.model.setting import Setting, Value

_FILES = (
    "/etc/xdg/pip/pip.conf",
    "/etc/pip.conf",
    "/root/.pip/pip.conf",
    "/root/.config/pip/pip.conf",
    "/usr/pip.conf",
    "/usr/local/pip.conf",
    "/opt/*/pip.conf",
)
_HOMES = ("/home/*/.pip/pip.conf", "/home/*/.config/pip/pip.conf")
_LISTS = (
    "trusted-host",
    "extra-index-url",
    "find-links",
    "no-binary",
    "only-binary",
    "constraint",
    "requirement",
    "use-feature",
)
_ON_OFF = {"yes": True, "true": True, "on": True, "no": False, "false": False, "off": False}


def _settings(files: Files) -> Iterable[Setting]:
    settings = SettingCollector(files, _FILES[1])
    tree = IncludeTree(files)
    names = BracketedNames()
    users: dict[str, str] = {}
    for path in (path for glob in _FILES for path in files.matching(glob)):
        _file(files, tree, path, settings, "pip")
    for path in (path for glob in _HOMES for path in files.matching(glob)):
        user = path.split("/")[2]
        users.setdefault(user, names.name(user))
        _file(files, tree, path, settings, f"pip.user[{users[user]}]")
    return settings.settings()


def _file(files: Files, tree: IncludeTree, path: str, settings: SettingCollector, prefix: str) -> None:
    for option in read_ini(files, tree, path):
        name = option.name.replace("_", "-").removeprefix("--")
        settings.add(f"{prefix}.{option.section}.{name}", _typed(name, option.value), path, option.line)


def _typed(name: str, value: str) -> Value:
    if name in _LISTS:
        return tuple(without_password(word) for word in value.split())
    return _ON_OFF.get(value.lower(), number(without_password(value)))


PARSER = Parser(
    name="pip",
    globs=("**/pip.conf",),
    settings=_settings,
)
