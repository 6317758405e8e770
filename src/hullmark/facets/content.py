"""The text of files that a policy asks for, kept with the layer so that a new rule needs no new reading."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hullmark.rootfs.reads import MIB, Read, Report


def keep(path: str, body: memoryview, report: Report) -> bytes:
    """The body as it is."""
    return bytes(body)


def content_read(globs: tuple[str, ...]) -> Read[bytes]:
    """A Read that keeps whole files of up to one MiB at these globs."""
    return Read(name="content", fact=bytes, extract=keep, globs=globs, limit=MIB)


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
        oversize=lambda size: _LeftOut(),
    )
