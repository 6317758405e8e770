"""Which tags are newer than one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.maintenance.upkeep.tags import newer_tags
from hullmark.model.upkeep import NewerTags

TAGS = (
    "3", "3.11", "3.11.4", "3.11.9", "3.11.10", "3.13.1", "3.14.0-rc1", "3.11.4-slim", "3.11.12-slim", "4.0-slim", "slim", "latest",
    "v3.12.0",
    "bookworm-20240101", "bookworm-20250101", "trixie-20260101",
)  # fmt: skip


@pytest.mark.parametrize(
    ("tag", "expected"),
    [
        ("3.11.4", NewerTags(count=3, newest="3.13.1", of_line="3.11.10")),
        ("3.11.4-slim", NewerTags(count=1, newest="3.11.12-slim", of_line="3.11.12-slim")),
        ("3.13.1", NewerTags()),
        ("3.12.0", NewerTags(count=1, newest="3.13.1")),
        ("v3.1.0", NewerTags(count=1, newest="v3.12.0")),
        ("2", NewerTags(count=1, newest="3")),
        ("bookworm-20240101", NewerTags(count=1, newest="bookworm-20250101")),
        ("latest", None),
    ],
)
def test_tags_that_are_written_alike_are_compared_by_their_numbers(tag: str, expected: NewerTags | None) -> None:
    assert newer_tags(tag, TAGS) == expected


@given(st.text(max_size=40), st.lists(st.text(max_size=40), max_size=20))
def test_any_tags_are_compared_and_none_is_newer_than_itself(tag: str, others: list[str]) -> None:
    found = newer_tags(tag, [tag, *others])
    assert found is None or found.newest != tag
