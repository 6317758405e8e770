"""Places where secrets are not what they seem: named rules, each with its reason. What they set aside is still shown to those who ask."""

from __future__ import annotations

import re

import msgspec


class Allowance(msgspec.Struct, frozen=True):
    """Secrets in files whose absolute path fits do not count, for this reason. `kinds`: only these; () for all."""

    name: str
    reason: str
    path: str
    kinds: tuple[str, ...] = ()


ALLOWED = (
    Allowance(
        "tests",
        "it belongs to the tests of a package, which publish what they test with",
        r"/(?:tests?|testing|testdata|test_data|__tests__|specs?|fixtures?|mocks?)/",
    ),
    Allowance(
        "documentation",
        "it is an example in documentation",
        r"^/usr/(?:local/)?share/(?:doc|man|info|help)/|/(?:docs?|examples?|samples?)/|/(?:README|CHANGELOG|HISTORY|CHANGES|NEWS)[^/]*$",
    ),
    Allowance(
        "code-of-libraries",
        "it is given to a name in the code or the settings of a published package",
        r"/(?:node_modules|site-packages|dist-packages|gems|vendor)/|^/usr/lib/(?:python|ruby|node|perl)|^/usr/share/(?:perl|nodejs|python)",
        ("assigned-secret", "url-password", "basic-login"),
    ),
    Allowance(
        "snake-oil",
        "it is the key that the package ssl-cert makes for trying things out",
        r"^/etc/ssl/private/ssl-cert-snakeoil\.key$",
        ("private-key",),
    ),
)

_COMPILED = tuple((allowance, re.compile(allowance.path)) for allowance in ALLOWED)


def why_allowed(path: str, kind: str) -> str:
    """Why a secret of this kind does not count in this file, with the rule's name; "" if it does."""
    for allowance, pattern in _COMPILED:
        if (not allowance.kinds or kind in allowance.kinds) and pattern.search(path):
            return f"{allowance.name}: {allowance.reason}"
    return ""
