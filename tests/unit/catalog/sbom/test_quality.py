"""What a bill of materials says of what NTIA and BSI want to be told, and how that is counted."""

from __future__ import annotations

import json
from typing import Any

import pytest
from msgspec.structs import replace

from hullmark.catalog.sbom import read_document
from hullmark.catalog.sbom.quality import quality_of
from hullmark.model.quality import ElementQuality, Quality
from hullmark.report import load
from tests.unit.report.quality_samples import CONTEXT
from tests.unit.report.samples import SMALL, WITH_FILES

NTIA, BSI = 0, 1
WHOLE: dict[str, Any] = {
    "type": "library",
    "bom-ref": "a",
    "name": "a",
    "version": "1",
    "purl": "pkg:npm/a@1",
    "manufacturer": {"name": "Example Ltd", "url": ["https://example.com"]},
    "licenses": [{"license": {"id": "MIT"}}],
    "properties": [
        {"name": f"bsi:component:{name}", "value": value}
        for name, value in (
            ("filename", "a.tgz"),
            ("executable", "non-executable"),
            ("archive", "archive"),
            ("structured", "structured"),
        )
    ],
    "externalReferences": [
        {
            "type": "distribution",
            "url": "https://example.com/a.tgz",
            "hashes": [{"alg": "SHA-512", "content": "0" * 128}],
        },
        {"type": "source-distribution", "url": "https://example.com/a"},
    ],
}
BOM: dict[str, Any] = {
    "bomFormat": "CycloneDX",
    "specVersion": "1.6",
    "serialNumber": "urn:uuid:3e671687-395b-41f5-a30f-a58921a69b79",
    "metadata": {
        "timestamp": "2026-03-01T12:00:00Z",
        "manufacturer": {"name": "X", "contact": [{"email": "x@example.com"}]},
    },
    "components": [WHOLE],
    "dependencies": [{"ref": "a"}],
    "compositions": [{"aggregate": "complete"}],
}


def measured(bom: dict[str, Any]) -> Quality:
    return quality_of(read_document(json.dumps(bom).encode()), "a document")


def scores(quality: Quality) -> tuple[int, ...]:
    return tuple(specification.score for specification in quality.specifications)


def lacking(quality: Quality) -> list[str]:
    return [
        element.name
        for specification in quality.specifications
        for element in specification.elements
        if not element.is_met
    ]


def element(quality: Quality, specification: int, name: str) -> ElementQuality:
    return next(each for each in quality.specifications[specification].elements if each.name == name)


def without(*path: str) -> dict[str, Any]:
    """The document without one thing; a path that begins with `component` is in the component."""
    bom = json.loads(json.dumps(BOM))
    place = bom["components"][0] if path[0] == "component" else bom
    for key in path[path[0] == "component" : -1]:
        place = place[key]
    del place[path[-1]]
    return bom  # type: ignore[no-any-return]


def test_a_document_that_says_everything_has_a_hundred() -> None:
    assert scores(measured(BOM)) == (100, 100)
    assert lacking(measured(BOM)) == []


@pytest.mark.parametrize(
    ("path", "names"),
    [
        (("metadata", "timestamp"), ["timestamp", "timestamp"]),
        (("metadata", "manufacturer"), ["author of SBOM data", "creator of the SBOM (mail or web address)"]),
        (("serialNumber",), ["SBOM-URI"]),
        (("specVersion",), ["format: CycloneDX 1.6, SPDX 3.0, or newer"]),
        (("compositions",), ["completeness of dependencies is stated"]),
        (("dependencies",), ["dependency relationship", "dependencies"]),
        (("component", "manufacturer"), ["supplier name", "component creator (mail or web address)"]),
        (("component", "version"), []),  # the package URL has it
        (("component", "purl"), ["other unique identifiers", "other unique identifiers"]),
        (("component", "licenses"), ["distribution licences (SPDX expression)"]),
        (
            ("component", "externalReferences"),
            ["hash of the deployable component (SHA-512)", "source code URI", "URI of the deployable form"],
        ),
        (("component", "properties"), ["filename", "executable property", "archive property", "structured property"]),
    ],
    ids=lambda value: ".".join(value) if isinstance(value, tuple) else "",
)
def test_what_is_missing_is_named(path: tuple[str, ...], names: list[str]) -> None:
    assert lacking(measured(without(*path))) == names


def test_a_score_is_the_mean_of_shares_and_what_does_not_count_changes_nothing() -> None:
    other = {**WHOLE, "bom-ref": "b", "name": "b", "purl": "pkg:npm/b@1"}
    del other["manufacturer"]
    quality = measured({**BOM, "components": [WHOLE, other], "dependencies": [{"ref": "a", "dependsOn": ["b"]}]})
    assert scores(quality) == (92, 96)  # 6.5 of 7, 13.5 of 14
    supplier = element(quality, NTIA, "supplier name")
    assert (supplier.have, supplier.of, supplier.lacking) == (1, 2, ("pkg:npm/b@1",))
    assert supplier.advice
    assert scores(measured(without("serialNumber"))) == (100, 100)


def test_free_text_is_no_licence_and_an_old_epoch_no_moment() -> None:
    bom = {**BOM, "metadata": {**BOM["metadata"], "timestamp": "1970-01-01T00:00:00Z"}}
    bom["components"] = [{**WHOLE, "licenses": [{"license": {"name": "see the file"}}]}]
    assert lacking(measured(bom)) == ["timestamp", "timestamp", "distribution licences (SPDX expression)"]


@pytest.mark.parametrize("format", ["cyclonedx-json", "cyclonedx-xml", "spdx-json", "spdx-tag-value", "spdx3-json"])
def test_what_our_formats_are_told_is_found_in_them(format: str) -> None:
    supplied = replace(WITH_FILES.packages[0], notes={"supplier": "S Ltd (x) <s@example.com>"})
    inventory = replace(SMALL, packages=(supplied,), relations=())
    quality = quality_of(read_document(load("inventory", format).render(inventory, CONTEXT)), "a document")
    assert scores(quality)[NTIA] == 100
    assert element(quality, BSI, "component creator (mail or web address)").is_met
    assert element(quality, BSI, "creator of the SBOM (mail or web address)").is_met


def test_a_document_without_components_tells_nothing_of_them() -> None:
    quality = measured({**BOM, "components": [], "dependencies": []})
    assert (quality.components, element(quality, NTIA, "version").of) == (0, 0)
    assert scores(quality) == (28, 28)
