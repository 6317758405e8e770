"""Programs that nothing explains: what lies beside a known one, links that are gone, and notes that name nothing."""

from __future__ import annotations

from hullmark.catalog.binaries.programs import PROGRAMS, Program
from hullmark.rootfs.reads import MIB
from tests.support.layers import TarBuilder
from tests.support.programs import inventory, noted, program
from tests.support.views import FakeView
from tests.unit.catalog.test_binaries import NOTES, named


def test_a_link_that_a_later_layer_replaced_is_not_a_name_of_a_program() -> None:
    low = TarBuilder().add("opt/odd", program(b"odd"), mode=0o755).hardlink("opt/odd2", "opt/odd").done()
    for path in ("opt/odd2", "opt/odd2/text"):
        result = inventory(low, TarBuilder().add(path, b"text").done()).unexplained
        assert result is not None
        assert [file.path for file in result.largest] == ["/opt/odd"]


def test_what_lies_beside_a_classified_program_is_its_own() -> None:
    tar = TarBuilder().add("usr/local/go/VERSION", b"go1.12.3\n").add("usr/local/go/bin/go", program(), mode=0o755)
    tar.add("usr/local/go/pkg/tool/link", program(b"link"), mode=0o755).add("opt/link", program(b"link"), mode=0o755)
    tar.add("usr/lib/libpython3.11.so.1.0", program(b"\0003.11.4\0%.80s (%.80s)\0", kind=3))
    tar.add("usr/lib/python3.11/lib-dynload/zlib.so", program(b"zlib", kind=3))
    result = inventory(tar.done())
    assert [(name, version) for name, version, _ in named(result)] == [("go", "1.12.3"), ("python", "3.11.4")]
    assert result.unexplained is not None
    assert [file.path for file in result.unexplained.largest] == ["/opt/link"]


def test_a_large_file_that_is_not_elf_has_no_notes() -> None:
    view = FakeView({"a": b"#!/bin/sh\nexit\n" + bytes(5 * MIB)}, NOTES)
    assert [fact.fact for fact in view.facts(PROGRAMS)] == [Program("script")]
    assert view.problems == []


def test_a_note_of_another_kind_by_the_same_owner_names_nothing() -> None:
    body = noted(b'{"type":"rpm","name":"a"}').replace((0xCAFE1A7E).to_bytes(4, "little"), b"\1\0\0\0")
    view = FakeView({"a": body}, NOTES)
    assert (list(NOTES.assemble(view)), view.problems) == ([], [])


def test_a_java_launcher_far_from_any_release_file_is_told_by_itself() -> None:
    body = program(b"\0openjdk\0java\0000.0\00017.0.9+9\0")
    tar = TarBuilder().add("release", b"x").add("opt/a/b/c/d/e/f/g/h/bin/java", body)
    assert named(inventory(tar.done())) == [("openjdk", "17.0.9+9", None)]
