"""Each lock file case as a folder, through the whole engine: what the project wants is found; in an image it is not looked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from hullmark.scanning.request import ScanRequest, ScanResources
from hullmark.scanning.scan import scan_folder, scan_image
from tests.conformance.cases import Case, Triple, cases, expected, layer, placed, strict_types, triples
from tests.support.layers import image
from tests.support.places import shared

FOLDERS = cases("declared")
INSTALLED = frozenset(("lock-30-swipl",))
"""Records of what is installed among the cases: they count in images too (docs/conformance-notes.md)."""
BESIDES = {"lock-22-mix": {("hex", "enacl", "2f50ba6289f2f2d9fef05d22a396c0bab4f64149")}}
"""What a case does not name and is found all the same, with a reason on the same page."""

each_case = pytest.mark.parametrize("case", FOLDERS, ids=[case["id"] for case in FOLDERS])


def in_folder(folder: Path, case: Case) -> set[Triple]:
    """What is found in a folder that holds the case's files."""
    for path, body in placed(case).items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(body)
    return triples(scan_folder(str(folder), f"dir:{folder}", ScanRequest(), ScanResources()).inventory.packages)


def test_there_are_cases_of_every_kind() -> None:
    shared("conformance", "packages")
    assert {case["ecosystem"] for case in FOLDERS} >= {"go", "java", "npm", "python", "rust"}


@each_case
def test_what_a_lock_file_names_is_found_and_nothing_else(case: Case, tmp_path: Path) -> None:
    found, strict = in_folder(tmp_path, case), strict_types(case)
    assert expected(case) - found == set()
    assert {package for package in found if package[0] in strict} - expected(case) == BESIDES.get(case["id"], set())


@each_case
def test_in_an_image_only_what_is_installed_counts(case: Case) -> None:
    scanned = scan_image(image(layer(placed(case), folders=True)), ScanRequest(), ScanResources()).inventory
    assert triples(scanned.packages) == (expected(case) if case["id"] in INSTALLED else set())


def test_few_cases_are_argued_about() -> None:
    assert len(INSTALLED) + len(BESIDES) <= 3
