"""What is found at several places is one component of a bill of materials, and reads back with each place's owner."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from hullmark.catalog.sbom import read_sbom
from hullmark.catalog.sbom.packages import merge_packages
from hullmark.model.inventory import Inventory
from hullmark.model.package import Location, Package
from hullmark.model.relation import Relation
from hullmark.report import load
from hullmark.report.format import RenderContext
from tests.unit.report.samples import SMALL

CONTEXT = RenderContext(tool_version="1.2.3")
FORMATS = ("cyclonedx-json", "cyclonedx-xml", "spdx-json", "spdx-tag-value", "spdx3-json", "syft-json")
OWNERS = ("pkg:deb/debian/one@1?arch=all", "pkg:deb/debian/two@1?arch=all")


def system(purl: str) -> Package:
    name = purl.partition("@")[0].rpartition("/")[2]
    return Package(
        type="deb",
        name=name,
        version="1",
        purl=purl,
        cataloger="dpkg",
        arch="all",
        locations=(Location("/var/lib/dpkg/status", 0),),
    )


def copy(owner: str | None, *paths: str) -> Package:
    return Package(
        type="pypi",
        name="pip",
        version="25.1",
        purl="pkg:pypi/pip@25.1",
        cataloger="python",
        licenses=("MIT",),
        locations=tuple(Location(path, 1) for path in paths),
        owned_by=owner,
    )


def image(*copies: Package) -> Inventory:
    packages = merge_packages((*map(system, OWNERS), *copies))
    return replace(SMALL, packages=packages, problems=(), relations=(Relation(OWNERS[0], "pkg:pypi/pip@25.1"),))


COPIES = (copy(None, "/opt/a", "/opt/b, c"), copy(OWNERS[0], "/usr/a"), copy(OWNERS[1], "/usr/b", "/usr/c"))


def names(body: bytes, format: str) -> list[str]:
    """The package URLs of a document's components."""
    if format in ("cyclonedx-xml", "spdx-tag-value"):
        text = body.decode()
        return ["pkg:pypi/pip@25.1"] * text.count(
            "<purl>pkg:pypi/pip@25.1</purl>" if "<purl>" in text else "purl pkg:pypi/pip@25.1\n"
        )
    document: Any = json.loads(body)
    lists = {"cyclonedx-json": "components", "spdx-json": "packages", "spdx3-json": "@graph", "syft-json": "artifacts"}
    found: list[str] = []
    for each in document[lists[format]]:
        references = [entry["referenceLocator"] for entry in each.get("externalRefs", ())]
        found += filter(None, (each.get("purl"), each.get("software_packageUrl"), *references))
    return found


def told(inventory: Inventory) -> list[tuple[str, str | None, list[str]]]:
    return [
        (package.purl, package.owned_by, [place.path for place in package.locations]) for package in inventory.packages
    ]


@pytest.mark.parametrize("format", FORMATS)
def test_a_package_with_several_owners_is_one_component(format: str) -> None:
    body = load("inventory", format).render(image(*COPIES), CONTEXT)
    assert names(body, format).count("pkg:pypi/pip@25.1") == 1


@pytest.mark.parametrize("format", FORMATS)
def test_each_place_reads_back_with_its_owner_and_relations_stay(format: str) -> None:
    copies = (
        COPIES if format in ("cyclonedx-json", "cyclonedx-xml", "syft-json") else (copy(None, "/opt/a"), *COPIES[1:])
    )
    found = read_sbom(load("inventory", format).render(image(*copies), CONTEXT))
    assert told(found) == told(image(*copies))
    assert found.relations == image().relations


SOME = st.lists(st.sampled_from([f"/place/{n}" for n in range(6)]), min_size=1, unique=True)


@pytest.mark.parametrize("format", FORMATS)
@given(paths=SOME, data=st.data())
def test_whoever_owns_the_places_they_read_back(format: str, paths: list[str], data: st.DataObject) -> None:
    owners = [data.draw(st.sampled_from((None, *OWNERS))) for _ in paths]
    inventory = image(*(copy(owner, path) for owner, path in zip(owners, paths, strict=True)))
    assert told(read_sbom(load("inventory", format).render(inventory, CONTEXT))) == told(inventory)


def test_what_others_list_several_times_is_one_package_with_all_places() -> None:
    component = {"type": "library", "name": "a", "version": "1", "purl": "pkg:npm/a@1"}
    components = [
        {
            **component,
            "bom-ref": str(n),
            "properties": [{"name": "syft:location:0:path", "value": f"/{n}/package.json"}],
        }
        for n in range(3)
    ]
    [package] = read_sbom(
        json.dumps({"bomFormat": "CycloneDX", "specVersion": "1.6", "components": components}).encode()
    ).packages
    assert [place.path for place in package.locations] == ["/0/package.json", "/1/package.json", "/2/package.json"]
