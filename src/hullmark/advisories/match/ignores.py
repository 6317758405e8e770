"""Ignore rules: a YAML document that says which matches do not count, in whose name, why, and until when.

ignore:
  - vulnerability: CVE-2023-45853
    package: {type: deb, name: zlib1g}
    owner: platform team
    reason: MiniZip is not built in Debian
    expires: 2027-03-31

All that a rule names must hold. Keys may be written with dashes or underscores. Names, versions and namespaces are globs over the
whole text (`*`, `?`, `[…]`), locations are globs over paths (`**` is any number of folders).
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from typing import Any

import msgspec
import yaml

from hullmark.advisories.match.risk import FIX_STATES
from hullmark.advisories.match.vex import JUSTIFICATIONS, STATUSES
from hullmark.model.advisory import Statement
from hullmark.model.expiry import canonical, ends_at, is_day
from hullmark.model.globs import PathGlob, name_matcher
from hullmark.model.limit import Limit
from hullmark.model.match import Match, Suppression
from hullmark.model.package import Package

MAX_RULES = Limit(10_000, "ignore rules", "refused")
_TICK = timedelta(microseconds=1)
_LIMIT = Limit(4 << 20, "bytes of a document of ignore rules", "refused")
_LONGEST = Limit(1000, "characters of a value in an ignore rule", "refused")
_KINDS = ("cpe", "direct", "source")
_WORDS = {"yes": True, "true": True, "no": False, "false": False}
_REQUIRED = ("owner", "reason")

_Loader: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
"""It knows texts, lists and mappings only: nothing in a document becomes an object, dates stay as they are written."""


class PackageRule(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Which packages a rule is about; "" is any. `source` is the name of the source package."""

    name: str = ""
    version: str = ""
    type: str = ""
    location: str = ""
    source: str = ""


class IgnoreRule(msgspec.Struct, frozen=True, kw_only=True):
    """One rule; "" is any. `expires` is the last day on which it holds, or the moment at which it ends (model/expiry). `place` is where it
    stands in its document."""

    owner: str
    reason: str
    expires: str = ""
    vulnerability: str = ""
    include_aliases: bool = True
    namespace: str = ""
    fix_state: str = ""
    match_kind: str = ""
    vex_status: str = ""
    vex_justification: str = ""
    package: PackageRule = PackageRule()
    place: str = ""

    def has_expired(self, at: str) -> bool:
        """Whether the rule has ended at the moment `at` (ISO 8601, in UTC). Of a day without a time counts its end."""
        if not self.expires:
            return False
        now = ends_at(at) - _TICK if is_day(at) else ends_at(at)
        return ends_at(self.expires) <= now


_PACKAGE_FIELDS = PackageRule.__struct_fields__
_FIELDS = tuple(field for field in IgnoreRule.__struct_fields__ if field != "place")
_CONDITIONS = tuple(field for field in _FIELDS if field not in ("owner", "reason", "expires", "include_aliases"))
_ALLOWED = {
    "fix_state": FIX_STATES,
    "match_kind": _KINDS,
    "vex_status": STATUSES,
    "vex_justification": JUSTIFICATIONS,
    "include_aliases": tuple(_WORDS),
}


def parse(data: bytes) -> tuple[IgnoreRule, ...]:
    """The rules of a document, in its order. Raises ValueError that names the path of the first mistake."""
    root = _document(data)
    _check_keys(root, ("ignore",), "")
    rules = root.get("ignore", [])
    if not isinstance(rules, list):
        raise ValueError("ignore: expected a list of rules")
    if len(rules) > MAX_RULES:
        raise ValueError(f"ignore: expected at most {MAX_RULES} rules, not {len(rules)}")
    return tuple(_rule(rule, f"ignore[{index}]") for index, rule in enumerate(rules))


def apply(
    matches: Iterable[Match],
    rules: Iterable[IgnoreRule],
    at: str,
    says: Callable[[Match], Statement | None] = lambda match: None,
) -> tuple[Match, ...]:
    """The matches; those that a rule is about are suppressed, in the name of the first one that is.

    `at` is the moment that counts as now (ISO 8601): an expired rule does nothing, `describe_expired_rules` names it. `says` is asked
    for the VEX statement about a match where a rule wants one. What is suppressed already stays as it is.
    """
    tests = [(rule, _test(rule, says)) for rule in rules if not rule.has_expired(at)]
    return tuple(match if match.suppressed else _apply_rules(match, tests) for match in matches)


def describe_expired_rules(rules: Iterable[IgnoreRule], at: str) -> tuple[str, ...]:
    """A sentence for each rule that does nothing any more at the moment `at`."""
    return tuple(
        f"{rule.place or 'an ignore rule'} of {rule.owner} expired on {rule.expires} and does nothing: {rule.reason}"
        for rule in rules
        if rule.has_expired(at)
    )


def _apply_rules(match: Match, tests: Iterable[tuple[IgnoreRule, Callable[[Match], bool]]]) -> Match:
    rule = next((rule for rule, holds in tests if holds(match)), None)
    if rule is None:
        return match
    return msgspec.structs.replace(
        match, suppressed=Suppression(by="ignore", reason=rule.reason, owner=rule.owner, expires=rule.expires)
    )


