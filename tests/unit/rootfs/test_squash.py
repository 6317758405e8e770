"""Folding layers, against a simple file system that applies them one after the other."""

from __future__ import annotations

import tarfile

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hullmark.rootfs.reads import Read
from hullmark.rootfs.squash import squash
from hullmark.rootfs.tree import Tree
from tests.support.layers import TarBuilder, records


def fold(*tars: TarBuilder, ghosts: bool = False) -> Tree:
    return squash(records([tar.done() for tar in tars]), keep_ghosts=ghosts)


def paths(tree: Tree) -> set[str]:
    return {path.decode() for path in tree.nodes}


def test_a_whiteout_removes_a_file_and_a_folder_from_the_layers_below() -> None:
    low = TarBuilder().add("a", b"1").add("d/x", b"2").add("d/y/z", b"3").add("keep", b"4")
    tree = fold(low, TarBuilder().add(".wh.a").add(".wh.d"))
    assert paths(tree) == {"keep"}


def test_a_whiteout_does_not_touch_its_own_layer() -> None:
    tree = fold(TarBuilder().add("a", b"old"), TarBuilder().add("a", b"new").add(".wh.a"))
    assert tree.nodes[b"a"].layer == 1


def test_an_opaque_folder_hides_what_was_below_whatever_the_order() -> None:
    for up in (TarBuilder().add("d/.wh..wh..opq").add("d/b"), TarBuilder().add("d/b").add("d/.wh..wh..opq")):
        assert paths(fold(TarBuilder().folder("d").add("d/a").add("d/s/t"), up)) == {"d", "d/b"}


def test_a_file_replaces_a_folder_and_the_reverse() -> None:
    tree = fold(TarBuilder().add("d/x").add("f"), TarBuilder().add("d").add("f/x"))
    assert paths(tree) == {"d", "f/x"}
    assert tree.is_folder(b"f")


@pytest.mark.parametrize("up", [".wh.b", ".wh..wh..opq"])
@pytest.mark.parametrize("between", [True, False])
def test_a_file_below_which_a_layer_removes_something_is_a_folder(up: str, between: bool) -> None:
    """As overlayfs shows it: what an image no longer has must not pass for a file that a policy requires."""
    low, over = TarBuilder().add("a", b"1").add("c"), [TarBuilder().add("a/b")] if between else []
    tree = fold(low, *over, TarBuilder().add(f"a/{up}"), ghosts=True)
    assert paths(tree) == {"c"}
    assert [(path, by) for path, node, by in tree.ghosts if node.layer == 0] == [(b"a", len(over) + 1)]


def test_a_link_below_which_a_layer_removes_something_stays() -> None:
    tree = fold(TarBuilder().add("usr/lib/x").symlink("lib", "usr/lib"), TarBuilder().add("lib/.wh.y"))
    assert paths(tree) == {"usr/lib/x", "lib"}


def test_of_several_entries_of_one_path_in_a_layer_the_last_counts() -> None:
    tree = fold(
        TarBuilder().add("f", b"1").add("f", b"22").folder("g").add("g", b"now").add("h", b"x").folder("h").add("h/in")
    )
    assert tree.nodes[b"f"].entry.size == 2
    assert tree.nodes[b"g"].entry.kind == "f"
    assert tree.nodes[b"h"].entry.kind == "d"
    assert b"h/in" in tree.nodes


def test_each_file_knows_the_layer_that_brought_it() -> None:
    tree = fold(TarBuilder().add("a").add("b"), TarBuilder().add("b"), TarBuilder().add("c"))
    assert {path: node.layer for path, node in tree.nodes.items()} == {b"a": 0, b"b": 1, b"c": 2}


def test_a_hard_link_has_the_size_and_digest_of_its_file_even_if_that_is_deleted_later() -> None:
    low = TarBuilder().add("a", b"12345").hardlink("b", "a")
    tree = squash(records([low.done(), TarBuilder().add(".wh.a").done()], digests=True))
    assert paths(tree) == {"b"}
    assert (tree.nodes[b"b"].entry.kind, tree.nodes[b"b"].entry.size) == ("f", 5)
    assert len(tree.nodes[b"b"].entry.digests) == 68


