"""The JSON of syft: its structure, and syft itself as a reader where there is one."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from packageurl import PackageURL

from hullmark.model.inventory import Inventory
from hullmark.report import load
from hullmark.report.syft_types import namespace, qualifier, syft_type
from tests.unit.report.samples import DEB, EMPTY, INVENTORIES, PLAIN, SMALL, WITH_FILES, digest

RENDER = load("inventory", "syft-json").render
SYFT = os.environ.get("HULLMARK_SYFT") or shutil.which("syft")
needs_syft = pytest.mark.skipif(not SYFT, reason="there is no syft on this machine (HULLMARK_SYFT names one)")


def document(inventory: Inventory) -> dict[str, Any]:
    """The rendered document, read back."""
    read: dict[str, Any] = json.loads(RENDER(inventory, PLAIN))
    return read


def artifact(name: str) -> dict[str, Any]:
    """The artifact of this name in the small inventory."""
    (found,) = [found for found in document(SMALL)["artifacts"] if found["name"] == name]
    return dict(found)


def convert(rendered: bytes, form: str, folder: Path) -> str:
    """What syft makes of the document."""
    path = folder / "bom.json"
    path.write_bytes(rendered)
    quiet = {"SYFT_CHECK_FOR_APP_UPDATE": "false", "HOME": str(folder), "PATH": os.environ.get("PATH", "")}
    command = [str(SYFT), "convert", str(path), "-o", form, "-q"]
    return subprocess.run(command, capture_output=True, text=True, check=True, env=quiet, timeout=60).stdout


@pytest.mark.parametrize("case", INVENTORIES)
def test_the_keys_that_the_schema_requires_are_there(case: str) -> None:
    read = document(INVENTORIES[case])
    assert set(read) == {
        "artifacts",
        "artifactRelationships",
        "files",
        "source",
        "distro",
        "descriptor",
        "schema",
    }
    assert set(read["source"]) == {"id", "name", "version", "type", "metadata"}
    for found in read["artifacts"]:
        assert set(found) - {"metadataType", "metadata"} == {
            "id",
            "name",
            "version",
            "type",
            "foundBy",
            "locations",
            "licenses",
            "language",
            "cpes",
            "purl",
        }
        for license in found["licenses"]:
            assert set(license) == {"value", "spdxExpression", "type", "urls", "locations"}


def test_types_have_the_names_of_syft() -> None:
    assert {found["purl"].partition("/")[0]: found["type"] for found in document(SMALL)["artifacts"]} == {
        "": "UnknownPackage",
        "pkg:apk": "apk",
        "pkg:cargo": "rust-crate",
        "pkg:deb": "deb",
        "pkg:gem": "gem",
        "pkg:generic": "binary",
        "pkg:golang": "go-module",
        "pkg:maven": "java-archive",
        "pkg:npm": "npm",
        "pkg:nuget": "dotnet",
        "pkg:pypi": "python",
        "pkg:rpm": "rpm",
    }
    assert syft_type("unheard-of").type == "UnknownPackage"


def test_a_debian_package_tells_its_source() -> None:
    told = artifact("libssl3")["metadata"]
    assert (told["source"], told["sourceVersion"]) == ("openssl", "3.0.11-1~deb12u2")
    assert told["architecture"] == "arm64"


def test_an_rpm_is_parted_into_epoch_version_and_release() -> None:
    told = artifact("bash")["metadata"]
    assert (told["epoch"], told["version"], told["release"]) == (1, "5.1.8", "6.el9")
    assert told["sourceRpm"] == "bash-5.1.8-6.el9.src.rpm"


def test_a_nested_jar_stands_in_its_archive() -> None:
    found = artifact("log4j-core")
    assert found["locations"][0]["path"] == "/app/shop.war"
    assert found["locations"][0]["accessPath"] == "/app/shop.war:WEB-INF/lib/log4j-core-2.14.1.jar"
    assert found["metadata"]["pomProperties"]["groupId"] == "org.apache.logging.log4j"


def test_layers_go_by_the_digest_of_their_tar() -> None:
    read = document(SMALL)
    assert [layer["digest"] for layer in read["source"]["metadata"]["layers"]] == [
        digest(0x11),
        digest(0x22),
        digest(0x33),
    ]
    assert artifact("left-pad")["locations"][1]["layerID"] == digest(0x33)


def test_the_image_is_told_with_digests_platform_and_labels() -> None:
    told = document(SMALL)["source"]["metadata"]
    assert (told["manifestDigest"], told["imageID"]) == (digest(0xA), digest(0xB))
    assert (told["os"], told["architecture"]) == ("linux", "arm64")
    assert told["repoDigests"] == [f"registry.example.com/team/Shop@{digest(0xA)}"]
    assert told["labels"] == {"a": "1", "b": "2"}


def test_an_owned_package_is_the_child_of_its_owner() -> None:
    owned = [r for r in document(SMALL)["artifactRelationships"] if r["type"] == "ownership-by-file-overlap"]
    assert owned == [
        {
            "parent": artifact("python3-yaml")["id"],
            "child": artifact("PyYAML")["id"],
            "type": "ownership-by-file-overlap",
            "metadata": {"files": ["/opt/pypi/PyYAML"]},
        }
    ]


def test_the_mode_of_a_file_shows_its_octal_digits() -> None:
    modes = {found["location"]["path"]: found["metadata"]["mode"] for found in document(WITH_FILES)["files"]}
    assert modes == {"/etc/ssl/openssl.cnf": 644, "/srv/data": 4755}
    assert document(EMPTY)["files"] == []


@pytest.mark.parametrize("purl", [DEB, "pkg:maven/a.b/c@1?x=%2F%20", "pkg:golang/github.com/A/b/c", "pkg:npm/%40s/n@1"])
def test_package_urls_are_taken_apart_as_the_library_does(purl: str) -> None:
    known = PackageURL.from_string(purl)
    assert namespace(purl) == (known.namespace or "")
    for key, value in known.qualifiers.items():
        assert qualifier(purl, key) == value
    assert qualifier(purl, "absent") == ""


@needs_syft
def test_syft_reads_every_package_back(tmp_path: Path) -> None:
    # Through CycloneDX, because older releases cannot write bare package URLs.
    read = json.loads(convert(RENDER(SMALL, PLAIN), "cyclonedx-json", tmp_path))
    assert {found["purl"] for found in read["components"] if "purl" in found} == {
        found.purl for found in SMALL.packages if found.purl
    }
    assert sum(found["type"] == "operating-system" for found in read["components"]) == 1


@needs_syft
@pytest.mark.parametrize("case", INVENTORIES)
def test_syft_keeps_artifacts_and_their_metadata(case: str, tmp_path: Path) -> None:
    written = document(INVENTORIES[case])
    read = json.loads(convert(RENDER(INVENTORIES[case], PLAIN), "syft-json", tmp_path))
    assert {found["id"]: found["name"] for found in read["artifacts"]} == {
        found["id"]: found["name"] for found in written["artifacts"]
    }
    assert {found["id"]: found.get("metadataType", "") for found in read["artifacts"]} == {
        found["id"]: found.get("metadataType", "") for found in written["artifacts"]
    }
    assert read["source"]["id"] == written["source"]["id"]
    assert read["distro"].get("id", "") == written["distro"].get("id", "")
