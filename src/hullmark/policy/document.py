"""Policy documents: YAML 1.1 text → a tree of texts, lists and mappings with line numbers.

All scalars stay the text they were written as; the reader of a field decides what they mean. So `1.10` stays a version, `0644` a mode,
`22:22` is not a base-sixty number and `no` is not a boolean. Depth, size and what aliases repeat are bounded.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import msgspec
import yaml

from hullmark.model.errors import HullmarkError
from hullmark.model.limit import Limit

MAX_TEXT_BYTES = Limit(32 << 20, "bytes of a policy", "refused")
"""The largest document, in bytes: allowlists of Anchore policies grow. Native policies are bounded more narrowly."""
MAX_BYTES = Limit(1 << 20, "bytes of a native policy", "refused")
MAX_DEPTH = Limit(32, "parts of a policy in each other", "refused")
MAX_NODES = Limit(100_000, "parts of a policy", "refused")

_NULLS = frozenset(("", "~", "null", "Null", "NULL"))
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Unreadable(HullmarkError):
    """The text is not a YAML document, or exceeds the limits."""


@dataclass(slots=True)
class Node:
    """A piece of a document: a text, None, a list or a mapping. `line` counts from 1; `size` is the number of pieces in it."""

    value: str | list[Node] | dict[str, Node] | None
    line: int
    size: int = 1


class Document:
    """A text whose policy language is not known yet. Its properties raise Unreadable if it cannot be read."""

    def __init__(self, text: bytes) -> None:
        self._text = text

    @cached_property
    def root(self) -> Node:
        """The tree with line numbers."""
        return read_document(self._text)

    @cached_property
    def plain(self) -> Any:
        """Plain data, as read from JSON. In YAML all scalars are texts; only JSON distinguishes numbers and booleans from texts."""
        data = _json(self._text)
        return data if data is not None else _plain(self.root)


def _json(text: bytes) -> dict[str, Any] | None:
    """The object in a JSON text; None if the text is anything else."""
    if not text.lstrip().startswith(b"{"):
        return None
    if len(text) > MAX_TEXT_BYTES:
        raise Unreadable(
            f"the policy is larger than {MAX_TEXT_BYTES >> 20} MiB", advice="split it into several policies"
        )
    try:
        data = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return None
    return data if isinstance(data, dict) else None


def _plain(node: Node) -> Any:
    if isinstance(node.value, dict):
        return {name: _plain(item) for name, item in node.value.items()}
    if isinstance(node.value, list):
        return [_plain(item) for item in node.value]
    return node.value


@dataclass(slots=True)
class _OpenNode:
    """A list or mapping whose end has not been reached yet."""

    node: Node
    anchor: str | None
    key: str | None = None
    items: list[Node] = field(default_factory=list)
    entries: dict[str, Node] = field(default_factory=dict)
    is_mapping: bool = False


def read_document(text: bytes) -> Node:
    """Parse one document. Raises Unreadable, naming the line, if it is not YAML or exceeds the limits."""
    if len(text) > MAX_BYTES:
        raise Unreadable("the policy is larger than 1 MiB", advice="split it into several policies")
    try:
        decoded = text.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Unreadable("the policy is not UTF-8 text", advice="save the file as UTF-8") from error
    builder = _Builder()
    try:
        for event in yaml.parse(decoded, Loader=_LOADER):
            builder.take(event)
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        place = f" in line {mark.line + 1}" if mark is not None else ""
        problem = getattr(error, "problem", None) or "it cannot be read"
        raise Unreadable(
            f"the policy is not valid YAML{place}: {problem}", advice="correct the document's syntax"
        ) from error
    if builder.root is None:
        raise Unreadable("the policy is empty", advice="see examples/policy.yaml for a policy to start from")
    return builder.root


class _Builder:
    """Builds the tree from parser events. Open lists and mappings are on a stack of its own, so depth costs no recursion."""

    def __init__(self) -> None:
        self.root: Node | None = None
        self._open: list[_OpenNode] = []
        self._anchors: dict[str, Node] = {}

    def take(self, event: Any) -> None:
        """Process one event of the parser. The events' classes are untyped, hence Any."""
        line = event.start_mark.line + 1
        if getattr(event, "tag", None) not in (None, "!"):
            raise Unreadable(
                f"the policy has a tag ({event.tag}) in line {line}", advice="remove it: tags mean nothing here"
            )
        if isinstance(event, yaml.ScalarEvent):
            is_null = event.implicit[0] and event.value in _NULLS
            self._add(Node(None if is_null else event.value, line), event.anchor)
        elif isinstance(event, yaml.AliasEvent):
            self._add(self._resolve_alias(str(event.anchor), line), None)
        elif isinstance(event, yaml.CollectionStartEvent):
            self._begin(event, line)
        elif isinstance(event, yaml.CollectionEndEvent):
            self._end()
        elif isinstance(event, yaml.DocumentStartEvent) and self.root is not None:
            raise Unreadable(
                f"a second document begins in line {line}", advice="put each policy into a file of its own"
            )

    def _resolve_alias(self, anchor: str, line: int) -> Node:
        known = self._anchors.get(anchor)
        if known is None:
            raise Unreadable(
                f"line {line} repeats *{anchor}, which is not defined above it", advice="define the anchor first"
            )
        return Node(known.value, line, known.size)

    def _begin(self, event: Any, line: int) -> None:
        if len(self._open) >= MAX_DEPTH:
            raise Unreadable(
                f"the policy is nested more than {MAX_DEPTH} deep in line {line}", advice="write it flatter"
            )
        self._open.append(
            _OpenNode(Node(None, line), event.anchor, is_mapping=isinstance(event, yaml.MappingStartEvent))
        )

    def _end(self) -> None:
        closed = self._open.pop()
        closed.node.value = closed.entries if closed.is_mapping else closed.items
        self._add(closed.node, closed.anchor)

    def _add(self, node: Node, anchor: str | None) -> None:
        if anchor is not None:
            self._anchors[anchor] = node
        if not self._open:
            self.root = node
            return
        parent = self._open[-1]
        if not parent.is_mapping:
            parent.items.append(node)
        elif parent.key is None:
            parent.key = self._key(parent, node)
        else:
            parent.entries[parent.key] = node
            parent.key = None
        parent.node.size += node.size
        if parent.node.size > MAX_NODES:
            raise Unreadable(
                f"the policy has more than {MAX_NODES} parts", advice="split it, or repeat less by aliases"
            )

    def _key(self, parent: _OpenNode, node: Node) -> str:
        if not isinstance(node.value, str):
            raise Unreadable(
                f"something other than a text is used as a name in line {node.line}", advice="use a text as name"
            )
        if node.value in parent.entries:
            raise Unreadable(f"{node.value!r} is given twice, again in line {node.line}", advice="keep one of the two")
        return node.value
