"""Policies of any language; the language of a document is recognised by its content."""

from __future__ import annotations

from hullmark.policy.document import Document
from hullmark.policy.languages import LANGUAGES, AnyPolicy


def load_any(text: bytes) -> AnyPolicy:
    """Read a policy document of any language.

    Raises Unreadable or InvalidPolicy, both HullmarkErrors, for a native one. The mistakes of an Anchore policy are recorded in the Bundle.
    """
    document = Document(text)
    found: AnyPolicy = next(policy for language in LANGUAGES if (policy := language.read(document)) is not None)
    return found
