"""Links of the finished tree: followed as the kernel does, and no further."""

from __future__ import annotations

from hullmark.rootfs.entry import Entry
from hullmark.rootfs.tree import Node, Tree


def tree_of(links: dict[bytes, bytes], folder: bytes = b"x") -> Tree:
    entries = [Entry(path, "l", 0o777, 0, 0, 0, 0, target) for path, target in links.items()]
    entries.append(Entry(folder, "d", 0o755, 0, 0, 0, 0))
    return Tree({entry.path: Node(0, i, entry) for i, entry in enumerate(entries)}, frozenset(), (), ())


def test_a_target_that_no_kernel_takes_leads_nowhere() -> None:
    assert tree_of({b"a": b"x/../" * 818 + b"x"}).follow(b"a") == b"x"
    assert tree_of({b"a": b"x/../" * 819 + b"x"}).follow(b"a") is None


def test_links_that_make_each_other_longer_end() -> None:
    chain = {b"l%d" % i: b"l%d/" % (i + 1) + b"x/../" * 700 for i in range(39)}
    assert tree_of(chain).follow(b"l0") is None
