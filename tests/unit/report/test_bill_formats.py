"""Bills of materials in other formats and versions, beside the libraries of their makers, and read back."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from cyclonedx.validation.xml import XmlValidator
from hypothesis import HealthCheck, given, settings
from spdx_python_model import v3_0_1 as model
from spdx_tools.spdx.parser.parse_anything import parse_file
from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document

from hullmark.catalog.sbom import read_sbom
from hullmark.model.errors import HullmarkError
from hullmark.model.inventory import Inventory
from hullmark.model.licences.expressions import spdx_expression
from hullmark.report import load
from hullmark.report.cyclonedx_versions import VERSIONS
from hullmark.report.format import RenderContext
from tests.unit.report.samples import INVENTORIES, PLAIN, SMALL, inventories, package

MANY = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def rendered(format: str, inventory: Inventory, version: str = "") -> bytes:
    """The document."""
    return load("inventory", format).render(inventory, RenderContext(tool_version="1.2.3", spec_version=version))


def schema_of(version: str) -> SchemaVersion:
    """The library's name of a version."""
    return SchemaVersion.from_version(version)


def complaint(format: str, inventory: Inventory, version: str) -> object:
    """What the library has against a document of CycloneDX; None: nothing."""
    validator = XmlValidator if format == "cyclonedx-xml" else JsonStrictValidator
    return validator(schema_of(version)).validate_str(rendered(format, inventory, version).decode())


def test_every_version_of_cyclonedx_is_valid() -> None:
    for format in ("cyclonedx-json", "cyclonedx-xml"):
        for version in VERSIONS:
            for case, inventory in INVENTORIES.items():
                assert complaint(format, inventory, version) is None, (format, version, case)


@MANY
@given(inventories())
def test_any_inventory_is_valid_as_xml_and_in_the_oldest_version(inventory: Inventory) -> None:
    assert complaint("cyclonedx-xml", inventory, "1.6") is None
    assert complaint("cyclonedx-xml", inventory, "1.4") is None
    assert complaint("cyclonedx-json", inventory, "1.4") is None


def test_a_version_that_is_not_written_is_refused() -> None:
    with pytest.raises(HullmarkError, match="is not written"):
        rendered("cyclonedx-json", SMALL, "1.3")


def spdx_documents(inventory: Inventory, folder: Path) -> list[Any]:
    """The documents as the library reads them from JSON and from tags and values."""
    read = []
    for format, name in (("spdx-json", "bom.spdx.json"), ("spdx-tag-value", "bom.spdx")):
        path = folder / name
        path.write_bytes(rendered(format, inventory))
        read.append(parse_file(str(path)))
    return read


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # the library leaves a file open
@pytest.mark.parametrize(
    "case", [case for case in INVENTORIES if case != "odd"]
)  # what a line cannot hold is written out
def test_tags_and_values_say_what_the_json_says(case: str, tmp_path: Path) -> None:
    first, second = spdx_documents(INVENTORIES[case], tmp_path)
    assert [message.validation_message for message in validate_full_spdx_document(second)] == []
    assert sorted(map(repr, second.packages)) == sorted(map(repr, first.packages))
    assert sorted(map(repr, second.files)) == sorted(map(repr, first.files))
    assert sorted(map(repr, second.relationships)) == sorted(map(repr, first.relationships))
    assert second.extracted_licensing_info == first.extracted_licensing_info


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@MANY
@given(inventories())
def test_any_inventory_is_valid_as_tags_and_values(inventory: Inventory) -> None:
    with TemporaryDirectory() as folder:
        _, document = spdx_documents(inventory, Path(folder))
    assert [message.validation_message for message in validate_full_spdx_document(document)] == []


def known(inventory: Inventory) -> list[tuple[object, ...]]:
    """What every bill of materials carries of the packages."""
    return [
        (each.type, each.name, each.version, each.purl, tuple(spdx_expression(text) or text for text in each.licenses))
        for each in inventory.packages
    ]


@pytest.mark.parametrize("format", ["cyclonedx-xml", "spdx-tag-value", "spdx3-json"])
@pytest.mark.parametrize("case", [case for case in INVENTORIES if case != "odd"])
def test_what_is_written_reads_back(format: str, case: str) -> None:
    inventory = INVENTORIES[case]
    read, usual = (
        read_sbom(rendered(name, inventory)) for name in (format, f"{format.split('-')[0][:9].rstrip('3')}-json")
    )
    assert known(read) == known(usual)
    assert read.relations == usual.relations
    assert (read.distro, read.source.reference) == (usual.distro, usual.source.reference)


def test_spdx_3_is_valid_by_its_model() -> None:
    for inventory in INVENTORIES.values():
        elements = model.SHACLObjectSet()
        model.JSONLDDeserializer().read(io.BytesIO(rendered("spdx3-json", inventory)), elements)
        assert len(list(elements.foreach_type(model.software_Package))) >= len(inventory.packages) + 1
        assert elements.link() == set()
        model.JSONLDSerializer().serialize_data(elements)  # refuses an element without what it must have


def test_spdx_3_has_each_element_once_and_all_that_others_name() -> None:
    for inventory in INVENTORIES.values():
        graph = json.loads(rendered("spdx3-json", inventory))["@graph"]
        ids = [element["spdxId"] for element in graph if "spdxId" in element]
        assert len(ids) == len(set(ids))
        for element in graph:
            named = [
                element.get("from"),
                *element.get("to", ()),
                *element.get("rootElement", ()),
                *element.get("element", ()),
            ]
            assert {name for name in named if name} <= set(ids)
            assert element["type"] == "CreationInfo" or element["creationInfo"] == "_:creation"


def test_a_row_of_csv_is_a_package_and_no_formula() -> None:
    inventory = Inventory(
        source=SMALL.source,
        distro=None,
        packages=(
            package("npm", "=a()", "1", licenses=("Expat", "GPL-2+")),
            package("deb", "b", "2", licenses=("BSD",)),
        ),
        problems=(),
    )
    rows = list(csv.DictReader(io.StringIO(rendered("csv", inventory).decode())))
    assert [(row["name"], row["licence"], row["licences_as_written"]) for row in rows] == [
        ("'=a()", "MIT AND GPL-2.0-or-later", "Expat; GPL-2+"),
        ("b", "", "BSD"),
    ]


def test_github_is_told_what_brought_which_packages() -> None:
    context = RenderContext(
        tool_version="1.2.3",
        variables={
            "GITHUB_SHA": "a" * 40,
            "GITHUB_REF": "refs/heads/main",
            "GITHUB_JOB": "scan",
            "GITHUB_WORKFLOW": "ci",
        },
    )
    snapshot = json.loads(load("inventory", "github-json").render(SMALL, context))
    assert (snapshot["sha"], snapshot["ref"], snapshot["job"]["correlator"]) == ("a" * 40, "refs/heads/main", "ci_scan")
    resolved = {purl for manifest in snapshot["manifests"].values() for purl in manifest["resolved"]}
    assert resolved == {each.purl for each in SMALL.packages if each.purl}
    assert {
        entry["relationship"] for manifest in snapshot["manifests"].values() for entry in manifest["resolved"].values()
    } <= {
        "direct",
        "indirect",
    }


def test_a_template_of_packages() -> None:
    context = RenderContext(tool_version="1", template="{{ source.reference }}: {{ packages | length }}")
    assert (
        load("inventory", "template").render(SMALL, context)
        == f"{SMALL.source.reference}: {len(SMALL.packages)}".encode()
    )
    with pytest.raises(HullmarkError, match="needs a template"):
        load("inventory", "template").render(SMALL, PLAIN)
