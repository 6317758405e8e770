"""The languages that policies are written in."""

from __future__ import annotations

from typing import Any

from hullmark.policy.anchore.bundle import Bundle
from hullmark.policy.anchore.language import LANGUAGE as ANCHORE
from hullmark.policy.language import Language
from hullmark.policy.native_language import LANGUAGE as NATIVE
from hullmark.policy.rules import Policy

AnyPolicy = Policy | Bundle

LANGUAGES: tuple[Language[Any], ...] = (ANCHORE, NATIVE)
"""In the order in which they are asked whether a document is theirs."""

_OF_TYPE = {language.policy: language for language in LANGUAGES}


def language_of(policy: AnyPolicy) -> Language[Any]:
    """The language that a policy is written in."""
    return _OF_TYPE[type(policy)]
