"""The content of files that a policy asks for by name, and what a policy searches all files for."""

from __future__ import annotations

import posixpath
from collections.abc import Callable
from typing import Any

from hullmark.facets.secrets.mask import mask_secrets
from hullmark.facets.secrets.text import is_binary
from hullmark.facets.unpacking.archives import ends_as_zip, may_hold_files
from hullmark.model.limit import Limit
from hullmark.rootfs.reads import MIB, Read, Report

_FILE_LIMIT = Limit(MIB, "bytes of a file whose content rules ask for")
_LAYER_LIMIT = Limit(256 * MIB, "bytes of one layer's files whose content rules ask for")


def take(path: str, body: memoryview, report: Report) -> bytes | None:
    """The body, with the secrets in it masked: kept files and freshly read ones give a rule the same answer.

    None for an archive: what is packed in it can be neither judged nor masked.
    """
    if is_binary(body) and (may_hold_files(body) or ends_as_zip(body)):
        return None
    return mask_secrets(bytes(body), posixpath.basename(path))


def content_read(globs: tuple[str, ...]) -> Read[bytes]:
    """A Read that keeps whole files of up to one MiB at these globs."""
    return Read(
        name="content",
        fact=bytes,
        extract=take,
        globs=globs,
        limit=_FILE_LIMIT,
        layer_limit=_LAYER_LIMIT,
        sources=("facets/content", "facets/secrets"),
    )


class _LeftOut:
    """Takes no notice of a body."""

    def write(self, piece: memoryview, /) -> None:
        """Nothing."""

    def finish(self, report: Report, /) -> Any:
        """No fact."""


def search_read(
    name: str, search: Callable[[memoryview], list[tuple[str, int]]], limit: int
) -> Read[list[tuple[str, int]]]:
    """A Read that looks into every file of up to `limit` bytes, and keeps what was found, not the file. Larger ones are left out.

    `name` must say what is searched for: records of layers are kept under it.
    """

    def extract(path: str, body: memoryview, report: Report) -> list[tuple[str, int]] | None:
        return search(body) or None

    return Read(
        name=name,
        fact=list[tuple[str, int]],
        extract=extract,
        globs=("**",),
        limit=limit,
        sources=("facets/content",),
        oversize=lambda size: _LeftOut(),
    )
