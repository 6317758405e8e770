"""Go: semantic versions of modules (go.dev/ref/mod, "Versions") and of toolchains (go.dev/doc/toolchain, `go1.21rc2`).

`+incompatible` does not count, and a pseudo-version is a pre-release of what it is based on, as it is written. A name that a
vendor gave its toolchain (`go1.21.3-vendor`, `go1.22.1 X:experiment`) does not count either.
"""

from __future__ import annotations

import re

from hullmark.versions import semver
from hullmark.versions.scheme import Scheme, sign

_TOOLCHAIN = re.compile(r"(?P<numbers>[0-9]+(?:\.[0-9]+)*)(?:(?P<kind>alpha|beta|rc)(?P<number>[0-9]+))?").fullmatch
_VENDOR = re.compile(r"-(?!(?:alpha|beta|rc)[.0-9]|0$)|\s")


def compare(a: str, b: str) -> int:
    """-1, 0 or 1. Builds that are not of a version, `(devel)`, are refused."""
    x, y = _order(a), _order(b)
    return sign(x < y, x == y)


def key(version: str) -> bytes:
    """Bytes that sort as `compare` does."""
    return semver.order_key(_order(version))


def _order(version: str) -> semver.Order:
    text = version.strip()
    if text.startswith("go"):
        text = _VENDOR.split(text[2:], maxsplit=1)[0]
    found = _TOOLCHAIN(text)
    if found is not None and found["kind"]:
        text = f"{found['numbers']}-{found['kind']}.{found['number']}"
    return semver.order(text)


SCHEME = Scheme(name="golang", compare=compare, types=("golang",), aliases=("go",), key=key)
