"""The corpus's hostile images, as far as their manifests, configs and outer archives are concerned."""

from __future__ import annotations

import json

import pytest

from hullmark.model.errors import HullmarkError
from hullmark.source import SourceOptions, open_image
from tests.support.places import corpus

CASES = (
    "missing-layer", "diff-id-count", "digest-algorithm", "foreign-layer", "json-broken", "json-deep", "config-huge",
    "no-layers", "artifact", "docker-traversal", "docker-symlinked-layer", "docker-empty", "docker-truncated", "many-layers",
)  # fmt: skip
LAYERS = {"config-huge": 1, "no-layers": 0, "artifact": 0, "docker-symlinked-layer": 2, "many-layers": 127}


@pytest.mark.parametrize("name", CASES)
def test_a_hostile_image_is_dealt_with_as_its_table_says(name: str) -> None:
    expected = json.loads(corpus("hostile", "cases.json").read_text())[name]["expect"]
    folder = corpus("hostile")
    is_archive = (folder / f"{name}.tar").exists()
    reference = f"docker-archive:{folder / name}.tar" if is_archive else f"oci-dir:{folder / name}"
    if expected == "reject":
        with pytest.raises(HullmarkError) as caught:
            open_image(reference, SourceOptions())
        assert caught.value.advice
        return
    image = open_image(reference, SourceOptions())
    assert len(image.layers) == LAYERS[name]
    assert bool(image.problems) == (expected == "partial" or name == "artifact")
