"""The text of files that a policy asks for, kept with the layer so that a new rule needs no new reading."""

from __future__ import annotations

from hullmark.rootfs.reads import MIB, Read, Report


def keep(path: str, body: memoryview, report: Report) -> bytes:
    """The body as it is."""
    return bytes(body)


def content_read(globs: tuple[str, ...]) -> Read[bytes]:
    """A Read that keeps whole files of up to one MiB at these globs."""
    return Read(name="content", fact=bytes, extract=keep, globs=globs, limit=MIB)
