"""Secrets in the settings and instructions that a bill of materials carries are masked before anybody sees them."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from hullmark.scanning.sbom import inventory_from_sbom

_HIDDEN = "hunter2pass99"
_CONFIG = {
    "architecture": "amd64",
    "os": "linux",
    "history": [{"created_by": f"RUN curl -u me:{_HIDDEN} https://x"}, {"created_by": "ENV A", "empty_layer": True}],
    "config": {"Env": [f"DB_PASSWORD={_HIDDEN}"]},
}
_DIFF_ID = "sha256:" + "a" * 64


def _trivy() -> dict[str, Any]:
    packages = [{"ID": "a@1", "Name": "a", "Version": "1"}]
    return {
        "SchemaVersion": 2,
        "ArtifactName": "x",
        "Metadata": {"DiffIDs": [_DIFF_ID], "OS": {"Family": "debian", "Name": "13"}, "ImageConfig": _CONFIG},
        "Results": [{"Target": "x", "Class": "os-pkgs", "Type": "debian", "Packages": packages}],
    }


def _cyclonedx() -> dict[str, Any]:
    properties = [
        {"name": "hullmark:layer:0:diff_id", "value": _DIFF_ID},
        {"name": "hullmark:layer:0:created_by", "value": f"RUN curl -u me:{_HIDDEN} https://x"},
    ]
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "metadata": {"component": {"type": "container", "name": "x", "properties": properties}},
        "components": [{"type": "library", "name": "a", "version": "1", "purl": "pkg:deb/debian/a@1"}],
    }


@pytest.mark.parametrize("document", [_trivy(), _cyclonedx()], ids=["trivy", "cyclonedx"])
def test_no_secret_of_an_instruction_is_left(document: dict[str, Any]) -> None:
    inventory = inventory_from_sbom(json.dumps(document).encode(), "x")
    [layer] = inventory.source.layers
    assert layer.created_by == "RUN curl -u me:**** https://x"
    assert _HIDDEN.encode() not in msgspec.json.encode(inventory)


def test_the_settings_are_those_of_the_report() -> None:
    config = inventory_from_sbom(json.dumps(_trivy()).encode(), "x").config
    assert config is not None
    assert [entry.created_by for entry in config.history] == ["RUN curl -u me:**** https://x", "ENV A"]
    assert config.env == ("DB_PASSWORD=****",)
