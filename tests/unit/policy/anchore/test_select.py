"""References as Anchore reads them, and its wildcards."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.policy.anchore.regexes import Work
from hullmark.policy.anchore.select import Wildcard, image_of


@pytest.mark.parametrize(
    ("reference", "parts"),
    [
        ("nginx", ("docker.io", "nginx", "latest")),
        ("nginx:1", ("docker.io", "nginx", "1")),
        ("library/nginx:1", ("docker.io", "library/nginx", "1")),
        ("dockerhub/library/app:1.0", ("docker.io", "library/app", "1.0")),
        ("localhost/app:1", ("localhost", "app", "1")),
        ("registry.example.invalid:5000/team/app:1", ("registry.example.invalid:5000", "team/app", "1")),
        ("ghcr.io/a/b/c@sha256:00", ("ghcr.io", "a/b/c", "latest")),
        ("", ("docker.io", "*/*", "*")),
    ],
)
def test_references_are_read_as_the_original_does(reference: str, parts: tuple[str, str, str]) -> None:
    assert image_of(reference, "", "")[:3] == parts


@given(st.text("ab*.", max_size=8), st.text("ab.", max_size=10))
def test_a_star_is_any_run_of_characters(pattern: str, text: str) -> None:
    expected = re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), text) is not None
    assert Wildcard(pattern).fits(text, Work()) is expected


@pytest.mark.parametrize(
    ("pattern", "text", "fits"),
    [
        ("team/*-api-*:1", "team/web-api-gate:1", True),
        ("team/*-api-*:1", "team/web-gate:1", False),
        ("a*a", "a", False),
        ("*ab*b", "ab", False),
    ],
)
def test_what_stands_between_two_stars_must_be_there_on_its_own(pattern: str, text: str, fits: bool) -> None:
    assert Wildcard(pattern).fits(text, Work()) is fits
