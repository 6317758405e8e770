"""apt: its configuration, and where it gets packages from (apt.conf(5), sources.list(5)).

A value is named as `apt-config dump` names it, as in `apt.conf.APT::Get::AllowUnauthenticated`, a list with `::` at its end, as in
`apt.conf.DPkg::Post-Invoke::`. Sources are counted in the order in which apt reads them: `apt.source[0].uris`. A key that is written
out in `signed_by` is `inline`.
"""

from __future__ import annotations

from collections.abc import Iterable

from hullmark.facets.configuration.apt_conf import Item, parts, read_items
from hullmark.facets.configuration.apt_sources import sources
from hullmark.facets.configuration.collected import SettingCollector
from hullmark.facets.configuration.entries import at_most
from hullmark.facets.configuration.include_tree import IncludeTree
from hullmark.facets.configuration.parser import Files, Parser
from hullmark.facets.configuration.written import number, without_password
from hullmark.model.setting import Setting, Value

_MAIN = "/etc/apt/apt.conf"
_LIST = "/etc/apt/sources.list"
_ON_OFF = dict.fromkeys(("true", "yes", "with", "on", "enable"), True) | dict.fromkeys(
    ("false", "no", "without", "off", "disable"), False
)
_DEFAULTS: dict[str, Value] = {
    "APT::Get::AllowUnauthenticated": False,
    "Acquire::AllowInsecureRepositories": False,
    "Acquire::AllowWeakRepositories": False,
    "Acquire::AllowDowngradeToInsecureRepositories": False,
    "Acquire::Check-Valid-Until": True,
    "Acquire::https::Verify-Peer": True,
    "Acquire::https::Verify-Host": True,
    "APT::Sandbox::User": "_apt",
}
_SPELLINGS = """
    APT::Get::Assume-Yes::Install-Recommends::Install-Suggests::Authentication::TrustCDROM::Update::Pre-Invoke::Post-Invoke
    APT::Periodic::Unattended-Upgrade::Update-Package-Lists::Enable::Sandbox::User::Key::Architecture::Architectures::Default-Release
    Acquire::http::https::ftp::Proxy::Proxy-Auto-Detect::Verify-Peer::Verify-Host::CaInfo::Languages::Retries::GzipIndexes
    DPkg::Options::Pre-Install-Pkgs::Post-Invoke-Success::Dir::Etc::Cache::State::AutomaticRemove::NeverAutoRemove
"""
_SPELLED = {name.lower(): name for names in (*_SPELLINGS.split(), *_DEFAULTS) for name in names.split("::")}
_SWITCHES = frozenset(name for name, value in _DEFAULTS.items() if isinstance(value, bool))
_SOURCE_DEFAULTS: dict[str, Value] = {"components": (), "signed_by": (), "trusted": False}


def _settings(files: Files) -> Iterable[Setting]:
    settings = SettingCollector(files, _MAIN)
    tree = IncludeTree(files)
    conf = [*parts(files, "/etc/apt/apt.conf.d", ".conf"), *([_MAIN] if files.status(_MAIN) is not None else [])]
    lists = [*([_LIST] if files.status(_LIST) is not None else []), *_source_parts(files)]
    if conf or lists:
        for name, value in _DEFAULTS.items():
            settings.add(f"apt.conf.{name}", value)
    items = (item for path in conf for item in read_items(files, tree, path))
    for option in _in_effect(at_most(files, _MAIN, items)):
        settings.add(*option)
    count = 0
    for path in lists:
        for source in sources(files, tree, path):
            for name, default in _SOURCE_DEFAULTS.items():
                settings.add(f"apt.source[{count}].{name}", default)
            for name, (field, line) in source.fields.items():
                settings.add(f"apt.source[{count}].{name}", field, path, line)
            count += 1
    return settings.settings()


def _source_parts(files: Files) -> list[str]:
    folder = "/etc/apt/sources.list.d"
    return sorted(
        {path for suffix in (".list", ".sources") for path in parts(files, folder, suffix) if path.endswith(suffix)}
    )


def _in_effect(items: Iterable[Item]) -> Iterable[tuple[str, Value, str, int]]:
    """What holds in the end: the last value of a name, all values of a list, and nothing of what was cleared."""
    values: dict[str, tuple[int, Item]] = {}
    lists: dict[str, list[str]] = {}
    names: dict[str, str] = {}
    cleared: dict[str, int] = {}
    for time, item in enumerate(items):
        name = "::".join(_SPELLED.get(part.lower(), part) for part in item.name.split("::"))
        name = names.setdefault(name.lower(), name)
        if item.value is None:
            cleared[name.removesuffix("::")] = time
            continue
        if name.endswith("::"):
            if name in values and _last_cleared(name, cleared) > values[name][0]:
                del lists[name]
            lists.setdefault(name, []).append(without_password(item.value))
        values[name] = (time, item)
    for name, (time, item) in values.items():
        if _last_cleared(name, cleared) < time:
            value = tuple(lists[name]) if name in lists else _convert_value(name, item.value or "")
            yield f"apt.conf.{name}", value, item.path, item.line


def _last_cleared(name: str, cleared: dict[str, int]) -> int:
    """When a name, or one above it, was cleared last; -1 if never."""
    last = cleared.get(name, -1)
    at = name.find("::") if cleared else -1
    while at >= 0:
        last = max(last, cleared.get(name[:at], -1))
        at = name.find("::", at + 2)
    return last


def _convert_value(name: str, value: str) -> Value:
    plain = number(without_password(value))
    if name in _SWITCHES and plain in (0, 1):
        return plain == 1
    return _ON_OFF.get(value.lower(), plain)


PARSER = Parser(
    name="apt",
    globs=(
        "etc/apt/apt.conf",
        "etc/apt/apt.conf.d/*",
        "etc/apt/sources.list",
        "etc/apt/sources.list.d/*.list",
        "etc/apt/sources.list.d/*.sources",
    ),
    settings=_settings,
)
