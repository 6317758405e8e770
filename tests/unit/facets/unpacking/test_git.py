"""Objects of Git are shown, loose ones and those of packs, with what deltas make; damaged ones are said to be."""

from __future__ import annotations

import zlib

from hypothesis import given
from hypothesis import strategies as st

from hullmark.facets.unpacking import git
from hullmark.facets.unpacking.archives import MIB, Allowance, StopReading, look_inside
from tests.unit.facets.unpacking.packs import head_of, pack_of


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


@given(st.binary(max_size=300))
def test_any_pack_is_read_or_said_to_be_damaged(rest: bytes) -> None:
    seen, _ = shown(b"PACK\0\0\0\2\0\0\0\3" + rest)
    assert len(seen) <= 3
