"""An image's layers → their records, from the cache or by reading them, some at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from hullmark.model.image import Image, LayerBlob
from hullmark.rootfs.dispatch import Dispatch
from hullmark.rootfs.entry import LayerProblem, LayerRecord
from hullmark.rootfs.inflate import VerifyingStream
from hullmark.rootfs.layer import algorithm_of, read_layer, verify
from hullmark.rootfs.limits import DEFAULT, Limits
from hullmark.rootfs.reads import Read
from hullmark.scanning.layercache import LayerCache, ReadFacts

if TYPE_CHECKING:
    from hullmark.scanning.lanes import Lane


class Step(msgspec.Struct, frozen=True):
    """Progress: so many stored bytes of a layer were read, of so many (-1: not known)."""

    layer: int
    done: int
    size: int


Watch = Callable[[Step], None]


class Extra(NamedTuple):
    """A read beside those of the catalogers, and what its facts are kept by: "" where nothing is kept."""

    read: Read[Any]
    fingerprint: str


class KeptLayer(LayerBlob, frozen=True, kw_only=True):
    """A layer that was read and verified before: its digest is certain, and its bytes may be had no longer."""


class LayerReading(msgspec.Struct, frozen=True, kw_only=True):
    """How layers are read: what the catalogers want, and others beside them, whether files are hashed, where records are kept.

    `unkept` are names of extras whose facts are not kept for later.
    """

    reads: tuple[Read[Any], ...]
    extras: tuple[Extra, ...] = ()
    unkept: frozenset[str] = frozenset()
    digests: bool = False
    cache: LayerCache | None = None
    jobs: int = 1
    limits: Limits = DEFAULT
    watch: Watch | None = None


def are_kept(image: Image, reading: LayerReading) -> bool:
    """Whether all that is to be read of the image's layers is kept already."""
    cache = reading.cache
    if cache is None:
        return False
    return all(
        digest is not None
        and cache.has(digest)
        and all(cache.has_facts(digest, extra.fingerprint) for extra in reading.extras)
        for digest in known_digests(image, cache)
    )


def known_digests(image: Image, cache: LayerCache) -> list[str | None]:
    """For each layer the digest of its stored bytes, if that is certain without reading the layer's content.

    A registry is asked by digest, so what it would send is either that or refused, and a kept layer was verified. A local
    file must have been hashed, and not have changed since; one whose record is known under its promised digest is hashed
    now, which is a fraction of the work of reading it.
    """
    return [_known_digest(blob, cache, is_addressed=image.kind == "registry") for blob in image.layers]


def _known_digest(blob: LayerBlob, cache: LayerCache, *, is_addressed: bool) -> str | None:
    if blob.digest and (is_addressed or isinstance(blob, KeptLayer)):
        return blob.digest
    stamped = cache.stamped(blob.stamp)
    if stamped is None and blob.digest and cache.has(blob.digest):
        stream = VerifyingStream(blob.open(), algorithm_of(blob.digest))
        try:
            stream.drain()
        finally:
            stream.close()
        stamped = stream.digest
        cache.save_stamp(blob.stamp, stamped)
    return stamped


def layer_records(image: Image, reading: LayerReading) -> list[LayerRecord]:
    """The records of all layers, bottom first. Raises BrokenImage if a layer is not what the image says."""
    known: list[str | None] = [None] * len(image.layers)
    if reading.cache is not None:
        known = known_digests(image, reading.cache)
    numbered = list(enumerate(zip(image.layers, known, strict=True)))
    dispatches = _Dispatches(reading)
    bound = _ImageLimits(reading)
    if reading.jobs <= 1 or not numbered or are_kept(image, reading):
        return [bound.within(_record(number, blob, digest, dispatches)) for number, (blob, digest) in numbered]
    from hullmark.scanning.lanes import side_by_side  # only where there is something to read

    works = [partial(_record, number, blob, digest, dispatches) for number, (blob, digest) in numbered]
    # The largest first: the last one to end is then a small one.
    order = sorted(range(len(works)), key=lambda number: -image.layers[number].size)
    return [bound.within(record) for record in side_by_side(works, order, reading.jobs)]


class _Dispatches:
    """One Dispatch for each set of reads that layers lack: it learns names as it goes, for all layers."""

    def __init__(self, reading: LayerReading) -> None:
        self.reading = reading
        self._known: dict[tuple[str, ...], Dispatch] = {}

    def of(self, reads: tuple[Read[Any], ...]) -> Dispatch:
        """The Dispatch for these reads."""
        names = tuple(read.name for read in reads)
        if names not in self._known:
            self._known[names] = Dispatch(reads)
        return self._known[names]


