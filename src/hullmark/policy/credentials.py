"""Finds what looks like a credential in settings and build instructions, by its form or by the name it is assigned to.

The forms are those that their issuers document. Nothing here returns a credential, only its kind and its name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from hullmark.facets.secrets.given import is_secrets_name, is_switch_or_place
from hullmark.policy.values import Pattern

_FORMS = (
    ("an AWS access key", "AKIA", r"\b(AKIA|ASIA)[A-Z2-7]{16}\b"),
    ("an AWS access key", "ASIA", r"\b(AKIA|ASIA)[A-Z2-7]{16}\b"),
    ("a GitHub token", "gh", r"\bgh[pousr]_[A-Za-z0-9]{36,}"),
    ("a GitHub token", "github_pat_", r"\bgithub_pat_[A-Za-z0-9_]{60,}"),
    ("a GitLab token", "gl", r"\bgl(pat|dt|rt|ptt|cbt)-[A-Za-z0-9_-]{20,}"),
    ("a Slack token", "xox", r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}"),
    ("a Stripe key", "k_live_", r"\b[rs]k_live_[A-Za-z0-9]{20,}"),
    ("a Google API key", "AIza", r"\bAIza[A-Za-z0-9_-]{35}"),
    ("an npm token", "npm_", r"\bnpm_[A-Za-z0-9]{36}"),
    ("a PyPI token", "pypi-", r"\bpypi-AgEIcHlwaS5vcmc[A-Za-z0-9_-]{50,}"),
    ("a JSON web token", "eyJ", r"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}"),
    ("a private key", "PRIVATE KEY", r"-----BEGIN ([A-Z0-9]+ )*PRIVATE KEY"),
    ("a password in an address", "://", r"\b[a-z][a-z0-9+.-]{1,20}://[^/ :@$]*:[^/ :@$][^/ :@]*@"),
)
_PATTERNS = tuple((kind, literal, Pattern(source)) for kind, literal, source in _FORMS)
_ASSIGNMENT = re.compile(r"(?:^|[\s|\"'])([A-Za-z_][A-Za-z0-9_.-]{0,99})=(\"[^\"]*|'[^']*|[^\s\"']+)")


def credentials_in(text: str) -> Iterator[str]:
    """The kinds of credentials whose form occurs in a text, each once."""
    yield from dict.fromkeys(
        kind for kind, literal, pattern in _PATTERNS if literal in text and pattern.is_in(text.replace("\n", " "))
    )


def is_credential(name: str, value: str) -> bool:
    """Whether the name is one used for credentials and the value is a credential rather than a variable, a path or a switch."""
    if not is_secrets_name(name):
        return False
    bare = value.strip().strip("\"'")
    return not is_switch_or_place(bare) and not bare.startswith(("$", "<"))


def assignments(text: str) -> Iterator[tuple[str, str]]:
    """Each NAME=value in a build instruction."""
    for found in _ASSIGNMENT.finditer(text):
        yield found[1], found[2]
