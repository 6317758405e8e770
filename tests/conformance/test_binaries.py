"""Each case of an executable without a package, as an image of one layer: its name, version and package URL, and nothing else.

The cases are pieces of programs with a text in front, not whole programs.
"""

from __future__ import annotations

import msgspec
import pytest

from hullmark.model.package import Package
from hullmark.scanning.request import ScanRequest, ScanResources
from hullmark.scanning.scan import scan_image
from tests.conformance.cases import Case, layer
from tests.support.conformance import files_of
from tests.support.layers import image
from tests.support.places import SHARED, shared


def _cases() -> list[Case]:
    if SHARED is None:
        return []
    lines = (SHARED / "conformance" / "packages" / "binaries.jsonl").read_bytes().splitlines()
    return [msgspec.json.decode(line) for line in lines]


CASES = _cases()


def found_in(case: Case, *, folders: bool) -> tuple[Package, ...]:
    files = layer(files_of(case), folders=folders)
    return scan_image(image(files), ScanRequest(), ScanResources()).inventory.packages


def test_there_are_cases_of_many_products() -> None:
    shared("conformance", "packages")
    assert len({name for case in CASES for name in case["classifiers"]}) > 50


@pytest.mark.parametrize("folders", [True, False], ids=["folders", "no-folders"])
@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
def test_a_program_is_what_it_is_and_nothing_else(case: Case, folders: bool) -> None:
    packages = found_in(case, folders=folders)
    expected = {(each["name"], each["version"]) for each in case["expected"]}
    assert {(package.name, package.version) for package in packages} == expected
    assert {package.purl for package in packages} == set(case["expected_purls"])
