"""Secrets that are not what they seem: named rules, each with its reason. What they set aside is still shown to those who ask."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import msgspec

from hullmark.facets.secrets.expression import compile_expression, compiled_bytes

_PUBLISHED = {
    "0011cc25eb432071": "the key of Azure's storage emulator",
    "3ad8f14b04b63498": "Vagrant's insecure key pair",
    "051d093c4bdedbf2": "the signature of the token that jwt.io shows",
    "08831f80b56414a9": "the signature of the token that jwt.io used to show",
    "13d31e961a1ad8ec": "the signature of the token in RFC 7519",
    "2cafc0970149a84f": "the key in Stripe's documentation",
    "f2d6ca16515033e5": "the key that used to be in Stripe's documentation",
    "cf4d418ed3de92d7": "the login in RFC 7617",
}
"""Digests of secrets that everyone knows, and what they are."""

_OF_GNUTLS = (
    "0abce0c5fd3b863e",
    "24a2416c5abbb673",
    "30db3ea6d728b88c",
    "518a21fe5a8a54f8",
    "6d03bbf47115fad0",
    "8f642f0351e1761d",
    "9ab6db67523ba607",
    "bbe1aa11658d78c0",
    "bf552d2ff30b20f0",
    "c780c483da21d367",
    "cadf1e62661d5d21",
    "f287c70b1db074fe",
)
"""Digests of the private keys for GnuTLS's self-test, which each build of its library contains."""


class Allowance(msgspec.Struct, frozen=True):
    """Secrets that do not count, for this reason: those that meet every condition given here.

    `path` is an expression that the file's absolute path fits, with or without its leading slash; settings have none. `value` is one
    that fits what the kind's own expression fits. `kinds`: only these; () for all. `known`: what `digest_of_value` gives for values that
    are published.
    """

    name: str
    reason: str
    path: str = ""
    kinds: tuple[str, ...] = ()
    value: bytes = b""
    known: tuple[str, ...] = ()

    def sees_values(self) -> bool:
        """Whether it asks for more than the path and the kind."""
        return bool(self.value or self.known)


_PACKAGES = r"(?:/(?:node_modules|site-packages|dist-packages|gems|vendor)/|^/usr/(?:local/)?(?:lib|lib64|share|go)/|^/opt/(?:java|conda)/)"
_INSIDE = r"(?:.*/)?"

WEAK = (
    *("assigned-secret", "quoted-secret", "environment-secret", "named-value", "element-password", "program-password"),
    *(
        "url-password",
        "basic-login",
        "bearer-token",
        "header-key",
        "command-login",
        "command-password",
        "argument-password",
    ),
    *(
        "driver-login",
        "connection-string-password",
        "application-key",
        "secure-string",
        "password-hash",
        "directory-password-hash",
    ),
    *(
        "netrc-password",
        "pgpass-password",
        "wordpress-salt",
        "property-password",
        "piped-password",
        "driver-address-password",
    ),
)
"""Kinds without a form of their own. Only of these a folder's name alone says anything."""

ALLOWED = (
    Allowance(
        "tests",
        "it belongs to the tests of a package, which publish what they test with",
        _PACKAGES + _INSIDE + r"(?:tests?|testing|testdata|test_data|__tests__|specs?|fixtures?|mocks?)/",
    ),
    Allowance(
        "documentation",
        "it is an example in documentation",
        r"^/usr/(?:local/)?share/(?:doc|man|info|help)/|" + _PACKAGES + _INSIDE + r"(?:docs?|examples?|samples?)/",
    ),
    Allowance(
        "pages",
        "it is an example in a page of documentation",
        r"/(?:README|CHANGELOG|HISTORY|CHANGES|NEWS)[^/]*$|/docs?/(?:.*/)?[^/]+\.(?:md|rst|txt|html|adoc)$|\.(?:exa"
        r"mple|sample|dist|template|tmpl|tpl)$",
        WEAK,
    ),
    Allowance(
        "documentation-of-packages",
        "it is an example in the description or the documentation that a published package brings along",
        _PACKAGES + r"(?:.*/)?(?:[^/]+\.(?:md|markdown|rst|rdoc|txt)|[^/]+\.(?:dist|egg)-info/[^/]+|examples-1\.json)$",
    ),
    Allowance(
        "code-of-libraries",
        "it is given to a name in the code or the settings of a published package",
        _PACKAGES + r"|\.jar!/(?:org|com|io|net|javax|jakarta|META-INF|schema|schemas)/",
        WEAK,
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
    Allowance(
        "published",
        "it is one that everyone knows: of an emulator, of a standard, of documentation or of a library's own tests",
        known=tuple(sorted((*_PUBLISHED, *_OF_GNUTLS))),
    ),
)


def digest_of_value(secret: bytes) -> str:
    """16 hex digits of the SHA-256 of a value without white space."""
    return hashlib.sha256(b"".join(secret.split())).hexdigest()[:16]


def values_that_fit(allowed: Sequence[Allowance], secret: bytes, fits: bytes) -> tuple[str, ...]:
    """Names of the allowances whose conditions about the value a secret meets; `fits` is all that its kind's expression fits."""
    return tuple(rule.name for rule in allowed if rule.sees_values() and _is_met(rule, secret, fits))


def _is_met(allowance: Allowance, secret: bytes, fits: bytes) -> bool:
    if allowance.value and not compiled_bytes(allowance.value).search(fits):
        return False
    # The signature identifies a published token.
    parts = (secret, secret.rpartition(b".")[2])
    return not allowance.known or any(digest_of_value(part) in allowance.known for part in parts)


def why_allowed(allowed: Sequence[Allowance], path: str, kind: str, met: Sequence[str] = ()) -> str:
    """Why a secret of this kind does not count in this file ("" for a setting), with the rule's name; "" if it does.

    `met` are the names of allowances whose conditions about the value are met.
    """
    for rule in allowed:
        if (not rule.kinds or kind in rule.kinds) and (not rule.sees_values() or rule.name in met):
            pattern = compile_expression(rule.path)
            if not rule.path or (path and (pattern.search(path) or pattern.search(path[1:]))):
                return f"{rule.name}: {rule.reason}"
    return ""
