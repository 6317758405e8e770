"""Kept files: text and configuration, kept with the records of layers, so that a new rule does not need a new analysis.

Secrets are masked before anything is kept.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable

import msgspec

from hullmark.facets.configuration import PARSERS
from hullmark.facets.secrets.mask import mask_secrets
from hullmark.facets.secrets.text import is_binary
from hullmark.model.limit import Limit
from hullmark.rootfs.dispatch import compile_globs
from hullmark.rootfs.reads import MIB, Read, Report

FILE_LIMIT = Limit(256 << 10, "bytes of a configuration file that is kept")
"""The largest file, in bytes, that is kept."""

LAYER_LIMIT = Limit(64 * MIB, "bytes of one layer's configuration files that are kept, of an image's twice as many")
"""So many bytes are kept of one layer, and twice as many of an image; what comes after them is left out, with a Problem."""

_ANYWHERE = (
    "conf",
    "cnf",
    "cfg",
    "ini",
    "properties",
    "env",
    "toml",
    "yaml",
    "yml",
    "service",
    "socket",
    "timer",
    "repo",
    "sources",
)
_PARSED = tuple(glob for parser in PARSERS for glob in parser.globs)


class KeptContent(msgspec.Struct, frozen=True, array_like=True):
    """The content of one file, secrets masked; None where it is left out, with the reason as a sentence."""

    body: bytes | None
    left_out: str = ""
    is_too_large: bool = False


def keep(path: str, body: memoryview, report: Report) -> KeptContent:
    """Keep a file if it is text."""
    if is_binary(body):
        return KeptContent(None, "it is not text, and was not kept")
    return KeptContent(mask_secrets(bytes(body), posixpath.basename(path)))


_SHELL_SCRIPT = re.compile(rb"#![^\n]*?(?:sh|execlineb|with-contenv|busybox)\b").match
_OF_PACKAGES = "var/lib/dpkg/info/"
"""Scripts of Debian's packages, which run when these are installed, and are many."""


def _with_scripts(globs: tuple[str, ...]) -> Callable[[str, memoryview, Report], KeptContent | None]:
    """Keeps what the globs name, and of other files scripts of shells: an image may be started with them."""
    fits = compile_globs(globs).fullmatch

    def extract(path: str, body: memoryview, report: Report) -> KeptContent | None:
        is_meant = _SHELL_SCRIPT(body[:200]) is not None and not path.startswith(_OF_PACKAGES)
        if is_meant or fits(path.encode("utf-8", "surrogateescape")) is not None:
            return keep(path, body, report)
        return None

    return extract


class _TooLarge:
    """Takes no notice of a body that is too large to keep."""

    def __init__(self, size: int, limit: int) -> None:
        self._size, self._limit = size, limit

    def write(self, piece: memoryview, /) -> None:
        """Nothing."""

    def finish(self, report: Report, /) -> KeptContent:
        """Say that it was left out."""
        return KeptContent(None, f"it has {self._size:,} bytes, more than the {self._limit:,} that are kept", True)


def kept_read(
    globs: tuple[str, ...], limit: int = FILE_LIMIT, layer_limit: int = LAYER_LIMIT, *, has_scripts: bool = True
) -> Read[KeptContent]:
    """A Read that keeps the text files at these globs, and scripts of shells anywhere."""
    return Read(
        name="kept",
        fact=KeptContent,
        extract=_with_scripts(globs) if has_scripts else keep,
        globs=globs,
        magic=(b"#!",) if has_scripts else (),
        limit=limit,
        layer_limit=layer_limit,
        image_limit=2 * layer_limit,
        weigh=lambda kept: len(kept.body or b""),
        oversize=lambda size: _TooLarge(size, limit),
        sources=("facets/kept", "facets/secrets"),
    )


KEPT = kept_read(("etc/**", "usr/local/etc/**", *(f"**/*.{suffix}" for suffix in _ANYWHERE), *_PARSED))
"""Keeps configuration: what is below /etc, what has a name as configuration files have, what configuration parsers read, and scripts of
shells."""

TEXT = kept_read(("**",), limit=MIB, layer_limit=4 * LAYER_LIMIT, has_scripts=False)
"""Keeps every text file, of up to one MiB. Its facts have the same name as KEPT's and replace them."""
