"""The settings of two images side by side (OCI image specification, config.md). The moment of the build is left out."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping

import msgspec

from hullmark.model.difference import SettingChange
from hullmark.model.image import ImageConfig

Values = Mapping[str, str]
"""Key → value of one setting; the key is "" where the setting has one value alone."""


def _one(value: str) -> Values:
    return {"": value} if value else {}


def _words(words: Iterable[str]) -> Values:
    found = list(words)
    return {"": json.dumps(found, ensure_ascii=False)} if found else {}


def _each(keys: Iterable[str]) -> Values:
    return dict.fromkeys(keys, "")


def _variables(texts: Iterable[str]) -> Values:
    return {name: value for name, _, value in (text.partition("=") for text in texts)}


def _platform(config: ImageConfig) -> Values:
    return _one("/".join(part for part in (config.os, config.architecture, config.variant) if part))


def _health(config: ImageConfig) -> Values:
    check = config.healthcheck
    return _one(msgspec.json.encode(check, order="sorted").decode()) if check is not None else {}


_SETTINGS: Mapping[str, Callable[[ImageConfig], Values]] = {
    "Cmd": lambda config: _words(config.cmd),
    "Entrypoint": lambda config: _words(config.entrypoint),
    "Env": lambda config: _variables(config.env),
    "ExposedPorts": lambda config: _each(config.exposed_ports),
    "Healthcheck": _health,
    "Labels": lambda config: config.labels,
    "OnBuild": lambda config: _words(config.on_build),
    "Platform": _platform,
    "Shell": lambda config: _words(config.shell),
    "StopSignal": lambda config: _one(config.stop_signal),
    "User": lambda config: _one(config.user),
    "Volumes": lambda config: _each(config.volumes),
    "WorkingDir": lambda config: _one(config.working_dir),
}


def setting_changes(before: ImageConfig | None, after: ImageConfig | None) -> tuple[SettingChange, ...] | None:
    """The settings that are not the same in both, sorted; None where those of one image are not known."""
    if before is None or after is None:
        return None
    changes = []
    for name, values in _SETTINGS.items():
        old, new = values(before), values(after)
        changes += [
            SettingChange(name=name, key=key, before=old.get(key), after=new.get(key))
            for key in sorted(old.keys() | new.keys())
            if old.get(key) != new.get(key)
        ]
    return tuple(changes)
