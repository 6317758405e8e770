"""What a facet sees of an image: files by patterns as glob(7) has them, versions in all layers, links."""

from __future__ import annotations

import fnmatch
import glob
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hullmark.facets.kept import KEPT
from hullmark.facets.view import ImageView
from hullmark.rootfs.squash import squash
from tests.support.layers import TarBuilder, records

FILES = (
    "etc/a.conf",
    "etc/b.conf",
    "etc/.hidden.conf",
    "etc/conf",
    "etc/sub/c.conf",
    "etc/sub/deep/d.conf",
    "etc/.dotted/e.conf",
    "etc/a*b",
    "etc/[x].conf",
    "etc/\u00e4.conf",
    "srv/a1/x",
    "srv/a2/x",
    "srv/a-/x",
)
LINKS = {
    "etc/link.conf": "sub/c.conf",
    "etc/linked": "sub",
    "etc/absolute": "/etc/sub",
    "etc/broken.conf": "none",
    "etc/self": "self",
    "etc/up": "..",
    "opt": "srv",
}
PATTERNS = (
    "*",
    "*/*",
    "*/*/*",
    "etc/*.conf",
    "etc/.*",
    "etc/.*/*",
    "etc/[ab].conf",
    "etc/[!ab].conf",
    "etc/[a-b].conf",
    "etc/[b-a].conf",
    "etc/[[]x].conf",
    "etc/[]a].conf",
    "etc/[!]a].conf",
    "etc/[a",
    "etc/[]",
    "etc/[!]",
    "etc/[.]hidden.conf",
    "etc/?hidden.conf",
    "etc/??.conf",
    "etc/a[*]b",
    "etc/a**b",
    "etc/*.c*f",
    "etc/*o*n*f",
    "etc/linked/*",
    "etc/absolute/*",
    "etc/up/etc/*.conf",
    "etc/*/*.conf",
    "etc/../etc/*.conf",
    "./etc//*.conf",
    "etc/self/*",
    "opt/*/x",
    "opt/a[0-9]/x",
    "opt/a[1-]/x",
    "opt/a[--0]/x",
    "etc/a.conf/*",
    "none/*",
    "etc/a.conf",
)


def view_of(*tars: bytes) -> ImageView:
    """The view of an image of these layers."""
    made = records(tars, (KEPT,))
    return ImageView(squash(made), made, None, None, "test")


