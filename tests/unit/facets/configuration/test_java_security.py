"""Java's security properties: the syntax of properties, lists, includes, the crypto policy, and bounds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.facets.configuration.java_properties import properties
from hullmark.facets.configuration.java_security import PARSER as JAVA
from hullmark.model.setting import Value
from tests.support.configuration import ReadSettings, read_settings

MAIN = "etc/java-17-openjdk/security/java.security"
PREFIX = f"java.security[/{MAIN}]."


def read(text: str, **more: str) -> ReadSettings:
    files = {f"etc/java-17-openjdk/security/{name}/java.security": body for name, body in more.items()}
    return read_settings(JAVA, {MAIN: text, **files})


@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        ("a=b", [("a", "b", 1)]),
        ("  a : b ", [("a", "b ", 1)]),
        ("a b=c", [("a", "b=c", 1)]),
        ("a", [("a", "", 1)]),
        ("= b", [("", "b", 1)]),
        ("\n# x\n ! y\na\\ b\\=c = d", [("a b=c", "d", 4)]),
        ("a = b, \\\n   c\n# d\\\ne=f", [("a", "b, c", 1), ("e", "f", 4)]),
        ("a=b\\\n#c", [("a", "b#c", 1)]),
        ("a=b\\\n\nc=d", [("a", "b", 1), ("c", "d", 3)]),
        ("a=b\\\\\nc=d", [("a", "b\\", 1), ("c", "d", 2)]),
        (r"a=\u0041\t\q", [("a", "A\tq", 1)]),
        ("a=\\u00", [("a", None, 1)]),
        ("a=b\\", [("a", "b", 1)]),
        ("a=b\rc=d\r\ne=f", [("a", "b", 1), ("c", "d", 2), ("e", "f", 3)]),
    ],
)
def test_properties_are_read_as_java_reads_them(text: str, pairs: list[tuple[str, str | None, int]]) -> None:
    assert [(p.name, p.value, p.line) for p in properties(text)] == pairs


@pytest.mark.parametrize(
    ("line", "name", "value"),
    [
        (
            "jdk.tls.disabledAlgorithms=SSLv3, RC4, \\\n  DH keySize < 1024,",
            "jdk.tls.disabledAlgorithms",
            ("SSLv3", "RC4", "DH keySize < 1024"),
        ),
        ("jdk.tls.disabledAlgorithms=", "jdk.tls.disabledAlgorithms", ()),
        ("security.overridePropertiesFile=true", "security.overridePropertiesFile", True),
        ("networkaddress.cache.ttl=30", "networkaddress.cache.ttl", 30),
        ("krb5.kdc.bad.policy = tryLast", "krb5.kdc.bad.policy", "tryLast"),
        ("security.provider.1=SUN", "security.provider.1", "SUN"),
        ("x.password=secret", "x.password", "***"),
    ],
)
def test_a_property_has_the_type_that_java_gives_it(line: str, name: str, value: Value) -> None:
    found = read(line)
    assert found.values == {f"{PREFIX}{name}": value}
    assert found.problems == []


def test_the_last_value_counts_and_lists_include_others() -> None:
    text = "jdk.disabled.namedCurves = a, b\njdk.tls.disabledAlgorithms=X\n"
    text += "jdk.tls.disabledAlgorithms=RC4, include jdk.disabled.namedCurves\n"
    assert read(text).values[f"{PREFIX}jdk.tls.disabledAlgorithms"] == ("RC4", "a", "b")


def test_files_that_are_included_stand_in_their_place() -> None:
    found = read("a=1\ninclude more/java.security\nb=1\n", more="a=2\nb=2\n")
    assert found.values == {f"{PREFIX}a": 2, f"{PREFIX}b": 1}
    assert found.problems == []


def test_the_crypto_policy_counts_before_the_runtime() -> None:
    home = "usr/lib/jvm/java-17/conf/security/java.security"
    policy = {"etc/crypto-policies/back-ends/java.config": "jdk.tls.disabledAlgorithms=A,B"}
    text = "security.useSystemPropertiesFile=true\njdk.tls.disabledAlgorithms=X"
    for word, value in (("true", ("A", "B")), ("false", ("X",))):
        found = read_settings(JAVA, {home: text.replace("true", word), **policy})
        assert found.values[f"java.security[/{home}].jdk.tls.disabledAlgorithms"] == value


@pytest.mark.parametrize(
    "path",
    [
        "usr/lib/jvm/java-8/jre/lib/security/java.security",
        "opt/java/openjdk/conf/security/java.security",
        "usr/local/openjdk-17/conf/security/java.security",
    ],
)
def test_runtimes_are_named_by_their_files(path: str) -> None:
    assert read_settings(JAVA, {path: "a=1"}).values == {f"java.security[/{path}].a": 1}


def test_a_link_to_the_same_file_is_no_second_runtime() -> None:
    found = read_settings(JAVA, {MAIN: "a=1"}, links={"usr/lib/jvm/x/conf/security/java.security": f"/{MAIN}"})
    assert found.values == {f"{PREFIX}a": 1}


@pytest.mark.parametrize("line", ["a=\\u12", "include ${java.home}/x", "include none", "include java.security"])
def test_what_is_not_understood_is_a_problem_at_its_line(line: str) -> None:
    found = read(f"b=1\n{line}\nc=1\n")
    assert found.values == {f"{PREFIX}b": 1, f"{PREFIX}c": 1}
    [(path, reason)] = found.problems
    assert path == f"/{MAIN}"
    assert reason.startswith("line 2: ")


@given(st.text(alphabet="a=: \\\n\r#!u0,include./", max_size=100))
def test_no_text_is_too_odd(text: str) -> None:
    read(text, a=text)
