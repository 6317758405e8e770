"""Tags of Red Hat's container images: order, keys, streams."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.model.advisory import Range
from hullmark.versions import InvalidVersion, rhctag
from hullmark.versions.ranges import contains
from tests.unit.versions.test_generic import check_order_of, near_versions, order

PIECES = ["0", "1", "00", "10", ".", ".", "-", "-", ".p0", ".g8b9da97", "_4", "~", "^", "202112140546", "a"]


@given(st.one_of(near_versions(PIECES, "v4."), near_versions(PIECES, "4"), near_versions(PIECES, "17428437")))
def test_keys_sort_as_tags_do(texts: list[str]) -> None:
    check_order_of(rhctag.SCHEME, texts)


@given(st.lists(st.text(alphabet="v0148._-~^+:ag ", max_size=12), max_size=4))
def test_any_texts_have_keys_or_are_refused(texts: list[str]) -> None:
    check_order_of(rhctag.SCHEME, texts)


@pytest.mark.parametrize(
    ("tag", "stream"),
    [
        ("v1.0.0", ("1", "0")),
        ("v1.0.0-202201121008", ("1", "0")),
        ("v4.6.0-202112140546.p0.g8b9da97.assembly.stream", ("4", "6")),
        ("v4.8.0-202107291502.p0.git.0519730.assembly.stream", ("4", "8")),
        ("8.5-21.1645811927", ("8", "5")),
        ("5.8.0-38.e060925.5.8", ("5", "8")),
        ("4-22", ("4", "0")),
        ("1.9.0-9", ("1", "9")),
        ("v3.4.0-2", ("3", "4")),
        ("04.010-1", ("4", "10")),
        ("4.x-1", ("4", "0")),
    ],
)
def test_a_tag_is_of_the_stream_of_its_major_and_minor_version(tag: str, stream: tuple[str, str]) -> None:
    assert rhctag.stream_of(tag) == stream


@pytest.mark.parametrize("text", ["latest", "", "v", "1:2", "4abc"])
def test_what_is_no_tag_has_no_stream(text: str) -> None:
    with pytest.raises(InvalidVersion):
        rhctag.stream_of(text)


@given(st.from_regex(r"v?[0-9]{1,3}(\.[0-9]{1,3}){0,3}(-[0-9a-z.]{0,9})?", fullmatch=True))
def test_no_tag_is_below_the_start_of_its_stream_and_none_of_a_later_stream_is_in_it(tag: str) -> None:
    stream = rhctag.stream_of(tag)
    later = f"{stream[0]}.{int(stream[1]) + 1}"
    assert order(rhctag.SCHEME, rhctag.start_of(stream), tag) in (-1, 0)
    assert order(rhctag.SCHEME, tag, later) == -1


@pytest.mark.parametrize(
    ("tag", "expected"), [("1744596866", True), ("174459686", False), ("v4.9.0-1744596866", False)]
)
def test_a_tag_of_ten_digits_is_a_moment(tag: str, expected: bool) -> None:
    assert rhctag.is_moment(tag) is expected


def test_a_range_of_a_stream_holds_its_older_builds_alone() -> None:
    span = Range(low="4.7", high="v4.7.0-202112140553.p0")
    held = [tag for tag in ("v4.6.0-1", "v4.7.0-1", "v4.7.0-202112140553.p0", "v4.8.0-1", "1744596866")
            if contains(span, tag, "rhctag")]  # fmt: skip
    assert held == ["v4.7.0-1"]
