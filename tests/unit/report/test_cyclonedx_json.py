"""CycloneDX, with the strict validator of cyclonedx-python-lib as oracle."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cyclonedx.model.bom import Bom
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from hypothesis import HealthCheck, given, settings

from hullmark.model.inventory import Inventory
from hullmark.report import load
from hullmark.report.format import RenderContext
from tests.unit.report.samples import INVENTORIES, PLAIN, SMALL, WITH_FILES, inventories, package

RENDER = load("inventory", "cyclonedx-json").render
VALIDATOR = JsonStrictValidator(SchemaVersion.V1_6)


def document(inventory: Inventory, context: RenderContext = PLAIN) -> dict[str, Any]:
    """The rendered document, read back."""
    read: dict[str, Any] = json.loads(RENDER(inventory, context))
    return read


def component(read: dict[str, Any], name: str) -> dict[str, Any]:
    """The one component of this name."""
    (found,) = [component for component in read["components"] if component["name"] == name]
    return dict(found)


def properties(element: dict[str, Any]) -> dict[str, str]:
    """The properties as a dictionary."""
    return {found["name"]: found["value"] for found in element["properties"]}


def with_licenses(*texts: str) -> list[dict[str, Any]]:
    """The licences of a component whose package says these."""
    inventory = Inventory(
        source=SMALL.source, distro=None, packages=(package("npm", "a", "1", licenses=texts),), problems=()
    )
    read = document(inventory)
    assert VALIDATOR.validate_str(json.dumps(read)) is None
    licenses: list[dict[str, Any]] = component(read, "a")["licenses"]
    return licenses


@pytest.mark.parametrize("case", INVENTORIES)
@pytest.mark.parametrize("timestamp", [None, "2026-03-01T12:00:00Z"])
def test_the_document_is_valid(case: str, timestamp: str | None) -> None:
    rendered = RENDER(INVENTORIES[case], RenderContext(tool_version="1", timestamp=timestamp)).decode()
    assert VALIDATOR.validate_str(rendered) is None


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(inventories())
def test_the_document_of_any_inventory_is_valid_and_its_refs_are_unique(inventory: Inventory) -> None:
    read = document(inventory)
    assert VALIDATOR.validate_str(json.dumps(read)) is None
    refs = [read["metadata"]["component"]["bom-ref"], *(component["bom-ref"] for component in read["components"])]
    assert len(set(refs)) == len(refs)


def test_the_library_reads_what_was_written() -> None:
    bom = Bom.from_json(document(SMALL))  # type: ignore[attr-defined]
    assert {str(found.purl) for found in bom.components if found.purl} == {
        found.purl.replace("%2F", "/") for found in SMALL.packages if found.purl
    }


def test_the_serial_number_depends_on_the_content_only() -> None:
    first, again, other = (document(inventory)["serialNumber"] for inventory in (SMALL, SMALL, WITH_FILES))
    assert first == again != other


def test_there_is_a_timestamp_only_where_one_was_asked_for() -> None:
    assert "timestamp" not in document(SMALL)["metadata"]
    context = RenderContext(tool_version="1", timestamp="2026-03-01T12:00:00+01:00")
    assert document(SMALL, context)["metadata"]["timestamp"] == "2026-03-01T11:00:00Z"


def test_the_image_is_what_the_document_is_about() -> None:
    image = document(SMALL)["metadata"]["component"]
    assert (image["type"], image["name"], image["version"]) == (
        "container",
        "registry.example.com/team/Shop:1.4",
        SMALL.source.digest,
    )
    assert image["purl"].startswith(f"pkg:oci/shop@{SMALL.source.digest}?")
    assert properties(image)["hullmark:layer:1:created_by"] == "RUN pip install shop"


def test_a_component_tells_every_place_and_its_layer() -> None:
    found = component(document(SMALL), "left-pad")
    told = properties(found)
    assert told["hullmark:location:0:path"] == "/app/a/node_modules/left-pad/package.json"
    assert (told["hullmark:location:0:layer"], told["hullmark:location:1:layer"]) == ("1", "2")
    assert found["evidence"]["occurrences"] == [
        {"location": "/app/a/node_modules/left-pad/package.json"},
        {"location": "/app/left-pad/package.json"},
    ]


def test_a_version_that_nobody_knows_is_left_out() -> None:
    assert "version" not in component(document(SMALL), "thing")


def test_a_list_with_gaps_says_so() -> None:
    assert document(SMALL)["compositions"][0]["aggregate"] == "incomplete"
    assert document(WITH_FILES)["compositions"][0]["aggregate"] == "unknown"
    assert properties(document(SMALL)["metadata"])["hullmark:problem:0:reason"] == "The database ends too early."


def test_files_are_components_with_their_digest() -> None:
    found = component(document(WITH_FILES), "/etc/ssl/openssl.cnf")
    assert found["type"] == "file"
    assert found["hashes"] == [{"alg": "SHA-256", "content": "a" * 64}]
    assert properties(found)["hullmark:file:state"] == "config-changed"


def test_identifiers_and_names_may_stand_beside_each_other() -> None:
    assert with_licenses("mit", "Artistic") == [
        {"license": {"id": "MIT", "acknowledgement": "declared"}},
        {"license": {"name": "Artistic", "acknowledgement": "declared"}},
    ]


def test_expressions_become_one() -> None:
    assert with_licenses("MIT OR ISC", "Apache-2.0") == [
        {"expression": "(MIT OR ISC) AND Apache-2.0", "acknowledgement": "declared"}
    ]


def test_an_expression_beside_free_text_becomes_a_name() -> None:
    assert with_licenses("MIT OR ISC", "ask me") == [
        {"license": {"name": "MIT OR ISC", "acknowledgement": "declared"}},
        {"license": {"name": "ask me", "acknowledgement": "declared"}},
    ]


def test_a_whole_licence_text_is_kept_under_a_short_name() -> None:
    text = "The Licence\n\n" + "word " * 100 + "end"
    (found,) = with_licenses(text)
    assert found["license"]["name"].startswith("The Licence word word")
    assert len(found["license"]["name"]) <= 120
    assert found["license"]["text"]["content"] == text
