"""Differences between two images, and layers, to write."""

from __future__ import annotations

from msgspec.structs import replace

from hullmark.catalog.difference.images import ComparedImage, image_difference
from hullmark.model.difference import VulnerabilityDifference
from hullmark.model.image import ImageConfig
from hullmark.model.image_layers import GhostFile, ImageLayers, LayerFiles
from hullmark.model.inventory import InventoryLayer
from hullmark.model.match import Kev
from tests.unit.report.matches_samples import SNAPSHOT, match
from tests.unit.report.samples import FILES, HOSTILE, INVENTORIES, PACKAGES, PROBLEMS, SOURCE, digest, package

_FILES = (
    LayerFiles(unpacked=1000, added=("/a", "/b"), ghosts=(GhostFile("/a", 12, 1), GhostFile("/b", 8, 2)), wasted=20),
    LayerFiles(unpacked=2, changed=("/a",)),
    LayerFiles(unpacked=30, added=(f"/{HOSTILE}",), hidden=("/b",)),
)
_EMPTY = INVENTORIES["empty"]
_MANY = 60

LAYERS = {
    "small": ImageLayers(source=SOURCE, layers=_FILES),
    "odd": ImageLayers(
        source=replace(
            SOURCE,
            reference=HOSTILE,
            layers=(InventoryLayer(digest="", diff_id=digest(1), size=-1, created_by=f"RUN {HOSTILE} " * 20),),
        ),
        layers=_FILES[2:],
        problems=PROBLEMS,
    ),
}

_BEFORE = replace(
    _EMPTY,
    source=replace(SOURCE, reference="shop:1", layers=SOURCE.layers[:2]),
    packages=PACKAGES,
    files=FILES,
    config=ImageConfig(user="root", env=("PATH=/bin", "TOKEN=***"), cmd=("sh",)),
)
_AFTER = replace(
    _BEFORE,
    source=replace(SOURCE, reference="shop:2", digest=digest(0xC)),
    packages=(*PACKAGES[2:], package("apk", "musl", "1.2.5-r0", arch="aarch64"), package("npm", "lodash", "4.17.21")),
    files=tuple(replace(file, mode=file.mode ^ 0o111, uid=7) for file in FILES[1:]),
    config=ImageConfig(user="web", env=("PATH=/usr/bin",), cmd=("sh",), exposed_ports=("80/tcp",)),
)
_VULNERABILITIES = VulnerabilityDifference(
    snapshot=SNAPSHOT,
    come=(match(_AFTER.packages[-1], "CVE-2024-1", "critical", state="fixed", fixed="5", kev=Kev(added="2024-01-01")),),
    gone=(match(PACKAGES[0], "CVE-2024-2", "low"),),
    stay=3,
)
_ODD = replace(
    _EMPTY,
    source=LAYERS["odd"].source,
    packages=tuple(package("npm", f"{HOSTILE}{number:02}", HOSTILE) for number in range(_MANY)),
    files=None,
    config=ImageConfig(labels={HOSTILE: HOSTILE}),
    problems=PROBLEMS,
)

DIFFERENCES = {
    "same": image_difference(ComparedImage(inventory=_BEFORE), ComparedImage(inventory=_BEFORE)),
    "small": image_difference(
        ComparedImage(inventory=_BEFORE, layers=_FILES[:2]),
        ComparedImage(inventory=_AFTER, layers=_FILES),
        _VULNERABILITIES,
        by_layer=True,
    ),
    "odd": image_difference(ComparedImage(inventory=_BEFORE), ComparedImage(inventory=_ODD)),
}
