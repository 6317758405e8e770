"""Manifests: YAML or JSON text → plain values; each mapping (a Section) knows its line and those of its keys.

Scalars mean what they do to Kubernetes and compose (YAML 1.1 without numbers in base sixty and without dates). Tags, keys that stand
twice and what is out of bounds are refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import msgspec
import yaml

from hullmark.isolation.fields import Section
from hullmark.model.errors import HullmarkError
from hullmark.model.limit import Limit

MAX_MANIFEST_BYTES = Limit(16 << 20, "bytes of a manifest of workloads", "refused")
_MAX_DEPTH = Limit(64, "parts of a manifest in each other", "refused")
_MAX_PARTS = Limit(1_000_000, "parts of a manifest, with what aliases repeat", "refused")

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_CORE = "tag:yaml.org,2002:"
_TAGS = frozenset(_CORE + name for name in ("bool", "float", "int", "map", "null", "seq", "str"))
_WORDS: dict[str, object] = dict.fromkeys(("", "~", "null", "Null", "NULL"))
_WORDS |= {
    form: meaning
    for word, meaning in (("true", True), ("yes", True), ("on", True), ("false", False), ("no", False), ("off", False))
    for form in (word, word.capitalize(), word.upper())
}
_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,30})").fullmatch
_RADIX = re.compile(r"0x[0-9a-fA-F]{1,30}|0o?[0-7]{1,30}").fullmatch
_FLOAT = re.compile(
    r"[-+]?(?:[0-9]{1,30}\.[0-9]{0,30}|\.[0-9]{1,30}|[0-9]{1,30}(?=[eE]))(?:[eE][-+]?[0-9]{1,3})?"
).fullmatch
_BREAKS = re.compile("[\x85\u2028\u2029]").search
"""Characters that end a line in YAML 1.1, and are like any other in JSON."""


class UnreadableManifest(HullmarkError):
    """The text is not a manifest that can be read. The message names the line where there is one."""

    def __init__(self, reason: str, line: int = 0, advice: str = "correct the manifest's syntax") -> None:
        place = f"the manifest, line {line}" if line else "the manifest"
        super().__init__(f"{place}: {reason}", advice=advice)


def read_documents(data: bytes) -> tuple[object, ...]:
    """The documents that a text holds, without empty ones. Raises UnreadableManifest."""
    if len(data) > MAX_MANIFEST_BYTES:
        raise UnreadableManifest(
            f"it is larger than {MAX_MANIFEST_BYTES >> 20} MiB", advice="hand over one workload at a time"
        )
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnreadableManifest("it is not UTF-8 text", advice="save the file as UTF-8") from error
    if _BREAKS(text) and (found := _json_of(data)) is not None:
        return (found,)
    reader = _Reader()
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            reader.take(event)
    except (yaml.YAMLError, RecursionError) as error:
        return (_as_json(data, error),)
    return tuple(document for document in reader.documents if document is not None)


def _as_json(data: bytes, error: Exception) -> object:
    """What JSON holds that is not YAML 1.1, such as characters that are written in two halves; it tells no lines."""
    if (found := _json_of(data)) is not None:
        return found
    mark = getattr(error, "problem_mark", None)
    reason = str(getattr(error, "problem", None) or "it cannot be read")
    raise UnreadableManifest(f"not valid YAML: {reason[:200]}", mark.line + 1 if mark is not None else 0) from error


def _json_of(data: bytes) -> object:
    """The list or object of a JSON text; None for other texts."""
    if data.lstrip()[:1] in (b"{", b"["):
        try:
            return msgspec.json.decode(data)
        except (msgspec.MsgspecError, RecursionError):
            pass
    return None


@dataclass(slots=True)
class _Anchor:
    """A value that may be repeated, and the number of parts in it."""

    value: object
    size: int


@dataclass(slots=True)
class _Part:
    """A list or mapping whose end has not come yet."""

    value: Section | list[object]
    anchor: str | None
    size: int = 1
    key: str | None = None
    key_line: int = 0
    merged: list[Section] = field(default_factory=list)


class _MergeKey(str):
    """The key `<<` without quotes: what its mappings hold is taken over (YAML's merge key)."""

    __slots__ = ()


class _Reader:
    """Takes events, keeps the open lists and mappings on a stack of its own, so depth costs nothing."""

    def __init__(self) -> None:
        self.documents: list[object] = []
        self._open: list[_Part] = []
        self._anchors: dict[str, _Anchor] = {}
        self._count = 0

    def take(self, event: Any) -> None:
        """One event of the parser. The events' classes are untyped, hence Any."""
        line = event.start_mark.line + 1
        if isinstance(event, yaml.ScalarEvent):
            self._check_tag(event, line)
            is_plain = event.implicit[0] or (event.tag in _TAGS and event.tag != f"{_CORE}str")
            self._add(_scalar(event.value) if is_plain else event.value, 1, event.anchor, line)
        elif isinstance(event, yaml.AliasEvent):
            known = self._anchors.get(str(event.anchor))
            if known is None:
                raise UnreadableManifest(f"*{event.anchor} is not defined above it", line)
            self._add(known.value, known.size, None, line)
        elif isinstance(event, yaml.CollectionStartEvent):
            self._begin(event, line)
        elif isinstance(event, yaml.CollectionEndEvent):
            closed = self._open.pop()
            self._add(_merge_part(closed), closed.size, closed.anchor, line)
        elif isinstance(event, yaml.DocumentEndEvent):
            self._anchors.clear()

    def _check_tag(self, event: Any, line: int) -> None:
        if event.tag not in (None, "!") and event.tag not in _TAGS:
            advice = "hand over what `docker compose config` or `kubectl kustomize` prints"
            raise UnreadableManifest(f"the tag {str(event.tag)[:60]} is not known", line, advice)

    def _begin(self, event: Any, line: int) -> None:
        self._check_tag(event, line)
        if len(self._open) >= _MAX_DEPTH:
            raise UnreadableManifest(f"it is nested more than {_MAX_DEPTH} deep", line)
        is_mapping = isinstance(event, yaml.MappingStartEvent)
        self._open.append(_Part(Section(line) if is_mapping else [], event.anchor))

    def _add(self, value: object, size: int, anchor: str | None, line: int) -> None:
        if anchor is not None:
            self._anchors[anchor] = _Anchor(value, size)
        if not self._open:
            self._count += size
            self._check_count(self._count, line)
            self.documents.append(value)
            return
        parent = self._open[-1]
        parent.size += size
        self._check_count(parent.size, line)
        if isinstance(parent.value, list):
            parent.value.append(value)
        elif parent.key is None:
            parent.key, parent.key_line = _key(parent.value, value, line), line
        else:
            _set(parent, value)

    def _check_count(self, count: int, line: int) -> None:
        if count > _MAX_PARTS:
            raise UnreadableManifest(f"it has more than {_MAX_PARTS:,} parts", line, "hand over one workload at a time")


def _key(section: Section, value: object, line: int) -> str:
    """A key as JSON would have it: of numbers and words the text is taken."""
    if isinstance(value, Section | list) or value is None:
        raise UnreadableManifest("a name is not a text", line)
    if isinstance(value, _MergeKey):
        return value
    name = str(value).lower() if isinstance(value, bool) else str(value)
    if name in section:
        raise UnreadableManifest(f"{name[:60]!r} is given twice", line, "keep one of the two")
    return name


def _set(part: _Part, value: object) -> None:
    """Note a key's value. `<<` takes what is missing from other mappings."""
    assert isinstance(part.value, Section), "only mappings have keys"  # noqa: S101
    assert part.key is not None, "a value comes after its key"  # noqa: S101
    if isinstance(part.key, _MergeKey):
        for section in value if isinstance(value, list) else [value]:
            if not isinstance(section, Section):
                raise UnreadableManifest("what << takes from is not a mapping", part.key_line)
            part.merged.append(section)
    else:
        part.value[part.key] = value
        part.value.key_lines[part.key] = part.key_line
    part.key = None


def _merge_part(part: _Part) -> Section | list[object]:
    for other in part.merged:
        assert isinstance(part.value, Section), "only mappings take from others"  # noqa: S101
        for name, value in other.items():
            if name not in part.value:
                part.value[name] = value
                part.value.key_lines[name] = other.key_lines.get(name, 0)
    return part.value


def _scalar(text: str) -> object:
    """What a text without quotes means."""
    if text in _WORDS:
        return _WORDS[text]
    if text == "<<":
        return _MergeKey(text)
    if _INTEGER(text):
        return int(text)
    if _RADIX(text):
        digits = text[1:].lstrip("o") if text[1:2] != "x" else text
        return int(digits, 16 if text[1:2] == "x" else 8)
    return float(text) if _FLOAT(text) else text
