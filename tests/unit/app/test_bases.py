"""Which image another is built on, what came with it, and on which other bases it could be."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from hullmark.app.check import CheckOptions, load
from hullmark.app.fix import FixRequest, remedy_of
from hullmark.app.foundation import on_other_bases
from hullmark.app.lineage import base_of, with_tags
from hullmark.app.upkeep import UpkeepRequest
from hullmark.app.virtual_image import JudgingContext
from hullmark.app.vulns import MatchOptions, match_scan
from hullmark.model.match import Suppression
from hullmark.model.remedy import Remedy
from hullmark.model.upkeep import BaseImage
from hullmark.scanning.request import ScanRequest, ScanResources
from hullmark.scanning.take import take
from hullmark.source import SourceOptions, open_image
from tests.support.images import Blobs, tagged, tar_of, write_layout
from tests.support.matching import TODAY, advisory, affected, snapshot_of

OPTIONS, RESOURCES = SourceOptions(), ScanResources()
STATUS = "Package: {}\nStatus: install ok installed\nVersion: 1\nArchitecture: amd64\n\n"
RELEASE = "ID={}\nVERSION_ID={}\n"


def base_layer(id: str, version: str, *packages: str) -> bytes:
    status = "".join(STATUS.format(name) for name in packages)
    return tar_of({"etc/os-release": RELEASE.format(id, version).encode(), "var/lib/dpkg/status": status.encode()})


DEBIAN = base_layer("debian", "13", "libc6", "zlib1g")
APP = tar_of(
    {"usr/lib/python3/dist-packages/shop-1.dist-info/METADATA": b"Metadata-Version: 2.1\nName: shop\nVersion: 1\n"}
)


def layout(folder: Path, *layers: bytes, platform: str = "linux/amd64", **more: Any) -> str:
    blobs = Blobs()
    image = blobs.image(layers, platform=platform, config=lambda config: {**config, **more})
    return f"oci-dir:{write_layout(folder, blobs, [tagged(image, '1')])}"


@pytest.fixture
def images(tmp_path: Path) -> Mapping[str, str]:
    """An image on Debian, and others that it could be built on, or not."""
    return {
        "app": layout(tmp_path / "app", DEBIAN, APP),
        "base": layout(tmp_path / "base", DEBIAN),
        "newer": layout(tmp_path / "newer", base_layer("debian", "13.2", "libc6")),
        "other": layout(tmp_path / "other", base_layer("ubuntu", "24.04", "libc6")),
        "empty": layout(tmp_path / "empty", tar_of({"readme": b"hello"})),
        "arm": layout(tmp_path / "arm", base_layer("debian", "13", "libc6"), platform="linux/arm64"),
        "huge": layout(tmp_path / "huge", base_layer("debian", "13"), author="a" * (9 << 20)),
    }


def test_what_came_with_the_base_is_counted_and_what_does_not_fit_is_noted(images: Mapping[str, str]) -> None:
    scanned = take(images["app"], ScanRequest(), RESOURCES, OPTIONS)
    parts = [
        advisory("A-1", affected("debian:13", "zlib1g", "deb", "9"), aliases=("CVE-2026-1",)),
        advisory("A-2", affected("debian:13", "libc6", "deb", "9")),
        advisory("A-3", affected("debian:13", "libc6", "deb", "9")),
        advisory("A-4", affected("pypi", "shop", "pep440", "9")),
    ]
    with snapshot_of(*parts) as snapshot:
        matches = match_scan(scanned, snapshot, MatchOptions(at=TODAY)).matches
    assert len(matches) == 4
    judged = [
        replace(match, suppressed=Suppression(reason="it is not used", by="ignore"))
        if match.advisory.id == "A-3"
        else match
        for match in matches
    ]
    base, problems = base_of(scanned.inventory, judged, (images["base"], images["newer"]), OPTIONS)
    assert base is not None
    assert (base.reference, base.layers, base.packages, base.vulnerabilities) == (images["base"], 1, 2, 2)
    assert [problem.reason for problem in problems] == [
        f"it is not built on {images['newer']}: its layers do not begin with those"
    ]


def test_a_base_without_a_tag_or_a_registry_is_not_behind() -> None:
    for base in (
        BaseImage(reference="oci-dir:/somewhere", digest="", layers=2),
        BaseImage(reference=f"debian@sha256:{'a' * 64}", digest=""),
    ):
        assert with_tags(base, OPTIONS) == (base, ())


def test_a_base_of_the_same_line_and_platform_takes_the_place_of_the_own_one(images: Mapping[str, str]) -> None:
    image = open_image(images["app"], OPTIONS)
    references = [images[name] for name in ("base", "newer", "other", "empty", "arm", "huge")]
    found, problems = on_other_bases(image, references, RESOURCES, OPTIONS)
    (foundation,) = found
    assert foundation.change is not None
    assert foundation.change.summary == f"build on {images['newer']} instead of {images['base']}"
    assert foundation.image.layers[1:] == image.layers[1:]
    assert [problem.reason for problem in problems] == [
        f"{images['other']} is not thought of: it is of another line (ubuntu 24 04 instead of debian 13)",
        f"{images['empty']} is not thought of: it is of another line (no distribution instead of debian 13)",
        f"{images['arm']} is not thought of: it is for linux/arm64",
        f"{images['huge']} is not thought of: its settings could not be read",
    ]


def test_other_bases_are_of_no_use_where_the_own_one_is_not_named(images: Mapping[str, str]) -> None:
    image = open_image(images["app"], OPTIONS)
    assert on_other_bases(image, [images["base"]], RESOURCES, OPTIONS) == ([], [])
    found, (problem,) = on_other_bases(image, [images["newer"]], RESOURCES, OPTIONS)
    assert found == []
    assert problem.reason == ("which of its layers are a base's is not known: name the base that it is built on, too")


FORBIDDING = """\
schema: hullmark-policy/1
name: no-zlib
rules:
  - {id: no-zlib, gate: packages, trigger: forbidden, action: stop, params: {names: [zlib1g]}}
"""


def test_an_image_that_passes_on_another_base_gets_what_its_dockerfile_has_to_say_instead(
    images: Mapping[str, str], tmp_path: Path
) -> None:
    (tmp_path / "policy.yaml").write_text(FORBIDDING)
    policy = load(tmp_path / "policy.yaml")
    request = FixRequest(lists=UpkeepRequest(at=TODAY), bases=(images["base"], images["newer"]))
    now = datetime(2026, 5, 1, tzinfo=UTC)

    def remedy(dockerfile: str = "") -> Remedy:
        options = CheckOptions(dockerfile=dockerfile)
        judging = JudgingContext(policy=policy, now=now, resources=RESOURCES, options=options)
        return remedy_of(images["app"], request, judging, OPTIONS)

    bare = remedy()
    assert (bare.before.verdict.value, bare.after.verdict.value) == ("stop", "go")
    assert [planned.change.base for planned in bare.changes] == [images["newer"]]
    assert bare.dockerfile.splitlines()[:3] == [
        "# The image's own Dockerfile, its last FROM changed to",
        f"# FROM {images['newer']}",
        "# and this at its end; --dockerfile FILE writes it as a whole.",
    ]
    assert f"FROM {images['newer']}\nCOPY app /app" in remedy("FROM debian:13\nCOPY app /app\n").dockerfile
