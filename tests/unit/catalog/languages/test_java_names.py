"""Which artifact an archive is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.catalog.languages.java_metadata import MANIFEST_HEADERS, Pom
from hullmark.catalog.languages.java_names import identify, other_name, split_file_name


@pytest.mark.parametrize(
    ("file_name", "name", "version"),
    [
        ("some-package-4.0.1.jar", "some-package", "4.0.1"),
        ("prefix.thing-4.jar", "prefix.thing", "4"),
        ("my-http2-server-5.jar", "my-http2-server", "5"),
        ("jetpack-build235-rc5.jar", "jetpack", "build235-rc5"),
        ("ironman-r4-2009.jar", "ironman", "r4-2009"),
        ("guava-r09.jar", "guava", "r09"),
        ("spring-r2dbc-5.3.jar", "spring-r2dbc", "5.3"),
        ("netty-all-4.1.47.Final.jar", "netty-all", "4.1.47.Final"),
        ("spark-core_2.11-2.4.8.jar", "spark-core_2.11", "2.4.8"),
        ("bcprov-jdk15on-1.68.jar", "bcprov-jdk15on", "1.68"),
        ("javax.servlet_3.1.0.v2014.jar", "javax.servlet", "3.1.0.v2014"),
        ("foo.1.2.war", "foo", "1.2"),
        ("foo-1.0-SNAPSHOT.jar", "foo", "1.0-SNAPSHOT"),
        ("foo-1.0-sources.jar", "foo", "1.0"),
        ("epoll-4.1.9.Final-linux-x86_64.jar", "epoll", "4.1.9.Final"),
        ("foo-sources.jar", "foo", ""),
        ("gradle.hpi", "gradle", ""),
        ("4.jar", "4", ""),
        ("jar", "jar", ""),
        ("", "", ""),
    ],
)
def test_a_file_name_is_a_name_and_a_version(file_name: str, name: str, version: str) -> None:
    assert split_file_name(file_name)[1:] == (name, version)


def pom(text: str) -> Pom:
    group, artifact, version = text.split(":")
    return Pom(group, artifact, version)


@pytest.mark.parametrize(
    ("path", "poms", "manifest", "expected"),
    [
        ("x/a-1.jar", "g:a:1 h:b:1", {}, "g:a:1"),
        ("log4j-1.2-api-2.14.1.jar", "l:log4j-1.2-api:2.14.1 l:log4j:1.2", {}, "l:log4j-1.2-api:2.14.1"),
        ("a-1-hadoop2.jar", "g:a:1", {}, "g:a:1"),
        ("org.example.a-b-1.jar", "org.example:a-b:1 g:b:1", {}, "org.example:a-b:1"),
        ("com.x.jackson-core-2.jar", "com.x:jackson-core:2 y:core:2", {}, "com.x:jackson-core:2"),
        ("spark-core_2.11.jar", "s:spark-core_2.11:2.4 g:gson:2", {}, "s:spark-core_2.11:2.4"),
        ("many-5.jar", "g:many-2:5 g:many-1:5 g:many-3:5", {}, "g:many-1:5"),
        ("my-gson-1.0.jar", "com.google.code.gson:gson:2.8", {}, ":my-gson:1.0"),
        ("app.jar", "com.example:my-service:3", {}, "com.example:my-service:3"),
        (
            "app-1.jar",
            "com.example:my-service:1 g:b:2",
            {"Implementation-Title": "my-service"},
            "com.example:my-service:1",
        ),
        ("app.jar", "com.example:my-service:3 g:b:2", {}, ":app:"),
        ("jetty9-util-9.4.jar", "org.eclipse.jetty:jetty-util:9.4", {}, "org.eclipse.jetty:jetty-util:9.4"),
        ("mine-1.0.jar", "x:theirs:1.0", {}, ":mine:1.0"),
        ("a.jar", "g:a:", {"Implementation-Version": "5"}, "g:a:5"),
        ("shop.ear", "com.example:shop:1 g:b:2", {}, "com.example:shop:1"),
    ],
)
def test_the_fitting_pom_says_what_an_archive_is(path: str, poms: str, manifest: dict[str, str], expected: str) -> None:
    found = identify([pom(text) for text in poms.split()], manifest, path)
    assert ":".join(found.artifact) == expected


@pytest.mark.parametrize(
    ("own", "manifest", "expected"),
    [
        ("org.x:a-osgi:1", {"Bundle-SymbolicName": "org.x.a;singleton:=true"}, "a"),
        ("org.x:a-jakarta:1", {"Implementation-Title": "a"}, "a"),
        ("org.x:a-jakarta:1", {"Implementation-Title": "The A", "Extension-Name": "a", "Short-Name": "b"}, "a"),
        ("org.x:a:1", {"Implementation-Title": "a"}, ""),
        ("org.x:a:1", {"Implementation-Title": "A", "Short-Name": "b"}, ""),
        ("org.x:a:1", {"Bundle-SymbolicName": "org.x.a"}, ""),
        ("org.x:x-io:1", {"Bundle-SymbolicName": "org.x.io"}, ""),
        ("org.x:a-b:1", {"Implementation-Title": "A :: B"}, ""),
        ("org.x:a:1", {"Bundle-SymbolicName": "org.y.b"}, ""),
        ("org.x:a:1", {"Implementation-Title": "${title}"}, ""),
        ("org.x:a:1", {"Name": "b"}, ""),
        ("org.x:a:1", {}, ""),
        (":a-osgi:1", {"Implementation-Title": "a"}, ""),
    ],
)
def test_a_manifest_may_name_another_artifact_than_the_pom(own: str, manifest: dict[str, str], expected: str) -> None:
    assert other_name(pom(own), manifest) == expected


@pytest.mark.parametrize(
    ("path", "manifest", "expected"),
    [
        ("bare-4.5.6.jar", {}, ":bare:4.5.6"),
        ("b.jar", {"Implementation-Version": "1.2 (build 7)", "Bundle-Version": "9"}, ":b:1.2"),
        ("b.jar", {"Implementation-Version": "${v}", "Specification-Version": "3"}, ":b:3"),
        ("b.jar", {"Implementation-Version": "unknown", "Plugin-Version": "4"}, ":b:4"),
        ("b.jar", {"Bundle-Version": "5"}, ":b:5"),
        ("1.jar", {"Bundle-Name": "Thing"}, ":Thing:"),
        ("1.jar", {}, ":1:"),
        ("org.x.a-b-1.jar", {}, "org.x:a-b:1"),
        ("org.multiple-name.jar", {}, ":multiple-name:"),
        ("javax.inject-1.jar", {}, "javax.inject:javax.inject:1"),
        ("org.eclipse.core.jobs_3.1.jar", {}, ":org.eclipse.core.jobs:3.1"),
        ("org.felix.shell-1.jar", {"Bundle-SymbolicName": "org.felix.shell;a:=b"}, "org.felix:org.felix.shell:1"),
        ("gradle.hpi", {"Plugin-Version": "2.11", "Group-Id": "x.y"}, "x.y:gradle:2.11"),
        ("gradle.jpi", {"Plugin-Version": "2.11"}, "org.jenkins-ci.plugins:gradle:2.11"),
        ("a-1.jar", {"Implementation-Vendor-Id": "org.house"}, "org.house:a:1"),
        ("a-1.jar", {"Implementation-Vendor-Id": "org.apache"}, ":a:1"),
        ("a-1.jar", {"Implementation-Vendor-Id": "Some Company"}, ":a:1"),
        ("a-1.jar", {"Implementation-Vendor-Id": "Company"}, ":a:1"),
        ("opensaml-core-3.jar", {"Bundle-SymbolicName": "org.opensaml.core"}, "org.opensaml:opensaml-core:3"),
        ("zed-1.jar", {"Bundle-SymbolicName": "org.house.zed;singleton:=true"}, "org.house:zed:1"),
        ("ivy-1.jar", {"Bundle-SymbolicName": "org.apache.ivy"}, "org.apache.ivy:ivy:1"),
        ("jsoup-1.jar", {"Automatic-Module-Name": "org.jsoup"}, "org.jsoup:jsoup:1"),
        ("micro-aop-4.jar", {"Automatic-Module-Name": "io.micro.micro_aop"}, "io.micro:micro-aop:4"),
        ("cats-xml_2.11-1.jar", {"Bundle-SymbolicName": "org.cats.cats-xml"}, "org.cats:cats-xml_2.11:1"),
        ("odd-1.jar", {"Automatic-Module-Name": "something.else"}, ":odd:1"),
        ("spring-core-5.3.jar", {"Automatic-Module-Name": "spring.core"}, "org.springframework:spring-core:5.3"),
        ("spring-security-web-5.jar", {}, "org.springframework.security:spring-security-web:5"),
        ("kafka-clients-3.jar", {}, "org.apache.kafka:kafka-clients:3"),
        ("catalina.jar", {"Bundle-SymbolicName": "org.apache.tomcat-catalina", "Bundle-Version": "9.0.1"},
         "org.apache.tomcat:tomcat-catalina:9.0.1"),
        ("root/.m2/repository/org/house/a/1/a-1.jar", {}, "org.house:a:1"),
        ("root/.m2/repository/org/house/b/1/a-1.jar", {}, ":a:1"),
        ("g/files-2.1/org.house/a/1/0f0f/a-1.jar", {}, "org.house:a:1"),
        ("lib/a-1.jar", {"Bundle-SymbolicName": ".."}, ":a:1"),
    ],
)  # fmt: skip
def test_without_a_pom_name_and_manifest_say_it(path: str, manifest: dict[str, str], expected: str) -> None:
    assert ":".join(identify([], manifest, path).artifact) == expected


TEXT = st.text("ab.-_1;/# rcé", max_size=12)


@given(
    st.lists(st.builds(Pom, TEXT, TEXT, TEXT), max_size=5),
    st.dictionaries(st.sampled_from(MANIFEST_HEADERS), TEXT, max_size=5),
    TEXT,
)
def test_the_order_of_poms_does_not_matter(poms: list[Pom], manifest: dict[str, str], path: str) -> None:
    assert identify(poms, manifest, path).artifact == identify(poms[::-1], manifest, path).artifact
