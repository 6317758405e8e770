"""`hullmark quality`: what a bill of materials lacks, of images and of documents."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.flow.test_corrections import metadata
from tests.support.images import layout_of
from tests.support.pages import commands_that_hold
from tests.support.places import REPOSITORY
from tests.support.program import Program, program_in

PAGE = REPOSITORY / "docs" / "how-to" / "measure-an-sbom.md"
AUTHOR = ("--author", "Example Ltd <sbom@example.com>")


@pytest.fixture
def hullmark(tmp_path: Path) -> Program:
    hullmark = program_in(tmp_path / "run")
    files = {"srv/lib/python3.13/site-packages/shop-1.dist-info/METADATA": metadata("shop", "1", "License: MIT")}
    layout_of(hullmark.place / "app", files)
    return hullmark


def test_the_page_is_true(hullmark: Program) -> None:
    assert commands_that_hold(PAGE, hullmark) == 3


def test_an_image_is_measured_as_the_document_that_would_be_written(hullmark: Program) -> None:
    hullmark("scan", "oci-dir:app", *AUTHOR, "-o", "cyclonedx-json=app.json")
    documents = [
        hullmark("quality", *words, "-o", "json").document for words in (("oci-dir:app", *AUTHOR), ("sbom:app.json",))
    ]
    assert documents[0]["specifications"] == documents[1]["specifications"]
    assert [specification["score"] for specification in documents[0]["specifications"]] == [71, 50]


def test_what_corrections_say_is_counted(hullmark: Program) -> None:
    (hullmark.place / "c.yaml").write_text(
        "corrections:\n  - match: {name: shop}\n    set: {supplier: 'X <x@example.com>'}\n    owner: me\n    reason: so\n"
    )
    hullmark("scan", "oci-dir:app", "-o", "spdx-json=app.json")
    for source in ("oci-dir:app", "sbom:app.json"):
        quality = hullmark("quality", source, "--corrections", "c.yaml", "-o", "json").document
        elements = {element["name"]: element for element in quality["specifications"][0]["elements"]}
        assert (elements["supplier name"]["have"], elements["supplier name"]["lacking"]) == (1, []), source
