"""A snapshot that is asked what a comparison needs, which is little beside all there is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from hullmark.advisories.database.snapshot import Snapshot

Key = tuple[str, str]
"""Namespace and name of a package in advisories."""

_CHUNK = 400


class _PartKey(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Of a part of an advisory, which package it speaks of."""

    namespace: str
    name: str


_keyed = msgspec.msgpack.Decoder(_PartKey).decode


class Excerpt(Snapshot):
    """A snapshot's file, opened anew."""

    def __init__(self, snapshot: Snapshot) -> None:
        """Open the file of a snapshot once more."""
        super().__init__(snapshot.path, snapshot.digest)

    def __enter__(self) -> Excerpt:
        return self

    def going_by(self, names: Iterable[str]) -> set[int]:
        """Row numbers of the advisories that have one of these ids or aliases."""
        found: set[int] = set()
        for chunk, marks in _chunks(sorted(set(names))):
            rows = self._db.execute(f"SELECT advisory FROM alias WHERE name IN ({marks})", chunk)  # noqa: S608
            found.update(number for (number,) in rows)
        return found

    def keys_of(self, numbers: Iterable[int]) -> set[Key]:
        """The packages that the advisories with these row numbers speak of; none for those that are withdrawn."""
        found: set[Key] = set()
        for chunk, marks in _chunks(sorted(set(numbers))):
            rows = self._db.execute(f"SELECT body FROM part WHERE advisory IN ({marks})", chunk)  # noqa: S608
            for (body,) in rows:
                keyed = _keyed(body)
                found.add((keyed.namespace, keyed.name))
        return found

    def scores_from(self, floor: float) -> dict[str, float]:
        """EPSS scores by CVE, of those that reach the floor."""
        return dict(self._db.execute("SELECT cve, score FROM epss WHERE score >= ?", (floor,)))

    def releases(self) -> dict[tuple[str, str, str], bytes]:
        """What is known of each product's releases, as it is kept, by product, release and feed."""
        rows = self._db.execute(
            "SELECT product, release, feed.name, lifecycle.body FROM lifecycle JOIN feed ON feed.id = feed"
        )
        return {(product, release, feed): body for product, release, feed, body in rows}

    def load_support(self) -> dict[Key, bytes]:
        """What is known of packages that are maintained less than the rest, as it is kept, by namespace and name."""
        rows = self._db.execute("SELECT namespace, name, body FROM support")
        return {(namespace, name): body for namespace, name, body in rows}


def _chunks(values: Sequence[str] | Sequence[int]) -> Iterator[tuple[Sequence[str] | Sequence[int], str]]:
    """Slices of the values, each with its question marks."""
    for at in range(0, len(values), _CHUNK):
        chunk = values[at : at + _CHUNK]
        yield chunk, ",".join("?" * len(chunk))
