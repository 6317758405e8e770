"""Which images a mapping or an image list selects: references as the original reads them, wildcards, digests and ids."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from hullmark.policy.anchore.regexes import Work, expression

_REGEXP = "regexp:"
_LOCAL = frozenset(("docker.io", "localhost", "localhost.localdomain", "localbuild"))


class Image(NamedTuple):
    """The identity an image is judged under. `tag` is "" if it has none; `digest` and `id` may be "" too."""

    registry: str
    repository: str
    tag: str
    digest: str
    id: str


def image_of(reference: str, digest: str, image_id: str) -> Image:
    """Read a reference. If it is empty, only wildcards match the repository and tag, and the registry counts as docker.io.

    Unlike elsewhere, `nginx` is not `library/nginx`.
    """
    text = reference or "*/*:*"
    text = "docker.io/" + text.removeprefix("dockerhub/") if text.startswith("dockerhub/") else text
    text = text.partition("@")[0]
    first, slash, rest = text.partition("/")
    has_registry = bool(slash) and ("." in first or ":" in first or first in _LOCAL)
    registry, name = (first, rest) if has_registry else ("docker.io", text)
    last = name.rpartition("/")[2]
    tag = last.partition(":")[2]
    repository = name[: len(name) - len(tag) - 1] if ":" in last else name
    return Image(registry, repository, tag or "latest", digest, image_id.removeprefix("sha256:"))


class Wildcard:
    """A text in which `*` matches any run of characters, or a regular expression after `regexp:`. Raises ValueError for a bad one."""

    __slots__ = ("_fits", "is_literal", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self._fits: Callable[[str, Work], bool] | None = None
        self.is_literal = "*" not in text
        if _REGEXP in text and text.strip().startswith(_REGEXP):
            # Like the original, cut the prefix from the text as it is written, leading blanks included.
            self._fits = expression(text[len(_REGEXP) :]).matches
            self.is_literal = False

    @property
    def is_regexp(self) -> bool:
        """Whether it is a regular expression."""
        return self._fits is not None

    @property
    def prefix(self) -> str:
        """The text that every match begins with; "" for a regular expression."""
        return "" if self.is_regexp else self.text.partition("*")[0]

    def fits(self, text: str, work: Work) -> bool:
        """Whether it matches the text. Raises RuleFailed if a regular expression takes too long."""
        if self._fits is not None:
            return self._fits(text, work)
        if self.is_literal:
            return text == self.text
        first, *rest = self.text.split("*")
        if not text.startswith(first) or len(text) < len(first) + len(rest[-1]) or not text.endswith(rest[-1]):
            return False
        at, end = len(first), len(text) - len(rest[-1])
        for piece in rest[:-1]:
            found = text.find(piece, at, end)
            if found < 0:
                return False
            at = found + len(piece)
        return True


class ImageRule(NamedTuple):
    """Which images are selected. `kind` is tag, digest or id."""

    registry: Wildcard
    repository: Wildcard
    kind: str
    value: str
    tag: Wildcard

    def fits(self, image: Image, work: Work, *, is_exact: bool = False) -> bool:
        """Whether the image is selected. `is_exact`: an id matches only if it is written without its algorithm. Raises RuleFailed."""
        if not self.registry.fits(image.registry, work) or not self.repository.fits(image.repository, work):
            return False
        if self.kind == "digest":
            return bool(image.digest) and self.value == image.digest
        if self.kind == "id":
            wanted = self.value if is_exact else self.value.removeprefix("sha256:")
            return bool(image.id) and wanted == image.id
        return self.tag.fits(image.tag, work)
