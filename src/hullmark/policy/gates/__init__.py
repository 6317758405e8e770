"""The gates, one module each. To add a gate, add one line here; docs/how-to/add-a-gate.md explains the rest."""

from __future__ import annotations

from typing import Any

from hullmark.model.plugin import plugins
from hullmark.policy.gate import Trigger

_MODULES = (
    "accounts",
    "always",
    "analysis",
    "base_image",
    "certificates",
    "config",
    "configuration",
    "contents",
    "dockerfile",
    "expression",
    "files",
    "image",
    "integrity",
    "isolation",
    "leftovers",
    "licences",
    "malware",
    "packages",
    "reach",
    "secrets",
    "signatures",
    "vulnerabilities",
)

TRIGGERS: tuple[Trigger[Any], ...] = tuple(plugins(__name__, _MODULES, "TRIGGER"))


def triggers_by_gate() -> dict[str, dict[str, Trigger[Any]]]:
    """The triggers by the names of gate and trigger."""
    found: dict[str, dict[str, Trigger[Any]]] = {}
    for trigger in TRIGGERS:
        found.setdefault(trigger.gate, {})[trigger.name] = trigger
    return found
