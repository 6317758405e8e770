"""Documents → Bundle: one reader for formats "1_0" and "2". It never refuses a document; mistakes are recorded in the result."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec

from hullmark.model.limit import Limit
from hullmark.policy.anchore.allowlists import Allowlist, Item
from hullmark.policy.anchore.bundle import Bundle, Mapping, MistakeCollector, Rule, RuleSet
from hullmark.policy.anchore.read_rules import read_rule
from hullmark.policy.anchore.select import ImageRule, Wildcard

MAX_ENTRIES = Limit(100_000, "entries of a list in a policy bundle", "refused")


class _Words(NamedTuple):
    """The names that a format uses for the same things."""

    rule_sets: str
    allowlists: str
    allowed: str
    denied: str
    rule_set_ids: str
    rule_set_id: str
    allowlist_ids: str


_FORMATS = {
    "1_0": _Words(
        rule_sets="policies",
        allowlists="whitelists",
        allowed="whitelisted_images",
        denied="blacklisted_images",
        rule_set_ids="policy_ids",
        rule_set_id="policy_id",
        allowlist_ids="whitelist_ids",
    ),
    "2": _Words(
        rule_sets="rule_sets",
        allowlists="allowlists",
        allowed="allowlisted_images",
        denied="denylisted_images",
        rule_set_ids="rule_set_ids",
        rule_set_id="rule_set_id",
        allowlist_ids="allowlist_ids",
    ),
}
_KEYS = frozenset(word for words in _FORMATS.values() for word in words[:4]) | {"mappings"}
_KINDS = ("tag", "digest", "id")


def is_anchore(document: object) -> bool:
    """Whether plain data is an Anchore policy, of either format."""
    if not isinstance(document, dict) or "schema" in document:
        return False
    return "rules" not in document and not _KEYS.isdisjoint(document)


def read_bundle(document: dict[str, Any]) -> Bundle:
    """The policy in plain data, as read from JSON."""
    version = document.get("version")
    form = version if isinstance(version, str) and version in _FORMATS else "2" if "rule_sets" in document else "1_0"
    words = _FORMATS[form]
    head = MistakeCollector()
    if version != form:
        reason = f"expected the version '1_0' or '2', not {str(version)[:60]!r}"
        head.add("version", reason, "UnsupportedVersionError")
    rule_sets = _parts(document, words.rule_sets, head)
    allowlists = _parts(document, words.allowlists, head)
    mappings = _parts(document, "mappings", head)
    for key in ("mappings", words.allowed, words.denied):
        if key in document and document[key] is None:
            head.add(key, "expected a list", "TypeError", "Q4")
    return Bundle(
        id=_text(document, "id"),
        name=_text(document, "name"),
        format=form,
        rule_sets=tuple(_rule_set(entry, path, form) for path, entry in rule_sets),
        allowlists=tuple(_allowlist(entry, path, form) for path, entry in allowlists),
        mappings=tuple(_mapping(entry, path, words) for path, entry in mappings),
        allowed_images=tuple(_image_entry(entry, path) for path, entry in _parts(document, words.allowed, head)),
        denied_images=tuple(_image_entry(entry, path) for path, entry in _parts(document, words.denied, head)),
        digest=_digest(document),
        mistakes=tuple(head.found),
    )


def _digest(document: dict[str, Any]) -> str:
    return "sha256:" + hashlib.sha256(msgspec.json.encode(document, order="sorted")).hexdigest()


def _text(entry: dict[str, Any], key: str) -> str:
    value = entry.get(key)
    return value if isinstance(value, str) else "" if value is None else str(value)[:200]


def _parts(
    entry: dict[str, Any], key: str, into: MistakeCollector, where: str = ""
) -> list[tuple[str, dict[str, Any]]]:
    """The objects in a list, with their paths. A missing list is an empty one."""
    place = f"{where}{key}"
    value = entry.get(key)
    if value is None:
        return []
    if not isinstance(value, list):
        into.add(place, "expected a list", "TypeError")
        return []
    found = []
    for number, part in enumerate(value[:MAX_ENTRIES]):
        if isinstance(part, dict):
            found.append((f"{place}[{number}]", part))
        else:
            into.add(f"{place}[{number}]", "expected an object", "TypeError")
    if len(value) > MAX_ENTRIES:
        into.add(place, f"expected at most {MAX_ENTRIES} entries")
    return found


def _read_required_text(entry: dict[str, Any], key: str, path: str, into: MistakeCollector) -> str:
    value = entry.get(key)
    if not isinstance(value, str) or not value:
        into.add(f"{path}.{key}", "expected a text that is not empty", "KeyError")
        return ""
    return value


def _read_text(
    entry: dict[str, Any], key: str, path: str, into: MistakeCollector, *, is_anywhere: bool = False
) -> str | None:
    """A text that identifies what is meant; None, with a mistake recorded, if it is missing. The original accepts an empty one as a text
    that matches nothing.
    """
    value = entry.get(key)
    if not isinstance(value, str):
        into.add(f"{path}.{key}", "expected a text that is not empty", "KeyError", is_anywhere=is_anywhere)
        return None
    if not value:
        into.add(f"{path}.{key}", "expected a text that is not empty", "KeyError", "!QS3")
    return value


def _rule_set(entry: dict[str, Any], path: str, form: str) -> RuleSet:
    own = MistakeCollector()
    name = _read_required_text(entry, "id", path, own)
    _check_version(entry, path, form, own)
    if entry.get("rules") is None:
        own.add(f"{path}.rules", "expected a list of rules", "TypeError", "Q4")
    rules: list[Rule] = []
    for place, rule in _parts(entry, "rules", own, f"{path}."):
        rules.append(read_rule(rule, place, form))
    return RuleSet(id=name, name=_text(entry, "name"), rules=tuple(rules), mistakes=tuple(own.found))


def _check_version(entry: dict[str, Any], path: str, form: str, into: MistakeCollector) -> None:
    """Record a mistake if a rule set or allowlist does not have the version of the document; format "2" may leave it out."""
    version = entry.get("version")
    if version != form and (version is not None or form == "1_0"):
        reason = f"expected the version {form!r}, not {str(version)[:60]!r}"
        into.add(f"{path}.version", reason, "UnsupportedVersionError")


def _allowlist(entry: dict[str, Any], path: str, form: str) -> Allowlist:
    own = MistakeCollector()
    name = _read_required_text(entry, "id", path, own)
    _check_version(entry, path, form, own)
    if entry.get("items") is None:
        own.add(f"{path}.items", "expected a list of items", "TypeError", "Q4")
    items = [_item(item, place, own) for place, item in _parts(entry, "items", own, f"{path}.")]
    return Allowlist(
        id=name,
        name=_text(entry, "name"),
        items=tuple(item for item in items if item is not None),
        mistakes=tuple(own.found),
    )


def _item(entry: dict[str, Any], path: str, into: MistakeCollector) -> Item | None:
    gate, trigger_id = _read_text(entry, "gate", path, into), _read_text(entry, "trigger_id", path, into)
    if not gate or not trigger_id:
        return None
    try:
        wildcard = Wildcard(trigger_id)
    except ValueError as error:
        into.add(f"{path}.trigger_id", str(error), "error")
        return None
    text = _text(entry, "expires_on")
    expires = _expiry(text) if text else None
    if text and expires is None:
        into.add(f"{path}.expires_on", f"expected a time as 2027-03-31T00:00:00Z, not {text[:60]!r}", "ValueError")
        return None
    return Item(id=_text(entry, "id"), gate=gate.lower(), trigger_id=wildcard, expires=expires, expires_text=text)


def _expiry(text: str) -> datetime | None:
    """The time, in UTC; a fraction of a second may follow a dot or a colon."""
    if not text.endswith("Z") or len(text) < 20 or text[10] != "T" or (len(text) > 20 and text[19] not in ".:"):
        return None
    fraction = text[20:-1] if len(text) > 20 else ""
    if len(text) > 20 and not (fraction.isascii() and fraction.isdigit() and len(fraction) <= 6):
        return None
    try:
        whole = datetime.fromisoformat(text[:19]).replace(tzinfo=UTC)
    except ValueError:
        return None
    return whole.replace(microsecond=int(fraction.ljust(6, "0"))) if fraction else whole


def _wildcard(text: str | None, path: str, into: MistakeCollector) -> Wildcard | None:
    if text is None:
        return None
    try:
        return Wildcard(text)
    except ValueError as error:
        into.add(path, str(error), "error")
        return None


def _images(entry: dict[str, Any], path: str, into: MistakeCollector) -> ImageRule | None:
    """Which images an entry applies to; None, with mistakes recorded, if that cannot be determined."""
    texts = [_read_text(entry, key, path, into, is_anywhere=True) for key in ("registry", "repository")]
    registry, repository = (
        _wildcard(text, f"{path}.{key}", into) for text, key in zip(texts, ("registry", "repository"), strict=True)
    )
    image = entry.get("image")
    if not isinstance(image, dict):
        reason = "expected an object with type and value"
        into.add(f"{path}.image", reason, "AttributeError", is_anywhere=True)
        return None
    kind, value = (
        _read_required_text(image, "type", f"{path}.image", into),
        _read_text(image, "value", f"{path}.image", into),
    )
    if kind and kind not in _KINDS:
        into.add(f"{path}.image.type", f"expected one of {', '.join(_KINDS)}, not {kind[:60]!r}", "ValueError")
    tag = _wildcard(value, f"{path}.image.value", into) if kind == "tag" else Wildcard("*")
    if registry is None or repository is None or tag is None or kind not in _KINDS or value is None:
        return None
    return ImageRule(registry, repository, kind, value, tag)


def _mapping(entry: dict[str, Any], path: str, words: _Words) -> Mapping:
    own = MistakeCollector()
    images = _images(entry, path, own)
    single, several = entry.get(words.rule_set_id), entry.get(words.rule_set_ids)
    if single and several:
        own.add(path, f"expected {words.rule_set_id} or {words.rule_set_ids}, not both", is_anywhere=True)
    elif not single and not several:
        own.add(f"{path}.{words.rule_set_ids}", "expected a list of ids, one at least", is_anywhere=True)
    lists = entry.get(words.allowlist_ids)
    if lists is None:
        own.add(f"{path}.{words.allowlist_ids}", "expected a list of ids", "TypeError", "Q4")
    rule_sets = [single] if isinstance(single, str) and single else _ids(several, f"{path}.{words.rule_set_ids}", own)
    return Mapping(
        id=_text(entry, "id"),
        name=_text(entry, "name"),
        images=images,
        rule_sets=tuple(rule_sets),
        allowlists=tuple(_ids(lists, f"{path}.{words.allowlist_ids}", own)),
        path=path,
        mistakes=tuple(own.found),
    )


def _ids(value: object, path: str, into: MistakeCollector) -> list[str]:
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        into.add(path, "expected a list of ids", "TypeError")
        return []
    return value[:MAX_ENTRIES]


def _image_entry(entry: dict[str, Any], path: str) -> Mapping:
    own = MistakeCollector()
    images = _images(entry, path, own)
    return Mapping(
        id=_text(entry, "id"), name=_text(entry, "name"), images=images, path=path, mistakes=tuple(own.found)
    )
