"""Secrets that are not what they seem: named rules, each with its reason. What they set aside is still shown to those who ask."""

from __future__ import annotations

import re

import msgspec

EXAMPLE = "example: it says of itself that it is an example, as those in documentation do"


class Allowance(msgspec.Struct, frozen=True):
    """Secrets in files whose absolute path fits do not count, for this reason. `kinds`: only these; () for all."""

    name: str
    reason: str
    path: str
    kinds: tuple[str, ...] = ()


_PACKAGES = r"/(?:node_modules|site-packages|dist-packages|gems|vendor)/"

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
        "documentation-of-packages",
        "it is an example in the description or the documentation that a published package brings along",
        _PACKAGES + r"(?:.*/)?(?:[^/]+\.(?:md|markdown|rst|rdoc|txt)|[^/]+\.(?:dist|egg)-info/[^/]+|examples-1\.json)$",
    ),
    Allowance(
        "code-of-libraries",
        "it is given to a name in the code or the settings of a published package",
        _PACKAGES + r"|^/usr/lib/(?:python|ruby|node|perl)|^/usr/share/(?:perl|nodejs|python)",
        ("assigned-secret", "url-password", "basic-login", "password-hash"),
    ),
    Allowance(
        "service-descriptions",
        "it is an example in the description of a cloud's interface, as botocore has them",
        r"/botocore/data/",
    ),
    Allowance(
        "snake-oil",
        "it is the key that the package ssl-cert makes for trying things out",
        r"^/etc/ssl/private/ssl-cert-snakeoil\.key$",
        ("private-key",),
    ),
)

_COMPILED = tuple((allowance, re.compile(allowance.path)) for allowance in ALLOWED)
_EXAMPLE = re.compile(rb"(?<![a-z])(?:EXAMPLE|(?i:example))(?:KEY|TOKEN|key|token)?(?![a-z])")


def is_example(secret: bytes) -> bool:
    """Whether a secret says that it is one of documentation, as AWS's AKIAIOSFODNN7EXAMPLE does."""
    return _EXAMPLE.search(secret) is not None


def why_allowed(path: str, kind: str) -> str:
    """Why a secret of this kind does not count in this file, with the rule's name; "" if it does."""
    for allowance, pattern in _COMPILED:
        if (not allowance.kinds or kind in allowance.kinds) and pattern.search(path):
            return f"{allowance.name}: {allowance.reason}"
    return ""
