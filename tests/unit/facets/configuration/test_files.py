"""The kept files of an image as configuration parsers see them."""

from __future__ import annotations

from collections.abc import Iterable

from hullmark.facets.configuration.files import MAX_PROBLEMS, KeptFiles
from hullmark.facets.configuration.parser import Status
from hullmark.facets.kept import KEPT
from hullmark.facets.view import ImageView
from hullmark.rootfs.reads import Remark
from hullmark.rootfs.squash import squash
from tests.support.layers import TarBuilder, records


def view_of(*tars: TarBuilder) -> ImageView:
    """The view of an image of these layers."""
    made = records([tar.done() for tar in tars], (KEPT,))
    return ImageView(squash(made), made, None, None, "configuration")


def told(view: ImageView) -> list[tuple[str, str]]:
    """(path, reason) of each problem."""
    return [(problem.path, problem.reason) for problem in view.problems]


def test_a_file_is_read_by_any_path_that_leads_to_it_and_counts_once() -> None:
    view = view_of(
        TarBuilder().add("etc/a/real.conf", b"x\n").symlink("etc/b", "a").symlink("etc/link", "/etc/b/real.conf")
    )
    files = KeptFiles(view)
    for path in ("/etc/a/real.conf", "/etc/b/real.conf", "/etc/link", "/etc/../etc/./link"):
        assert (files.text(path), files.real(path), files.layer(path)) == ("x\n", "/etc/a/real.conf", 0)
    assert files.used == {"/etc/a/real.conf"}
    assert files.matching("/etc/*/*.conf") == ["/etc/a/real.conf", "/etc/b/real.conf"]
    assert told(view) == []


def test_the_topmost_version_is_read_and_its_layer_told() -> None:
    view = view_of(TarBuilder().add("etc/a", b"old").add("etc/b", b"low"), TarBuilder().add("etc/a", b"new"))
    files = KeptFiles(view)
    assert [(files.text(path), files.layer(path)) for path in ("/etc/a", "/etc/b")] == [("new", 1), ("low", 0)]
    assert (files.text("/etc/none"), files.layer("/etc/none"), files.used) == (None, -1, {"/etc/a", "/etc/b"})


def test_a_file_that_was_not_read_is_told_and_one_that_is_not_there_is_not() -> None:
    tar = TarBuilder().add("etc/binary", b"\0").add("etc/large", b"\n" * 300_000).add("srv/other", b"text")
    view = view_of(tar.folder("etc/folder").symlink("etc/broken", "none"))
    files = KeptFiles(view)
    paths = ("/etc/binary", "/etc/large", "/srv/other", "/etc/folder", "/etc/broken", "/etc/none")
    assert [files.text(path) for path in paths] == [None] * 6
    assert files.used == set()
    assert told(view) == [
        ("/etc/binary", "it is not text, and was not kept"),
        ("/etc/large", "it has 300,000 bytes, more than the 262,144 that are kept"),
        ("/srv/other", "a configuration file names it, but it was not kept"),
    ]


def test_bytes_that_are_no_text_are_escaped_and_line_ends_stay() -> None:
    files = KeptFiles(view_of(TarBuilder().add("etc/a", b"\xffb\r\n\xc3\xa4\xc3\r")))
    assert files.text("/etc/a") == "\\xffb\r\n\u00e4\\xc3\r"


def test_what_stands_at_a_path() -> None:
    tar = TarBuilder().add("a/file", b"xyz", mode=0o600).folder("b").symlink("c", "a/file").symlink("d", "nowhere")
    files = KeptFiles(view_of(tar.hardlink("e", "a/file").symlink("f", "a")))
    file = Status("f", 0o600, 0, 0, 3)
    assert [files.status(path) for path in ("/a/file", "/c", "/f/file")] == [file] * 3
    kinds = {
        path: status.kind if (status := files.status(path)) else "" for path in ("/a", "/b", "/d", "/e", "/f", "/x")
    }
    assert kinds == {"/a": "d", "/b": "d", "/d": "", "/e": "f", "/f": "d", "/x": ""}
    assert (files.real("/f/../b"), files.real("/d")) == ("/b", None)


def problems_after(count: int) -> Iterable[tuple[str, str]]:
    """What is told after so many problems."""
    view = view_of(TarBuilder().add("etc/a", b"x"))
    files = KeptFiles(view)
    for number in range(count):
        files.problem("/etc/a", "it is odd", number)
    files.tell_the_rest()
    return told(view)


def test_very_many_problems_are_counted() -> None:
    assert problems_after(2) == [("/etc/a", "it is odd"), ("/etc/a", "line 1: it is odd")]
    assert len(list(problems_after(MAX_PROBLEMS))) == MAX_PROBLEMS
    *first, last = problems_after(MAX_PROBLEMS + 1234)
    assert len(first) == MAX_PROBLEMS
    assert last == ("/", "1,234 more problems with configuration are not listed")


def test_a_problem_says_of_which_kind_it_is_and_of_which_program() -> None:
    view = view_of(TarBuilder())
    files = KeptFiles(view)
    files.program = "sshd"
    files.problem("/a", "cut short", 3)
    files.problem("/a", Remark("not known"), 4)
    told = [(problem.reason, problem.kind, problem.programs) for problem in view.problems]
    assert told == [("line 3: cut short", "unseen", ("sshd",)), ("line 4: not known", "note", ("sshd",))]


def test_the_problems_that_are_not_told_are_as_grave_as_the_gravest_of_their_program() -> None:
    view = view_of(TarBuilder())
    files = KeptFiles(view)
    for _ in range(MAX_PROBLEMS):
        files.problem("/a", Remark("not known"))
    for files.program, reason in (
        ("sshd", Remark("not known")),
        ("nginx", Remark("not known")),
        ("nginx", "cut short"),
    ):
        files.problem("/a", reason)
    files.tell_the_rest()
    told = [(problem.reason, problem.kind, problem.programs) for problem in view.problems[MAX_PROBLEMS:]]
    assert told == [
        ("1 more problems with configuration are not listed", "note", ("sshd",)),
        ("2 more problems with configuration are not listed", "unseen", ("nginx",)),
    ]
