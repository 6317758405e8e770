"""yum, dnf and zypper: repositories and the main settings (dnf.conf(5)).

`yum.main.<option>` and `yum.repo[<id>].<option>`. What a repository does not say of checking signatures and certificates it has from
the main settings, and else from the program.
"""

from __future__ import annotations

from collections.abc import Iterable

from hullmark.facets.configuration.bracketed import escape_brackets
from hullmark.facets.configuration.collected import SettingCollector
from hullmark.facets.configuration.entries import at_most
from hullmark.facets.configuration.include_tree import IncludeTree
from hullmark.facets.configuration.ini import Option, read_ini
from hullmark.facets.configuration.parser import Files, Parser
from hullmark.facets.configuration.written import MASK, number, without_password
from hullmark.model.setting import Setting, Value

_MAINS = ("/etc/yum.conf", "/etc/dnf/dnf.conf")
_MAIN_PARTS = ("/usr/share/dnf5/libdnf.conf.d/*.conf", "/etc/dnf/libdnf5.conf.d/*.conf")
_REPOS = ("/etc/yum.repos.d/*.repo", "/etc/distro.repos.d/*.repo", "/etc/zypp/repos.d/*.repo")
_SWITCHES = """
    assumeyes autorefresh best clean_requirements_on_remove defaultyes enabled exactarch fastestmirror gpgcheck gpgkey_dns_verification
    install_weak_deps keepcache localpkg_gpgcheck module_hotfixes obsoletes pkg_gpgcheck plugins proxy_sslverify repo_gpgcheck
    skip_broken skip_if_unavailable sslverify strict
"""
_IS_SWITCH = frozenset(_SWITCHES.split())
_IS_LIST = frozenset(
    (
        "baseurl",
        "gpgkey",
        "exclude",
        "excludepkgs",
        "includepkgs",
        "installonlypkgs",
        "pluginpath",
        "reposdir",
        "varsdir",
    )
)
_IS_SECRET = frozenset(("password", "proxy_password", "sslclientkey_password"))
_ON_OFF = {"1": True, "yes": True, "true": True, "on": True, "0": False, "no": False, "false": False, "off": False}
_MAIN_DEFAULTS: dict[str, Value] = {
    "gpgcheck": False,
    "localpkg_gpgcheck": False,
    "repo_gpgcheck": False,
    "sslverify": True,
}
_INHERITED = ("gpgcheck", "repo_gpgcheck", "sslverify", "proxy")


def _settings(files: Files) -> Iterable[Setting]:
    settings = SettingCollector(files, _MAINS[0])
    mains = [
        *(path for path in _MAINS if files.status(path) is not None),
        *(p for glob in _MAIN_PARTS for p in files.matching(glob)),
    ]
    repos = [path for glob in _REPOS for path in files.matching(glob)]
    main: dict[str, Option] = {}
    found: dict[str, dict[str, Option]] = {}
    tree = IncludeTree(files)
    options = (option for path in (*mains, *repos) for option in read_ini(files, tree, path))
    for option in at_most(files, _MAINS[0], options):
        known = main if option.section == "main" else found.setdefault(escape_brackets(option.section), {})
        known[option.name] = option
    if mains or repos:
        _add("yum.main", main, {}, settings)
    for name, own in found.items():
        settings.add(f"yum.repo[{name}].enabled", True)
        _add(f"yum.repo[{name}]", own, {option: main[option] for option in _INHERITED if option in main}, settings)
    return settings.settings()


def _add(prefix: str, options: dict[str, Option], inherited: dict[str, Option], settings: SettingCollector) -> None:
    for name, value in _MAIN_DEFAULTS.items():
        if prefix == "yum.main" or name in _INHERITED:
            settings.add(f"{prefix}.{name}", value)
    for option in (*inherited.values(), *options.values()):
        settings.add(f"{prefix}.{option.name}", convert_value(option.name, option.value), option.path, option.line)


def convert_value(name: str, value: str) -> Value:
    """The value of an option by what dnf knows it to be."""
    if name in _IS_SWITCH:
        return _ON_OFF.get(value.lower(), value)
    if name in _IS_LIST:
        return tuple(without_password(word) for word in value.replace(",", " ").split())
    if name in _IS_SECRET:
        return MASK if value else ""
    return number(without_password(value))


PARSER = Parser(
    name="yum",
    globs=tuple(path[1:] for path in (*_MAINS, *_MAIN_PARTS, *_REPOS)),
    settings=_settings,
)
