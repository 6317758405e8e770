"""What a cataloger may see once the layers are folded: the facts it asked for, and the tree."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol, TypeVar

from hullmark.model.inventory import Distro
from hullmark.rootfs.reads import LocatedFact, Read

F = TypeVar("F")


class View(Protocol):
    """The finished image as one cataloger sees it. Paths have no leading slash."""

    @property
    def distro(self) -> Distro | None:
        """The image's distribution, if it says."""

    def facts(self, read: Read[F]) -> Iterator[LocatedFact[F]]:
        """Each visible file that `read` took a fact from, sorted by path."""

    def fact_at(self, read: Read[F], path: str) -> LocatedFact[F] | None:
        """The fact at a path, links followed; None if there is none."""

    def versions(self, read: Read[F], path: str) -> list[LocatedFact[F]]:
        """Every version of the fact at this path, bottom layer first, also those that later layers replaced."""

    def resolve(self, path: str) -> str | None:
        """The real path after following every link inside the root; None if nothing is there."""

    def exists(self, path: str) -> bool:
        """Whether anything exists at this path, with links followed."""

    def below(self, folder: str) -> Iterator[tuple[str, int]]:
        """Path and layer of everything below a folder but folders ("": the root), at any depth, sorted by path; links are not followed. It
        looks at each file of the image: ask once, and for a folder that exists."""

    def problem(self, path: str, reason: str) -> None:
        """Add a Problem about a path to the result."""
