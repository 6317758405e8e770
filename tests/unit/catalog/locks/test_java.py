"""pom.xml with what it inherits from its parents in the tree, and gradle.lockfile."""

from __future__ import annotations

import pytest

from hullmark.catalog.locks.java import CATALOGER
from tests.support.views import FakeView


def pom(artifact: str, *, more: str = "", group: str = "org.example", version: str = "1.0") -> bytes:
    own = "".join(
        f"<{tag}>{text}</{tag}>"
        for tag, text in (("groupId", group), ("artifactId", artifact), ("version", version))
        if text
    )
    return f'<?xml version="1.0"?><project xmlns="http://maven.apache.org/POM/4.0.0">{own}{more}</project>'.encode()


def parent(artifact: str, path: str | None = None, version: str = "1.0") -> str:
    relative = "" if path is None else f"<relativePath>{path}</relativePath>"
    return f"<parent><groupId>org.example</groupId><artifactId>{artifact}</artifactId><version>{version}</version>{relative}</parent>"


def dependencies(*coordinates: str) -> str:
    tags = ("groupId", "artifactId", "version", "scope")
    each = [
        "".join(f"<{tag}>{text}</{tag}>" for tag, text in zip(tags, one.split(":"), strict=False))
        for one in coordinates
    ]
    return "<dependencies>" + "".join(f"<dependency>{one}</dependency>" for one in each) + "</dependencies>"


def managed(*coordinates: str) -> str:
    return f"<dependencyManagement>{dependencies(*coordinates)}</dependencyManagement>"


def properties(**values: str) -> str:
    return "<properties>" + "".join(f"<{key}>{value}</{key}>" for key, value in values.items()) + "</properties>"


def read(files: dict[str, bytes]) -> tuple[list[str], list[str]]:
    view = FakeView(files, CATALOGER)
    packages = list(CATALOGER.assemble(view))
    assert all(package.purl.startswith("pkg:maven/") for package in packages)
    return [package.purl.removeprefix("pkg:maven/") for package in packages], [reason for _, reason in view.problems]


def found(files: dict[str, bytes]) -> list[str]:
    purls, problems = read(files)
    assert problems == []
    return purls


def test_a_project_and_its_dependencies_are_packages_and_its_plugins_are_not() -> None:
    more = (
        dependencies("a:b:1.1", "junit:junit:4.12:test") + f"<build><plugins>{dependencies('x:y:1')}</plugins></build>"
    )
    assert found({"pom.xml": pom("shop", more=more)}) == ["org.example/shop@1.0", "a/b@1.1", "junit/junit@4.12"]


def test_the_name_is_the_artifacts() -> None:
    (package,) = CATALOGER.assemble(FakeView({"pom.xml": pom("shop")}, CATALOGER))
    assert (package.name, package.version) == ("shop", "1.0")


def test_references_are_resolved_within_the_project() -> None:
    more = properties(b="${c}", c="2.0", x="org") + dependencies(
        "${x}.y:a:${b}", "${project.groupId}:d:${project.version}"
    )
    assert found({"pom.xml": pom("shop", more=more)})[1:] == ["org.y/a@2.0", "org.example/d@1.0"]


def test_parents_in_the_tree_tell_what_the_project_leaves_out() -> None:
    files = {
        "pom.xml": pom(
            "top", more=properties(v="3.0", w="1") + managed("a:a:${v}", "a:b:${w}") + dependencies("a:all:9")
        ),
        "mid/pom.xml": pom("mid", group="", version="", more=parent("top") + properties(w="2")),
        "mid/low/pom.xml": pom("low", group="", version="", more=parent("mid", "..") + dependencies("a:a", "a:b")),
    }
    assert found(files) == [
        *("org.example/low@1.0", "a/a@3.0", "a/b@2", "a/all@9"),
        *("org.example/mid@1.0", "a/all@9"),
        *("org.example/top@1.0", "a/all@9"),
    ]


def test_a_neighbour_that_is_not_the_parent_tells_nothing() -> None:
    files = {
        "pom.xml": pom("other", more=managed("a:a:3.0")),
        "low/pom.xml": pom("low", more=parent("top", "../pom.xml") + dependencies("a:a")),
        "off/pom.xml": pom("off", more=parent("other", "") + dependencies("a:a")),
    }
    assert found(files) == ["org.example/low@1.0", "a/a", "org.example/off@1.0", "a/a", "org.example/other@1.0"]


@pytest.mark.parametrize("version", ["", "${unknown}", "[1.0,2.0)", "${loop}"])
def test_a_version_that_is_not_known_is_left_out(version: str) -> None:
    more = properties(loop="${loop}") + dependencies(f"a:a:{version}", "a:b:[1.5]")
    assert found({"pom.xml": pom("shop", more=more)})[1:] == ["a/a", "a/b@1.5"]


def test_parents_in_a_circle_end() -> None:
    files = {
        "a/pom.xml": pom("a", more=parent("b", "../b/pom.xml")),
        "b/pom.xml": pom("b", more=parent("a", "../a/pom.xml")),
    }
    assert found(files) == ["org.example/a@1.0", "org.example/b@1.0"]


def test_properties_that_grow_are_cut() -> None:
    grown = {f"p{number}": f"${{p{number + 1}}}" * 20 for number in range(30)} | {"p30": "x" * 500}
    assert (
        found({"pom.xml": pom("shop", more=properties(**grown) + dependencies("a:a:${p0}"))})[0]
        == "org.example/shop@1.0"
    )


@pytest.mark.parametrize(
    "body",
    [b"<project>", b"<html/>", b"<project/>", b"<!DOCTYPE a><project><artifactId>a</artifactId></project>", pom("a b")],
)
def test_what_is_no_project_is_reported(body: bytes) -> None:
    purls, problems = read({"pom.xml": body})
    assert (purls, len(problems)) == ([], 1)


def test_the_records_in_archives_are_not_projects() -> None:
    assert found({"app/META-INF/maven/a/b/pom.xml": pom("b"), "app/x/pom.xml": pom("x")}) == ["org.example/x@1.0"]


def test_gradle_lock_files_list_modules() -> None:
    body = b"# This is a Gradle generated file\na.b:c:1.0=compileClasspath,runtimeClasspath\njunit:junit:4.12=test\nempty=x\n"
    assert found({"app/gradle.lockfile": body}) == ["a.b/c@1.0", "junit/junit@4.12"]
    assert found({"app/buildscript-gradle.lockfile": body}) == ["a.b/c@1.0", "junit/junit@4.12"]
    purls, problems = read({"gradle.lockfile": b"a:b:1.0\n\0\na:b:c:d=x\na:b:2=x\n"})
    assert (purls, len(problems)) == (["a/b@2"], 1)
