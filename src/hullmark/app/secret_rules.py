"""Kinds of secrets of one's own: our YAML, Trivy's secret configuration, or Anchore's NAME=expression lines, recognised by content."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, get_args

import msgspec
import yaml

from hullmark.app.documents import read_bounded
from hullmark.facets.secrets.kind import Kind
from hullmark.model.advisory import Severity
from hullmark.model.errors import HullmarkError

SCHEMA = "hullmark-secret-rules/1"
MAX_BYTES = 1 << 20
MAX_RULES = 1000

_ADVICE = "docs/how-to/find-secrets.md shows how rules are written"
_NAME_LINE = re.compile(r"^([A-Za-z][A-Za-z0-9_.-]{0,99})=(.+)$")
_SLUG = re.compile(r"[^a-z0-9]+")


class Rule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A kind of secret: `pattern` is a regular expression whose group `s` (else the whole) is the secret.

    `keywords` are texts of which one stands in every such secret, so that the pattern is tried only there. `files`: only in files whose
    names end so.
    """

    id: str
    pattern: str
    keywords: tuple[str, ...]
    title: str = ""
    severity: Severity = "high"
    files: tuple[str, ...] = ()


class _Rules(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    schema: Literal["hullmark-secret-rules/1"]
    kinds: tuple[Rule, ...]


def kinds_of(paths: Iterable[Path]) -> tuple[Kind, ...]:
    """The kinds that these files tell. Raises HullmarkError, naming the file and the rule, for what is none."""
    kinds: list[Kind] = []
    for path in paths:
        try:
            kinds += read_rules(read_bounded(path, MAX_BYTES))
        except ValueError as error:
            raise HullmarkError(f"{path}: {error}", advice=_ADVICE) from error
    return tuple(kinds)


def read_rules(body: bytes) -> list[Kind]:
    """The kinds of one document. Raises ValueError with a clause."""
    text = body.decode("utf-8", "replace")
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    if lines and all(_NAME_LINE.match(line) for line in lines):
        return [_anchore(line) for line in lines[:MAX_RULES]]
    document = _yaml(text)
    if "schema" in document:
        try:
            rules = msgspec.convert(document, _Rules).kinds
        except msgspec.ValidationError as error:
            raise ValueError(str(error)) from error
        return [_own(rule) for rule in rules[:MAX_RULES]]
    if "rules" in document or "disable-rules" in document or "allow-rules" in document:
        return _trivy(document)
    raise ValueError(f"expected `schema: {SCHEMA}`, Trivy's `rules`, or lines of NAME=expression")


def _yaml(text: str) -> Mapping[str, Any]:
    if text.count("*") and re.search(r"(?m)^[^#\n]*[:\[-]\s*\*\w", text):
        raise ValueError("aliases are not read")
    try:
        document = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise ValueError(f"it is no YAML: {str(error).splitlines()[0]}") from error
    if not isinstance(document, dict):
        raise ValueError("expected a mapping")
    return document


def _own(rule: Rule) -> Kind:
    if not rule.keywords or not all(rule.keywords):
        raise ValueError(f"the rule {rule.id}: expected keywords, of which one stands in every such secret")
    return _kind(rule.id, rule.title or rule.id, rule.severity, rule.pattern, rule.keywords, rule.files)


def _anchore(line: str) -> Kind:
    """One of Anchore's lines: the expression fits a whole line of a file, and is tried on each."""
    found = _NAME_LINE.match(line)
    if found is None:
        raise ValueError(f"{line[:60]!r} is not NAME=expression")
    name, expression = found[1], found[2]
    return _kind(_slug(name), name, "high", f"(?m:^)(?:{_flags_inside(expression)})", (), ())


def _trivy(document: Mapping[str, Any]) -> list[Kind]:
    rules = document.get("rules") or []
    if not isinstance(rules, Sequence) or not all(isinstance(rule, dict) for rule in rules):
        raise ValueError("expected `rules` to be a list of rules")
    return [_trivy_rule(rule) for rule in rules[:MAX_RULES]]


def _trivy_rule(rule: Mapping[str, Any]) -> Kind:
    name, pattern = str(rule.get("id") or ""), str(rule.get("regex") or "")
    if not name or not pattern:
        raise ValueError("expected each of `rules` to have an id and a regex")
    group = str(rule.get("secret-group-name") or "")
    if group:
        pattern = pattern.replace(f"(?P<{group}>", "(?P<s>").replace(f"(?<{group}>", "(?P<s>")
    keywords = tuple(str(word).lower() for word in rule.get("keywords") or ())
    severity = str(rule.get("severity") or "high").lower()
    known: Severity = severity if severity in get_args(Severity) else "unknown"  # type: ignore[assignment]
    kind = _kind(name, str(rule.get("title") or name), known, pattern, keywords, ())
    return msgspec.structs.replace(kind, any_case=bool(keywords))


def _kind(
    id: str, title: str, severity: Severity, pattern: str, keywords: Sequence[str], files: tuple[str, ...]
) -> Kind:
    source = pattern.encode()
    try:
        compiled = re.compile(source)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"the rule {id}: its expression cannot be read: {error}") from error
    if compiled.match(b"") is not None:
        raise ValueError(f"the rule {id}: its expression fits the empty text")
    words = tuple(word.encode() for word in keywords)
    return Kind(id, title, severity, words, source, names=files, is_whole=True)


def _flags_inside(expression: str) -> str:
    """Flags at the front, as `(?i)`, hold for the expression alone."""
    found = re.match(r"\(\?([aiLmsux]+)\)", expression)
    return f"(?{found[1]}:{expression[found.end() :]})" if found else expression


def _slug(name: str) -> str:
    return _SLUG.sub("-", name.lower()).strip("-")
