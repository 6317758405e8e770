"""Documents with more than is read, parts of a wrong form, and components that say little."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any

import msgspec
import pytest

from hullmark.catalog.sbom import read_sbom
from hullmark.catalog.sbom.document import Problems, decoded_parts, read_config
from hullmark.model.inventory import Inventory
from hullmark.model.package import Package, SourcePackage

DEEP = b"[" * 100_000
DIFF_ID = "sha256:" + "8d" * 32


def read(document: Any) -> Inventory:
    """What a document tells."""
    return read_sbom(json.dumps(document).encode())


def bom(*components: Any, **more: Any) -> Inventory:
    """What a CycloneDX document of these components tells."""
    return read({"bomFormat": "CycloneDX", "components": list(components), **more})


def library(purl: str, name: str = "", version: str = "", **properties: str) -> dict[str, Any]:
    """A component with a package URL and properties; two blanks in a name stand for a colon."""
    listed = [{"name": key.replace("__", ":"), "value": value} for key, value in properties.items()]
    return {"type": "library", "name": name, "version": version, "purl": purl, "properties": listed}


def reasons(inventory: Inventory) -> list[str]:
    """All that is said."""
    return [problem.reason for problem in inventory.problems]


def test_parts_that_are_nested_too_deeply_are_named_by_their_number() -> None:
    problems = Problems()
    parts = [msgspec.Raw(b'{"x": 1}'), msgspec.Raw(b'{"x": ' + DEEP)]
    assert list(decoded_parts(parts, dict[str, Any], "component", problems)) == [(0, {"x": 1})]
    assert read_config(b'{"x": ' + DEEP, problems) is None
    assert [problem.reason for problem in problems.all()] == [
        "component 2 was not read: it is nested too deeply",
        "the image's config in it was not read: it is nested too deeply",
    ]


def test_of_very_many_problems_only_the_number_is_told_past_the_limit() -> None:
    told = reasons(bom(*[5] * 10_003))
    assert len(told) == 10_001
    assert "3 more problems are not listed" in told


def test_components_beyond_the_limit_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hullmark.catalog.sbom.cyclonedx.MAX_COMPONENTS", 2)
    found = bom(*(library(f"pkg:npm/{name}@1") for name in "abc"))
    assert ([package.name for package in found.packages], reasons(found)) == (
        ["a", "b"],
        ["only the first 2 components were read"],
    )


def test_places_and_layers_beyond_the_limit_are_left_out() -> None:
    places = {f"hullmark__location__{number}__path": f"/{number}" for number in range(10_001)}
    layers = [{"name": f"hullmark:layer:{number}:diff_id", "value": DIFF_ID} for number in range(10_001)]
    root = {"component": {"type": "container", "name": "a", "properties": layers}}
    found = bom(library("pkg:npm/a@1", **places), metadata=root)
    [package] = found.packages
    assert (len(package.locations), len(found.source.layers)) == (10_000, 10_000)


def test_problems_that_a_document_lists_are_kept_up_to_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hullmark.catalog.sbom.cyclonedx_own.MAX_COMPONENTS", 1)
    listed = [{"name": f"hullmark:problem:{number}:reason", "value": f"reason {number}"} for number in range(2)]
    assert reasons(bom(metadata={"properties": listed})) == ["reason 0"]


def package(*args: Any, **more: str) -> Package:
    """The package of one component."""
    [found] = bom(library(*args, **more)).packages
    return found


def test_a_component_that_syft_wrote_tells_what_it_was_built_from() -> None:
    found = package(
        "pkg:rpm/rocky/bash@5.1-6?distro=rocky-9.3", "bash", "5.1-6", syft__metadata__sourceRpm="base-5.1-6.src.rpm"
    )
    assert found.source == SourcePackage("base", "5.1-6")


@pytest.mark.parametrize(
    ("purl", "name", "version", "told"),
    [
        ("pkg:golang/stdlib@1.22.1", "stdlib", "go1.22.1", ("stdlib", "1.22.1")),
        ("pkg:golang/stdlib@v1.22.1", "stdlib", "", ("stdlib", "1.22.1")),
        ("pkg:golang/github.com/a@v1#b", "GitHub.com/a", "v1", ("GitHub.com/a", "v1")),
        ("pkg:golang/github.com/a@v1#b", "b", "v1", ("github.com/a/b", "v1")),
    ],
)
def test_go_modules_are_called_as_go_calls_them(purl: str, name: str, version: str, told: tuple[str, str]) -> None:
    found = package(purl, name, version)
    assert (found.name, found.version) == told


@pytest.mark.parametrize(
    ("system", "purl", "told"),
    [
        ({"name": "debian", "version": ""}, "pkg:deb/debian/a@1?distro=debian-12", ("debian", "12", "")),
        ({"name": "debian", "version": ""}, "pkg:deb/debian/a@1?distro=debian-sid", ("debian", "", "sid")),
        ({"name": "debian", "version": ""}, "pkg:deb/ubuntu/a@1?distro=ubuntu-22.04", ("debian", "", "")),
        ({"name": "NOASSERTION", "version": "1"}, "pkg:deb/debian/a@1?distro=debian-12", ("debian", "12", "")),
        (None, "pkg:alpm/arch/a@1?distro=arch", ("arch", "", "")),
        (None, "pkg:deb/debian/a@1?distro=debian", None),
    ],
)
def test_the_distribution_is_the_documents_own_word_and_what_package_urls_add(
    system: dict[str, str] | None, purl: str, told: tuple[str, str, str] | None
) -> None:
    distro = bom(*([{"type": "operating-system", **system}] if system else []), library(purl)).distro
    assert (distro and (distro.id, distro.version_id, distro.codename)) == told


def test_a_systems_package_without_a_package_url_tells_no_distribution() -> None:
    component = {
        "type": "library",
        "name": "bash",
        "version": "5",
        "properties": [{"name": "hullmark:package:type", "value": "deb"}],
    }
    found = bom(component)
    assert (found.distro, [each.name for each in found.packages]) == (None, ["bash"])
    assert reasons(found) == ["it does not say which release of which distribution its packages are of"]


def syft(**more: Any) -> Inventory:
    """What a document of syft's tells."""
    artifacts = [
        {"id": "1", "name": "python3-six", "version": "1", "type": "deb", "purl": "pkg:deb/debian/python3-six@1"},
        {"id": "2", "name": "six", "version": "1", "type": "python", "purl": "pkg:pypi/six@1",
         "locations": [{"path": "/a"}, {"path": "/b"}]},
    ]  # fmt: skip
    return read({"artifacts": artifacts, "schema": {"version": "16"}, **more})


