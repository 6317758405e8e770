"""SPDX, with the parser and validator of spdx-tools as oracle."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from spdx_tools.spdx.parser.parse_anything import parse_file
from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document

from hullmark.model.inventory import Inventory
from hullmark.report import load
from hullmark.report.format import RenderContext
from tests.unit.report.samples import EMPTY, INVENTORIES, PLAIN, SMALL, WITH_FILES, inventories, package

RENDER = load("inventory", "spdx-json").render


def document(inventory: Inventory, context: RenderContext = PLAIN) -> dict[str, Any]:
    """The rendered document, read back."""
    read: dict[str, Any] = json.loads(RENDER(inventory, context))
    return read


def complaints(rendered: bytes, folder: Path) -> list[str]:
    """What the oracle has against a document."""
    path = folder / "bom.spdx.json"
    path.write_bytes(rendered)
    return [message.validation_message for message in validate_full_spdx_document(parse_file(str(path)))]


def declared(*texts: str) -> tuple[str, dict[str, str]]:
    """(licenseDeclared, extracted texts) of a package that says these."""
    inventory = Inventory(
        source=SMALL.source, distro=None, packages=(package("npm", "a", "1", licenses=texts),), problems=()
    )
    rendered = RENDER(inventory, PLAIN)
    with TemporaryDirectory() as folder:
        assert complaints(rendered, Path(folder)) == []
    read = json.loads(rendered)
    extracted = {info["licenseId"]: info["extractedText"] for info in read.get("hasExtractedLicensingInfos", [])}
    return read["packages"][-1]["licenseDeclared"], extracted


@pytest.mark.parametrize("case", INVENTORIES)
def test_the_document_is_valid(case: str, tmp_path: Path) -> None:
    assert complaints(RENDER(INVENTORIES[case], PLAIN), tmp_path) == []


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(inventories())
def test_the_document_of_any_inventory_is_valid(inventory: Inventory) -> None:
    with TemporaryDirectory() as folder:
        assert complaints(RENDER(inventory, PLAIN), Path(folder)) == []


def test_the_document_describes_the_image_which_contains_the_packages() -> None:
    read = document(SMALL)
    told = [(r["spdxElementId"], r["relationshipType"], r["relatedSpdxElement"]) for r in read["relationships"]]
    root = "SPDXRef-DocumentRoot-Image"
    assert told[0] == ("SPDXRef-DOCUMENT", "DESCRIBES", root)
    contained = {other for element, kind, other in told if (element, kind) == (root, "CONTAINS")}
    assert contained == {found["SPDXID"] for found in read["packages"]} - {root}


def test_a_package_contains_the_package_whose_record_it_owns() -> None:
    read = document(SMALL)
    ids = {found["name"]: found["SPDXID"] for found in read["packages"]}
    assert {
        "spdxElementId": ids["python3-yaml"],
        "relationshipType": "CONTAINS",
        "relatedSpdxElement": ids["PyYAML"],
    } in read["relationships"]


def test_the_image_has_digest_purpose_and_package_url() -> None:
    image = document(SMALL)["packages"][0]
    assert image["primaryPackagePurpose"] == "CONTAINER"
    assert image["checksums"] == [{"algorithm": "SHA256", "checksumValue": f"{0xA:064x}"}]
    assert image["externalRefs"][0]["referenceLocator"].startswith("pkg:oci/shop@sha256:")


def test_the_moment_is_the_one_asked_for_else_the_images_else_1970() -> None:
    asked = RenderContext(tool_version="1", timestamp="2026-03-01T12:00:00Z")
    assert document(SMALL, asked)["creationInfo"]["created"] == "2026-03-01T12:00:00Z"
    assert document(SMALL)["creationInfo"]["created"] == "2024-02-29T21:59:59Z"
    assert document(EMPTY)["creationInfo"]["created"] == "1970-01-01T00:00:00Z"


def test_the_namespace_depends_on_the_content_only() -> None:
    first, again, other = (document(inventory)["documentNamespace"] for inventory in (SMALL, SMALL, WITH_FILES))
    assert first == again != other
    assert first.startswith("https://spdx.org/spdxdocs/hullmark-registry.example.com-team-Shop-1.4-")


def test_known_licences_are_joined_as_one_expression() -> None:
    assert declared("mit or isc", "Apache-2.0", "Apache-2.0") == ("(MIT OR ISC) AND Apache-2.0", {})


def test_unknown_licences_are_declared_with_their_text() -> None:
    expression, extracted = declared("MIT", "GPLv3+ with a twist")
    reference = expression.removeprefix("MIT AND ")
    assert reference.startswith("LicenseRef-GPLv3-with-a-twist-")
    assert extracted == {reference: "GPLv3+ with a twist"}


def test_references_that_a_package_brings_are_declared() -> None:
    assert declared("LicenseRef-my") == ("LicenseRef-my", {"LicenseRef-my": "LicenseRef-my"})


def test_a_plus_that_readers_refuse_is_kept_as_text() -> None:
    expression, extracted = declared("Apache-2.0+")
    assert extracted == {expression: "Apache-2.0+"}


def test_no_licence_is_no_assertion() -> None:
    assert declared(" ") == ("NOASSERTION", {})


def test_files_belong_to_their_owner_else_to_the_image() -> None:
    read = document(WITH_FILES)
    names = {found["SPDXID"]: found["name"] for found in read["packages"]}
    files = {found["SPDXID"]: found["fileName"] for found in read["files"]}
    assert {
        (names[r["spdxElementId"]], files[r["relatedSpdxElement"]])
        for r in read["relationships"]
        if r["relatedSpdxElement"] in files
    } == {
        ("libssl3", "./etc/ssl/openssl.cnf"),
        ("registry.example.com/team/Shop:1.4", "./srv/data"),
    }
    assert {"algorithm": "SHA256", "checksumValue": "b" * 64} in read["files"][1]["checksums"]
    assert "SHA1 of files that could not be hashed" in read["comment"]


def test_there_is_no_file_list_where_files_were_not_asked_for() -> None:
    assert "files" not in document(SMALL)
    assert document(msgspec.structs.replace(SMALL, files=()))["files"] == []


def test_gaps_are_told_in_the_comment() -> None:
    assert "/var/lib/rpm/Packages: The database ends too early." in document(SMALL)["comment"]
