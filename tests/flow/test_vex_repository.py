"""A VEX repository among the advisories: from its archive into a snapshot, and upon the matches of an image."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from hullmark.advisories.feeds.vexhub import FEED
from hullmark.model.advisory import Record
from tests.support.attestations import openvex
from tests.support.images import layout_of
from tests.support.matching import advisory, affected
from tests.support.program import Program, program_in
from tests.support.snapshots import snapshot_in
from tests.unit.advisories.feeds.reading import read, tar_document

KNOWN = (
    advisory("GHSA-1", affected("pypi", "django", "pep440", "3"), aliases=("CVE-2026-1",)),
    advisory("GHSA-2", affected("npm", "@scope/part", "npm", "2"), aliases=("CVE-2026-2",)),
)
FILES = {
    "usr/lib/python3/site-packages/Django-2.2.dist-info/METADATA": b"Metadata-Version: 2.1\nName: Django\nVersion: 2.2\n",
    "app/node_modules/@scope/part/package.json": b'{"name": "@scope/part", "version": "1.0.0"}',
}


@pytest.fixture
def hullmark(tmp_path: Path) -> Program:
    return program_in(tmp_path / "run")


def repository(*documents: tuple[str, Any]) -> list[Record]:
    """What the feed reads in an archive with these (package, document)."""
    packages = [{"id": id, "location": f"pkg/{number}.json"} for number, (id, _) in enumerate(documents)]
    files = {f"hub/pkg/{number}.json": json.dumps(document) for number, (_, document) in enumerate(documents)}
    archive = tar_document(
        "https://example.org/hub.tar.gz", {**files, "hub/index.json": json.dumps({"packages": packages})}
    )
    records, _ = read(FEED, archive)
    return records


def set_aside(hullmark: Program, tmp_path: Path, records: list[Record], *words: str) -> dict[str, str]:
    """Advisory → reason, of the matches that do not count."""
    folder = tmp_path / "snapshots"
    folder.mkdir(exist_ok=True)
    before = set(folder.iterdir())
    snapshot_in(folder, [*KNOWN, *records])
    (made,) = set(folder.iterdir()) - before
    image = layout_of(tmp_path / "image", FILES)
    document = hullmark("vulns", "--snapshot", made, "-o", "json", *words, f"oci-dir:{image}").document
    assert {match["advisory"]["id"] for match in document["matches"]} == {"GHSA-1", "GHSA-2"}
    return {
        match["advisory"]["id"]: match["suppressed"]["reason"] for match in document["matches"] if match["suppressed"]
    }


def test_a_statement_suppresses_a_match_of_a_package_inside_the_image(hullmark: Program, tmp_path: Path) -> None:
    hub = repository(
        ("pkg:pypi/django", openvex("CVE-2026-1", "pkg:pypi/django@2.2")),
        ("pkg:npm/%40scope/part", openvex("CVE-2026-2", "pkg:npm/@scope/part")),
    )
    said = "vexhub says not_affected (vulnerable_code_not_present)"
    assert set_aside(hullmark, tmp_path, hub, "--vex", "repository") == {"GHSA-1": said, "GHSA-2": said}


def test_without_the_word_a_repository_says_nothing(hullmark: Program, tmp_path: Path) -> None:
    hub = repository(("pkg:pypi/django", openvex("CVE-2026-1", "pkg:pypi/django@2.2")))
    assert set_aside(hullmark, tmp_path, hub) == {}


def test_another_version_another_vulnerability_and_another_package_stay(hullmark: Program, tmp_path: Path) -> None:
    hub = repository(
        ("pkg:pypi/django", openvex("CVE-2026-1", "pkg:pypi/django@2.1")),
        ("pkg:pypi/django", openvex("CVE-2026-3", "pkg:pypi/django@2.2")),
        ("pkg:pypi/flask", openvex("CVE-2026-1", "pkg:pypi/flask", "pkg:pypi/django@2.2")),
    )
    assert set_aside(hullmark, tmp_path, hub, "--vex", "repository") == {}


def test_a_file_that_a_person_gave_overrides_a_repository_of_the_same_day(hullmark: Program, tmp_path: Path) -> None:
    hub = repository(("pkg:pypi/django", openvex("CVE-2026-1", "pkg:pypi/django")))
    own = tmp_path / "own.json"
    own.write_text(json.dumps(openvex("CVE-2026-1", "pkg:pypi/django", impact_statement="ours")))
    said = set_aside(hullmark, tmp_path, hub, "--vex", str(own), "--vex", "repository")
    assert said == {"GHSA-1": "file says not_affected (vulnerable_code_not_present): ours"}