@pytest.mark.parametrize("metadata", [5, {"files": 7}, {"files": [7]}])
def test_files_of_an_owner_that_cannot_be_read_give_it_the_whole_package(metadata: Any) -> None:
    relation = {"parent": "1", "child": "2", "type": "ownership-by-file-overlap", "metadata": metadata}
    found = syft(descriptor={"name": "hullmark"}, artifactRelationships=[relation])
    assert [each.owned_by for each in found.packages if each.name == "six"] == ["pkg:deb/debian/python3-six@1"]


@pytest.mark.parametrize(
    ("metadata", "kind"), [({"kind": "optional"}, "optional"), ({"kind": 5}, "depends-on"), (5, "depends-on")]
)
def test_a_relation_of_an_unknown_kind_is_a_need(metadata: Any, kind: str) -> None:
    relation = {"parent": "1", "child": "2", "type": "dependency-of", "metadata": metadata}
    assert [each.kind for each in syft(artifactRelationships=[relation]).relations or ()] == [kind]


def test_metadata_and_a_source_of_a_wrong_form_are_said() -> None:
    artifacts = [{"id": "1", "name": "a", "version": "1", "purl": "pkg:npm/a@1", "metadata": {"source": 5}}]
    found = syft(artifacts=artifacts, source={"name": "shop", "type": "image", "metadata": {"layers": 5}})
    first, second = reasons(found)
    assert first.startswith("artifact 1 (a 1): its metadata were not read: Expected `str | null`")
    assert second.startswith("its source was not read: Expected `array | null`")
    assert (found.source.reference, [each.name for each in found.packages]) == ("shop", ["a"])


def test_a_history_of_another_length_than_the_layers_names_none_of_them() -> None:
    config = {"architecture": "arm64", "os": "linux", "history": [{"created_by": "ADD a"}, {"created_by": "ADD b"}]}
    metadata = {"layers": [{"digest": DIFF_ID, "size": 5}], "config": b64encode(json.dumps(config).encode()).decode()}
    found = syft(source={"type": "image", "metadata": metadata})
    assert ([layer.created_by for layer in found.source.layers], found.source.platform) == ([""], "linux/arm64")
