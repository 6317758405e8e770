"""Archives that an index of digests names."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from hullmark.catalog.languages.java_index import NamedJars, named_by_index
from hullmark.model.jar import JarName
from tests.support.views import FakeView
from tests.unit.catalog.languages.test_java import CLASS, MANIFEST, WITH_DIGESTS, make_jar, properties, sha1_of


class FakeIndex:
    """Implements model.jar.JarIndex over what it is given, and keeps what it was asked."""

    title, digest = "index", "sha256:0"

    def __init__(self, names: Mapping[bytes, JarName]) -> None:
        self._names = {sha1_of(body): name for body, name in names.items()}
        self.asked: set[str] = set()

    def named(self, digests: Collection[str]) -> Mapping[str, JarName]:
        self.asked.update(digests)
        return {digest: self._names[digest] for digest in digests if digest in self._names}


def named(files: Mapping[str, bytes], index: FakeIndex) -> NamedJars:
    return named_by_index(WITH_DIGESTS.assemble(FakeView(files, WITH_DIGESTS)), index)


LOG4J = JarName("org.apache.logging.log4j", "log4j-core", "2.14.1")
BARE = make_jar(CLASS)


def test_the_index_names_what_has_no_pom_also_in_archives() -> None:
    war = make_jar({"lib/x.jar": BARE, "lib/a-1.jar": make_jar(properties("g", "a", "1"))})
    index = FakeIndex({BARE: LOG4J})
    found = named({"app.war": war}, index)
    assert [(package.purl, package.locations[0].path) for package in found.packages] == [
        ("pkg:maven/app", "/app.war"),
        ("pkg:maven/g/a@1", "/app.war:lib/a-1.jar"),
        ("pkg:maven/org.apache.logging.log4j/log4j-core@2.14.1", "/app.war:lib/x.jar"),
    ]
    assert found.purls == {"pkg:maven/x": ("pkg:maven/org.apache.logging.log4j/log4j-core@2.14.1",)}
    assert index.asked == {sha1_of(war), sha1_of(BARE)}


def test_what_only_says_less_than_the_index_is_no_contradiction() -> None:
    found = named({"opt/log4j-core-2.14.1.jar": BARE}, FakeIndex({BARE: LOG4J}))
    [package] = found.packages
    assert package.notes["identified"] == f"index (sha1 {sha1_of(BARE)})"
    assert found.problems == ()


def test_the_index_counts_before_the_manifest_and_the_contradiction_is_told() -> None:
    body = make_jar({MANIFEST: b"Manifest-Version: 1.0\nImplementation-Version: 9.9\n", **CLASS})
    found = named({"opt/other.jar": body}, FakeIndex({body: LOG4J}))
    assert [package.version for package in found.packages] == ["2.14.1"]
    assert found.packages[0].notes["identified"].endswith("; its manifest or file name say other:9.9")
    assert [(problem.path, problem.kind, problem.reason) for problem in found.problems] == [
        (
            "/opt/other.jar",
            "note",
            "index names this archive org.apache.logging.log4j:log4j-core:2.14.1; its manifest or file name say other:9.9; "
            "the index counts",
        )
    ]


def test_two_archives_that_were_taken_for_one_become_two() -> None:
    other = make_jar({"c/D.class": b"\xca\xfe\xba\xbe"})
    found = named({"a/x.jar": BARE, "b/x.jar": other}, FakeIndex({BARE: LOG4J, other: JarName("g", "y", "1")}))
    assert [package.name for package in found.packages] == ["log4j-core", "y"]
    assert found.purls == {"pkg:maven/x": ("pkg:maven/g/y@1", "pkg:maven/org.apache.logging.log4j/log4j-core@2.14.1")}