def test_a_hard_link_reaches_into_the_layers_below() -> None:
    tree = fold(TarBuilder().add("a", b"12345"), TarBuilder().hardlink("b", "a"))
    assert tree.nodes[b"b"].entry.size == 5


def test_a_hard_link_to_nothing_is_a_problem() -> None:
    tree = fold(TarBuilder().hardlink("b", "nowhere"))
    assert paths(tree) == set()
    assert "hard link" in tree.problems[0][1].reason


def test_an_entry_below_a_folder_that_is_a_link_lands_where_the_link_leads() -> None:
    low = TarBuilder().folder("usr/lib").symlink("lib", "usr/lib").add("usr/lib/a", b"1")
    tree = fold(low, TarBuilder().add("lib/b", b"2").add("lib/a", b"new"))
    assert paths(tree) == {"usr/lib", "lib", "usr/lib/a", "usr/lib/b"}
    assert tree.nodes[b"usr/lib/a"].layer == 1
    assert not tree.problems


def test_an_entry_below_a_link_of_its_own_layer_is_a_problem() -> None:
    tree = fold(TarBuilder().symlink("out", "/tmp").add("out/x", b"1"))  # noqa: S108
    assert paths(tree) == {"out", "tmp/x"}
    assert "below a link" in tree.problems[0][1].reason


def test_links_are_followed_inside_the_root_only() -> None:
    tree = fold(
        TarBuilder()
        .add("usr/lib/os", b"1")
        .symlink("etc/os", "../usr/lib/os")
        .symlink("abs", "/usr")
        .symlink("up", "../../../../usr/lib")
        .symlink("a", "b")
        .symlink("b", "a")
    )
    assert tree.resolve(b"etc/os") == b"usr/lib/os"
    assert tree.resolve(b"abs/lib/os") == b"usr/lib/os"
    assert tree.resolve(b"up/os") == b"usr/lib/os"
    assert tree.resolve(b"a") is None
    assert tree.resolve(b"etc/none") is None


def test_paths_that_leave_the_root_are_left_out_with_a_problem() -> None:
    tree = fold(TarBuilder().add("../../x").add("a/../../y").add("/z").add("./w//v/./u").add("p/../q"))
    assert paths(tree) == {"z", "w/v/u", "q"}
    assert len(tree.problems) == 2


def test_ghosts_are_what_later_layers_deleted_or_replaced() -> None:
    tree = fold(TarBuilder().add("a").add("b").add("c"), TarBuilder().add(".wh.a").add("b"), ghosts=True)
    assert {(path, node.layer, by) for path, node, by in tree.ghosts} == {(b"a", 0, 1), (b"b", 0, 1)}


def test_four_thousand_nested_folders_are_no_trouble() -> None:
    deep = TarBuilder(tarfile.PAX_FORMAT).add("d/" * 4000 + "f")
    assert len(fold(deep, TarBuilder().add("x"), TarBuilder().add(".wh.d")).nodes) == 1


names = st.sampled_from(["a", "b", "c"])
layer_paths = st.lists(names, min_size=1, max_size=3).map("/".join)
actions = st.tuples(st.sampled_from(["file", "folder", "delete", "opaque"]), layer_paths)


class Simple:
    """A file system as a dictionary, onto which layers are unpacked one by one, as a container runtime does it."""

    def __init__(self) -> None:
        self.files: dict[str, str] = {}

    def remove(self, path: str) -> None:
        self.files = {p: k for p, k in self.files.items() if p != path and not p.startswith(path + "/")}

    def make_folder(self, path: str) -> None:
        parts = path.split("/")
        for i in range(1, len(parts) + 1):
            up = "/".join(parts[:i])
            if up and self.files.get(up) != "d":
                self.remove(up)
                self.files[up] = "d"

    def put(self, path: str, kind: str) -> None:
        self.make_folder(path.rpartition("/")[0])
        if kind != "d" or self.files.get(path) != "d":
            self.remove(path)
        self.files[path] = kind


