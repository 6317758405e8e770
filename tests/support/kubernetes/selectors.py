"""Label and field selectors of lists and watches."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from tests.support.kubernetes.resources import Kind
from tests.support.kubernetes.statuses import bad_request

Object = dict[str, Any]
Fits = Callable[[Object], bool]

_SETS = re.compile(r"\s*([^\s,!=()]+)\s+(in|notin)\s+\(([^()]*)\)\s*").fullmatch
_EQUAL = re.compile(r"\s*([^\s,!=()]+)\s*(==|=|!=)\s*([^\s,!=()]*)\s*").fullmatch
_THERE = re.compile(r"\s*(!?)\s*([^\s,!=()]+)\s*").fullmatch
_FIELDS: Mapping[str, tuple[str, ...]] = {
    "Pod": ("spec.nodeName", "spec.restartPolicy", "spec.serviceAccountName", "status.phase"),
    "Namespace": ("status.phase",),
    "Node": ("spec.unschedulable",),
}


def selected(kind: Kind, labels: str, fields: str) -> Fits:
    """What fits both selectors ("": all)."""
    wanted = [_requirement(text) for text in _parts(labels)]
    wanted += [_field(kind, text) for text in fields.split(",") if text]
    return lambda found: all(fits(found) for fits in wanted)


def _parts(selector: str) -> list[str]:
    """A selector's requirements: at commas, but not within brackets."""
    return [part for part in re.split(r",(?![^()]*\))", selector) if part.strip()]


def _labels(found: Object) -> Mapping[str, str]:
    return found["metadata"].get("labels") or {}


def _requirement(text: str) -> Fits:
    if match := _SETS(text):
        name, word, values = match[1], match[2], {value.strip() for value in match[3].split(",")}
        if word == "in":
            return lambda found: _labels(found).get(name) in values
        return lambda found: _labels(found).get(name) not in values
    if match := _EQUAL(text):
        name, sign, value = match[1], match[2], match[3]
        if sign == "!=":
            return lambda found: _labels(found).get(name) != value
        return lambda found: _labels(found).get(name) == value
    if match := _THERE(text):
        is_absent, name = bool(match[1]), match[2]
        return lambda found: (name not in _labels(found)) is is_absent
    raise bad_request(f"unable to parse requirement: found {text!r}")


def _field(kind: Kind, text: str) -> Fits:
    match = _EQUAL(text)
    if match is None:
        raise bad_request(f"invalid field selector: {text}")
    path, sign, value = match[1], match[2], match[3]
    known = ("metadata.name", *(("metadata.namespace",) if kind.is_namespaced else ()), *_FIELDS.get(kind.kind, ()))
    if path not in known:
        raise bad_request(f"field label not supported: {path}")
    return lambda found: (_at(found, path) == value) is (sign != "!=")


def _at(found: Any, path: str) -> str:
    for part in path.split("."):
        found = found.get(part) or {}
    return found if isinstance(found, str) else ""
