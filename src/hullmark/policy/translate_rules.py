"""What rules of Anchore policies come to natively: a gate, a trigger and its parameters for each that has an equal."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from hullmark.policy.anchore.params import Values

_WILD = re.compile(r"[*?]")
_SEVERITIES = ("unknown", "negligible", "low", "medium", "high", "critical")
_SYSTEM_TYPES = ("alpm", "apk", "deb", "rpm")
_SIZE = re.compile(r"\s*([0-9]{1,15})\s*([kmg]b)?\s*", re.IGNORECASE).fullmatch
_BINARY = {"": "", "kb": "KiB", "mb": "MiB", "gb": "GiB"}

Params = dict[str, Any]
Native = tuple[str, str, Params]


class NoEqual(Exception):
    """There is no native way to say it; the text says what."""


def _plain(text: str) -> str:
    if _WILD.search(text) or not text:
        raise NoEqual(f"the name {text!r} would be a pattern here")
    return text


def _several(text: str) -> list[str]:
    return [_plain(part.strip()) for part in text.split(",")]


def _listed(values: Values, name: str) -> Params:
    """A list that denies or allows."""
    texts = [_plain(text) for text in values.texts(name)]
    return {"forbidden": texts} if values.text("type") == "blacklist" else {"allowed": texts}


def _refuse_only_given(values: Values) -> None:
    if values.flag("actual_dockerfile_only"):
        raise NoEqual("where no Dockerfile is given it does not fire; here it cannot tell")


def _exposed_ports(values: Values) -> Native:
    _refuse_only_given(values)
    params = {key: ["*" if port == "0" else port for port in ports] for key, ports in _listed(values, "ports").items()}
    return "dockerfile", "exposed_ports", params


def _effective_user(values: Values) -> Native:
    return "dockerfile", "user", _listed(values, "users")


def _instruction(values: Values) -> Native:
    _refuse_only_given(values)
    check, value = values.text("check"), values.text("value")
    params: Params = {"keyword": values.text("instruction"), "all_stages": True}
    if check == "exists":
        return "dockerfile", "instruction", params | {"forbidden": True}
    if check == "not_exists":
        return "dockerfile", "instruction", params | {"required": True}
    if not value or check not in ("=", "!=", "in", "not_in"):
        raise NoEqual(f"the check {check} of an instruction has no equal")
    texts = [part.strip() for part in value.split(",")] if check in ("in", "not_in") else [value]
    pattern = f"^({'|'.join(re.escape(text) for text in texts)})$"
    if check in ("=", "in"):
        return "dockerfile", "instruction", params | {"forbidden": True, "pattern": pattern}
    return "dockerfile", "instruction", params | {"must_fit": pattern}


def _attribute(values: Values) -> Native:
    name, check, value = values.text("attribute"), values.text("check"), values.text("value")
    if name in ("size", "layer_count") and check == ">":
        found = _SIZE(value)
        if found is None or (name == "layer_count" and found[2]):
            raise NoEqual(f"{value!r} is no number")
        if name == "size":
            return "image", "size", {"max": f"{found[1]}{_BINARY[(found[2] or '').lower()]}"}
        return "image", "layers", {"max": found[1]}
    if name == "architecture" and check in ("!=", "not_in"):
        return "image", "architecture", {"allowed": _several(value) if check == "not_in" else [_plain(value)]}
    if name == "distro" and check in ("=", "!=", "in", "not_in"):
        names = _several(value) if check in ("in", "not_in") else [_plain(value)]
        if any(each.lower() == "unknown" for each in names):
            raise NoEqual("a distribution that is not known has no name here")
        key = "forbidden" if check in ("=", "in") else "allowed"
        return "image", "distro", {key: [{"id": each} for each in names]}
    raise NoEqual(f"the check {check} of the attribute {name} has no equal")


def _required_package(values: Values) -> Native:
    params: Params = {"names": [_plain(values.text("name"))]}
    if version := values.text("version"):
        params["version"] = f"{'>=' if values.text('version_match_type', 'exact') == 'minimum' else '='} {version}"
    return "packages", "required", params


def _denied_package(values: Values) -> Native:
    if values.text("version"):
        raise NoEqual("versions are compared as texts there, and by their order here")
    return "packages", "forbidden", {"names": [_plain(values.text("name"))]}


def _vulnerable_package(values: Values) -> Native:
    known = {"package_type", "severity_comparison", "severity", "fix_available", "vendor_only"}
    if more := sorted(set(values.given) - known):
        raise NoEqual(f"the condition {more[0]} has no equal")
    if values.text("package_type") == "non-os":
        raise NoEqual("all packages but a system's cannot be chosen by their types")
    params: Params = {"unrated": "ignore"} | _severity(values)
    if values.text("package_type") == "os":
        params["types"] = list(_SYSTEM_TYPES)
    states = {"fixed"} if values.flag("fix_available") else {"fixed", "not-fixed", "unknown", "wont-fix"}
    if values.has("fix_available") and not values.flag("fix_available"):
        states -= {"fixed"}
    if values.flag("vendor_only", default=True):
        states -= {"wont-fix"}
    return "vulnerabilities", "found", params | ({"fix": sorted(states)} if len(states) < 4 else {})


def _severity(values: Values) -> Params:
    place = _SEVERITIES.index(values.text("severity", "unknown"))
    comparison = values.text("severity_comparison", ">")
    if comparison == "=" and place == len(_SEVERITIES) - 1:
        comparison = ">="
    if comparison not in (">", ">=") or (comparison == ">" and place == len(_SEVERITIES) - 1):
        raise NoEqual(f"severities {comparison} {_SEVERITIES[place]} cannot be asked for")
    least = place + (comparison == ">")
    return {"severity": _SEVERITIES[least]} if least else {}


def _fixed(gate: str, trigger: str, params: Params) -> Callable[[Values], Native]:
    return lambda values: (gate, trigger, dict(params))


RULES: dict[tuple[str, str], Callable[[Values], Native]] = {
    ("always", "always"): _fixed("always", "always", {}),
    ("dockerfile", "effective_user"): _effective_user,
    ("dockerfile", "exposed_ports"): _exposed_ports,
    ("dockerfile", "instruction"): _instruction,
    ("dockerfile", "no_dockerfile_provided"): _fixed("dockerfile", "not_given", {}),
    ("files", "suid_or_guid_set"): _fixed("files", "mode", {"paths": ["/**"], "forbidden": "6000"}),
    ("metadata", "attribute"): _attribute,
    ("packages", "blacklist"): _denied_package,
    ("packages", "required_package"): _required_package,
    ("vulnerabilities", "kev_list"): _fixed("vulnerabilities", "found", {"exploited": True}),
    ("vulnerabilities", "package"): _vulnerable_package,
}
"""By gate and trigger as the original names them: the native gate and trigger, and its parameters. They may raise NoEqual."""
