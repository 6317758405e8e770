"""What class files and archives of Java name."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.reach.java_class import ClassNames, DamagedClass, class_names
from hullmark.reach.java_code import JavaCode, NamedPackage, java_code
from tests.support.java_classes import FOR_NAME, class_file, jar

LOADS = "it loads classes whose names it makes"
MAIN = class_file(
    "shop/Main",
    names=("org/a/One", "[Lorg/b/Two;", "[I"),
    types=("Lorg/c/Three;", "Ljava/util/List<Lorg/d/Four;>;", "I"),
    texts=("org.e.Five", "hello"),
    calls=((FOR_NAME, "org.f.Six"),),
)


def code_of(path: str, body: bytes) -> JavaCode:
    found = java_code(path, memoryview(body), print)
    assert found is not None
    return found


def test_classes_are_named_by_constants_by_types_and_by_texts_that_are_given_to_class_for_name() -> None:
    found = class_names(MAIN)
    assert found.name == "shop/Main"
    assert {name for name in found.classes if name.startswith("org/")} == {
        "org/a/One", "org/b/Two", "org/c/Three", "org/d/Four", "org/f/Six",
    }  # fmt: skip
    assert set(found.texts) == {"org.e.Five", "hello", "org.f.Six"}
    assert found.loads == ""


@pytest.mark.parametrize(
    ("method", "constant", "loads"),
    [
        (FOR_NAME, "a.B", ""),
        (FOR_NAME, None, LOADS),
        (("java/lang/Class", "forName", "(Ljava/lang/String;ZLjava/lang/ClassLoader;)Ljava/lang/Class;"), "a.B", LOADS),
        (("org/x/Loader", "loadClass", "(Ljava/lang/String;)Ljava/lang/Class;"), "a.B", ""),
        (("org/x/Loader", "loadClass", "(Ljava/lang/String;)Ljava/lang/Class;"), None, LOADS),
        (("org/x/Own", "forName", "(Ljava/lang/String;)V"), None, ""),
        (("java/io/ObjectInputStream", "readObject", "()Ljava/lang/Object;"), None, "it reads objects of any class"),
        (
            ("java/lang/System", "loadLibrary", "(Ljava/lang/String;)V"),
            "x",
            "it loads machine code, which may name any class",
        ),
    ],
)
def test_a_class_that_loads_others_by_names_that_are_no_constants_may_load_any(
    method: tuple[str, str, str], constant: str | None, loads: str
) -> None:
    assert class_names(class_file("a/Main", calls=((method, constant),))).loads == loads


@pytest.mark.parametrize(
    ("before", "loads"),
    [
        (b"\x04\x57", ""),  # iconst_1, pop
        (b"\xa7\x00\x06", LOADS),  # goto the call, past the constant
        (b"\x03\x99\x00\x06", LOADS),  # ifeq to the call
        (b"\xc8\x00\x00\x00\x08", LOADS),  # goto_w
        (b"\x03\xaa\0\0" + bytes.fromhex("00000016 00000000 00000000 00000016"), LOADS),  # tableswitch
        (b"\x03\xab\0\0" + bytes.fromhex("00000016 00000001 00000007 00000016"), LOADS),  # lookupswitch
        (b"\xc4\x84\0\0\0\1", ""),  # wide iinc
        (b"\xb2\x12\x05", ""),  # getstatic, whose number looks like ldc
    ],
)
def test_a_text_counts_only_where_no_jump_leads_to_the_call_that_it_is_given_to(before: bytes, loads: str) -> None:
    found = class_names(class_file("a/Main", calls=((FOR_NAME, "a.B"),), before=before))
    assert found.loads == loads


def test_of_an_archive_packages_are_kept_with_an_example_and_its_own_classes_are_left_out() -> None:
    body = jar(
        class_file(
            "shop/Main", names=("shop/Other", "shop/Elsewhere", "org/a/One"), texts=("org.b.Two", "/etc/shop.conf")
        ),
        class_file(
            "shop/Other", calls=((("java/lang/ProcessBuilder", "start", "()V"), None),), texts=("convert -size",)
        ),
        files={
            "META-INF/services/org.c.Service": b"# here\nshop.Other\n",
            "META-INF/LICENSE": b"",
            "META-INF/maven/a/b/pom.xml": b"",
        },
    )
    found = code_of("a.jar", body)
    assert found.packages == ("shop",)
    assert [each for each in found.named if not each.package.startswith("java")] == [
        NamedPackage("org/a", "org/a/One", "shop/Main"),
        NamedPackage("shop", "shop/Elsewhere", "shop/Main"),
    ]
    assert found.texts == (NamedPackage("org/b", "org.b.Two", "shop/Main"),)
    assert found.services == (("org/c/Service", "shop/Other"),)
    assert (found.starts, found.programs, found.paths) == ("shop/Other", ("convert",), ("/etc/shop.conf",))
    assert not found.has_files
    assert not found.untold
    assert code_of("a.jar", jar(files={"texts.properties": b""})).has_files


def test_archives_in_archives_are_read_down_to_a_depth() -> None:
    body = jar(MAIN)
    for _ in range(3):
        body = jar(files={"BOOT-INF/lib/a.jar": body})
    found, depth = code_of("a.jar", body), 0
    while found.nested:
        (member, size, found), depth = found.nested[0], depth + 1
        assert member == "BOOT-INF/lib/a.jar"
        assert size > 0
    assert (depth, found.packages) == (3, ("shop",))
    deeper = code_of("a.jar", jar(files={"b.jar": body}))
    assert (
        deeper.nested[0][2].nested[0][2].nested[0][2].untold
        == "BOOT-INF/lib/a.jar in it is not read: it is one archive too many"
    )


@pytest.mark.parametrize(
    ("path", "body", "untold"),
    [
        ("a.jar", b"no archive", "it is not a zip archive, or is cut off"),
        ("a.jar", jar(b"no class"), "c0.class in it is not read: it is not a class file"),
        ("A.class", MAIN[:30], "its constants end too early"),
    ],
)
def test_what_cannot_be_read_is_told(path: str, body: bytes, untold: str) -> None:
    assert code_of(path, body).untold == untold


@given(st.binary(max_size=300) | st.binary(max_size=300).map(lambda rest: MAIN[: len(rest)] + rest))
def test_any_bytes_are_names_of_classes_or_a_damaged_class(body: bytes) -> None:
    _either(body)


@given(st.data())
def test_a_class_file_with_some_bytes_changed_is_read_or_is_damaged(data: st.DataObject) -> None:
    body = bytearray(MAIN)
    for _ in range(data.draw(st.integers(1, 6))):
        body[data.draw(st.integers(4, len(body) - 1))] = data.draw(st.integers(0, 255))
    _either(bytes(body))
    _either(bytes(body[: data.draw(st.integers(0, len(body)))]))


@given(st.binary(max_size=400))
def test_any_bytes_are_an_archive_or_none(body: bytes) -> None:
    java_code("a.jar", memoryview(body), lambda _: None)
    java_code("A.class", memoryview(body), lambda _: None)


def _either(body: bytes) -> None:
    with suppress(DamagedClass):
        assert isinstance(class_names(body), ClassNames)
