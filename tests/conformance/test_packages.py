"""Each package case as an image of one layer, through the whole engine: nothing is missing, nothing is invented.

What the cases say of dependencies (`expected_dependencies`) is not compared: inventories have no dependencies.
"""

from __future__ import annotations

import pytest

from hullmark.model.inventory import Inventory
from hullmark.scanning.request import ScanRequest, ScanResources
from hullmark.scanning.scan import scan_image
from tests.conformance.cases import Case, cases, expected, layer, placed, strict_types, triples
from tests.support.layers import image
from tests.support.places import shared

IMAGES = cases("image")
both_ways = pytest.mark.parametrize("folders", [True, False], ids=["folders", "no-folders"])


def each(known: list[Case]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", known, ids=[case["id"] for case in known])


def scanned(case: Case, *, folders: bool) -> Inventory:
    return scan_image(image(layer(placed(case), folders=folders)), ScanRequest(), ScanResources()).inventory


def test_there_are_cases_of_every_kind() -> None:
    shared("conformance", "packages")
    known = cases("image")
    assert {case["ecosystem"] for case in known} >= {"apk", "dpkg", "gem", "java", "mixed", "npm", "python", "rpm"}


@both_ways
@each(IMAGES)
def test_what_is_installed_is_found_and_nothing_else(case: Case, folders: bool) -> None:
    found = triples(scanned(case, folders=folders).packages)
    strict = strict_types(case)
    assert expected(case) - found == set()
    assert {package for package in found if package[0] in strict} - expected(case) == set()


@both_ways
@each([case for case in IMAGES if "expected_licenses" in case])
def test_licences_are_those_that_the_records_name(case: Case, folders: bool) -> None:
    found = {package.name: sorted(package.licenses) for package in scanned(case, folders=folders).packages}
    wanted = {name: sorted(names) for name, names in case["expected_licenses"].items()}
    assert {name: found.get(name) for name in wanted} == wanted


@both_ways
@each([case for case in IMAGES if "expected_purls" in case])
def test_purls_are_those_that_others_write(case: Case, folders: bool) -> None:
    assert set(case["expected_purls"]) - {package.purl for package in scanned(case, folders=folders).packages} == set()


@each(IMAGES)
def test_entries_for_folders_make_no_difference(case: Case) -> None:
    with_folders, without = scanned(case, folders=True), scanned(case, folders=False)
    assert with_folders.packages == without.packages
    assert with_folders.problems == without.problems
