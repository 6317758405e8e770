"""Images as a source returns them, before their contents are read.

Follows the OCI image specification 1.1 (config, manifest, descriptor) and Docker's image manifest v2 schema 2.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import msgspec

from hullmark.model.problem import Problem


class Platform(msgspec.Struct, frozen=True):
    """An operating system and processor, as in `linux/arm64/v8`."""

    os: str
    architecture: str
    variant: str = ""

    def __str__(self) -> str:
        return "/".join(part for part in (self.os, self.architecture, self.variant) if part)


class HistoryEntry(msgspec.Struct, frozen=True):
    """One build instruction. An `empty_layer` instruction changed only settings and added no layer."""

    created_by: str = ""
    created: str = ""
    comment: str = ""
    empty_layer: bool = False


class HealthCheck(msgspec.Struct, frozen=True):
    """A HEALTHCHECK: `test` is ("NONE",), ("CMD", …) or ("CMD-SHELL", command); times in nanoseconds."""

    test: tuple[str, ...] = ()
    interval: int = 0
    timeout: int = 0
    retries: int = 0


class ImageConfig(msgspec.Struct, frozen=True, kw_only=True):
    """The settings an image runs with, and how it was built. Empty values mean that a setting is not set."""

    os: str = ""
    architecture: str = ""
    variant: str = ""
    created: str = ""
    author: str = ""
    user: str = ""
    env: tuple[str, ...] = ()
    entrypoint: tuple[str, ...] = ()
    cmd: tuple[str, ...] = ()
    working_dir: str = ""
    exposed_ports: tuple[str, ...] = ()
    volumes: tuple[str, ...] = ()
    labels: dict[str, str] = {}
    stop_signal: str = ""
    shell: tuple[str, ...] = ()
    on_build: tuple[str, ...] = ()
    healthcheck: HealthCheck | None = None
    diff_ids: tuple[str, ...] = ()
    history: tuple[HistoryEntry, ...] = ()


class RawStream(Protocol):
    """A stream of stored bytes, from a file, a socket or a range of an archive."""

    def readinto(self, buffer: memoryview, /) -> int:
        """Fill part of the buffer; 0 means the end."""

    def close(self) -> None:
        """Close the file or connection. May be called twice."""


class LayerBlob(msgspec.Struct, frozen=True, kw_only=True):
    """A layer as it is stored, not yet verified.

    `digest` is what the manifest declares for the stored bytes ("" if the format declares none, as in docker archives), `diff_id` what the
    config declares for the uncompressed tar ("" if the config could not be read), `size` the declared number of stored bytes (-1: not
    declared). `open` may be called more than once; each call returns a new stream from the first byte. `stamp` identifies a file on this
    machine cheaply (empty: there is none).
    """

    digest: str
    diff_id: str
    size: int
    open: Callable[[], RawStream]
    stamp: str = ""


class Image(msgspec.Struct, frozen=True, kw_only=True):
    """An image that was found: its identity, its settings and its layers, bottom first.

    `kind` is the source's scheme (oci-dir, docker-archive, registry …), `reference` what the user wrote, `digest` the manifest's digest (""
    if there is no manifest), `config` None if it was too large or is not an image's. `index_digest` is that of the index from which the
    manifest was chosen.
    """

    kind: str
    reference: str
    layers: tuple[LayerBlob, ...]
    digest: str = ""
    config_digest: str = ""
    platform: Platform | None = None
    config: ImageConfig | None = None
    tags: tuple[str, ...] = ()
    media_type: str = ""
    index_digest: str = ""
    problems: tuple[Problem, ...] = ()