def tar_of_tree() -> bytes:
    """The files and links, the folders as their paths imply them."""
    tar = TarBuilder()
    for path in FILES:
        tar.add(path, b"x\n")
    for path, target in LINKS.items():
        tar.symlink(path, target)
    return tar.done()


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same on disk."""
    folder = tmp_path_factory.mktemp("root")
    for path in FILES:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text("x\n")
    for path, target in LINKS.items():
        (folder / path).symlink_to(str(folder) + target if target.startswith("/") else target)
    return folder


@pytest.fixture(scope="module")
def view() -> ImageView:
    return view_of(tar_of_tree())


def on_disk(root: Path, pattern: str) -> list[str]:
    """What Python finds below a root: the regular files, links to them followed."""
    found = glob.glob(os.fsencode(pattern), root_dir=os.fsencode(root))  # noqa: PTH207 - a Path has no bytes
    real = [path for path in found if (root / os.fsdecode(path)).is_file()]
    return [os.fsdecode(each) for each in sorted({path.replace(b"//", b"/").removeprefix(b"./") for path in real})]


@pytest.mark.parametrize("pattern", PATTERNS)
def test_patterns_find_what_they_find_on_disk(view: ImageView, root: Path, pattern: str) -> None:
    assert view.matching(pattern) == on_disk(root, pattern)
    assert view.matching("/" + pattern) == view.matching(pattern)


@settings(max_examples=150)
@given(
    st.lists(
        st.text(alphabet="ab.*?[]!-/123conf", min_size=1, max_size=6).filter(lambda text: ".." not in text),
        min_size=1,
        max_size=3,
    )
)
def test_any_pattern_finds_what_it_finds_on_disk(view: ImageView, root: Path, segments: list[str]) -> None:
    pattern = "/".join(("etc", *segments)).replace("//", "/").replace("//", "/").rstrip("/")
    parts = [part for part in pattern.split("/") if part != "."]
    assert view.matching(pattern) == on_disk(root, "/".join(parts))


@settings(max_examples=200)
@given(
    st.binary(min_size=1, max_size=8).filter(lambda name: not {0, ord("/")} & set(name) and name not in (b".", b"..")),
    st.text(alphabet="ab*?[]!-\u00e9\n.", min_size=1, max_size=10),
)
def test_any_name_fits_the_patterns_that_python_says_it_fits(name: bytes, pattern: str) -> None:
    shown = name.decode("utf-8", "surrogateescape")
    view = view_of(TarBuilder().add(f"d/{shown}", b"x").done())
    raw = pattern.encode()
    is_shown = not name.startswith(b".") or raw.startswith(b".")
    fits = pattern not in (".", "..") and is_shown and fnmatch.fnmatchcase(name, raw)
    is_text = not any("\ud800" <= c <= "\udfff" for c in shown)
    assert view.matching(f"d/{pattern}") == ([f"d/{shown}"] if fits and is_text else [])
    assert len(view.problems) == (fits and not is_text)


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        (r"d/\*", ["d/*"]),
        (r"d/\.x", ["d/.x"]),
        (r"d/a\b", ["d/ab"]),
        ("d/[^a]*", ["d/*", "d/Z", "d/_", "d/b\\"]),
        ("d/[[:upper:]]", ["d/Z"]),
        ("d/[![:alpha:]_]*", ["d/*"]),
        ("d/[[:punct:]]", ["d/*", "d/_"]),
        ("d/[[:nothing:]]", []),
        ("d/b[\\]", ["d/b\\"]),
    ],
)
def test_what_python_does_not_know_follows_glob_7(pattern: str, found: list[str]) -> None:
    tar = TarBuilder()
    for name in ("*", ".x", "ab", "Z", "_", "b\\"):
        tar.add(f"d/{name}", b"x")
    assert view_of(tar.done()).matching(pattern) == found


def test_a_pattern_made_to_take_long_is_matched_at_once() -> None:
    view = view_of(TarBuilder().add("etc/" + "a" * 250, b"x").done())
    assert view.matching("etc/" + "a*" * 100 + "b") == []
    assert view.matching("etc/" + "a*" * 100) == ["etc/" + "a" * 250]
    assert view.matching("etc/" + "*a?" * 80 + "*") == ["etc/" + "a" * 250]
    assert view.problems == []


def test_a_pattern_longer_than_any_path_fits_none_and_that_is_said() -> None:
    view = view_of(TarBuilder().add("a", b"x").done())
    assert view.matching("./" * 3000 + "a") == []
    (problem,) = view.problems
    assert problem.reason == "a pattern of 6,001 characters is longer than any path, and fits none"


def test_of_very_many_paths_the_rest_is_left_out_with_a_problem() -> None:
    tar = TarBuilder()
    for number in range(10_001):
        tar.add(f"d/{number:05}", b"")
    view = view_of(tar.done())
    assert len(view.matching("d/*")) == 10_000
    assert len(view.matching("d/0*")) == 10_000
    assert view.matching("d/1*") == ["d/10000"]
    assert [problem.reason for problem in view.problems] == [
        "the pattern d/* fits more than 10,000 paths; the rest was left out"
    ]


def test_links_to_the_folder_they_stand_in_do_not_multiply_the_work() -> None:
    tar = TarBuilder().add("d/file", b"x")
    for number in range(200):
        tar.symlink(f"d/l{number}", ".")
    view = view_of(tar.done())
    assert len(view.matching("d/*/*/file")) == 10_000
    for number in range(200):
        assert view.matching(f"d/*/*/*/*/*/*/*/*/x{number}") == []
    reasons = [problem.reason for problem in view.problems]
    assert "its patterns take too long to try; what they fit was left out" in reasons
    assert len(reasons) <= 20


def test_links_are_followed_to_what_stands_there(view: ImageView) -> None:
    assert view.resolve("/etc/link.conf") == "etc/sub/c.conf"
    entry = view.entry("opt/a1/x")
    assert entry is not None
    assert (entry.path, entry.size) == (b"srv/a1/x", 2)
    assert [view.entry(path) for path in ("etc/broken.conf", "etc/self", "none", "etc/sub")] == [None] * 4
    found = view.fact_at(KEPT, "/etc/linked/deep/d.conf")
    assert found is not None
    assert (found.path, found.fact.body) == ("etc/sub/deep/d.conf", b"x\n")


def test_links_to_dev_null_mask_files_and_are_found() -> None:
    tar = (
        TarBuilder().symlink("etc/a.conf", "/dev/null").symlink("etc/b.conf", "../dev/null").symlink("etc/c.conf", "c")
    )
    masked = view_of(tar.done())
    assert masked.matching("etc/*.conf") == ["etc/a.conf", "etc/b.conf"]
    assert [masked.is_null(path) for path in ("/etc/a.conf", "etc/c.conf", "etc/none")] == [True, False, False]


def test_every_version_of_a_file_is_told_and_which_one_is_gone() -> None:
    low = TarBuilder().add("etc/a", b"1\n").add("etc/b", b"2\n").add("etc/a", b"3\n").done()
    view = view_of(low, TarBuilder().add("etc/a", b"4\n").add("etc/.wh.b").done())
    versions = [(found.path, found.layer, found.fact.body, found.is_ghost) for found in view.every(KEPT)]
    of_a = [("etc/a", 0, b"1\n", True), ("etc/a", 0, b"3\n", True), ("etc/a", 1, b"4\n", False)]
    assert versions == [*of_a, ("etc/b", 0, b"2\n", True)]


def test_folders_that_no_layer_lists_are_entered() -> None:
    tar = TarBuilder().add("a/b/c/file", b"x").done()
    assert view_of(tar).matching("*/*/*/*") == ["a/b/c/file"]
    assert view_of(tar, TarBuilder().add("a/b/.wh.c").done()).matching("*/*/*/*") == []
