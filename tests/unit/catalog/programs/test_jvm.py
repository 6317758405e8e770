"""JDK and JRE installations."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.catalog.programs.jvm import CATALOGER
from hullmark.model.package import Location, Package
from tests.support.places import SHARED, shared
from tests.support.views import FakeView

TEMURIN = b"""IMPLEMENTOR="Eclipse Adoptium"
IMPLEMENTOR_VERSION="Temurin-21.0.4+7"
JAVA_RUNTIME_VERSION="21.0.4+7-LTS"
JAVA_VERSION="21.0.4"
SOURCE_REPO="https://example.org/jdk21u.git"
FULL_VERSION="21.0.4+7-LTS"
IMAGE_TYPE="JDK"
"""


def catalog(files: dict[str, bytes]) -> list[Package]:
    view = FakeView(files, CATALOGER)
    packages = list(CATALOGER.assemble(view))
    assert view.problems == []
    return packages


def test_an_installation_is_a_package() -> None:
    assert catalog({"opt/java/openjdk/release": TEMURIN}) == [
        Package(
            type="generic",
            name="openjdk",
            version="21.0.4+7-LTS",
            purl="pkg:generic/oracle/openjdk@21.0.4%2B7-LTS?repository_url=https%3A%2F%2Fexample.org%2Fjdk21u.git",
            cataloger="jvm",
            locations=(Location("/opt/java/openjdk/release", 0),),
            notes={"implementor": "Eclipse Adoptium"},
        )
    ]


@pytest.mark.parametrize(
    ("path", "text", "purl"),
    [
        ("release", 'JAVA_VERSION="17.0.1"', "pkg:generic/oracle/openjdk@17.0.1"),
        ("a/release", 'JAVA_VERSION="1.8.0_411"\nBUILD_TYPE="commercial"', "pkg:generic/oracle/jre@1.8.0_411"),
        ("oracle-8/release", 'JAVA_VERSION="1.8.0_411"', "pkg:generic/oracle/jre@1.8.0_411"),
        ("a/release", 'JAVA_VERSION="22"\nIMPLEMENTOR="Oracle Corporation"\nIMAGE_TYPE="JDK"', "pkg:generic/oracle/jdk@22"),
        ("a/release", 'JAVA_VERSION="22"\nIMPLEMENTOR="Azul Systems, Inc."', "pkg:generic/azul/zulu@22"),
        ("zulu21/release", 'JAVA_VERSION="22"', "pkg:generic/azul/zulu@22"),
        ("a/release", 'JAVA_VERSION="1.6.0"\nIMPLEMENTOR="Sun Microsystems"', "pkg:generic/sun/jre@1.6.0"),
        ("a/release", 'JAVA_VERSION="8"\nIMPLEMENTOR="IBM Corporation"', "pkg:generic/ibm/java@8"),
        ("a/release", 'JAVA_VERSION="8"\nIMPLEMENTOR="IBM Corporation"\nIMAGE_TYPE="JDK"', "pkg:generic/ibm/java_sdk@8"),
        ("a/release", 'JAVA_VERSION="11.0.4"\nFULL_VERSION="11.0.4+11"', "pkg:generic/oracle/openjdk@11.0.4%2B11"),
        ("a/release", 'JAVA_VERSION="1.8.0_302"\nFULL_VERSION="8.0.302"', "pkg:generic/oracle/openjdk@1.8.0_302"),
        ("a/release", 'JAVA_RUNTIME_VERSION="21.0.1+2"\r\n', "pkg:generic/oracle/openjdk@21.0.1%2B2"),
    ],
)  # fmt: skip
def test_vendor_and_version_are_what_the_file_and_its_place_say(path: str, text: str, purl: str) -> None:
    assert [package.purl for package in catalog({path: text.encode()})] == [purl]


def test_a_compiler_makes_it_a_development_kit() -> None:
    text = b'JAVA_VERSION="22"\nIMPLEMENTOR="Oracle Corporation"\n'
    assert [package.name for package in catalog({"a/release": text, "a/bin/javac": b""})] == ["jdk"]
    assert [package.name for package in catalog({"release": text, "bin/javac": b""})] == ["jdk"]


@pytest.mark.parametrize("body", [b"", b"1.0\n", b"VERSION=1\n", b"\xff\xfe=\0", b"JAVA_VERSION=\n", bytes(1 << 20)])
def test_other_files_of_that_name_are_nobodys_problem(body: bytes) -> None:
    assert catalog({"etc/release": body}) == []


@given(st.binary(max_size=200), st.binary(max_size=200))
def test_any_bytes_are_survived(body: bytes, value: bytes) -> None:
    catalog({"release": body, "a/release": b'JAVA_VERSION="' + value + b'"'})


def conformance() -> list[Any]:
    if SHARED is None:
        return []
    lines = (SHARED / "conformance" / "packages" / "cases.jsonl").read_text().splitlines()
    return [pytest.param(case, id=case["id"]) for case in map(json.loads, lines) if case["id"].startswith("jvm-")]


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("case", conformance())
def test_known_installations_are_the_packages_they_are_known_to_be(case: dict[str, Any]) -> None:
    packages = catalog(files_of(shared("conformance", "packages", case["input"])))
    assert [(package.name, package.version) for package in packages] == [
        (package["name"], package["version"]) for package in case["expected"]
    ]
    assert [package.purl for package in packages] == case["expected_purls"]
