"""Java archives from bytes to packages."""

from __future__ import annotations

import hashlib
import io
import json
import struct
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from hullmark.catalog.cataloger import Cataloger
from hullmark.catalog.languages.java import CATALOGER, DIGESTS, extract
from hullmark.catalog.languages.java_reading import Allowance, JarFact, read_tree
from hullmark.catalog.languages.java_texts import texts_at
from hullmark.model.package import UNKNOWN_VERSION, Location, Package
from tests.support.places import SHARED, shared
from tests.support.views import FakeView
from tests.unit.catalog.licences.test_texts import MIT

MANIFEST = "META-INF/MANIFEST.MF"
CLASS = {"a/B.class": b"\xca\xfe\xba\xbe"}
WITH_DIGESTS = replace(CATALOGER, reads=(*CATALOGER.reads, DIGESTS))
"""What is read where an index names archives."""

Members = dict[str, bytes]


def make_jar(members: Members, how: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", how) as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0)), data, how)
    return out.getvalue()


def sha1_of(body: bytes) -> str:
    return hashlib.sha1(body, usedforsecurity=False).hexdigest()


def properties(group: str, artifact: str, version: str) -> Members:
    text = f"version={version}\ngroupId={group}\nartifactId={artifact}\n"
    return {f"META-INF/maven/{group}/{artifact}/pom.properties": text.encode()}


def catalog(files: Members, cataloger: Cataloger = CATALOGER) -> tuple[list[Package], list[tuple[str, str]]]:
    view = FakeView(files, cataloger)
    return list(cataloger.assemble(view)), view.problems


def found(path: str, body: bytes) -> list[tuple[str, str]]:
    """(purl, location) of all packages; nothing may have been a problem."""
    packages, problems = catalog({path: body})
    assert problems == []
    return [(package.purl, package.locations[0].path) for package in packages]


def complaints(path: str, body: bytes) -> list[str]:
    return [reason for _, reason in catalog({path: body})[1]]


def test_a_jar_is_a_maven_package() -> None:
    packages, _ = catalog({"opt/thing-1.jar": make_jar(properties("org.example", "thing", "1"))})
    assert packages == [
        Package(
            type="maven",
            name="thing",
            version="1",
            purl="pkg:maven/org.example/thing@1",
            cataloger="java",
            locations=(Location("/opt/thing-1.jar", 0),),
        )
    ]


def test_a_jar_without_manifest_is_a_package_by_its_name() -> None:
    assert found("bare-4.5.6.jar", make_jar(CLASS)) == [("pkg:maven/bare@4.5.6", "/bare-4.5.6.jar")]


def test_a_version_that_nobody_tells_is_unknown() -> None:
    packages, _ = catalog({"ca-certificates-java.jar": make_jar(CLASS)})
    assert [(package.version, package.purl) for package in packages] == [
        (UNKNOWN_VERSION, "pkg:maven/ca-certificates-java")
    ]


def test_what_was_packed_into_a_jar_is_listed_once_beside_it() -> None:
    shaded = properties("com.example", "shaded", "1.0") | properties("org.yaml", "snakeyaml", "1.26")
    shaded |= {
        "x/META-INF/maven/org.yaml/snakeyaml/pom.properties": shaded["META-INF/maven/org.yaml/snakeyaml/pom.properties"]
    }
    assert found("shaded-1.0.jar", make_jar(shaded)) == [
        ("pkg:maven/com.example/shaded@1.0", "/shaded-1.0.jar"),
        ("pkg:maven/org.yaml/snakeyaml@1.26", "/shaded-1.0.jar"),
    ]


@pytest.mark.parametrize(
    ("headers", "notes"),
    [
        ("Implementation-Vendor: Example Ltd\r\nBundle-Vendor: Other\r\n", {"supplier": "Example Ltd"}),
        (
            "Bundle-Vendor: Other\r\nBundle-DocURL: https://e.org/x\r\n",
            {"supplier": "Other", "homepage": "https://e.org/x"},
        ),
        ("Implementation-Vendor: ${project.organization.name}\r\nBundle-DocURL: https://e.org/x\r\n", {}),
        ("Implementation-URL: javascript:x\r\nImplementation-Vendor: A\r\n", {"supplier": "A"}),
    ],
)
def test_a_manifest_tells_who_supplies_an_archive(headers: str, notes: dict[str, str]) -> None:
    manifest = f"Manifest-Version: 1.0\r\n{headers}\r\n".encode()
    jar = make_jar({"META-INF/MANIFEST.MF": manifest} | properties("g", "a", "1"))
    [package] = catalog({"a.jar": jar})[0]
    assert package.notes == notes


def test_the_licence_file_of_an_archive_is_its_own_beside_an_artifact_without_content() -> None:
    text = {"META-INF/LICENSE": MIT.encode()}
    own, empty = properties("g", "own", "1"), properties("org.spark-project.spark", "unused", "1")
    licensed = b"<project><licenses><license><name>Apache-2.0</name></license></licenses></project>"
    empty["META-INF/maven/org.spark-project.spark/unused/pom.xml"] = licensed
    other = properties("g", "other", "1")
    for jar, told in ((own | empty | text, ["MIT"]), (own | text, ["MIT"]), (own | other | text, [])):
        view = FakeView({"own-1.jar": make_jar(jar)}, CATALOGER)
        assert [found.name for _, licences in texts_at(view, "own-1.jar") for found in licences] == told


@pytest.mark.parametrize("how", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_archives_in_archives_are_found_to_any_usual_depth(how: int) -> None:
    jar = make_jar(properties("g", "inner", "2"))
    war = make_jar({"WEB-INF/lib/inner-2.jar": jar, "WEB-INF/lib/bare-3.jar": make_jar(CLASS)}, how)
    ear = make_jar({"app.war": war, "lib/inner-2.jar": jar}, how)
    assert found("shop-1.ear", ear) == [
        ("pkg:maven/shop@1", "/shop-1.ear"),
        ("pkg:maven/app", "/shop-1.ear:app.war"),
        ("pkg:maven/bare@3", "/shop-1.ear:app.war:WEB-INF/lib/bare-3.jar"),
        ("pkg:maven/g/inner@2", "/shop-1.ear:app.war:WEB-INF/lib/inner-2.jar"),
        ("pkg:maven/g/inner@2", "/shop-1.ear:lib/inner-2.jar"),
    ]


def test_a_self_executing_jar_is_read() -> None:
    assert found("run.jar", b"#!/bin/sh\nexec java -jar $0\n" + make_jar(properties("g", "run", "1")))[0][0] == (
        "pkg:maven/g/run@1"
    )


def test_an_instrumentation_jar_is_not_the_library_it_patches() -> None:
    jar = make_jar({MANIFEST: b"Manifest-Version: 1.0\nWeave-Classes: org/x/Y\n"})
    assert found("spring-instrumentation-4.3.0-1.0.jar", jar) == []
    assert [path for _, path in found("app-1.war", make_jar({"lib/weave-1.jar": jar}))] == ["/app-1.war"]


def test_a_jenkins_plugin_is_noted_as_one() -> None:
    packages, _ = catalog({"plugins/gradle.hpi": make_jar({MANIFEST: b"Plugin-Version: 2.11\nShort-Name: gradle\n"})})
    assert [(package.purl, package.notes.get("kind")) for package in packages] == [
        ("pkg:maven/org.jenkins-ci.plugins/gradle@2.11", "jenkins-plugin")
    ]


def test_another_artifact_that_the_manifest_names_is_noted() -> None:
    manifest = {MANIFEST: b"Manifest-Version: 1.0\nBundle-SymbolicName: org.example.thing\n\n"}
    files = {
        "thing-osgi-1.jar": make_jar(properties("org.example", "thing-osgi", "1") | manifest),
        "thing-1.jar": make_jar(properties("org.example", "thing", "1") | manifest),
        "bare-1.jar": make_jar(CLASS | manifest),
    }
    packages, _ = catalog(files)
    assert {package.name: package.notes for package in packages} == {
        "thing-osgi": {"manifest_name": "thing"},
        "thing": {},
        "bare": {},
    }


def test_the_digest_of_an_archive_is_taken_only_where_an_index_asks_and_no_pom_is_its_own() -> None:
    bare, named = make_jar(CLASS), make_jar(properties("org.example", "thing", "1"))
    shaded = make_jar(properties("a", "x", "1") | properties("b", "y", "2"))
    war = make_jar({"lib/bare.jar": bare, "lib/thing-1.jar": named})
    files = {"app.war": war, "whole.jar": shaded}
    assert not any("sha1" in package.notes for package in catalog(files)[0])
    packages, problems = catalog(files, WITH_DIGESTS)
    assert problems == []
    assert {package.name: package.notes.get("sha1", "") for package in packages} == {
        "app": sha1_of(war),
        "bare": sha1_of(bare),
        "thing": "",
        "whole": sha1_of(shaded),
        "x": "",
        "y": "",
    }


def test_licences_come_from_the_pom_or_else_from_the_manifest() -> None:
    license_header = b'Bundle-License: "Apache-2.0";link=x, https://b, <<EXTERNAL>>\n'
    pom = b"<project><licenses><license><name>MIT</name></license></licenses></project>"
    both = properties("g", "a", "1") | {MANIFEST: license_header, "META-INF/maven/g/a/pom.xml": pom}
    packages, _ = catalog({"a-1.jar": make_jar(both), "b-1.jar": make_jar({MANIFEST: license_header})})
    assert [package.licenses for package in packages] == [("MIT",), ("Apache-2.0", "https://b")]


def test_a_pom_xml_serves_where_there_are_no_properties() -> None:
    pom = b"<project><parent><groupId>g</groupId><version>3</version></parent><artifactId>a</artifactId></project>"
    assert found("a.jar", make_jar({"META-INF/maven/g/a/pom.xml": pom})) == [("pkg:maven/g/a@3", "/a.jar")]


def test_the_main_section_of_a_huge_manifest_is_read() -> None:
    digests = b"".join(b"\nName: c%d\nSHA-256-Digest: %064d\n" % (n, n) for n in range(20_000))
    imports = b"Import-Package: " + b"".join(b"org.p%d,\n " % n for n in range(5000)) + b"x\n"
    for front in (b"", imports):
        jar = make_jar({MANIFEST: b"Manifest-Version: 1.0\n" + front + b"Implementation-Version: 8\n" + digests})
        assert found("big.jar", jar) == [("pkg:maven/big@8", "/big.jar")]


def test_other_files_with_a_java_extension_are_nobodys_problem() -> None:
    assert found("a.rar", b"Rar!\x1a\7\0") == []
    assert found("a.par", make_jar({"script.pl": b"1"})) == []
    assert found("a.sar", b"") == []
    assert found("a-1.jar", make_jar({"x/data.rar": b"Rar!\x1a\7\0", "x/pics.zap": make_jar({"a": b""})})) == [
        ("pkg:maven/a@1", "/a-1.jar")
    ]
    assert found("a-1.rar", make_jar({"ra.xml": b"", **CLASS})) == [("pkg:maven/a@1", "/a-1.rar")]


def test_a_pom_of_an_unpacked_application_is_a_package() -> None:
    files = {"app/" + name: data for name, data in properties("com.example", "service", "1.2").items()}
    packages, problems = catalog(files | {"app/META-INF/maven/g/a/pom.properties": b"groupId=g"})
    assert [package.purl for package in packages] == ["pkg:maven/com.example/service@1.2"]
    assert problems == []


@pytest.mark.parametrize(
    ("path", "body", "reason"),
    [
        ("a.jar", b"", "the archive is not a zip archive, or is cut off"),
        ("a.jar", make_jar(CLASS)[:-30], "the archive is not a zip archive, or is cut off"),
        ("a.jar", make_jar({"lib/b.jar": b"text"}), "lib/b.jar is not a zip archive"),
        ("a.jar", make_jar({"lib/b.jar": make_jar(CLASS)[:-30]}), "lib/b.jar is not a zip archive, or is cut off"),
        (
            "a.war",
            make_jar({"c.jar": make_jar({"lib/\n\x1b.jar": b"x"})}),
            r"'c.jar:lib/\n\x1b.jar' is not a zip archive",
        ),
        (
            "a.jar",
            make_jar({"META-INF/maven/g/a/pom.xml": b"<!DOCTYPE a><project/>"}),
            "META-INF/maven/g/a/pom.xml has a document type definition, which is not read",
        ),
        (
            "a.jar",
            make_jar({"META-INF/maven/g/a/pom.properties": bytes(70_000)}),
            "META-INF/maven/g/a/pom.properties is too large",
        ),
        ("a.jar", make_jar({MANIFEST: b"x" * 90}).replace(b"\x5a\0\0\0", b"\x09\0\0\0"), None),
    ],
)
def test_what_cannot_be_read_is_said(path: str, body: bytes, reason: str | None) -> None:
    reason = reason or f"{MANIFEST} holds more than the list of members says"
    assert complaints(path, body) == [reason]


def test_a_damaged_member_does_not_cost_the_others() -> None:
    jar = make_jar(properties("g", "a", "1") | {"lib/b.jar": b"no", "lib/c-2.jar": make_jar(CLASS)})
    packages, problems = catalog({"a-1.jar": jar})
    assert [package.name for package in packages] == ["a", "c"]
    assert len(problems) == 1


DAMAGED_LIST = "the archive has a damaged list of members, or one with too long a name"


def test_a_damaged_list_of_members_is_said() -> None:
    jar = make_jar(CLASS | properties("g", "a", "1"))
    at = jar.rindex(b"PK\1\2")
    assert complaints("a.jar", jar[:at] + b"XX" + jar[at + 2 :]) == [DAMAGED_LIST]


def test_overlapping_members_are_read_once() -> None:
    inner = make_jar(CLASS, zipfile.ZIP_STORED)
    jar = make_jar({"m0.jar": inner}, zipfile.ZIP_STORED)
    at, end = jar.rindex(b"PK\1\2"), jar.rindex(b"PK\5\6")
    entries = b"".join(jar[at:end].replace(b"m0.jar", b"m%d.jar" % n) for n in range(10))
    made = jar[:at] + entries + struct.pack("<4s4HIIH", b"PK\5\6", 0, 0, 10, 10, len(entries), at, 0)
    packages, problems = catalog({"over-1.jar": made})
    assert [package.name for package in packages] == ["over", "m0"]
    assert [reason for _, reason in problems] == ["the archive has members that overlap"]


def test_members_that_point_outside_are_names_and_nothing_more() -> None:
    assert found("a-1.jar", make_jar({"../../../etc/b-2.jar": make_jar(CLASS)})) == [
        ("pkg:maven/a@1", "/a-1.jar"),
        ("pkg:maven/b@2", "/a-1.jar:../../../etc/b-2.jar"),
    ]


def nested_chain(depth: int) -> bytes:
    jar = make_jar(CLASS)
    for _ in range(depth):
        jar = make_jar({"inner.jar": jar}, zipfile.ZIP_STORED)
    return jar


def count(fact: JarFact | None) -> int:
    return 0 if fact is None else 1 + sum(count(inner) for _, inner in fact.nested)


def test_a_thousand_archives_in_one_another_end_at_the_eighth() -> None:
    reasons: list[str] = []
    fact = extract("chain.jar", memoryview(nested_chain(200)), reasons.append)
    assert count(fact) == 9
    assert reasons == ["a part of the archive was not looked at: archives are nested too deeply"]


TWO_DEEP = make_jar({"a.jar": make_jar({"b.jar": make_jar({})}), "c.jar": make_jar({})})
A_PROJECT = make_jar({"META-INF/maven/g/a/pom.xml": b"<project></project>"})


@pytest.mark.parametrize(
    ("allowance", "body", "expected", "reason"),
    [
        (Allowance(archives=3), make_jar({f"{n}.jar": make_jar({}) for n in range(9)}), 4, "it holds too many archives"),
        (Allowance(members=1), make_jar(properties("g", "a", "1") | properties("g", "b", "1")), 1, "it holds too many descriptions"),
        (Allowance(directory_bytes=40), make_jar(CLASS), 1, "it has too many members"),
        (Allowance(unpacked_bytes=40), TWO_DEEP, 3, "the archives in it are too large in sum"),
        (Allowance(held_bytes=40), TWO_DEEP, 3, "an archive in it is too large"),
        (Allowance(xml_bytes=10), A_PROJECT, 1, "the descriptions in it are too large in sum"),
    ],
)  # fmt: skip
def test_every_limit_ends_the_reading_with_one_problem(
    allowance: Allowance, body: bytes, expected: int, reason: str
) -> None:
    reasons: list[str] = []
    assert count(read_tree(memoryview(body), ".jar", reasons.append, allowance)) == expected
    assert reasons == [f"a part of the archive was not looked at: {reason}"]


def test_a_bomb_ends_soon() -> None:
    bomb = make_jar({"zeros": bytes(4 << 20)})
    for level in range(6):
        bomb = make_jar({f"lib/{level}-{n}.jar": bomb for n in range(16)})
    reasons: list[str] = []
    assert count(extract("bomb.jar", memoryview(bomb), reasons.append)) == 4097
    assert reasons == ["a part of the archive was not looked at: it holds too many archives"]


def test_a_thousand_damaged_members_are_twenty_problems() -> None:
    assert len(complaints("a.jar", make_jar({f"{n}.jar": b"x" for n in range(1000)}))) == 20


SOUND = make_jar(
    {MANIFEST: b"Implementation-Version: 1\n", "lib/b-1.jar": make_jar(properties("g", "b", "1")), **CLASS}
    | properties("g", "a", "1")
    | {"META-INF/maven/g/a/pom.xml": b"<project><licenses><license><name>MIT</name></license></licenses></project>"}
)


@given(st.lists(st.tuples(st.integers(0, len(SOUND) - 1), st.integers(0, 255)), max_size=8), st.integers(0, len(SOUND)))
def test_any_damage_is_survived(changes: list[tuple[int, int]], cut: int) -> None:
    body = bytearray(SOUND)
    for at, value in changes:
        body[at] = value
    for made in (bytes(body), bytes(body[:cut])):
        for package in catalog({"a-1.jar": made})[0]:
            assert package.type == "maven"
            assert package.name


@given(st.binary(max_size=300))
def test_any_bytes_are_survived(body: bytes) -> None:
    catalog({"a-1.jar": body, "META-INF/maven/g/a/pom.properties": body})


def conformance() -> list[Any]:
    if SHARED is None:
        return []
    lines = (SHARED / "conformance" / "packages" / "cases.jsonl").read_text().splitlines()
    cases = [case for case in map(json.loads, lines) if case["ecosystem"] == "java" and case["input_kind"] == "dir_zip"]
    return [pytest.param(case, id=case["id"]) for case in cases if case["mode"] == "image"]


def zipped(folder: Path) -> bytes:
    return make_jar(
        {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
    )


@pytest.mark.parametrize("case", conformance())
def test_known_archives_are_the_packages_they_are_known_to_be(case: dict[str, Any]) -> None:
    packages, problems = catalog(
        {case["place_as"].lstrip("/"): zipped(shared("conformance", "packages", case["input"]))}
    )
    assert problems == []
    named = {(package.name, package.version) for package in packages}
    expected = {(package["name"], package["version"]) for package in case["expected"]}
    assert expected <= named
    assert named == expected or not case["strict_types"]
    assert set(case.get("expected_purls", ())) <= {package.purl for package in packages}


def test_a_pom_xml_of_an_unpacked_archive_is_a_package_and_a_project_file_elsewhere_is_not() -> None:
    project = (
        b"<project><parent><groupId>org.example</groupId><version>2.0</version></parent>"
        b"<artifactId>shop</artifactId></project>"
    )
    inside = "app/BOOT-INF/classes/META-INF/maven/org.example/shop/pom.xml"
    view = FakeView({inside: project, "src/pom.xml": project}, CATALOGER)
    (package,) = CATALOGER.assemble(view)
    assert (package.purl, package.locations[0].path) == ("pkg:maven/org.example/shop@2.0", f"/{inside}")


def test_a_project_file_with_a_document_type_is_a_problem() -> None:
    view = FakeView({"opt/pom.xml": b'<!DOCTYPE x [<!ENTITY a "b">]><project>&a;</project>'}, CATALOGER)
    assert list(CATALOGER.assemble(view)) == []
    assert "document type definition" in view.problems[0][1]


def test_a_jar_that_a_distribution_renamed_with_hyphens_is_the_artifact_of_its_pom() -> None:
    properties = b"groupId=org.apache.geronimo.specs\nartifactId=geronimo-validation_1.1_spec\nversion=1.0\n"
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as jar:
        jar.writestr("META-INF/maven/g/a/pom.properties", properties)
    view = FakeView({"usr/share/java/geronimo-validation-1.1-spec-1.0.jar": buffer.getvalue()}, CATALOGER)
    purls = [package.purl for package in CATALOGER.assemble(view)]
    assert purls == ["pkg:maven/org.apache.geronimo.specs/geronimo-validation_1.1_spec@1.0"]


def test_a_damaged_archive_that_is_read_for_its_digest_too_is_reported_once() -> None:
    assert len(catalog({"a.jar": b"PK\3\4 rest"}, WITH_DIGESTS)[1]) == 1
