"""Java archives identified by their digests, with an index supplied by the user."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Protocol

import msgspec

SHA1 = "sha1"
"""The note of an archive without a pom, where an index is asked: the digest of its bytes, in hex."""

IDENTIFIED = "identified"
"""The note of a package that says which index named it, by which digest, and what else the archive says of itself."""


KEPT_FILE = "jars.sqlite"
"""The file beside the advisories that holds an index."""


class JarName(msgspec.Struct, frozen=True, order=True):
    """The name of an archive in a Maven repository."""

    group: str
    artifact: str
    version: str

    def __str__(self) -> str:
        return f"{self.group}:{self.artifact}:{self.version}"


class JarIndex(Protocol):
    """An index from the SHA-1 of archives to their names."""

    @property
    def title(self) -> str:
        """Its name for people: the name of its file."""

    @property
    def digest(self) -> str:
        """A digest of its content: `sha256:` and hex."""

    def named(self, digests: Collection[str]) -> Mapping[str, JarName]:
        """The names of the archives that the index contains. Digests are SHA-1 in lower-case hex."""