class _ImageLimits:
    """Drops the facts of layers that are more than a read may take of one image."""

    def __init__(self, reading: LayerReading) -> None:
        reads = (extra.read for extra in reading.extras)
        self._reads = [read for read in reads if read.image_limit is not None and read.weigh is not None]
        self._taken = dict.fromkeys((read.name for read in self._reads), 0)

    def within(self, record: LayerRecord) -> LayerRecord:
        """The record of the next layer up, with what may be taken of it."""
        for read in self._reads:
            weigh, limit = read.weigh, read.image_limit
            if weigh is None or limit is None:
                continue
            self._taken[read.name] += sum(weigh(fact) for _, fact in record.facts.get(read.name, ()))
            if self._taken[read.name] > limit and read.name in record.facts:
                problem = LayerProblem(
                    b"", read.name, f"the image has more than {limit:,} bytes of such files; this layer's were left out"
                )
                facts = {name: facts for name, facts in record.facts.items() if name != read.name}
                record = msgspec.structs.replace(record, facts=facts, problems=[*record.problems, problem])
        return record


class _ReadingStopped(Exception):
    """The image is given up: this layer need not be read to its end."""


def _record(
    number: int, blob: LayerBlob, digest: str | None, dispatches: _Dispatches, lane: Lane | None = None
) -> LayerRecord:
    """One layer's record, with the facts of all extras: what is kept of it, and the rest read in one pass."""
    reading = dispatches.reading
    cache, watch = reading.cache, reading.watch
    known: dict[str, ReadFacts] = {}
    record = None
    if cache is not None and digest is not None:
        record = cache.load(digest, reading.reads)
        kept = ((extra, cache.load_facts(digest, extra.read, extra.fingerprint)) for extra in reading.extras)
        known = {extra.read.name: facts for extra, facts in kept if facts is not None}
    missing = [extra for extra in reading.extras if extra.read.name not in known]
    if record is not None and not missing:
        verify(blob, record.digest, record.diff_id, record.size)
        if watch is not None:
            watch(Step(number, record.size, record.size))
        return _add_read_facts(record, known)

    def progress(done: int) -> None:
        if lane is not None and lane.is_stopped:
            raise _ReadingStopped
        if watch is not None:
            watch(Step(number, done, blob.size))

    dispatch = dispatches.of((*(reading.reads if record is None else ()), *(extra.read for extra in missing)))
    fresh = read_layer(
        blob,
        dispatch,
        digests=reading.digests,
        limits=reading.limits,
        progress=progress,
        spare=None if lane is None else lane.spare,
    )
    fresh, taken = _split_read_facts(fresh, [extra.read.name for extra in missing])
    if cache is not None:
        if record is None:
            cache.save(fresh)
        _keep_facts(cache, fresh.digest, [extra for extra in missing if extra.read.name not in reading.unkept], taken)
        cache.save_stamp(blob.stamp, fresh.digest)
    return _add_read_facts(fresh if record is None else record, known | taken)


def _keep_facts(cache: LayerCache, digest: str, extras: Sequence[Extra], taken: dict[str, ReadFacts]) -> None:
    for read, fingerprint in extras:
        if read.may_keep is None or read.may_keep(taken[read.name].facts):
            cache.save_facts(digest, taken[read.name], fingerprint)


def _split_read_facts(record: LayerRecord, names: Sequence[str]) -> tuple[LayerRecord, dict[str, ReadFacts]]:
    """The record as the catalogers alone would have it, and what the reads of these names took."""
    if not names:
        return record, {}
    taken = {
        name: ReadFacts(record.facts.get(name, []), [problem for problem in record.problems if problem.room == name])
        for name in names
    }
    own = msgspec.structs.replace(
        record,
        facts={name: facts for name, facts in record.facts.items() if name not in taken},
        problems=[problem for problem in record.problems if problem.room not in taken],
    )
    return own, taken


def _add_read_facts(record: LayerRecord, taken: dict[str, ReadFacts]) -> LayerRecord:
    if not taken:
        return record
    return msgspec.structs.replace(
        record,
        facts=record.facts | {name: read.facts for name, read in taken.items() if read.facts},
        problems=record.problems + [problem for read in taken.values() for problem in read.problems],
    )
