"""Container images among the packages of an SBOM."""

from __future__ import annotations

import json

import pytest

from hullmark.advisories.match.image_names import product_of
from hullmark.catalog.sbom import read_sbom
from hullmark.model.inventory import Inventory
from hullmark.model.package import Location, Package
from hullmark.report import load
from hullmark.report.format import RenderContext
from tests.support.matching import inventory

PURL = "pkg:oci/ose-console-rhel9?arch=amd64&repository_url=registry.redhat.io%2Fopenshift4%2Fose-console-rhel9&tag=v4.16.0-9"
IMAGE = Package(
    type="oci",
    name="openshift4/ose-console-rhel9",
    version="v4.16.0-9",
    purl=PURL,
    cataloger="redhat-image",
    arch="x86_64",
    locations=(Location("/root/buildinfo/labels.json", 0),),
    notes={"cpe": "cpe:/a:redhat:openshift:4.16::el9"},
)


def written(name: str, found: Inventory) -> bytes:
    return load("inventory", name).render(found, RenderContext(tool_version="1"))


@pytest.mark.parametrize("name", ["cyclonedx-json", "spdx-json", "syft-json"])
def test_an_image_comes_back_from_what_was_written(name: str) -> None:
    [found] = read_sbom(written(name, inventory([IMAGE]))).packages
    assert (found.type, found.name, found.version, found.purl) == ("oci", IMAGE.name, IMAGE.version, PURL)


def test_cyclonedx_has_it_as_a_container_with_its_product() -> None:
    body = written("cyclonedx-json", inventory([IMAGE]))
    [component] = [each for each in json.loads(body)["components"] if each.get("purl") == PURL]
    assert (component["type"], component["version"]) == ("container", "v4.16.0-9")
    [found] = read_sbom(body).packages
    assert product_of(found) == "openshift:4.16"


def test_the_version_of_an_image_that_others_tell_of_is_its_tag() -> None:
    purl = "pkg:oci/ubi9-container@sha256:0a?repository_url=registry.redhat.io/ubi9&tag=9.2-755.1697625012"
    component = {"type": "container", "name": "ubi9-container", "version": "sha256:0a", "purl": purl}
    bom = {"bomFormat": "CycloneDX", "specVersion": "1.5", "components": [component]}
    [found] = read_sbom(json.dumps(bom).encode()).packages
    assert (found.name, found.version, found.purl) == ("ubi9-container", "9.2-755.1697625012", purl)
