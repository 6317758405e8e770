"""The table of what is newer: how far the tag of the base image is behind others."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from hullmark.model.upkeep import NewerTags
from hullmark.report import load
from tests.unit.report.samples import PLAIN
from tests.unit.report.upkeep_samples import UPKEEPS


@pytest.mark.parametrize(
    ("tags", "said"),
    [
        (NewerTags(), "no tag that is written as the base's is newer"),
        (
            NewerTags(is_moved=True),
            "the base's tag names another image now; no tag that is written as the base's is newer",
        ),
        (NewerTags(count=1, newest="13.2", of_line="13.2"), "1 tag newer than the base's, the newest 13.2"),
        (
            NewerTags(count=4, newest="14.0\x1b[2J", of_line="13.3", is_moved=False),
            "4 tags newer than the base's, the newest 14.0\\x1b[2J, 13.3 of the same line",
        ),
    ],
    ids=["newest", "moved", "one", "several"],
)
def test_how_far_the_bases_tag_is_behind_is_said(tags: NewerTags, said: str) -> None:
    upkeep = UPKEEPS["updates"]
    assert upkeep.base is not None
    found = replace(upkeep, base=replace(upkeep.base, tags=tags))
    lines = load("upkeep", "table").render(found, PLAIN).decode().splitlines()
    [line] = [line for line in lines if line.startswith("Tag:")]
    assert line.removeprefix("Tag:").strip() == said
