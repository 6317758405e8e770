"""Java archives and poms of which a part is damaged or odd."""

from __future__ import annotations

from hullmark.catalog.languages.java import CATALOGER
from hullmark.catalog.languages.java_metadata import parse_properties
from hullmark.catalog.languages.java_texts import texts_at
from hullmark.catalog.relations import java as java_relations
from tests.support.cataloging import problems
from tests.support.relations import needs
from tests.support.views import FakeView
from tests.unit.catalog.languages.test_java import MANIFEST, complaints, found, make_jar, properties
from tests.unit.catalog.licences.test_texts import MIT


def test_a_damaged_manifest_of_some_size_is_said_and_the_name_is_the_files() -> None:
    jar = bytearray(
        make_jar({MANIFEST: b"Manifest-Version: 1.0\n\n" + b"".join(b"Name: %d\n" % n for n in range(9000))})
    )
    jar[jar.index(MANIFEST.encode()) + len(MANIFEST) : jar.index(MANIFEST.encode()) + len(MANIFEST) + 4] = b"\xff" * 4
    assert complaints("big-1.jar", bytes(jar)) == [f"{MANIFEST} is not sound deflate data"]


def licences_of(jar: bytes) -> list[str]:
    """The licences that the texts in an archive tell."""
    view = FakeView({"own-1.jar": jar}, CATALOGER)
    return [licence.name for _, licences in texts_at(view, "own-1.jar") for licence in licences]


def test_licence_files_that_are_damaged_too_large_or_of_another_kind_are_passed_over() -> None:
    own = properties("g", "own", "1")
    texts = {"META-INF/LICENSE": MIT.encode(), "META-INF/LICENSE.txt": b"All of it is ours."}
    jar = make_jar(own | texts | {"META-INF/COPYING": MIT.encode() * 500})
    assert licences_of(jar) == ["MIT"]
    at = jar.index(b"META-INF/LICENSE") + len("META-INF/LICENSE")
    assert licences_of(jar[:at] + b"\xff" * 4 + jar[at + 4 :]) == []


def test_a_pom_in_a_repository_with_too_many_dependencies_is_said() -> None:
    one = b"<dependency><groupId>g</groupId><artifactId>a</artifactId></dependency>"
    body = b"<project><dependencies>" + one * 4000 + b"</dependencies></project>"
    assert problems(CATALOGER, {"usr/share/maven-repo/g/a/1/a-1.pom": body}) == [
        "it has more than 262,144 bytes of dependencies, which were not read"
    ]


def test_properties_end_where_their_separators_say() -> None:
    text = b"# a comment\ngroupId : org.example\nartifactId\tthing\nversion=1\\\n  .2\nempty\n"
    assert parse_properties(text) == {
        "groupId": "org.example",
        "artifactId": "thing",
        "version": "1.2",
        "empty": "",
    }


def test_an_archive_that_requires_itself_needs_nothing() -> None:
    pom = (
        b"<project><groupId>g</groupId><artifactId>a</artifactId><version>1</version><dependencies>"
        b"<dependency><groupId>g</groupId><artifactId>a</artifactId></dependency>"
        b"<dependency><groupId>g</groupId><artifactId>b</artifactId></dependency></dependencies></project>"
    )
    files = {
        "lib/a-1.jar": make_jar(properties("g", "a", "1") | {"META-INF/maven/g/a/pom.xml": pom}),
        "lib/b-1.jar": make_jar(properties("g", "b", "1")),
    }
    assert found("lib/a-1.jar", files["lib/a-1.jar"]) == [("pkg:maven/g/a@1", "/lib/a-1.jar")]
    assert needs(files, CATALOGER, java_relations.RESOLVER) == ["a@1 -> b@1"]
