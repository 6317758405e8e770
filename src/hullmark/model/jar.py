"""Java archives that are known by their digests: an index that a person supplies names them."""

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
    """What an archive is called in a repository of Maven's."""

    group: str
    artifact: str
    version: str

    def __str__(self) -> str:
        return f"{self.group}:{self.artifact}:{self.version}"


class JarIndex(Protocol):
    """SHA-1 of archives → their names."""

    @property
    def title(self) -> str:
        """What people call it: the name of its file."""

    @property
    def digest(self) -> str:
        """A digest of all that it says: `sha256:` and hex."""

    def named(self, digests: Collection[str]) -> Mapping[str, JarName]:
        """The names of those that it knows. Digests are SHA-1 in lower-case hex."""
