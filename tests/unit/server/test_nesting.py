"""Bodies of requests are refused once they are nested too deeply, however they come."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.server.api.nesting import DEEPEST, Nesting
from hullmark.server.api.problems import Refusal

_TEXTS = st.text('[]{}"\\a\n,é')
_DOCUMENTS = st.recursive(
    _TEXTS | st.integers() | st.none(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_TEXTS, inner, max_size=4),
)


def _around(document: Any, levels: int) -> Any:
    for level in range(levels):
        document = [document] if level % 2 else {'[{"\\': document}
    return document


def _levels(document: Any) -> int:
    inner = document.values() if isinstance(document, dict) else document if isinstance(document, list) else None
    return 0 if inner is None else 1 + max(map(_levels, inner), default=0)


def _is_refused(body: bytes, cuts: list[int]) -> bool:
    nesting = Nesting()
    bounds = [0, *sorted(min(cut, len(body)) for cut in cuts), len(body)]
    try:
        for begin, end in itertools.pairwise(bounds):
            nesting.add(body[begin:end])
    except Refusal as refusal:
        return refusal.status == 400
    return False


@given(_DOCUMENTS, st.lists(st.integers(0, 2000), max_size=8), st.booleans(), st.booleans())
def test_a_document_is_refused_for_its_depth_alone(document: Any, cuts: list[int], escaped: bool, deeper: bool) -> None:
    levels = DEEPEST - _levels(document) + deeper
    body = json.dumps(_around(document, levels), ensure_ascii=escaped).encode()
    assert _is_refused(body, cuts) is deeper


@pytest.mark.parametrize("size", [1, 2, 3, 1000])
def test_brackets_in_texts_are_no_levels(size: int) -> None:
    body = json.dumps(["[" * 500, '\\"' * 500 + "{", {'"': '\\"[' * 300}]).encode()
    assert not _is_refused(body, [*range(0, len(body), size)])


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000,
        b'{"a":' * 5_000,
        b'["' + b"a" * 500 + b'",' + b"[" * 500,
        b'"\\\\",' + b"[" * 201,
        b"[1]," + b"{" * 201,
    ],
    ids=["lists", "objects", "behind a text", "behind a text that ends in a backslash", "behind a list"],
)
def test_what_never_ends_is_refused_as_it_comes(body: bytes) -> None:
    assert _is_refused(body, [*range(0, len(body), 100)])


def test_what_is_no_json_is_left_to_its_decoder() -> None:
    for body in (b"]" * 1000, b"\xff\xfe{}", b'"\\', b'"' * 1001, b"", b"--x\r\n[", b"a=b"):
        assert not _is_refused(body, [1, 2, 3])
