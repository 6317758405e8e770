"""What an extractor declares: which files it wants to see while a layer streams by, and what it takes from them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, Protocol, TypeVar

import msgspec

from hullmark.model.problem import ProblemKind

F = TypeVar("F")
MIB = 1 << 20

Report = Callable[[str], None]
"""Adds a Problem about the current file to the result. The sentence is a Remark, or says what was not seen."""


class Remark(str):
    """A problem's reason together with its kind. A reason that is a plain string is of kind `unseen`."""

    __slots__ = ("kind", "types")
    kind: ProblemKind
    types: tuple[str, ...]

    def __new__(cls, reason: str, kind: ProblemKind = "note", *, types: tuple[str, ...] = ()) -> Remark:
        """`types`: the purl types of the packages that may be missing, where the room alone does not say."""
        remark = super().__new__(cls, reason)
        remark.kind, remark.types = kind, types
        return remark


def kind_of(reason: str) -> ProblemKind:
    """The kind of a problem with this reason."""
    return reason.kind if isinstance(reason, Remark) else "unseen"


class Sink(Protocol):
    """Takes the body of one file in pieces. The pieces are only valid during the call."""

    def write(self, piece: memoryview, /) -> None:
        """The next bytes of the file, in order."""

    def finish(self, report: Report, /) -> Any:
        """The file is complete: return the fact, or None."""


class NullSink:
    """Takes no notice of a file that is too large to be held."""

    def write(self, piece: memoryview, /) -> None:
        """Nothing."""

    def finish(self, report: Report, /) -> None:
        """Nothing."""


class Read(msgspec.Struct, Generic[F], frozen=True, kw_only=True):
    """One kind of file, and what is taken from it.

    `name` is unique in the program and names the facts in a layer record.
    `globs` are matched against the path without leading slash. Their last segment is a literal name (`METADATA`), a
    suffix (`*.jar`) or `*`; `**/` at the front means at any depth, the root included; `*` stays within a segment.
    `magic`: files of any name whose body begins with one of these bytes are wanted too.
    `extract(path, body, report)` returns the fact (a msgspec Struct or built-in types that msgpack can carry, of
    type `fact`) or None. `body` is only valid during the call. The path is the one the layer has; it may choose the
    parser, but must not enter the fact: hard links and symbolic links give a file other names.
    It never raises for bad input: what cannot be read is reported, the rest is kept.
    `limit` is the largest body, in bytes, that is held in memory; larger files go to `oversize(size)` where that is given, else
    they are reported as too large. `oversize_at(path, size)` is the same for a read that goes by the file's path. Up to `shared_limit` a
    body is handed over whole where it is held for another read anyway; what is taken from it must be the same.
    `layer_limit`: the most bytes of bodies it takes from one layer; later files are left out, with a Problem.
    `image_limit`: the most bytes of facts, as `weigh` counts them, taken from one image; layers beyond that give
    none, with a Problem.
    `sources`: rooms, folders and modules whose code decides a facet's fact, such as `facets/secrets`; empty: the whole room
    facets. `may_keep(facts)`: whether the facts of a layer may be kept for later; None: always. A fact that only says that
    something was temporarily out of reach must not be kept.
    `stands_in`: for a package database. Where its visible version could not be read, the newest readable one of the layers below
    replaces it, with a Problem: old knowledge, marked as such, is better than none.
    `other_names`: whether a file that is only wanted by the name of a link to it counts as not read; not where a name is a mere hint
    at what may be there.
    """

    name: str
    fact: Any
    extract: Callable[[str, memoryview, Report], F | None]
    globs: tuple[str, ...] = ()
    magic: tuple[bytes, ...] = ()
    limit: int = 64 * MIB
    shared_limit: int = 0
    oversize: Callable[[int], Sink] | None = None
    oversize_at: Callable[[str, int], Sink] | None = None
    layer_limit: int | None = None
    image_limit: int | None = None
    weigh: Callable[[F], int] | None = None
    sources: tuple[str, ...] = ()
    may_keep: Callable[[list[tuple[int, Any]]], bool] | None = None
    stands_in: bool = False
    other_names: bool = True


class LocatedFact(msgspec.Struct, Generic[F], frozen=True):
    """A fact at a path of the finished tree. `path` has no leading slash, `layer` is the layer it came from."""

    path: str
    layer: int
    fact: F
