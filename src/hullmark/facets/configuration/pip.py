"""pip: where Python's packages come from (pip, Configuration).

`pip.<section>.<option>` is what root gets: the files for all, then root's own, then those of the installations. What another user
has of their own is `pip.user[<name>].<section>.<option>`. The variables of the image (PIP_INDEX_URL, PIP_CONFIG_FILE …) win over files.
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
_NO_OPTIONS = ("PIP_CONFIG_FILE",)
_ON_OFF = {"yes": True, "true": True, "on": True, "no": False, "false": False, "off": False}


def _settings(files: Files) -> Iterable[Setting]:
    settings = SettingCollector(files, _FILES[1])
    tree = IncludeTree(files)
    names = BracketedNames()
    users: dict[str, str] = {}
    only = _find_config_file(files)
    for path in (path for glob in _FILES for path in files.matching(glob) if only != "none"):
        _file(files, tree, path, settings, "pip")
    if only not in ("", "none"):
        _file(files, tree, only, settings, "pip")
    for path in (path for glob in _HOMES for path in files.matching(glob)):
        user = path.split("/")[2]
        users.setdefault(user, names.name(user))
        _file(files, tree, path, settings, f"pip.user[{users[user]}]")
    _environment(files, settings)
    return settings.settings()


def _find_config_file(files: Files) -> str:
    """The file that PIP_CONFIG_FILE names, which is read last; "none" for /dev/null, with which no file is read."""
    word = files.environment("PIP_CONFIG_FILE")
    if word is None:
        return ""
    if word.text == "/dev/null":
        return "none"
    if word.text is None or files.status(word.text) is None:
        files.problem(word.path, "PIP_CONFIG_FILE names a file that is not in the image, or is not known", word.line)
        return ""
    return word.text


def _environment(files: Files, settings: SettingCollector) -> None:
    """What variables set counts for every command, whatever files say."""
    written = settings.settings()
    for variable, word in files.variables("PIP_").items():
        name = variable[4:].lower().replace("_", "-")
        if variable in _NO_OPTIONS:
            continue
        if word.text is None:
            files.problem(word.path, f"{variable[:100]} is set to what is not known", word.line)
            continue
        value = _convert_value(name, word.text)
        settings.add(f"pip.global.{name}", value, word.path, word.line)
        for setting in written:
            if setting.key.rpartition(".")[2] == name:
                settings.add(setting.key, value, word.path, word.line)


def _file(files: Files, tree: IncludeTree, path: str, settings: SettingCollector, prefix: str) -> None:
    for option in read_ini(files, tree, path):
        name = option.name.replace("_", "-").removeprefix("--")
        settings.add(f"{prefix}.{option.section}.{name}", _convert_value(name, option.value), path, option.line)


def _convert_value(name: str, value: str) -> Value:
    if name in _LISTS:
        return tuple(without_password(word) for word in value.split())
    return _ON_OFF.get(value.lower(), number(without_password(value)))


PARSER = Parser(
    name="pip",
    globs=("**/pip.conf",),
    settings=_settings,
)
