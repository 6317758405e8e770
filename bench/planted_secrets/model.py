"""What a set is made of: kinds with their places, planted values, decoys, and the files they stand in."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

Fields = dict[str, str]
"""The parts of a value: `secret` is what must not be seen; others (`id`, `user`, `host`) stand beside it."""

Make = Callable[[Random], Fields]


@dataclass(frozen=True)
class Place:
    """A file: its path and its text, both with <<marks>> for the parts of a value, and what it is packed in."""

    path: str
    text: str
    container: str = "plain"


@dataclass(frozen=True)
class Kind:
    """A kind of secret: its name in words, how a value is made, the variable that holds it, and where it stands.

    `contexts` are names of `contexts.CONTEXTS`, each with `>CONTAINER` after it if it is packed."""

    name: str
    make: Make
    variable: str
    contexts: str = ""
    places: tuple[Place, ...] = ()


@dataclass(frozen=True)
class Decoy:
    """Something that looks like a secret to a hasty eye: its file, and why it is none. `make` fills the marks."""

    path: str
    text: str
    why: str
    make: Make | None = None


@dataclass(frozen=True)
class Stored:
    """A file of the tree."""

    path: str
    content: bytes


@dataclass(frozen=True)
class Row:
    """A row of the manifest, of a planted value (`secret`) or of a decoy (`why`), and the file it stands in."""

    id: str
    half: str
    stored: tuple[Stored, ...]
    path: str
    kind: str = ""
    secret: str = ""
    container: str = ""
    inner: str = ""
    line: int = 0
    last_line: int = 0
    why: str = ""
