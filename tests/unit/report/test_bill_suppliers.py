"""Who supplies packages and who writes the document, in bills of materials; and what they leave out, or only count."""

from __future__ import annotations

import json
from typing import Any

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from defusedxml.ElementTree import fromstring
from msgspec.structs import replace

from hullmark.model.inventory import Inventory
from hullmark.report import load
from hullmark.report.format import RenderContext
from tests.unit.report.samples import EMPTY, FILES, PLAIN, PROBLEMS, SMALL, package

MAIL, WEB = "Shop (Berlin) <sbom@shop.example>", "https://shop.example/"
SUPPLIED = replace(
    EMPTY,
    packages=(
        package("npm", "mailed", "1", notes={"author": MAIL}),
        package("npm", "named", "1", notes={"vendor": "Shop"}),
        package("npm", "webbed", "1", notes={"maintainer": "Shop", "homepage": WEB}),
    ),
)


def rendered(format: str, inventory: Inventory = SUPPLIED, **context: Any) -> bytes:
    """The document."""
    return load("inventory", format).render(inventory, RenderContext(tool_version="1.2.3", **context))


def test_cyclonedx_has_the_addresses_of_suppliers_as_json_and_as_xml() -> None:
    read = json.loads(rendered("cyclonedx-json"))
    assert {found["name"]: found["supplier"] for found in read["components"]} == {
        "mailed": {"name": "Shop (Berlin)", "contact": [{"email": "sbom@shop.example"}]},
        "named": {"name": "Shop"},
        "webbed": {"name": "Shop", "url": [WEB]},
    }
    space = "{http://cyclonedx.org/schema/bom/1.6}"
    suppliers = fromstring(rendered("cyclonedx-xml")).iter(f"{space}supplier")
    assert [[(child.tag.removeprefix(space), child.text) for child in found.iter()][1:] for found in suppliers] == [
        [("name", "Shop (Berlin)"), ("contact", None), ("email", "sbom@shop.example")],
        [("name", "Shop")],
        [("name", "Shop"), ("url", WEB)],
    ]


def test_whoever_writes_the_document_is_its_author_where_a_version_has_no_manufacturer_of_it() -> None:
    for version, validated in (("1.4", SchemaVersion.V1_4), ("1.5", SchemaVersion.V1_5)):
        text = rendered("cyclonedx-json", spec_version=version, author="Shop <sbom@shop.example>").decode()
        assert JsonStrictValidator(validated).validate_str(text) is None
        metadata = json.loads(text)["metadata"]
        assert metadata["authors"] == [{"name": "Shop", "email": "sbom@shop.example"}]
        assert "manufacturer" not in metadata
    plain = json.loads(rendered("cyclonedx-json", spec_version="1.5", author=f"Shop <{WEB}>"))["metadata"]
    assert plain["authors"] == [{"name": "Shop"}]


def test_spdx_3_has_an_organization_once_with_the_address_that_is_known() -> None:
    graph = json.loads(rendered("spdx3-json", author=MAIL))["@graph"]
    agents = [element for element in graph if element["type"] == "Organization"]
    assert [(found["name"], found.get("externalIdentifier")) for found in agents] == [
        ("Shop", None),
        (
            "Shop",
            [{"type": "ExternalIdentifier", "externalIdentifierType": "other", "identifier": WEB}],
        ),
        (
            "Shop [Berlin]",
            [{"type": "ExternalIdentifier", "externalIdentifierType": "email", "identifier": "sbom@shop.example"}],
        ),
    ]
    ids = [found["spdxId"] for found in agents]
    assert {element["suppliedBy"] for element in graph if "suppliedBy" in element} == set(ids)
    assert graph[0]["createdBy"][1:] == ids[2:]


def test_a_file_of_no_known_layer_has_no_comment_on_its_layer() -> None:
    files = (FILES[0], replace(FILES[1], path="/srv/loose", layer=-1))
    inventory = replace(SMALL, files=files, packages=())
    told = {
        element["name"]: element.get("comment")
        for element in json.loads(rendered("spdx3-json", inventory))["@graph"]
        if element["type"] == "software_File"
    }
    assert told == {"./etc/ssl/openssl.cnf": f"layerID: {SMALL.source.layers[0].diff_id}", "./srv/loose": None}


def test_a_document_of_spdx_names_a_hundred_problems_and_counts_the_others() -> None:
    flood = tuple(replace(PROBLEMS[0], path=f"/p{number}") for number in range(103))
    lines = json.loads(load("inventory", "spdx-json").render(replace(SMALL, problems=flood), PLAIN))["comment"]
    assert lines.splitlines()[0] == "The list is not complete: 103 thing(s) could not be seen."
    assert lines.splitlines()[-2:] == ["/p99: The database ends too early. (unseen)", "and 3 more"]