def entries_of(layer: list[tuple[str, str]]) -> dict[str, str]:
    """The files and folders of a layer: a path is one thing, files hold nothing, and the folders above are listed too."""
    kinds: dict[str, str] = {}
    for action, path in layer:
        above = ["/".join(path.split("/")[:i]) for i in range(1, path.count("/") + 1)]
        is_taken = path in kinds or any(kinds.get(up) == "f" for up in above)
        if action in ("file", "folder") and not is_taken and not any(k.startswith(path + "/") for k in kinds):
            kinds.update({up: "d" for up in above if up not in kinds})
            kinds[path] = "f" if action == "file" else "d"
    return kinds


def write_layer(layer: list[tuple[str, str]], simple: Simple, *, lists_folders: bool) -> TarBuilder:
    """The layer's tar, with its folders or without; the same is done to the simple file system."""
    tar = TarBuilder()
    for action, path in layer:
        head, _, last = path.rpartition("/")
        if action == "delete":
            tar.add(f"{head}/.wh.{last}" if head else f".wh.{last}")
            simple.make_folder(head)
            simple.remove(path)
        elif action == "opaque":
            tar.add(f"{path}/.wh..wh..opq")
            simple.make_folder(path)
            simple.files = {p: k for p, k in simple.files.items() if not p.startswith(path + "/")}
    kinds = entries_of(layer)
    for path in sorted(kinds):
        if kinds[path] == "d" and not lists_folders:
            continue
        tar.add(path, kind=tarfile.DIRTYPE if kinds[path] == "d" else tarfile.REGTYPE)
        simple.put(path, kinds[path])
    return tar


@settings(max_examples=300, deadline=None)
@given(st.lists(st.lists(actions, max_size=5), min_size=1, max_size=4), st.booleans())
@example(layers=[[("file", "a")], [("file", "a/a")], [("delete", "a/a")]], lists_folders=False)
@example(layers=[[("file", "a")], [("file", "a/a")], [("opaque", "a")]], lists_folders=False)
def test_folding_gives_what_unpacking_layer_by_layer_gives(
    layers: list[list[tuple[str, str]]], lists_folders: bool
) -> None:
    simple = Simple()
    tree = fold(*[write_layer(layer, simple, lists_folders=lists_folders) for layer in layers])
    expected = {path for path, kind in simple.files.items() if kind == "f"}
    assert {path.decode() for path, node in tree.nodes.items() if node.entry.kind == "f"} == expected


things = st.tuples(st.sampled_from(["file", "folder", "delete", "symlink", "hard link"]), layer_paths, layer_paths)


@given(st.lists(st.lists(things, max_size=6), min_size=1, max_size=4))
def test_the_symbolic_links_of_the_tree_are_all_that_it_has_whatever_made_them(
    layers: list[list[tuple[str, str, str]]],
) -> None:
    tars = []
    for layer in layers:
        tar = TarBuilder()
        for what, path, other in layer:
            head, _, last = path.rpartition("/")
            if what == "file":
                tar.add(path, b"x")
            elif what == "folder":
                tar.folder(path)
            elif what == "delete":
                tar.add(f"{head}/.wh.{last}" if head else f".wh.{last}")
            elif what == "symlink":
                tar.symlink(path, other)
            else:
                tar.hardlink(path, other)
        tars.append(tar)
    tree = fold(*tars)
    assert sorted(tree.symlinks) == sorted(path for path, node in tree.nodes.items() if node.entry.kind == "l")


@pytest.mark.parametrize("order", ["link first", "file first"])
def test_facts_reach_every_name_of_a_hard_linked_file(order: str) -> None:
    tar = TarBuilder()
    if order == "file first":
        tar.add("x/package.json", b"{}").hardlink("y/package.json", "x/package.json")
    else:
        tar.add("store/1", b"{}").hardlink("x/package.json", "store/1").hardlink("y/package.json", "store/1")
    wanted = Read(name="w", fact=bytes, extract=lambda path, body, report: bytes(body), globs=("**/package.json",))
    (record,) = records([tar.done()], [wanted])
    assert sorted(record.entries[i].path for i, _ in record.facts["w"]) == [b"x/package.json", b"y/package.json"]
