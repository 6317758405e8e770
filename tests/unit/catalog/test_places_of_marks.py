"""Where marks of programs stand, by the few bytes that are looked for in their place."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.catalog.binaries.search import _places

_BYTES = st.text(alphabet="\0ab", max_size=60).map(str.encode)


@given(body=_BYTES, mark=st.text(alphabet="\0ab", min_size=1, max_size=16).map(str.encode), cut=st.integers(0, 60))
def test_a_mark_is_found_wherever_it_stands(body: bytes, mark: bytes, cut: int) -> None:
    start, end = cut // 4, cut
    wanted = [
        at for at in range(start, end) if body[at : at + len(mark)] == mark and at + len(mark) <= min(end, len(body))
    ]
    assert list(_places(mark, bytearray(body), start, end)) == wanted


@pytest.mark.parametrize("mark", [b"\0OpenSSL ", b"AWS-LC ", b"go1.", b"/usr/local/lib/perl"])
def test_a_mark_at_either_end_is_found(mark: bytes) -> None:
    body = bytearray(mark + b"..." + mark)
    assert list(_places(mark, body, 0, len(body))) == [0, len(mark) + 3]
    assert list(_places(mark, body, 1, len(body) - 1)) == []
