"""Files under other names: what reads want by the name that a container sees, and layers have under another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from hullmark.catalog import CATALOGERS, DECLARED
from hullmark.rootfs.misnamed import find_misnamed_files
from hullmark.rootfs.reads import Read
from hullmark.rootfs.squash import squash
from hullmark.rootfs.tree_view import TreeView
from tests.support.layers import TarBuilder, records

SIZE: Read[int] = Read(
    name="size", fact=int, extract=lambda path, body, report: len(body), globs=("**/db/list", "**/*dist-info/METADATA")
)
MAGIC: Read[int] = Read(name="magic", fact=int, extract=lambda path, body, report: len(body), magic=(b"\x7fELF",))


def found(layers: Sequence[TarBuilder]) -> list[tuple[bytes, int]]:
    """The paths that were not read, and their layers."""
    made = records([layer.done() for layer in layers], [SIZE])
    return [(path, layer) for path, layer, _ in find_misnamed_files(squash(made), made, (SIZE,))]


@pytest.mark.parametrize(
    ("layers", "unread"),
    [
        ([TarBuilder().add("db/list", b"x")], []),
        ([TarBuilder().add("x", b"x").symlink("db/list", "/x")], [(b"db/list", 0)]),
        ([TarBuilder().add("a/db/list", b"x").symlink("db/list", "/a/db/list")], []),
        ([TarBuilder().add("x/list", b"x").symlink("db", "/x")], [(b"db/list", 0)]),
        ([TarBuilder().add("x/list", b"x").symlink("other", "/x")], []),
        ([TarBuilder().add("x/METADATA", b"x").symlink("a.dist-info", "x")], [(b"a.dist-info/METADATA", 0)]),
        ([TarBuilder().symlink("d", "db"), TarBuilder().add("d/list", b"x")], [(b"db/list", 1)]),
        ([TarBuilder().symlink("db/list", "nowhere")], []),
        ([TarBuilder().symlink("db/list", "list")], []),
        ([TarBuilder().symlink("db", "/")], []),
    ],
)
def test_a_file_that_is_wanted_by_another_name_than_its_layer_has_is_unread(
    layers: list[TarBuilder], unread: list[tuple[bytes, int]]
) -> None:
    assert found(layers) == unread


def facts(read: Read[Any], *layers: TarBuilder) -> tuple[dict[str, Any], list[str]]:
    """What a read found by path, and what was reported."""
    made = records([layer.done() for layer in layers], [read])
    tree = squash(made)
    seen = {fact.path: fact.fact for fact in TreeView(tree, made).facts(read)}
    return seen, [problem.reason for _, problem in tree.problems]


def test_a_hard_link_to_a_file_of_a_layer_below_has_that_files_fact() -> None:
    low, up = TarBuilder().add("a/db/list", b"four"), TarBuilder().hardlink("db/list", "a/db/list")
    assert facts(SIZE, low, up) == ({"a/db/list": 4, "db/list": 4}, [])


def test_a_hard_link_to_a_file_below_of_a_name_that_nobody_reads_is_reported() -> None:
    low, up = TarBuilder().add("x", b"four"), TarBuilder().hardlink("db/list", "x")
    seen, reasons = facts(SIZE, low, up)
    assert seen == {}
    assert ["layer below" in reason for reason in reasons] == [True]


def test_of_a_file_that_is_known_by_its_content_a_link_that_outlives_it_has_the_fact() -> None:
    low = TarBuilder().add("a", b"\x7fELF").hardlink("b", "a")
    assert facts(MAGIC, low) == ({"a": 4}, [])
    assert facts(MAGIC, low_again(), TarBuilder().add(".wh.a")) == ({"b": 4}, [])


def low_again() -> TarBuilder:
    """The same layer once more: a tar is written once."""
    return TarBuilder().add("a", b"\x7fELF").hardlink("b", "a")


def test_the_body_of_a_first_name_that_is_too_large_is_reported_under_the_name_that_wants_it() -> None:
    small: Read[int] = Read(name="small", fact=int, extract=SIZE.extract, globs=SIZE.globs, limit=3)
    seen, reasons = facts(small, TarBuilder().add("x", b"four").hardlink("db/list", "x"))
    assert seen == {}
    assert reasons == ["too large to read (4 bytes)"]


def test_a_folder_that_only_looks_like_housekeeping_is_part_of_the_tree() -> None:
    seen, _ = facts(SIZE, TarBuilder().add("a/.wh..wh.x/db/list", b"four").add(".wh..wh.plnk/db/list", b"four"))
    assert seen == {"a/.wh..wh.x/db/list": 4}


def test_no_cataloger_reads_a_file_by_two_different_dots() -> None:
    deps = b'{"libraries": {"a/1.0": {"type": "package"}}}'
    # The look-up by endings knows the last dot; a glob like `*.deps.json` must not take every JSON file.
    for cataloger in CATALOGERS + DECLARED:
        for read in cataloger.reads:
            if any(glob.endswith("*.deps.json") for glob in read.globs):
                made = records([TarBuilder().add("a/b.json", deps).add("a/b.deps.json", deps).done()], [read])
                assert [made[0].entries[at].path for at, _ in made[0].facts[read.name]] == [b"a/b.deps.json"]
                return
    pytest.fail("no such glob")
