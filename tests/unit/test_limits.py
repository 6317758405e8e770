"""Every bound on input says what it bounds and what follows beyond it, and docs/reference/limits.md lists them all.

HULLMARK_GOLDEN=write writes the page anew.
"""

from __future__ import annotations

import os
import re

import pytest

from hullmark.model.limit import Limit
from tools.limits import PAGE, bounds, defined_in, modules, page, readable

_SOUNDS_LIKE_A_LIMIT = re.compile(r"(?:^|_)(?:DEEPEST|LARGEST|LIMIT|LIMITS|LONGEST|MAX|MOST)(?:_|$)").search
NO_LIMITS = {
    "hullmark.catalog.dpkg._MAX_EPOCH": "dpkg itself refuses larger epochs",
    "hullmark.catalog.executable._SLICES_LIMIT": "tells fat Mach-O files from Java classes, which begin alike",
    "hullmark.feeds.formats.rhel_minors._MAX_MINOR": "tells minor releases from other numbers",
    "hullmark.rootfs.builder._LONGEST_NAME": "the longest name that a file system takes",
    "hullmark.rootfs.tree._MAX_LINKS": "the kernel follows no more",
    "hullmark.rootfs.tree._MAX_SEGMENTS": "no path that the kernel takes has more",
    "hullmark.rootfs.tree._MAX_TARGET": "the kernel makes no link with a longer target",
    "hullmark.versions.deb._MAX_EPOCH": "dpkg itself refuses larger epochs",
}
"""Numbers with such a name that bound nothing of ours, and what they are."""

ROOMS = ("advisorydb", "catalog", "feeds", "match", "net", "rootfs", "source", "versions")


def test_the_page_of_limits_is_as_the_program_has_them() -> None:
    made = page()
    if os.environ.get("HULLMARK_GOLDEN") == "write":
        PAGE.write_text(made, "utf-8")
    assert PAGE.read_text("utf-8") == made, "python -m tools.limits writes it anew"


def test_a_number_whose_name_is_that_of_a_limit_is_one() -> None:
    found = {
        f"{module.__name__}.{name}": value
        for module in modules()
        if module.__name__.split(".")[1] in ROOMS
        for name, value in defined_in(module)
        if name.isupper() and _SOUNDS_LIKE_A_LIMIT(name) and type(value) is int
    }
    assert set(found) == set(NO_LIMITS)


def test_each_limit_says_what_it_bounds_in_words() -> None:
    for bound in bounds():
        assert re.match(r"[a-z]+,? \S+", bound.what), bound
        assert not bound.what.endswith("."), bound
        assert bound.number > 0 or bound.what.endswith("`rpm-log`"), bound


def test_limits_of_all_kinds_of_places_are_found() -> None:
    names = {(bound.module, bound.name) for bound in bounds()}
    assert ("hullmark.rootfs.limits", "Limits.entries") in names
    assert ("hullmark.catalog.dpkg", "STATUS.limit") in names
    assert ("hullmark.catalog.dpkg", "_MAX_STANZAS") in names
    # An import makes no second limit.
    assert ("hullmark.catalog.golang", "BODY_LIMIT") not in names


@pytest.mark.parametrize(
    ("number", "what", "shown"),
    [
        (1 << 20, "bytes of it", "1 MiB"),
        (65_535, "bytes of it", "65,535"),
        (3 << 30, "bytes of it", "3 GiB"),
        (1 << 20, "files", "1,048,576"),
    ],
)
def test_bytes_are_shown_in_the_largest_unit_that_divides_them(number: int, what: str, shown: str) -> None:
    assert readable(number, what) == shown


def test_a_limit_is_a_number_like_any_other() -> None:
    limit = Limit(7, "things")
    assert (limit + 1, f"{limit:,}", limit.effect) == (8, "7", "unseen")
