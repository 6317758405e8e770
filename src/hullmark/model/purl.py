"""Package URLs, written as in the purl specification (ECMA-427)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

_PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_~:")
_ENCODED = re.compile(r"(?:%[0-9A-Fa-f]{2})+")
_IS_PLAIN = re.compile(r"[A-Za-z0-9.\-_~:]*").fullmatch
_LOWER_NAME = frozenset(
    (
        "alpm",
        "apk",
        "bitbucket",
        "bitnami",
        "composer",
        "deb",
        "github",
        "gitlab",
        "hex",
        "luarocks",
        "oci",
        "pub",
        "pypi",
    )
)


def quote(text: str) -> str:
    """Percent-encode one part. The colon is not encoded, as the specification requires."""
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

    `namespace` may have several segments separated by slashes. Qualifiers are sorted by key; in their values the colon is encoded, as syft
    and others write it. Names are lower-cased for types with case-insensitive names (for pypi, also with `_` replaced by `-`). `.` and `..`
    are dropped from a subpath.
    """
    if type in _LOWER_NAME:
        name, namespace = name.lower(), namespace.lower()
    if type == "pypi":
        name = name.replace("_", "-")
    parts = ["pkg:", type, "/"]
    if namespace and (segments := [quote(segment) for segment in namespace.split("/") if segment]):
        parts += ["/".join(segments), "/"]
    parts.append(quote(name))
    if version:
        parts += ["@", quote(version)]
    if not qualifiers and not subpath:
        return "".join(parts)
    pairs = qualifiers.items() if isinstance(qualifiers, Mapping) else qualifiers
    query = "&".join(f"{key}={quote(value).replace(':', '%3A')}" for key, value in sorted(pairs) if value)
    if query:
        parts += ["?", query]
    below = [quote(segment) for segment in subpath.split("/") if segment not in ("", ".", "..")]
    if below:
        parts += ["#", "/".join(below)]
    return "".join(parts)


def unquote(text: str) -> str:
    """One part of a purl without its percent encoding; bytes that are not UTF-8 become U+FFFD."""
    if "%" not in text:
        return text
    return _ENCODED.sub(lambda run: bytes.fromhex(run[0].replace("%", "")).decode("utf-8", "replace"), text)


def namespace_of(purl: str) -> str:
    """The namespace of a purl, without its encoding; "" if it has none."""
    path = purl.partition("?")[0].partition("#")[0].partition("/")[2]
    head, _, last = path.rpartition("/")
    if not last or "%" not in head:
        return head if last else ""
    return "/".join(unquote(part) for part in head.split("/"))
