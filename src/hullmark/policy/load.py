"""Policies of any kind: what a document is, is recognised by what stands in it."""

from __future__ import annotations

from hullmark.model.errors import HullmarkError
from hullmark.policy.document import Node, read_document
from hullmark.policy.native import read_native
from hullmark.policy.rules import Policy

_ANCHORE_KEYS = frozenset(
    ("policies", "rule_sets", "mappings", "whitelists", "allowlists", "whitelisted_images", "allowlisted_images",
     "blacklisted_images", "denylisted_images")
)  # fmt: skip


class UnsupportedPolicy(HullmarkError):
    """A policy of a kind that cannot be used."""


def load_policy(text: bytes) -> Policy:
    """Read a policy document. Raises Unreadable, UnsupportedPolicy or InvalidPolicy, all of them HullmarkErrors."""
    root = read_document(text)
    if is_anchore(root):
        raise UnsupportedPolicy(
            "this is an Anchore policy bundle, which is not supported yet",
            advice="write the rules as a native policy; examples/policy.yaml is one to start from",
        )
    return read_native(root)


def is_anchore(root: Node) -> bool:
    """Whether the document is an Anchore policy, of the format 1_0 or 2."""
    if not isinstance(root.value, dict) or "schema" in root.value:
        return False
    return "rules" not in root.value and not _ANCHORE_KEYS.isdisjoint(root.value)
