"""An image of Red Hat's build system and what Red Hat says of it, from files to matches."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hullmark.cli.main import main
from tests.support.images import layout_of
from tests.support.places import REPOSITORY

Run = Callable[..., bytes]

NAME = "quay/quay-rhel8"
FIX = "v3.5.7-8"
DOCKERFILE = f"""\
FROM sha256:0a
LABEL com.redhat.component="quay-registry-container" \\
      name="{NAME}"
LABEL "build-date"="2021-09-01T10:00:00" "architecture"="x86_64"
"""
COMPONENT = f"{NAME}@sha256:0a_amd64"
PRODUCT = "8Base-Quay-3"
DOCUMENT = {
    "document": {"category": "csaf_vex", "tracking": {"current_release_date": "2026-05-06T07:08:09+00:00"}},
    "product_tree": {
        "branches": [
            {"product": {"product_id": PRODUCT, "product_identification_helper": {"cpe": "cpe:/a:redhat:quay:3::el8"}}},
            {
                "product": {
                    "product_id": COMPONENT,
                    "product_identification_helper": {
                        "purl": f"pkg:oci/quay-rhel8@sha256:0a?arch=amd64&repository_url=registry.redhat.io/{NAME}&tag={FIX}"
                    },
                }
            },
        ],
        "relationships": [
            {
                "product_reference": COMPONENT,
                "relates_to_product_reference": PRODUCT,
                "full_product_name": {"product_id": f"{PRODUCT}:{COMPONENT}"},
            }
        ],
    },
    "vulnerabilities": [{"cve": "CVE-2021-3762", "product_status": {"fixed": [f"{PRODUCT}:{COMPONENT}"]}}],
}


@pytest.fixture
def hullmark(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]) -> Run:
    """The program in this process, with a home of its own: answers what it wrote."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)

    def run(*words: str | Path) -> bytes:
        assert main([*map(str, words)]) in (0, 3)
        return capfdbinary.readouterr().out

    return run


@pytest.fixture
def mirror(tmp_path: Path) -> Path:
    """A mirror with the one document of Red Hat's."""
    folder = tmp_path / "mirror/security.access.redhat.com/data/csaf/v2/vex"
    folder.mkdir(parents=True)
    body = json.dumps(DOCUMENT).encode()
    with tarfile.open(folder / "csaf_vex_2026-06-01.tar.gz", "w:gz") as archive:
        info = tarfile.TarInfo("2021/cve-2021-3762.json")
        info.size = len(body)
        archive.addfile(info, io.BytesIO(body))
    (folder / "archive_latest.txt").write_text("csaf_vex_2026-06-01.tar.gz")
    (folder / "changes.csv").write_text("")
    (folder / "deletions.csv").write_text("")
    return tmp_path / "mirror"


def vulns(hullmark: Run, folder: Path, tag: str, *words: str | Path) -> Any:
    """What is said of an image of this tag."""
    files = {
        "etc/os-release": b"ID=rhel\nVERSION_ID=8.4\n",
        f"root/buildinfo/Dockerfile-quay-quay-rhel8-{tag}": DOCKERFILE.encode(),
    }
    return json.loads(hullmark("vulns", "-o", "json", *words, f"oci-dir:{layout_of(folder / tag, files)}"))


def test_an_older_build_is_told_the_fix_and_the_fixed_one_is_not(hullmark: Run, mirror: Path, tmp_path: Path) -> None:
    hullmark("db", "update", "--from", mirror, "--feeds", "redhat")
    [match] = vulns(hullmark, tmp_path, "v3.5.6-4")["matches"]
    assert (match["advisory"]["id"], match["fix"]["state"], match["fix"]["version"]) == ("CVE-2021-3762", "fixed", FIX)
    assert match["package"].startswith("pkg:oci/quay-rhel8?")
    assert match["why"] == f"{NAME} v3.5.6-4 < {FIX}, product quay:3, Red Hat's container images"
    for tag in (FIX, "v3.5.8-1"):
        assert vulns(hullmark, tmp_path, tag)["matches"] == []


def test_without_the_feed_the_image_is_unknown(hullmark: Run, tmp_path: Path) -> None:
    document = vulns(hullmark, tmp_path, "v3.5.6-4", "--advisories", REPOSITORY / "examples" / "advisories")
    assert document["matches"] == []
    [unknown] = [each for each in document["unknown"] if each["package"].startswith("pkg:oci/")]
    assert unknown["reason"] == "the snapshot has no advisories for oci:redhat"
