"""A user's own rules for secrets: our YAML, Trivy's configuration, or Anchore's NAME=expression lines, recognised by content."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

import msgspec
import yaml

from hullmark.facets.secrets.allowed import Allowance
from hullmark.facets.secrets.go_expressions import check_expression, sorted_names
from hullmark.facets.secrets.kind import Kind
from hullmark.facets.secrets.kinds import KINDS
from hullmark.facets.secrets.own import OwnRules
from hullmark.model.advisory import Severity
from hullmark.model.errors import HullmarkError
from hullmark.model.limit import Limit
from hullmark.scanning.documents import read_bounded
from hullmark.scanning.trivy_secrets import is_trivys, trivys_rules

SCHEMA = "hullmark-secret-rules/1"
MAX_BYTES = Limit(1 << 20, "bytes of a file of rules for secrets", "refused")
MAX_RULES = Limit(1000, "rules for secrets in one file", "refused")

_ADVICE = "docs/how-to/find-secrets.md shows how rules are written"
_NAME_LINE = re.compile(r"^([A-Za-z][A-Za-z0-9_.-]{0,99})=(.+)$")
_SLUG = re.compile(r"[^a-z0-9]+")
_FLAGS = re.compile(r"\(\?([aimsx]+)\)")


class Rule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A kind of secret: `pattern` is a regular expression of Python's whose group `s` (else the whole) is the secret.

    `keywords` are texts; every such secret contains one, so that the pattern is tried only in files with one. `files`: only in
    files whose names end like this. `path`: only in files whose path this expression fits.
    """

    id: str
    pattern: str
    keywords: tuple[str, ...]
    title: str = ""
    severity: Severity = "high"
    files: tuple[str, ...] = ()
    path: str = ""


class Allow(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Secrets that do not count, for a reason: those that match everything given. `pattern` is tried on the secret and what its
    kind takes to be part of it, `path` on the file's path.
    """

    reason: str
    path: str = ""
    pattern: str = ""
    kinds: tuple[str, ...] = ()


class _Rules(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    schema: Literal["hullmark-secret-rules/1"]
    kinds: tuple[Rule, ...] = ()
    allow: tuple[Allow, ...] = ()
    without: tuple[str, ...] = ()


def rules_of(paths: Iterable[Path]) -> OwnRules:
    """The rules in these files. Raises HullmarkError, naming the file and the rule, if it is not valid."""
    found = []
    for path in paths:
        try:
            found.append(read_rules(read_bounded(path, MAX_BYTES)))
        except ValueError as error:
            raise HullmarkError(f"{path}: {error}", advice=_ADVICE) from error
    limits = [set(rules.only) for rules in found if rules.only is not None]
    return OwnRules(
        kinds=tuple(kind for rules in found for kind in rules.kinds),
        allowed=tuple(allowed for rules in found for allowed in rules.allowed),
        blocks=tuple(block for rules in found for block in rules.blocks),
        only=sorted_names(set.intersection(*limits)) if limits else None,
        without=sorted_names([name for rules in found for name in rules.without]),
        without_allowed=sorted_names([name for rules in found for name in rules.without_allowed]),
    )


def read_rules(body: bytes) -> OwnRules:
    """The rules of one document. Raises ValueError with a clause."""
    rules = _read(body.decode("utf-8", "replace"))
    if max(len(rules.kinds), len(rules.allowed), len(rules.blocks)) > MAX_RULES:
        raise ValueError(f"it has more than {MAX_RULES:,} rules")
    ids = [kind.id for kind in rules.kinds]
    if doubled := sorted({id for id in ids if ids.count(id) > 1}):
        raise ValueError(f"the rule {doubled[0]}: there are several of this name")
    return rules


def _read(text: str) -> OwnRules:
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    if lines and all(_NAME_LINE.match(line) for line in lines):
        return OwnRules(kinds=tuple(_anchore(*line.split("=", 1)) for line in lines[: MAX_RULES + 1]))
    document = _yaml(text)
    if "schema" in document:
        return _ours(document)
    if is_trivys(document):
        return trivys_rules(document)
    raise ValueError(f"expected `schema: {SCHEMA}`, Trivy's `rules`, or lines of NAME=expression")


def _yaml(text: str) -> Mapping[str, Any]:
    try:
        # With anchors a small file could become very large.
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, Loader=yaml.BaseLoader)):
            raise ValueError("aliases are not read")
        # Texts stay texts: an expression may look like a number.
        document = yaml.BaseLoader(text).get_single_data()
    except (yaml.YAMLError, RecursionError) as error:
        raise ValueError(f"it is not YAML: {str(error).splitlines()[0]}") from error
    if not isinstance(document, dict) or not all(isinstance(key, str) for key in document):
        raise ValueError("expected a mapping")
    return document


def _ours(document: Mapping[str, Any]) -> OwnRules:
    try:
        rules = msgspec.convert(document, _Rules)
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from error
    known = {*(kind.id for kind in KINDS), *(rule.id for rule in rules.kinds)}
    for name in (*rules.without, *(name for allow in rules.allow for name in allow.kinds)):
        if name not in known:
            raise ValueError(f"{name} is not a kind of secret")
    return OwnRules(
        kinds=tuple(_kind(rule) for rule in rules.kinds),
        allowed=tuple(_allowance(number, allow) for number, allow in enumerate(rules.allow, 1)),
        without=sorted_names(rules.without),
    )


def _kind(rule: Rule) -> Kind:
    if not rule.keywords or not all(rule.keywords):
        raise ValueError(f"the rule {rule.id}: expected keywords, of which one stands in every such secret")
    return Kind(
        rule.id,
        rule.title or rule.id,
        rule.severity,
        tuple(word.encode() for word in rule.keywords),
        _expression(rule.id, rule.pattern).encode(),
        names=rule.files,
        path=_expression(rule.id, rule.path) if rule.path else "",
        is_whole=True,
    )


def _allowance(number: int, allow: Allow) -> Allowance:
    name = f"own-{number}"
    if not allow.path and not allow.pattern:
        raise ValueError(f"the allow rule {number}: expected a path or a pattern")
    path = _expression(name, allow.path) if allow.path else ""
    value = _expression(name, allow.pattern).encode() if allow.pattern else b""
    return Allowance(name, allow.reason, path=path, value=value, kinds=allow.kinds)


def _anchore(name: str, expression: str) -> Kind:
    """One of Anchore's lines: the expression fits from the beginning of a line on, and is tried on each."""
    flags = _FLAGS.match(expression)
    inside = f"(?{flags[1]}:{expression[flags.end() :]})" if flags else f"(?:{expression})"
    pattern = f"(?m:^{_expression(name, inside)})"
    return Kind(_SLUG.sub("-", name.lower()).strip("-"), name, "high", (), pattern.encode(), is_whole=True)


def _expression(name: str, expression: str) -> str:
    try:
        return check_expression(expression)
    except ValueError as error:
        raise ValueError(f"the rule {name}: of its expression {expression[:80]!r}: {error}") from error
