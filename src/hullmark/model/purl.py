"""Package URLs, written as the purl specification has them (ECMA-427)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

_PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_~:")
_IS_PLAIN = re.compile(r"[A-Za-z0-9.\-_~:]*").fullmatch
_LOWER_NAME = frozenset(("pypi", "github", "bitbucket", "composer", "hex", "deb", "apk"))


def quote(text: str) -> str:
    """Percent-encode one part. The colon stays, as the specification wants it."""
    if _IS_PLAIN(text):
        return text
    return "".join(chr(b) if b in _PLAIN else f"%{b:02X}" for b in text.encode("utf-8", "backslashreplace"))


def make_purl(
    type: str,
    name: str,
    version: str = "",
    *,
    namespace: str = "",
    qualifiers: Mapping[str, str] | Iterable[tuple[str, str]] = (),
    subpath: str = "",
) -> str:
    """`pkg:type/namespace/name@version?qualifiers#subpath`; empty parts and qualifiers are left out.

    `namespace` may have several segments parted by slashes. Qualifiers are sorted by key. pypi names are lower-cased
    with `_` as `-`; deb, apk, github, bitbucket, composer and hex names are lower-cased.
    """
    if type in _LOWER_NAME:
        name, namespace = name.lower(), namespace.lower()
    if type == "pypi":
        name = name.replace("_", "-")
    parts = ["pkg:", type, "/"]
    if namespace:
        parts += ["/".join(quote(segment) for segment in namespace.split("/") if segment), "/"]
    parts.append(quote(name))
    if version:
        parts += ["@", quote(version)]
    pairs = qualifiers.items() if isinstance(qualifiers, Mapping) else qualifiers
    query = "&".join(f"{key}={quote(value)}" for key, value in sorted(pairs) if value)
    if query:
        parts += ["?", query]
    if subpath:
        parts += ["#", "/".join(quote(segment) for segment in subpath.split("/") if segment)]
    return "".join(parts)
