"""Policies of any language: what a document is, is recognised by what stands in it."""

from __future__ import annotations

from hullmark.policy.document import Document
from hullmark.policy.languages import LANGUAGES, AnyPolicy


def load_any(text: bytes) -> AnyPolicy:
    """Read a policy document of any language.

    Raises Unreadable or InvalidPolicy, both HullmarkErrors, for a native one. The mistakes of an Anchore policy stand in the Bundle.
    """
    document = Document(text)
    found: AnyPolicy = next(policy for language in LANGUAGES if (policy := language.read(document)) is not None)
    return found
