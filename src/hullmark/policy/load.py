"""Policies of any kind: what a document is, is recognised by what stands in it."""

from __future__ import annotations

from typing import Any

import msgspec

from hullmark.model.limit import Limit
from hullmark.policy.anchore import read as anchore
from hullmark.policy.anchore.bundle import Bundle
from hullmark.policy.document import Node, Unreadable, read_document
from hullmark.policy.native import read_native
from hullmark.policy.rules import Policy

MAX_BYTES = Limit(32 << 20, "bytes of a policy", "refused")
"""The largest document, in bytes: allowlists of Anchore policies grow. Native policies are bounded more narrowly."""


def load_any(text: bytes) -> Policy | Bundle:
    """Read a policy document of any kind.

    Raises Unreadable or InvalidPolicy, both HullmarkErrors, for a native one. The mistakes of an Anchore policy stand in the Bundle.
    """
    data = _json(text)
    if data is not None and anchore.is_anchore(data):
        return anchore.read_bundle(data)
    root = read_document(text)
    plain = _plain(root)
    return anchore.read_bundle(plain) if anchore.is_anchore(plain) else read_native(root)


def is_anchore(root: Node) -> bool:
    """Whether the document is an Anchore policy, of the format 1_0 or 2."""
    return anchore.is_anchore(root.value)


def _json(text: bytes) -> dict[str, Any] | None:
    """The object that JSON holds; None for anything else. Only JSON tells numbers and booleans from texts, which Anchore minds."""
    if not text.lstrip().startswith(b"{"):
        return None
    if len(text) > MAX_BYTES:
        raise Unreadable(f"the policy is larger than {MAX_BYTES >> 20} MiB", advice="split it into several policies")
    try:
        data = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return None
    return data if isinstance(data, dict) else None


def _plain(node: Node) -> Any:
    """The node as plain data; all scalars are texts."""
    if isinstance(node.value, dict):
        return {name: _plain(each) for name, each in node.value.items()}
    if isinstance(node.value, list):
        return [_plain(each) for each in node.value]
    return node.value
