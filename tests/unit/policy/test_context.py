"""The document of facts that are not in the image."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from hullmark.model.errors import HullmarkError
from hullmark.policy.context import MAX_BYTES, NO_CONTEXT, Ancestor, Context, in_utc, read_context


def test_what_is_left_out_is_not_known() -> None:
    assert read_context(b"{}") == NO_CONTEXT
    found = read_context(b'{"ancestors": [{"digest": "sha256:a"}], "running_since": "2026-01-01T00:00:00"}')
    assert found == Context(ancestors=(Ancestor(digest="sha256:a"),), running_since=datetime(2026, 1, 1))  # noqa: DTZ001
    assert found.running_since is not None
    assert in_utc(found.running_since) == datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"", "the context cannot be read: Input data was truncated"),
        (b'{"ancestors": 1}', "the context cannot be read: Expected `array | null`, got `int` - at `$.ancestors`"),
        (b'{"previous_packages": [{"type": "deb"}]}', "Object missing required field `name`"),
        (b'{"content_search": ["\xff"]}', "the context cannot be read: "),
        (b'{"x": ' + b"[" * 5000, "the context cannot be read: "),
        (b" " * (MAX_BYTES + 1), "the context is larger than 64 MiB"),
    ],
)
def test_a_context_that_cannot_be_read_is_refused_with_the_reason(text: bytes, said: str) -> None:
    with pytest.raises(HullmarkError) as caught:
        read_context(text)
    assert said in str(caught.value)
    assert caught.value.advice
