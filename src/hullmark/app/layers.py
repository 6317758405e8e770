"""An image's layers → their records, from the cache or by reading them, some at a time."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event
from typing import NamedTuple

import msgspec

from hullmark.model.image import Image, LayerBlob
from hullmark.rootfs.dispatch import Dispatch
from hullmark.rootfs.entry import LayerRecord
from hullmark.rootfs.inflate import VerifyingStream
from hullmark.rootfs.layer import algorithm_of, read_layer, verify
from hullmark.rootfs.limits import DEFAULT, Limits
from hullmark.store.layercache import LayerCache


class Step(NamedTuple):
    """Progress: so many stored bytes of a layer were read, of so many (-1: not known)."""

    layer: int
    done: int
    size: int


Watch = Callable[[Step], None]


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """How layers are read: what the extractors want, whether files are hashed, where records are kept."""

    dispatch: Dispatch
    digests: bool = False
    cache: LayerCache | None = None
    jobs: int = 1
    limits: Limits = DEFAULT
    watch: Watch | None = None


def known_digests(image: Image, cache: LayerCache) -> list[str | None]:
    """For each layer the digest of its stored bytes, if that is certain without reading the layer's content.

    A registry is asked by digest, so what it would send is either that or refused. A local file must have been hashed, and
    not have changed since; one whose record is known under its promised digest is hashed now, which is a
    fraction of the work of reading it.
    """
    return [_known_digest(blob, cache, is_addressed=image.kind == "registry") for blob in image.layers]


def _known_digest(blob: LayerBlob, cache: LayerCache, *, is_addressed: bool) -> str | None:
    if is_addressed and blob.digest:
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


def layer_records(image: Image, reading: Reading) -> list[LayerRecord]:
    """The records of all layers, bottom first. Raises BrokenImage if a layer is not what the image says."""
    known: list[str | None] = [None] * len(image.layers)
    if reading.cache is not None:
        known = known_digests(image, reading.cache)
    numbered = list(enumerate(zip(image.layers, known, strict=True)))
    if reading.jobs <= 1 or len(numbered) < 2:
        return [_record(number, blob, digest, reading) for number, (blob, digest) in numbered]
    from concurrent.futures import ThreadPoolExecutor  # only where there is something to read

    pool = ThreadPoolExecutor(min(reading.jobs, len(numbered)))
    stop = Event()
    try:
        # The largest first: the last one to end is then a small one.
        order = sorted(numbered, key=lambda item: -item[1][0].size)
        waiting = {n: pool.submit(_record, n, blob, digest, reading, stop) for n, (blob, digest) in order}
        return [waiting[number].result() for number in range(len(numbered))]
    except BaseException as error:
        stop.set()
        # Whoever presses Ctrl-C does not wait for a connection that hangs.
        pool.shutdown(wait=not isinstance(error, KeyboardInterrupt), cancel_futures=True)
        raise
    finally:
        pool.shutdown(wait=not stop.is_set())


class _Stopped(Exception):
    """The image is given up: this layer need not be read to its end."""


def _record(
    number: int, blob: LayerBlob, digest: str | None, reading: Reading, stop: Event | None = None
) -> LayerRecord:
    cache, watch = reading.cache, reading.watch
    if cache is not None and digest is not None:
        record = cache.load(digest, reading.dispatch.reads)
        if record is not None:
            verify(blob, record.digest, record.diff_id, record.size)
            if watch is not None:
                watch(Step(number, record.size, record.size))
            return record

    def progress(done: int) -> None:
        if stop is not None and stop.is_set():
            raise _Stopped
        if watch is not None:
            watch(Step(number, done, blob.size))

    record = read_layer(blob, reading.dispatch, digests=reading.digests, limits=reading.limits, progress=progress)
    if cache is not None:
        cache.save(record)
        cache.save_stamp(blob.stamp, record.digest)
    return record
