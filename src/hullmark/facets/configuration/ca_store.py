"""Certificates that were added to those that the machine trusts, or taken from them (update-ca-certificates(8), update-ca-trust(8)).

`ca.added` are the authorities' files that an administrator added, `ca.blocked` those that must not be trusted,
`ca.enabled` and `ca.disabled` the names in /etc/ca-certificates.conf without and with a `!`.
"""

from __future__ import annotations

from collections.abc import Iterable

from hullmark.facets.configuration.collected import SettingCollector
from hullmark.facets.configuration.parser import Files, Parser
from hullmark.model.setting import Setting

_CONF = "/etc/ca-certificates.conf"
_ANCHORS = (
    "/usr/local/share/ca-certificates/*.crt",
    "/usr/local/share/ca-certificates/*/*.crt",
    "/etc/pki/ca-trust/source/anchors/*",
    "/usr/share/pki/ca-trust-source/anchors/*",
    "/etc/ca-certificates/trust-source/anchors/*",
    "/usr/share/ca-certificates/trust-source/anchors/*",
    "/etc/pki/trust/anchors/*",
    "/usr/share/pki/trust/anchors/*",
)
_BLOCKED = tuple(
    f"{folder}/{name}/*"
    for folder in ("/etc/pki/ca-trust/source", "/etc/ca-certificates/trust-source", "/etc/pki/trust")
    for name in ("blocklist", "blacklist")
)


def _settings(files: Files) -> Iterable[Setting]:
    settings = SettingCollector(files, _CONF)
    for name, globs in (("added", _ANCHORS), ("blocked", _BLOCKED)):
        paths = [path for glob in globs for path in files.matching(glob)]
        if paths:
            settings.add(f"ca.{name}", tuple(paths), paths[0], 0)
    if files.status(_CONF) is None:
        return settings.settings()
    enabled: dict[str, int] = {}
    disabled: dict[str, int] = {}
    for number, raw in enumerate((files.text(_CONF) or "").split("\n"), 1):
        line = raw.strip()
        if line and line[0] != "#":
            (disabled if line[0] == "!" else enabled).setdefault(line.removeprefix("!"), number)
    for name, found in (("enabled", enabled), ("disabled", disabled)):
        settings.add(f"ca.{name}", tuple(found), _CONF, next(iter(found.values()), 0))
    return settings.settings()


PARSER = Parser(
    name="ca",
    globs=(_CONF[1:],),
    settings=_settings,
)
