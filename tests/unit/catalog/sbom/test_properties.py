"""Whatever the bytes, there is an inventory or a refusal; and what we write reads back."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.catalog.sbom import read_sbom
from hullmark.catalog.sbom.packages import merge_packages
from hullmark.catalog.sbom.purl_parts import parts_of
from hullmark.catalog.sbom.spdx_licenses import licenses_of
from hullmark.model.errors import HullmarkError
from hullmark.model.inventory import Distro, Inventory, InventoryLayer, InventorySource
from hullmark.model.licence_evidence import make_evidence
from hullmark.model.licences.expressions import spdx_expression
from hullmark.model.package import Location, Package, SourcePackage
from hullmark.model.purl import make_purl
from hullmark.report import load
from hullmark.report.format import RenderContext

FORMATS = ("json", "cyclonedx-json", "spdx-json", "syft-json")
CONTEXT = RenderContext(tool_version="1.0")
_KEYS = st.sampled_from(
    ("components", "name", "version", "purl", "properties", "value", "licenses", "license", "expression", "packages", "SPDXID",
     "externalRefs", "referenceType", "referenceLocator", "relationships", "artifacts", "metadata", "component", "source",
     "distro", "locations", "path", "@graph", "type", "to", "software_packageUrl", "cpe", "evidence", "files", "creationInfo",
     "Results", "Packages", "Vulnerabilities", "Class", "Name", "Version", "Identifier", "PURL", "DependsOn", "ID", "Layer")
)  # fmt: skip
_TEXTS = st.one_of(
    st.text(max_size=8),
    st.sampled_from(
        ("purl", "pkg:deb/debian/a@1?distro=debian-12", "pkg:npm/%40a/b@1", "operating-system", "hullmark:package:type",
         "hullmark:location:0:path", "hullmark:location:0:layer", "cpe:2.3:a:b:c:1", "Package", "SPDXRef-DocumentRoot-x")
    ),
)  # fmt: skip
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | _TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=5),
    max_leaves=25,
)
_MARKS: tuple[dict[str, Any], ...] = (
    {"bomFormat": "CycloneDX"},
    {"spdxVersion": "SPDX-2.3"},
    {"@context": "https://spdx.org/rdf/3.0.1"},
    {"schema": {"version": "16"}, "artifacts": []},
    {"schema": "hullmark-inventory/1"},
    {"SchemaVersion": 2, "ArtifactName": "x"},
)


def reads_or_refuses(body: bytes) -> None:
    try:
        found = read_sbom(body, "x")
    except HullmarkError:
        return
    assert found.source.kind == "sbom"
    assert found.packages == merge_packages(found.packages)
    assert all(package.name and package.version for package in found.packages)


@given(st.binary(max_size=200))
def test_any_bytes(body: bytes) -> None:
    reads_or_refuses(body)
    reads_or_refuses(b"SPDXVersion: SPDX-2.3\n" + body)
    reads_or_refuses(b'{"bomFormat":"CycloneDX",' + body)
    reads_or_refuses(b"<bom>" + body)


@given(st.sampled_from(_MARKS), st.dictionaries(_KEYS, _VALUES, max_size=6))
def test_any_json_with_the_marks_of_a_format(marks: dict[str, Any], values: dict[str, Any]) -> None:
    reads_or_refuses(
        json.dumps({**values, **marks, **{key: values[key] for key in ("artifacts",) if key in values}}).encode()
    )


@given(st.lists(st.sampled_from(
    ("PackageName: a", "PackageVersion: 1", "ExternalRef: X purl pkg:npm/a@1", "SPDXID: SPDXRef-1", "LicenseID: LicenseRef-1",
     "ExtractedText: <text>a", "b</text>", "Relationship: SPDXRef-1 CONTAINS SPDXRef-1", "RelationshipComment: x", "FileName: f",
     "PackageChecksum: SHA256: x", "PackageAttributionText: DiffID: y", "PrimaryPackagePurpose: CONTAINER", "?", "")
), max_size=20))  # fmt: skip
def test_any_lines(lines: list[str]) -> None:
    reads_or_refuses("\n".join(("SPDXVersion: SPDX-2.3", *lines)).encode())


@given(st.text(max_size=60))
def test_any_text_is_a_package_url_or_none(text: str) -> None:
    for purl in (text, f"pkg:{text}", f"pkg:deb/debian/{text}"):
        parts = parts_of(purl)
        assert parts is None or (parts.name and parts.type)


@given(st.text(alphabet="()AND abOR", max_size=40))
def test_any_licence_expression_has_parts(expression: str) -> None:
    assert all(part.strip() for part in licenses_of(expression, {}))


_WORDS = st.text(alphabet="abcdefgh0123456789", min_size=1, max_size=8)
_VERSIONS = st.builds(lambda numbers, end: ".".join(map(str, numbers)) + end, st.lists(st.integers(0, 99), min_size=1, max_size=3),
                      st.sampled_from(("", "-1", "~rc1", "+b2", "-1.el9")))  # fmt: skip
_LICENSES = st.lists(
    st.sampled_from(("MIT", "ISC", "Zlib", "Some words of mine", "GPLv2+")), max_size=3, unique=True
).map(tuple)
_FOUND = st.lists(st.sampled_from(("Apache-2.0", "BSD-2-Clause", "MIT")), max_size=2, unique=True).map(
    lambda names: make_evidence(names, "", "/x/LICENSE", 1, "found")
)
_PLACES = st.lists(
    st.builds(Location, _WORDS.map("/{}/x".format), st.integers(0, 1)), max_size=2, unique_by=lambda place: place.path
)


@st.composite
def packages(draw: st.DrawFn) -> Package:
    """A package as catalogers make it."""
    type = draw(st.sampled_from(("deb", "rpm", "apk", "npm", "pypi", "golang", "maven", "gem", "cargo", "generic")))
    name, version, space = draw(_WORDS), draw(_VERSIONS), draw(_WORDS)
    arch = draw(st.sampled_from(("amd64", "all"))) if type in ("deb", "rpm", "apk") else ""
    is_scoped = type in ("golang", "maven") or (type == "npm" and draw(st.booleans()))
    scope = f"@{space}" if type == "npm" and is_scoped else space if is_scoped else "debian" if arch else ""
    shown = f"{scope}/{name}" if is_scoped and type != "maven" else name
    source = SourcePackage(name, version) if type in ("deb", "apk") else None
    upstream = ""
    if type == "deb" and draw(st.booleans()):
        source = SourcePackage(draw(_WORDS), draw(_VERSIONS))
        upstream = f"{source.name}@{source.version}"
    purl = make_purl(type, name, version, namespace=scope, qualifiers={"arch": arch, "upstream": upstream})
    licenses = draw(_LICENSES)
    told = make_evidence(licenses, "License", "/x/record", 0) + draw(_FOUND) if draw(st.booleans()) else ()
    return Package(
        type=type, name=shown, version=version, purl=purl, cataloger="test", arch=arch, source=source,
        licenses=licenses, license_evidence=told, locations=tuple(sorted(draw(_PLACES))),
    )  # fmt: skip


@st.composite
def inventories(draw: st.DrawFn) -> Inventory:
    """An inventory of an image with two layers."""
    layers = tuple(
        InventoryLayer(digest=f"sha256:{n}{'0' * 63}", diff_id=f"sha256:{n}{'1' * 63}", size=-1, created_by="RUN x")
        for n in (1, 2)
    )
    source = InventorySource(
        kind="oci-dir", reference="oci-dir:app", digest="sha256:" + "a" * 64, config_digest="sha256:" + "b" * 64,
        platform="linux/amd64", layers=layers,
    )  # fmt: skip
    distro = draw(st.sampled_from((None, Distro(id="debian", version_id="12", pretty_name="Debian 12"))))
    return Inventory(
        source=source, distro=distro, packages=merge_packages(draw(st.lists(packages(), max_size=6))), problems=()
    )


@pytest.mark.parametrize("format", FORMATS)
@given(inventory=inventories())
def test_what_is_written_reads_back(format: str, inventory: Inventory) -> None:
    found = read_sbom(load("inventory", format).render(inventory, CONTEXT))
    assert [facts(package, format) for package in found.packages] == [
        facts(package, format) for package in inventory.packages
    ]
    assert found.distro == inventory.distro
    assert (found.source.reference, found.source.digest) == (inventory.source.reference, inventory.source.digest)
    if format != "spdx-json":
        assert [layer.diff_id for layer in found.source.layers] == [layer.diff_id for layer in inventory.source.layers]
        assert found.source.config_digest == inventory.source.config_digest
    lacks_a_distro = inventory.distro is None and any(package.arch for package in inventory.packages)
    assert len(found.problems) == lacks_a_distro


def facts(package: Package, format: str) -> tuple[object, ...]:
    """What the format can carry of a package; licences as SPDX calls them."""
    layers = [place.path if format == "spdx-json" else place for place in package.locations]
    return (
        package.type,
        package.name,
        package.version,
        package.purl,
        package.arch,
        package.source,
        tuple(spdx_expression(text) or text for text in package.licenses),
        layers,
    )
