"""Bills of materials of an image: valid, readable and the same when they are read, and that the bench sees where one is not."""

from __future__ import annotations

import json
from pathlib import Path

from bench.bills import VALIDATORS, unread_expressions
from bench.sboms import Bill, Image, examine, report
from tests.support.places import corpus


def test_every_document_of_an_image_is_valid_and_reads_back() -> None:
    image = examine("apk-image", corpus("oci", "apk-image"))
    assert len(image.bills) == 11
    assert (image.packages, image.unread) == (21, ())
    assert image.relations
    assert [(bill.format, bill.version, bill.complaints) for bill in image.bills if bill.complaints] == []


def test_expressions_that_nobody_reads_are_named() -> None:
    good = ("MIT OR LicenseRef-x", "GPL-2.0-or-later WITH Classpath-exception-2.0", "(MIT)")
    bad = ("MIT AND", "Unheard-Of-1.0", "MIT AND (", "LicenseRef-x y")
    assert set(unread_expressions((*good, *bad))) == set(bad)


def test_what_the_schema_cannot_say_is_looked_for(tmp_path: Path) -> None:
    component = {"type": "library", "name": "a", "bom-ref": "a", "licenses": [{"license": {"id": "MIT"}}]}
    document = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": {"type": "container", "name": "i", "bom-ref": "root"}},
        "components": [component, component],
        "dependencies": [{"ref": "a", "dependsOn": ["gone"]}],
    }
    file = tmp_path / "bom.json"
    file.write_text(json.dumps(document))
    invalid, expressions = VALIDATORS["cyclonedx-json"](file, "1.6")
    assert "two components have the bom-ref a" in invalid
    assert "no component has the bom-ref gone" in invalid
    assert expressions == ["MIT", "MIT"]


def test_an_spdx_3_element_without_what_it_must_have_is_not_valid(tmp_path: Path) -> None:
    creation = {"type": "CreationInfo", "@id": "_:c", "created": "2024-01-01T00:00:00Z", "createdBy": ["urn:a"]}
    package = {"type": "software_Package", "spdxId": "urn:p", "creationInfo": "_:c", "name": "p"}
    graph = [{**creation, "specVersion": "3.0.1"}, {**package, "suppliedBy": "urn:gone"}]
    file = tmp_path / "bom.json"
    context = "https://spdx.org/rdf/3.0.1/spdx-context.jsonld"
    file.write_text(json.dumps({"@context": context, "@graph": graph}))
    assert "nothing has the spdxId urn:gone" in VALIDATORS["spdx3-json"](file, "")[0]
    file.write_text(json.dumps({"@context": context, "@graph": [creation, package]}))
    assert "specVersion" in VALIDATORS["spdx3-json"](file, "")[0][0]


def test_the_page_names_what_is_wrong() -> None:
    bill = Bill("i", "spdx-json", "", ("odd",), ("MIT AND",), ("package is lost: a",))
    page = report([Image("i", 1, 0, 1, (), (bill,))])
    assert "With a complaint: **1**" in page
    assert all(f"- {complaint}\n" in page for complaint in bill.complaints)
