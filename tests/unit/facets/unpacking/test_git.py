"""Objects of Git are shown, loose ones and those of packs, with what deltas make; damaged ones are said to be."""

from __future__ import annotations

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.facets.unpacking import git
from hullmark.facets.unpacking.archives import MIB, Allowance, StopReading, look_inside
from tests.unit.facets.unpacking.packs import copied_and, head_of, pack_of


def shown(body: bytes) -> tuple[list[bytes], str]:
    seen: list[bytes] = []
    try:
        reason = look_inside(
            body, lambda _, content: seen.append(content), Allowance(MIB), (git.loose_object, git.pack)
        )
    except StopReading as enough:
        reason = str(enough)
    return seen, reason


def test_a_loose_blob_is_shown() -> None:
    assert shown(zlib.compress(b"blob 5\0hello")) == ([b"hello"], "")


def test_a_pack_shows_blobs_and_what_deltas_make_of_them() -> None:
    base = b"token = one\n" * 20
    delta = bytes((240, 1, 16, 0x90, 12, 4)) + b"more"
    first = head_of(3, len(base)) + zlib.compress(base)
    second = head_of(6, len(delta)) + bytes((len(first),)) + zlib.compress(delta)
    assert len(first) < 128
    assert shown(pack_of(first, second)) == ([base, b"token = one\nmore"], "")


def test_a_delta_without_its_base_is_said_to_be_one() -> None:
    delta = bytes((5, 5, 5)) + b"hello"
    body = pack_of(head_of(7, len(delta)) + bytes(20) + zlib.compress(delta))
    assert shown(body) == ([delta], "an object of a Git pack is made from one that is not held")


def test_a_tree_is_not_shown_and_the_objects_behind_it_are() -> None:
    tree, far = b"100644 a\0" + bytes(20), bytes(range(256)) * 2
    base = b"token = one\n"
    delta = copied_and(base, b"more")
    objects = [head_of(3, len(base)) + zlib.compress(base), head_of(2, len(tree)) + zlib.compress(tree)]
    objects.append(head_of(3, len(far)) + zlib.compress(far, 0))
    back = len(b"".join(objects)) - 128  # one is taken away for the second byte of a distance
    objects.append(head_of(6, len(delta)) + bytes((0x80 | back >> 7, back & 0x7F)) + zlib.compress(delta))
    assert shown(pack_of(*objects)) == ([base, far, base + b"more"], "")


@pytest.mark.parametrize(
    "damaged",
    [
        head_of(3, 4) + zlib.compress(b"longer"),
        head_of(5, 4) + zlib.compress(b"none"),
        b"\xb0" + b"\xff" * 12 + zlib.compress(b"size"),
        head_of(6, 4) + b"\xff" * 12 + zlib.compress(b"base"),
        head_of(6, 12) + b"\x0e" + zlib.compress(b"\xff" * 12),
        head_of(6, 7) + b"\x0e" + zlib.compress(b"\1\xff\xff\xff\xff\x7f\0"),
    ],
    ids=["longer than said", "a kind that is not", "size", "distance", "size in a delta", "bomb in a delta"],
)
def test_a_damaged_object_ends_a_pack_and_is_said_to_be_one(damaged: bytes) -> None:
    first = head_of(3, 5) + zlib.compress(b"hello")
    assert len(first) == 14
    assert shown(pack_of(first, damaged)) == ([b"hello"], "an archive in it cannot be unpacked: it is damaged")


@pytest.mark.parametrize("body", [b"x\x9c" + b"\xff" * 20, zlib.compress(b"blog 5\0hello"), zlib.compress(b"blob 5")])
def test_what_only_begins_as_an_object_holds_nothing(body: bytes) -> None:
    assert shown(body) == ([], "")


@given(st.binary(max_size=300))
def test_any_pack_is_read_or_said_to_be_damaged(rest: bytes) -> None:
    seen, _ = shown(b"PACK\0\0\0\2\0\0\0\3" + rest)
    assert len(seen) <= 3
