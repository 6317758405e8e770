"""What a facet is: facts besides packages that are taken from files on demand, and what becomes of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol, TypeVar

import msgspec

from hullmark.model.image import ImageConfig
from hullmark.model.inventory import Distro
from hullmark.model.package import Package
from hullmark.rootfs.entry import Entry
from hullmark.rootfs.reads import LocatedFact, Read

F = TypeVar("F")


class Version(msgspec.Struct, frozen=True):
    """A fact at one version of a file. `is_ghost`: a later layer, or a later entry of its own, has deleted or replaced it."""

    path: str
    layer: int
    fact: Any
    is_ghost: bool


class FacetView(Protocol):
    """The finished image as a facet sees it. Paths have no leading slash."""

    @property
    def distro(self) -> Distro | None:
        """The image's distribution, if it says."""

    @property
    def config(self) -> ImageConfig | None:
        """The image's settings: environment, labels, history. None where it has none, as a plain folder."""

    @property
    def packages(self) -> Sequence[Package]:
        """The packages that are installed, as the catalogers found them."""

    def facts(self, read: Read[F]) -> Iterator[LocatedFact[F]]:
        """Each visible file that `read` took a fact from, sorted by path."""

    def every(self, read: Read[Any]) -> Iterator[Version]:
        """Each version of each file that `read` took a fact from, in whatever layer, sorted by path, bottom layer first."""

    def fact_at(self, read: Read[F], path: str) -> LocatedFact[F] | None:
        """The fact at a path, links followed; None if there is none."""

    def entry(self, path: str) -> Entry | None:
        """What is at a path, with links followed; None if nothing is, or for a folder that no layer lists."""

    def resolve(self, path: str) -> str | None:
        """The real path after following every link inside the root; None if nothing is there."""

    def layer_of(self, path: str) -> int:
        """The layer that brought the entry at exactly this path, links not followed; -1 if there is none."""

    def is_null(self, path: str) -> bool:
        """Whether links lead from a path to /dev/null, which an image need not hold itself."""

    def matching(self, glob: str) -> list[str]:
        """The paths of files and of links to files (/dev/null too) that a glob(7) pattern fits, sorted by bytes; links to folders are
        entered."""

    def problem(self, path: str, reason: str, programs: tuple[str, ...] = ()) -> None:
        """Put a Problem about a path into the result: a Remark, or something was not seen; of these programs alone, or of any."""


class Facet(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of facts.

    `reads` run inside the one pass over a layer; their facts are kept beside the layer's record, each read's for itself, so that
    what one facet asks for later is all that is read then. `assemble(view)` turns the facts of all layers into the result.
    """

    name: str
    reads: tuple[Read[Any], ...]
    assemble: Callable[[FacetView], Any]
