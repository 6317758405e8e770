"""A layer is the same whether its bytes are inflated when they are asked for or ahead of that."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from hullmark.model.errors import BrokenImage
from hullmark.rootfs.dispatch import Dispatch
from hullmark.rootfs.entry import LayerRecord
from hullmark.rootfs.inflate import VerifyingStream
from hullmark.rootfs.inflow import CHUNK_BYTES, Inflow
from hullmark.rootfs.layer import read_layer
from hullmark.rootfs.limits import DEFAULT, Limits
from hullmark.rootfs.reads import Read
from tests.support.layers import Bytes, TarBuilder, blob, gzipped

READ = Read(
    name="all", fact=int, extract=lambda path, body, report: hash(bytes(body)), globs=("**/*",), limit=CHUNK_BYTES
)
PACKINGS: dict[str, Callable[[bytes], bytes]] = {
    "plain": bytes,
    "gzip": gzipped,
    "zstd": zstandard.ZstdCompressor().compress,
}


def tar(*sizes: int) -> bytes:
    numbers, builder = random.Random(7), TarBuilder()  # noqa: S311 - bytes that do not compress
    for number, size in enumerate(sizes):
        builder.add(f"srv/{number}", numbers.randbytes(size // 2) + bytes(size - size // 2))
    return builder.done()


LARGE = tar(10, CHUNK_BYTES - 600, 700_000, 3 * CHUNK_BYTES, 0, 5)


def read(layer: bytes, how: str, spare: Callable[[], bool] | None, limits: Limits = DEFAULT) -> LayerRecord:
    return read_layer(blob(layer, PACKINGS[how]), Dispatch((READ,)), limits=limits, spare=spare)


def sometimes(*answers: bool) -> Callable[[], bool]:
    """A thread is spare when it is asked for the first times as these answers say, and then always."""
    left: Iterator[bool] = iter(answers)
    return lambda: next(left, True)


@pytest.mark.parametrize("how", PACKINGS)
def test_a_large_layer_is_the_same_whenever_the_second_thread_begins(how: str) -> None:
    expected = read(LARGE, how, None)
    assert len(expected.facts["all"]) == 5  # all but the one that is too large to be held
    assert [problem.path for problem in expected.problems] == [b"srv/3"]
    for spare in (sometimes(), sometimes(False), sometimes(False, False, False)):
        assert read(LARGE, how, spare) == expected


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 2000), max_size=8), st.sampled_from(sorted(PACKINGS)))
def test_small_layers_are_the_same(sizes: list[int], how: str) -> None:
    layer = tar(*sizes)
    assert read(layer, how, sometimes()) == read(layer, how, None)


@pytest.mark.parametrize(
    "limits",
    [
        replace(DEFAULT, layer_bytes=2 * CHUNK_BYTES + 5),
        replace(DEFAULT, bomb_bytes=CHUNK_BYTES, bomb_ratio=1),
        replace(DEFAULT, entries=3),
    ],
    ids=["bytes", "ratio", "entries"],
)
def test_a_limit_is_reached_at_the_same_place(limits: Limits) -> None:
    expected = read(LARGE, "gzip", None, limits)
    assert expected.diff_id == ""
    assert 0 < len(expected.entries) < 6
    assert read(LARGE, "gzip", sometimes(), limits) == expected


def test_damage_is_told_alike_and_ends_the_thread() -> None:
    stored = gzipped(LARGE)
    threads, told = threading.active_count(), set()
    for spare in (None, sometimes(), sometimes(False, False)):
        damaged = replace(blob(LARGE), size=-1, digest="", diff_id="", open=lambda: Bytes(stored[: len(stored) // 2]))
        with pytest.raises(BrokenImage) as caught:
            read_layer(damaged, Dispatch(()), spare=spare)
        told.add(str(caught.value))
    assert len(told) == 1
    assert threading.active_count() == threads


def test_limits_are_asked_at_the_end_of_each_chunk() -> None:
    asked: list[int] = []
    inflow = Inflow(VerifyingStream(Bytes(LARGE)), lambda total, stored: asked.append(total), sometimes())
    seen, rest = bytearray(), memoryview(b"")
    while True:
        buffer, start, count = inflow.refill(rest)
        assert buffer[start - len(rest) : start] == bytes(rest)
        seen += buffer[start : start + count]
        if not count:
            break
        left = 100_000 * len(asked) if count == CHUNK_BYTES else 0
        rest = memoryview(buffer)[start + count - left : start + count]
    assert seen == LARGE
    inflow.close()
    inflow.close()
    whole = range(CHUNK_BYTES, len(LARGE), CHUNK_BYTES)
    assert asked[: len(whole)] == list(whole)
    assert set(asked[len(whole) :]) == {len(LARGE)}
