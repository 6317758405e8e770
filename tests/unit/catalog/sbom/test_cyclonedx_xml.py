"""CycloneDX in XML: all that a component may say, licences of every form, and documents that are too large or too deep."""

from __future__ import annotations

import pytest

from hullmark.catalog.sbom import read_sbom
from hullmark.catalog.sbom.cyclonedx_xml import FORMAT
from hullmark.catalog.sbom.document import Unreadable
from hullmark.model.inventory import Inventory
from hullmark.model.package import Package


def read(components: str) -> Inventory:
    """What a document of these components tells."""
    return read_sbom(f'<bom xmlns="http://cyclonedx.org/schema/bom/1.6">{components}</bom>'.encode())


def component(inside: str) -> Package:
    """The package of one component."""
    text = f'<component type="library"><name>a</name><version>1</version><purl>pkg:npm/a@1</purl>{inside}</component>'
    [package] = read(f"<components>{text}</components>").packages
    return package


@pytest.mark.parametrize(
    ("licenses", "told"),
    [
        ("<license><id>MIT</id><url>https://e.org</url></license>", ("MIT",)),
        ("<license><name>Own</name><text>All of it</text></license><!-- and --><license><id>ISC</id></license>", ("Own", "ISC")),
        ("<property/><expression>MIT OR ISC</expression>", ("MIT OR ISC",)),
        ("", ()),
    ],
)  # fmt: skip
def test_licences_are_told_in_each_of_their_forms(licenses: str, told: tuple[str, ...]) -> None:
    assert component(f"<licenses>{licenses}</licenses>").licenses == told


def test_a_component_tells_its_supplier_its_places_and_its_tag_of_software() -> None:
    found = component(
        '<supplier><name>Example</name><contact><email>a@e.org</email></contact></supplier><swid tagId="x" name="y"/>'
        '<externalReferences><reference type="vcs"><url>https://e.org/a.git</url></reference><reference type="vcs"/>'
        "</externalReferences><evidence><occurrences><occurrence><location>/srv/a</location></occurrence>"
        "<occurrence/></occurrences></evidence>"
    )
    assert [place.path for place in found.locations] == ["/srv/a"]
    assert found.notes == {"supplier": "Example <a@e.org>"}


def test_what_is_nested_too_deeply_is_said_and_what_is_around_it_stays() -> None:
    levels = 45
    opening = "".join(
        f'<components><component type="library"><name>n{level}</name><purl>pkg:npm/n{level}@1</purl>'
        for level in range(levels)
    )
    found = read(opening + "</component></components>" * levels)
    assert {package.name for package in found.packages} == {f"n{level}" for level in range(32)}
    assert [problem.reason for problem in found.problems] == [
        "component n31: what it is made of was not read, for it is nested too deeply"
    ]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"<bom>" + b" " * (64 << 20), "as XML it may have 64 MiB at most"),
        (b"<bom>" + b"<" * 8_000_001, "it has more than 4,000,000 elements"),
    ],
    ids=["bytes", "elements"],
)
def test_a_document_that_is_too_large_is_refused(body: bytes, reason: str) -> None:
    with pytest.raises(Unreadable, match=reason):
        FORMAT.read(body)
