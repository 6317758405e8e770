"""SPDX documents: which of the packages is the whole, what is nobody's package, licences in parentheses, and lines that are broken."""

from __future__ import annotations

import json
from typing import Any

import pytest

from hullmark.catalog.sbom import read_sbom
from hullmark.model.inventory import Inventory


def package(id: str, name: str, version: str = "1.0", purl: str = "", **more: Any) -> dict[str, Any]:
    """One package."""
    refs = [{"referenceType": "purl", "referenceLocator": purl}] if purl else []
    return {"SPDXID": id, "name": name, "versionInfo": version, "externalRefs": refs, **more}


def read(*packages: dict[str, Any], relations: list[tuple[str, str, str, str]] | None = None) -> Inventory:
    """What a document tells; a relation is element, type, other element and comment."""
    listed = [
        {"spdxElementId": one, "relationshipType": type, "relatedSpdxElement": other, "comment": comment}
        for one, type, other, comment in relations or []
    ]
    document = {
        "spdxVersion": "SPDX-2.3",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": "doc",
        "creationInfo": {"creators": ["Tool: somebody"]},
        "packages": packages,
        "relationships": listed,
    }
    return read_sbom(json.dumps(document).encode())


def names(inventory: Inventory) -> list[str]:
    """The names of all packages."""
    return sorted(found.name for found in inventory.packages)


@pytest.mark.parametrize(
    ("described", "is_whole"),
    [
        (package("SPDXRef-a", "shop", purl="pkg:oci/shop@sha256%3Aab?tag=1"), True),
        (package("SPDXRef-a", "shop", purl="pkg:npm/shop@1.0"), False),
        (package("SPDXRef-a", "shop", primaryPackagePurpose="ARCHIVE"), True),
        (package("SPDXRef-a", "shop", version=""), True),
        (package("SPDXRef-a", "shop"), False),
    ],
    ids=["image", "package", "archive", "without a version", "with a version"],
)
def test_what_a_document_describes_is_the_whole_if_it_is_made_to_be(described: dict[str, Any], is_whole: bool) -> None:
    other = package("SPDXRef-b", "lodash", purl="pkg:npm/lodash@1.0")
    found = read(described, other, relations=[("SPDXRef-DOCUMENT", "DESCRIBES", "SPDXRef-a", "")])
    assert names(found) == (["lodash"] if is_whole else ["lodash", "shop"])
    assert found.source.reference == ("shop" if is_whole else "doc")


def test_what_trivy_groups_packages_by_is_not_one_of_them() -> None:
    group = package(
        "SPDXRef-Application-1", "app/package-lock.json", attributionTexts=["Class: lang-pkgs", "Type: npm"]
    )
    found = read(group, package("SPDXRef-b", "lodash", purl="pkg:npm/lodash@1.0"))
    assert (names(found), found.problems) == (["lodash"], ())


def test_of_several_systems_the_first_that_has_a_name_counts() -> None:
    systems = [
        package(f"SPDXRef-OperatingSystem-{number}", name, version)
        for number, (name, version) in enumerate((("NOASSERTION", "1"), ("debian", "12"), ("alpine", "3")))
    ]
    found = read(*systems)
    assert found.distro is not None
    assert (found.distro.id, found.distro.version_id, found.packages) == ("debian", "12", ())


@pytest.mark.parametrize("comment", ["of its places: [", "of its places: 7", "of its places: [[]]"])
def test_an_owner_of_places_that_cannot_be_read_owns_the_whole_package(comment: str) -> None:
    owner = "pkg:deb/debian/python3-six@1.0?distro=debian-12"
    found = read(
        package("SPDXRef-a", "python3-six", purl=owner),
        package("SPDXRef-b", "six", purl="pkg:pypi/six@1.0"),
        relations=[("SPDXRef-a", "CONTAINS", "SPDXRef-b", comment)],
    )
    assert [each.owned_by for each in found.packages if each.name == "six"] == [owner]


@pytest.mark.parametrize(
    ("expression", "licenses"),
    [
        ("(MIT) AND (ISC OR (Zlib))", ("MIT", "ISC OR (Zlib)")),
        ("(MIT) OR (ISC)", ("(MIT) OR (ISC)",)),
        ("(MIT", ("(MIT",)),
        ("MIT AND " + "x" * 70_000, (("MIT AND " + "x" * 70_000)[:8192],)),
    ],
    ids=["joined", "alternatives", "open", "too long"],
)
def test_a_licence_expression_is_taken_apart_only_where_it_joins(expression: str, licenses: tuple[str, ...]) -> None:
    [found] = read(package("SPDXRef-a", "a", purl="pkg:npm/a@1.0", licenseDeclared=expression)).packages
    assert found.licenses == licenses


TAG_VALUE = """\
SPDXVersion: SPDX-2.3
DocumentName: shop
PackageName: python3-six
SPDXID: SPDXRef-a
PackageVersion: 1.0
ExternalRef: PACKAGE-MANAGER purl pkg:deb/debian/python3-six@1.0?distro=debian-12
PackageName: six
SPDXID: SPDXRef-b
PackageVersion: 1.0
ExternalRef: PACKAGE-MANAGER purl pkg:pypi/six@1.0
PackageName: last
SPDXID: SPDXRef-c
PackageVersion: 1.0
ExternalRef: PACKAGE-MANAGER pkg:pypi/last@1.0
Relationship: SPDXRef-a DEPENDS_ON SPDXRef-b
Relationship: SPDXRef-a OTHER
RelationshipComment: ownership-by-file-overlap: a comment on a relationship that was not read
"""


def test_lines_that_lack_a_word_are_said_and_what_belongs_to_them_is_not_taken_for_others() -> None:
    found = read_sbom(TAG_VALUE.encode())
    assert [(each.name, each.owned_by) for each in found.packages if each.name == "six"] == [("six", None)]
    reasons = [problem.reason for problem in found.problems]
    assert "2 reference(s) and relationship(s) are not of three words and were not read" in reasons
    assert [(need.dependent, need.dependency) for need in found.relations or ()] == [
        ("pkg:deb/debian/python3-six@1.0?distro=debian-12", "pkg:pypi/six@1.0")
    ]


def test_packages_and_relationships_beyond_the_limit_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hullmark.catalog.sbom.spdx_tag_value.MAX_COMPONENTS", 1)
    found = read_sbom((TAG_VALUE + "Relationship: SPDXRef-b DEPENDS_ON SPDXRef-c\n").encode())
    assert names(found) == ["python3-six"]
    reasons = {problem.reason for problem in found.problems}
    assert {"only the first 1 packages were read", "only the first 1 relationships were read"} <= reasons
