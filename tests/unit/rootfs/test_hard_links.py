"""Hard links name what stood under their target's name when they were read: chains, circles, later entries, layers below."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hullmark.rootfs.reads import Read
from hullmark.rootfs.squash import squash
from hullmark.rootfs.tree import Tree
from hullmark.rootfs.tree_view import TreeView
from tests.support.layers import TarBuilder, records

WANTED: Read[bytes] = Read(name="w", fact=bytes, extract=lambda path, body, report: bytes(body), globs=("**/wanted",))

NOT_THERE = "a hard link to a file that is not there; it was left out"


def seen(*tars: TarBuilder) -> tuple[Tree, dict[str, bytes]]:
    """The tree, and the facts at their paths."""
    layers = records([tar.done() for tar in tars], [WANTED])
    tree = squash(layers)
    return tree, {fact.path: fact.fact for fact in TreeView(tree, layers).facts(WANTED)}


def test_a_chain_of_any_length_names_its_first_file() -> None:
    tar = TarBuilder().add("0", b"12345")
    for number in range(1, 3000):
        tar.hardlink(str(number), str(number - 1))
    tree, facts = seen(tar.hardlink("a/wanted", "2999").hardlink("b/wanted", "a/wanted"))
    assert not tree.problems
    assert {node.entry.size for node in tree.nodes.values()} == {5}
    assert facts == {"a/wanted": b"12345", "b/wanted": b"12345"}


def test_links_in_a_circle_are_left_out_each_with_a_problem() -> None:
    tree, facts = seen(TarBuilder().hardlink("wanted", "b").hardlink("b", "wanted").hardlink("c", "c"))
    assert (tree.nodes, facts) == ({}, {})
    told = {problem.path for _, problem in tree.problems if problem.reason == NOT_THERE}
    assert told == {b"c", b"b", b"wanted"}


def test_a_file_that_takes_the_place_of_a_linked_one_is_another_file() -> None:
    tree, facts = seen(TarBuilder().add("x", b"first").hardlink("wanted", "x").add("x", b"second one"))
    assert tree.nodes[b"wanted"].entry.size == 5
    assert facts == {"wanted": b"first"}
    _, facts = seen(TarBuilder().add("a/wanted", b"first").hardlink("wanted", "a/wanted").add("a/wanted", b"second"))
    assert facts == {"a/wanted": b"second", "wanted": b"first"}


def test_a_link_that_stands_before_an_entry_of_its_targets_name_names_the_file_of_the_layer_below() -> None:
    low, up = (
        TarBuilder().add("a/wanted", b"low"),
        TarBuilder().hardlink("wanted", "a/wanted").add("a/wanted", b"upper"),
    )
    assert seen(low, up)[1] == {"a/wanted": b"upper", "wanted": b"low"}


def test_a_link_to_a_link_of_a_layer_below_names_its_file() -> None:
    low = TarBuilder().add("a/wanted", b"12345").hardlink("b", "a/wanted")
    tree, facts = seen(low, TarBuilder().hardlink("c", "b"), TarBuilder().hardlink("d/wanted", "c"))
    assert NOT_THERE not in {problem.reason for _, problem in tree.problems}
    assert facts == {"a/wanted": b"12345", "d/wanted": b"12345"}


NAMES = st.sampled_from(["a", "b", "c/wanted", "d/wanted"])
ACTIONS = st.lists(st.tuples(NAMES, NAMES, st.booleans()), max_size=8)


@given(st.lists(ACTIONS, min_size=1, max_size=3))
def test_links_name_what_unpacking_gives(layers: list[list[tuple[str, str, bool]]]) -> None:
    files: dict[str, int] = {}
    tars, size = [], 0
    for layer in layers:
        tar = TarBuilder()
        for path, target, is_link in layer:
            size += 1
            if not is_link:
                tar.add(path, b"x" * size)
                files[path] = size
            elif target in files and target != path:
                tar.hardlink(path, target)
                files[path] = files[target]
        tars.append(tar)
    tree, _ = seen(*tars)
    assert {path.decode(): node.entry.size for path, node in tree.nodes.items()} == files
