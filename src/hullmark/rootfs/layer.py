"""One layer blob → one layer record: verified, inflated, walked and read in a single pass."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from hullmark.model.errors import BrokenImage
from hullmark.model.image import LayerBlob
from hullmark.rootfs.builder import SPARSE, Late, RecordBuilder
from hullmark.rootfs.dispatch import Dispatch
from hullmark.rootfs.entry import LayerRecord
from hullmark.rootfs.inflate import VerifyingStream, damage_errors
from hullmark.rootfs.inflow import Inflow, Spare
from hullmark.rootfs.limits import DEFAULT, Limits
from hullmark.rootfs.paths import normalise
from hullmark.rootfs.tar import Body, LimitReached, Meta, TarWalker, Visitor

Progress = Callable[[int], None]
"""Called now and then with the number of stored bytes read so far."""


def read_layer(
    blob: LayerBlob,
    dispatch: Dispatch,
    *,
    digests: bool = False,
    limits: Limits = DEFAULT,
    progress: Progress | None = None,
    spare: Spare | None = None,
) -> LayerRecord:
    """Read a layer once. `digests`: also hash every file. `spare` is asked whether a second thread may inflate ahead.

    Raises BrokenImage if the blob is damaged, is not a tar, or has another digest, diff id or size than promised. A layer that
    passes a limit keeps what was read until then, with a Problem.
    """
    builder = RecordBuilder(dispatch, limits, digests=digests)
    stored, diff_id = _walk(blob, builder, limits, progress, spare)
    verify(blob, stored.digest, diff_id, stored.size)
    if missing := builder.find_late_reads():
        _walk(blob, _SecondLook(builder, missing), limits, None)
    return builder.record(stored.digest, diff_id, stored.size)


def algorithm_of(digest: str) -> str:
    """The hash that a promised digest is checked with; sha256 where nothing is promised. Sources refuse all others."""
    return "sha512" if digest.startswith("sha512:") else "sha256"


def verify(blob: LayerBlob, digest: str, diff_id: str, size: int) -> None:
    """Raise BrokenImage unless what was read is what the manifest and the config promise."""
    advice = "the image was damaged or tampered with: pull or build it again"
    if blob.size >= 0 and size != blob.size:
        raise BrokenImage(f"a layer has {size:,} bytes where the manifest says {blob.size:,}", advice=advice)
    if blob.digest and digest != blob.digest:
        raise BrokenImage(f"a layer's digest is {digest}, the manifest says {blob.digest}", advice=advice)
    if blob.diff_id and diff_id and diff_id != blob.diff_id:
        raise BrokenImage(f"a layer's content is {diff_id}, the config says {blob.diff_id}", advice=advice)


def _walk(
    blob: LayerBlob, visitor: Visitor, limits: Limits, progress: Progress | None, spare: Spare | None = None
) -> tuple[VerifyingStream, str]:
    """Walk the blob's tar to its end; returns the stream (for digest and size) and the diff id, "" after a limit."""
    stream = VerifyingStream(blob.open(), algorithm_of(blob.digest))
    algorithm = algorithm_of(blob.diff_id)
    content = hashlib.new(algorithm)

    def guard(total: int, stored: int) -> None:
        if progress is not None:
            progress(stored)
        if total > limits.layer_bytes:
            raise LimitReached(f"it is larger than {limits.layer_bytes:,} bytes")
        if total > limits.bomb_bytes and total > limits.bomb_ratio * stored:
            raise LimitReached(f"it grows more than {limits.bomb_ratio}-fold when uncompressed, as archive bombs do")

    inflow = None
    try:
        inflow = Inflow(stream, guard, spare)
        try:
            TarWalker(inflow.refill, visitor, content.update, limits).walk()
            diff_id = f"{algorithm}:{content.hexdigest()}"
        except LimitReached as limit:
            diff_id = ""
            if isinstance(visitor, RecordBuilder):
                visitor.problem(b"", "rootfs", f"the layer was not read to its end: {limit}")
        inflow.close()
        stream.drain()
    except damage_errors() as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # a fault of the disk or the network, not of the blob
        raise BrokenImage(
            f"a layer is damaged: {str(error) or type(error).__name__}",
            advice="it was cut short or altered: fetch or build it again",
        ) from error
    finally:
        if inflow is not None:
            inflow.close()
        stream.close()
    return stream, diff_id


class _SecondLook:
    """Reads bodies that only the name of a hard link asks for, where another name came first in the layer."""

    def __init__(self, builder: RecordBuilder, missing: Late) -> None:
        self._builder = builder
        self._missing = {path: iter(files) for path, files in missing.items()}
        self._is_sparse = False
        self.starts: frozenset[int] = frozenset()

    def attributes(self, capability: bytes, is_sparse: bool) -> None:
        """Ignored: the first pass has noted it already."""
        self._is_sparse = is_sparse

    def entry(self, path: bytes, kind: str, meta: Meta, link: bytes, head: bytes) -> Body | None:
        """Asks for the bodies that are missing."""
        is_sparse, self._is_sparse = self._is_sparse, False
        clean = normalise(path)
        if kind != "f" or not clean or clean not in self._missing:
            return None
        wanted = next(self._missing[clean], [])
        if not wanted:
            return None
        if is_sparse:
            for index, read in wanted:
                self._builder.problem(self._builder.entries[index].path, read.name, SPARSE)
            return None
        return _Late([self._builder.late_body(index, read, meta[3]) for index, read in wanted])


class _Late:
    """Hands one body to several takers."""

    def __init__(self, bodies: list[Body]) -> None:
        self._bodies = bodies

    def whole(self, body: memoryview) -> None:
        for taker in self._bodies:
            taker.whole(body)

    def piece(self, piece: memoryview) -> None:
        for taker in self._bodies:
            taker.piece(piece)

    def end(self) -> None:
        for taker in self._bodies:
            taker.end()
