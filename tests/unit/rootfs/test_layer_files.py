"""What each layer does to the files below it, beside what the layers fold to."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from hullmark.model.image_layers import GhostFile, LayerFiles
from hullmark.rootfs.entry import Entry, LayerRecord
from hullmark.rootfs.layer_files import layer_files
from hullmark.rootfs.squash import squash
from tests.support.effort import calls
from tests.support.layers import TarBuilder, records


def of(*tars: TarBuilder) -> tuple[LayerFiles, ...]:
    read = records([tar.done() for tar in tars])
    return layer_files(read, squash(read))


def test_a_layer_adds_changes_and_hides_and_what_is_hidden_is_wasted() -> None:
    low = TarBuilder().folder("d").add("d/a", b"12345").add("d/b", b"123").add("gone", b"1")
    low_files, up = of(low, TarBuilder().add("d/a", b"1").add("d/new", b"12").add(".wh.gone"))
    assert (low_files.added, low_files.unpacked, low_files.wasted) == (("/d/a", "/d/b", "/gone"), 9, 6)
    assert low_files.ghosts == (GhostFile("/d/a", 5, 1), GhostFile("/gone", 1, 1))
    assert (up.added, up.changed, up.hidden, up.unpacked, up.wasted) == (("/d/new",), ("/d/a",), ("/gone",), 3, 0)


def test_a_file_that_each_of_three_layers_writes_is_wasted_twice_by_the_next_one_up() -> None:
    layers = of(TarBuilder().add("f", b"1"), TarBuilder().add("f", b"22"), TarBuilder().add("f", b"333"))
    assert [layer.ghosts for layer in layers] == [(GhostFile("/f", 1, 1),), (GhostFile("/f", 2, 2),), ()]
    assert [(layer.added, layer.changed) for layer in layers] == [(("/f",), ()), ((), ("/f",)), ((), ("/f",))]


def test_what_was_hidden_in_between_is_added_again() -> None:
    layers = of(TarBuilder().add("f", b"1"), TarBuilder().add(".wh.f"), TarBuilder().add("f", b"2"))
    assert [layer.hidden for layer in layers] == [(), ("/f",), ()]
    assert layers[2].added == ("/f",)


def test_a_folder_that_is_removed_and_brought_again_in_one_layer_is_changed() -> None:
    up = TarBuilder().add(".wh.d").folder("d").add("d/a", b"2")
    low, again = of(TarBuilder().folder("d").add("d/a", b"1").add("d/b", b"1"), up)
    assert (again.added, again.changed, again.hidden) == ((), ("/d/a",), ("/d/b",))
    assert low.wasted == 2


def test_an_opaque_folder_and_a_file_in_the_place_of_a_folder_hide_what_was_in_it() -> None:
    low = TarBuilder().add("d/a", b"1").add("e/s/b", b"1")
    _, up = of(low, TarBuilder().add("d/.wh..wh..opq").add("e", b"1"))
    assert up.hidden == ("/d/a", "/e/s/b")


def test_a_folder_in_the_place_of_a_file_hides_it() -> None:
    _, up = of(TarBuilder().add("f", b"1").add("g", b"1"), TarBuilder().folder("f").add("g/x", b"1"))
    assert (up.added, up.hidden) == (("/g/x",), ("/f", "/g"))


def test_bytes_that_another_name_still_reaches_are_not_wasted() -> None:
    low, _ = of(TarBuilder().add("a", b"12345").hardlink("b", "a"), TarBuilder().add(".wh.a"))
    assert low.ghosts == (GhostFile("/a", 0, 1),)
    assert low.wasted == 0


def test_a_file_is_hidden_by_the_first_layer_that_has_anything_below_its_path() -> None:
    low, _, up = of(TarBuilder().add("a", b"12345"), TarBuilder().add("a/b", b"1"), TarBuilder().add("a/.wh.b"))
    assert low.ghosts == (GhostFile("/a", 5, 1),)
    assert up.hidden == ("/a/b",)
    low, up = of(TarBuilder().add("a", b"12345"), TarBuilder().add("a/.wh.b"))
    assert (low.ghosts, up.hidden) == ((GhostFile("/a", 5, 1),), ("/a",))


def test_an_entry_below_a_link_of_a_lower_layer_is_where_the_link_leads() -> None:
    low = TarBuilder().folder("usr/lib").add("usr/lib/x", b"1").symlink("lib", "usr/lib")
    low_files, up = of(low, TarBuilder().add("lib/x", b"22"))
    assert up.changed == ("/usr/lib/x",)
    assert low_files.wasted == 1


_PATHS = st.lists(st.sampled_from([b"a", b"b", b"c"]), min_size=1, max_size=3).map(b"/".join)
_ENTRIES = st.builds(
    lambda path, kind, size: Entry(path, kind, 0o644, 0, 0, size if kind == "f" else 0, 0),
    _PATHS,
    st.sampled_from("fffdwo"),
    st.integers(0, 9),
)


def _record(entries: Sequence[Entry]) -> LayerRecord:
    """A layer as a build tool writes it: nothing in it stands below a file of its own."""
    files = {entry.path for entry in entries if entry.kind == "f"}
    kept = [entry for entry in entries if not any(entry.path.startswith(file + b"/") for file in files)]
    return LayerRecord(digest="", diff_id="", size=0, entries=kept, facts={}, problems=[])


@given(st.lists(st.lists(_ENTRIES, max_size=6).map(_record), max_size=4))
def test_what_layers_add_and_hide_comes_to_what_they_fold_to(layers: list[LayerRecord]) -> None:
    tree = squash(layers, keep_ghosts=True)
    there: set[str] = set()
    found = layer_files(layers, tree)
    for layer in found:
        assert there.isdisjoint(layer.added)
        assert there.issuperset((*layer.changed, *layer.hidden))
        there = (there - set(layer.hidden)) | set(layer.added)
    assert there == {"/" + path.decode() for path, node in tree.nodes.items() if node.entry.kind != "d"}
    sizes = {"/" + path.decode(): node.entry.size for path, node in tree.nodes.items() if node.entry.kind != "d"}
    last = [{entry.path: entry for entry in record.entries if entry.kind not in "wo"} for record in layers]
    written = sum(entry.size for entries in last for entry in entries.values())
    assert written - sum(layer.wasted for layer in found) == sum(sizes.values())


def _flipping(layers: int, files: int) -> list[LayerRecord]:
    """Each layer hides a folder of the one below by a file, or has the folder again: the worst there is for a fold bottom up."""
    folder = [Entry(b"d/%d" % number, "f", 0o644, 0, 0, 1, 0) for number in range(files)]
    lone = [Entry(b"d", "f", 0o644, 0, 0, 1, 0)]
    return [_record(lone if number % 2 else folder) for number in range(layers)]


def test_ten_times_the_entries_are_ten_times_the_work() -> None:
    few, many = (_flipping(layers, 40) for layers in (6, 60))
    trees = [squash(each) for each in (few, many)]
    costs = [calls(lambda: layer_files(each, tree)) for each, tree in zip((few, many), trees, strict=True)]  # noqa: B023
    assert costs[1] < 11 * costs[0]


def test_a_path_of_many_folders_is_followed_without_recursion() -> None:
    deep = b"/".join([b"d"] * 5000)
    low = LayerRecord(
        digest="", diff_id="", size=0, entries=[Entry(deep, "f", 0o644, 0, 0, 1, 0)], facts={}, problems=[]
    )
    up = LayerRecord(digest="", diff_id="", size=0, entries=[Entry(b"d", "w", 0, 0, 0, 0, 0)], facts={}, problems=[])
    found = layer_files([low, up], squash([low, up]))
    assert found[1].hidden == ("/" + deep.decode(),)
