"""Manifests, pom.properties and pom.xml."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.catalog.languages.java_metadata import (
    MAX_TEXT,
    Pom,
    licences_of_project,
    parse_manifest,
    parse_properties,
    pom_of_project,
    pom_of_properties,
)

FOLDER = "META-INF/maven/org.example/thing"
PROJECT = """<?xml version="1.0" encoding="UTF-8"?>
<!-- Licensed under <licenses> of some kind -->
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <parent><groupId>org.example</groupId><artifactId>parent</artifactId><version>7</version></parent>
  <artifactId>thing</artifactId>
  %s
</project>"""
LICENCES = (
    "<licenses><license><name>Apache  2\n</name><url>https://a</url></license>"
    "<license><url>https://b</url></license><license/></licenses>"
)


@given(st.binary(max_size=500) | st.text("abAB:= \r\n\\u0#.-", max_size=200).map(str.encode))
def test_every_parser_survives_any_bytes(data: bytes) -> None:
    parse_manifest(data)
    parse_properties(data)
    pom_of_properties(data, FOLDER)
    for parse in (pom_of_project, licences_of_project):
        with suppress(ValueError):
            parse(data)


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_a_manifest_continues_long_lines_with_a_space(newline: str) -> None:
    lines = (
        "Manifest-Version: 1.0",
        "Bundle-SymbolicName: org.exa",
        " mple.thing;singleton:=true",
        "implementation-version: 1",
        "",
    )
    assert parse_manifest(newline.join(lines).encode()) == {
        "Bundle-SymbolicName": "org.example.thing;singleton:=true",
        "Implementation-Version": "1",
    }


def test_only_the_main_section_names_the_archive() -> None:
    manifest = b"Manifest-Version: 1.0\r\n\r\nName: org/x/\r\nBundle-Version: 3\r\nExtension-Name: y\r\n"
    assert parse_manifest(manifest) == {}


def test_the_version_of_the_packages_counts_if_all_sections_agree() -> None:
    one = b"Manifest-Version: 1.0\n\nName: a/\nImplementation-Version: 2.9.1\n"
    assert parse_manifest(one + b"\nName: b/\nImplementation-Version: 2.9.1\n") == {"Implementation-Version": "2.9.1"}
    assert parse_manifest(one + b"\nName: b/\nImplementation-Version: 3\n") == {}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a=1\n#b=2\n!c=3\n\n", {"a": "1"}),
        ("a = 1 \nb:2\nc 3\r\nd\t=4", {"a": "1", "b": "2", "c": "3", "d": "4"}),
        ("a\\:b=1\nc=\\u0041\\t\\n.", {"a:b": "1", "c": "A\t\n."}),
        ("a=1,\\\n   2\nb=3\\\\\nc=4", {"a": "1,2", "b": "3\\", "c": "4"}),
        ("a=1\na=2", {"a": "2"}),
        ("a=b=c:d", {"a": "b=c:d"}),
        ("alone", {"alone": ""}),
        ("a=\\ud800\\u00zz", {"a": "?u00zz"}),
        ("a=" + "x" * 5000, {"a": "x" * MAX_TEXT}),
    ],
)
def test_properties_are_read_as_java_reads_them(text: str, expected: dict[str, str]) -> None:
    assert parse_properties(text.encode()) == expected


@pytest.mark.parametrize(
    ("text", "folder", "expected"),
    [
        ("version=1\ngroupId=g\nartifactId=a", FOLDER, Pom("g", "a", "1")),
        ("version=1", FOLDER, Pom("org.example", "thing", "1")),
        ("version=${revision}\ngroupId=g\nartifactId=a", FOLDER, Pom("g", "a", "")),
        ("version=1", "META-INF/maven", None),
        ("version=1\ngroupId=g\nartifactId=\\u0000", "x", None),
    ],
)
def test_a_pom_says_nothing_that_neither_file_nor_folder_says(text: str, folder: str, expected: Pom | None) -> None:
    assert pom_of_properties(text.encode(), folder) == expected


def test_group_and_version_may_be_the_parents() -> None:
    assert pom_of_project((PROJECT % "").encode()) == Pom("org.example", "thing", "7")


def test_a_pom_without_an_artifact_is_none() -> None:
    assert pom_of_project(b"<project><version>1</version></project>") is None


@pytest.mark.parametrize(
    ("more", "version"),
    [
        ("<version>2</version>", "2"),
        ("<version>${rev}-x</version><properties><rev>3</rev></properties>", "3-x"),
        ("<version>${project.parent.version}</version>", "7"),
        ("<version>1-${unknown}</version>", ""),
        ("<version>${a}</version><properties><a>${b}</a><b>${a}</b></properties>", ""),
        ("<version>two words</version>", ""),
    ],
)
def test_references_in_a_version_are_resolved_or_it_is_not_known(more: str, version: str) -> None:
    assert pom_of_project((PROJECT % more).encode()) == Pom("org.example", "thing", version)


def test_references_cannot_grow_without_bound() -> None:
    more = "<version>${a}</version><properties>" + f"<a>{'${a}' * 250}</a></properties>"
    assert pom_of_project((PROJECT % more).encode()) == Pom("org.example", "thing", "")


def test_licences_are_names_or_else_addresses() -> None:
    data = (PROJECT % LICENCES).encode()
    assert licences_of_project(data) == ("Apache 2", "https://b")
    assert pom_of_project(data) == Pom("org.example", "thing", "7", ("Apache 2", "https://b"))


def test_a_project_without_licences_is_not_parsed() -> None:
    assert licences_of_project(b"<project><broken") == ()


def test_licences_in_comments_do_not_count() -> None:
    assert licences_of_project((PROJECT % f"<!-- {LICENCES} -->").encode()) == ()


def test_licences_in_another_encoding_are_read() -> None:
    text = (PROJECT % "<licenses><license><name>Müller</name></license></licenses>").replace("UTF-8", "ISO-8859-1")
    assert licences_of_project(text.replace("<licenses> of", "of").encode("latin-1")) == ("Müller",)


@pytest.mark.parametrize("parse", [pom_of_project, licences_of_project])
def test_document_types_and_entities_are_refused(parse: object) -> None:
    bomb = b'<!DOCTYPE p [<!ENTITY a "b">]><project><artifactId>&a;</artifactId><licenses/></project>'
    assert callable(parse)
    with pytest.raises(ValueError, match="document type"):
        parse(bomb)


def test_a_very_deep_document_is_read() -> None:
    assert pom_of_project(b"<a>" * 100_000 + b"</a>" * 100_000) is None