def _test(rule: IgnoreRule, says: Callable[[Match], Statement | None]) -> Callable[[Match], bool]:
    """All that the rule names, cheap questions first."""
    tests = [
        test
        for wanted, test in (
            (rule.fix_state, lambda match: match.fix.state == rule.fix_state),
            (rule.match_kind, lambda match: match.kind == rule.match_kind),
            (rule.vulnerability, lambda match: rule.vulnerability.lower() in _ids(match, rule.include_aliases)),
            (rule.namespace, _glob(rule.namespace, lambda match: match.advisory.namespace)),
            (rule.package != PackageRule(), _about(rule.package)),
            (rule.vex_status or rule.vex_justification, lambda match: _is_said(rule, says(match))),
        )
        if wanted
    ]
    return lambda match: all(test(match) for test in tests)


def _ids(match: Match, with_aliases: bool) -> set[str]:
    advisory = match.advisory
    ids = (advisory.id, advisory.cve, *advisory.aliases) if with_aliases else (advisory.id,)
    return {id.lower() for id in ids if id}


def _is_said(rule: IgnoreRule, statement: Statement | None) -> bool:
    if statement is None:
        return False
    return rule.vex_status in ("", statement.status) and rule.vex_justification in ("", statement.justification)


def _about(rule: PackageRule) -> Callable[[Match], bool]:
    location = PathGlob(rule.location) if rule.location else None
    tests = [
        _glob(wanted, of)
        for wanted, of in (
            (rule.type, lambda match: match.package.type),
            (rule.name, lambda match: match.package.name),
            (rule.version, lambda match: match.package.version),
            (rule.source, lambda match: _source_name(match.package)),
        )
        if wanted
    ]
    if location is not None:
        tests.append(lambda match: any(location.fits(place.path) for place in match.package.locations))
    return lambda match: all(test(match) for test in tests)


def _source_name(package: Package) -> str:
    return package.source.name if package.source else ""


def _glob(pattern: str, of: Callable[[Match], str]) -> Callable[[Match], bool]:
    matches = name_matcher(pattern)
    return lambda match: matches(of(match)) is not None


def _document(data: bytes) -> Mapping[str, Any]:
    if len(data) > _LIMIT:
        raise ValueError(f"the document is larger than {_LIMIT >> 20} MiB")
    try:
        events = yaml.parse(data, Loader=_Loader)
        if any(isinstance(event, yaml.AliasEvent) for event in events):
            raise ValueError("the document has aliases; write out what they stand for")
        root = yaml.load(data, Loader=_Loader)  # noqa: S506 - the base loader makes texts only
    except (yaml.YAMLError, UnicodeError, RecursionError) as error:
        raise ValueError(f"the document is not YAML: {' '.join(str(error).split())[:200]}") from error
    if root in (None, ""):
        return {}
    if not isinstance(root, dict):
        raise ValueError("the document: expected a mapping with the key ignore")
    return root


def _rule(entry: Any, path: str) -> IgnoreRule:
    if not isinstance(entry, dict):
        raise ValueError(f"{path}: expected a mapping")
    _check_keys(entry, _FIELDS, path)
    given = {key.replace("-", "_"): value for key, value in entry.items()}
    about = given.pop("package", {})
    if not isinstance(about, dict):
        raise ValueError(f"{path}.package: expected a mapping")
    _check_keys(about, _PACKAGE_FIELDS, f"{path}.package")
    package = PackageRule(**{key: _text(value, f"{path}.package.{key}") for key, value in about.items()})
    texts: dict[str, Any] = {key: _text(value, f"{path}.{key}") for key, value in given.items()}
    for key in _REQUIRED:
        if key not in texts:
            raise ValueError(f"{path}.{key}: missing; a rule says in whose name and why it holds")
    _check_values(texts, path)
    if "expires" in texts:
        texts["expires"] = canonical(texts["expires"])
    if "include_aliases" in texts:
        texts["include_aliases"] = _WORDS[texts["include_aliases"]]
    if not about and not any(key in texts for key in _CONDITIONS):
        raise ValueError(f"{path}: it would ignore everything; name one of {', '.join(_CONDITIONS)}")
    return IgnoreRule(**texts, package=package, place=path)


def _check_values(texts: Mapping[str, str], path: str) -> None:
    for key, allowed in _ALLOWED.items():
        word = texts.get(key)
        if word is not None and word not in allowed:
            raise ValueError(f"{path}.{key}: there is no {word[:60]!r}{_nearest(word, allowed)}")
    try:
        if "expires" in texts:
            ends_at(texts["expires"])
    except ValueError as error:
        raise ValueError(f"{path}.expires: {error}") from None


def _check_keys(entry: Mapping[Any, Any], known: tuple[str, ...], path: str) -> None:
    for key in entry:
        if not isinstance(key, str) or key.replace("-", "_") not in known:
            where = f"{path}.{key}" if path else str(key)
            raise ValueError(f"{where[:200]}: there is no such key{_nearest(str(key).replace('-', '_'), known)}")


def _text(value: Any, path: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"{path}: expected a text that is not empty")
    if len(value) > _LONGEST:
        raise ValueError(f"{path}: expected at most {_LONGEST} characters")
    return value.strip()


def _nearest(word: str, names: Iterable[str]) -> str:
    known = list(names)
    close = difflib.get_close_matches(word[:100], known, n=1)
    return f"; did you mean {close[0]!r}?" if close else f"; there are {', '.join(known)}"
