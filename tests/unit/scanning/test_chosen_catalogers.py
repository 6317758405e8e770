"""Scans with catalogers that a request chooses: what they find, what is kept, and what is told of those left out."""

from __future__ import annotations

from pathlib import Path

import pytest

from hullmark.model.errors import HullmarkError
from hullmark.model.inventory import Inventory
from hullmark.scanning.request import ScanRequest, ScanResources
from hullmark.scanning.scan import scan_folder, scan_image
from tests.conformance.cases import layer
from tests.support.layers import image

FILES = {
    "usr/lib/python3/site-packages/a-1.0.dist-info/METADATA": b"Metadata-Version: 2.1\nName: a\nVersion: 1.0\n\n",
    "srv/requirements.txt": b"b==2.0\n",
    "srv/composer.lock": b'{"packages": [{"name": "v/c", "version": "3"}]}',
}


def scanned(*words: str, cache: Path | None = None) -> Inventory:
    """The inventory of the files as an image."""
    request = ScanRequest(catalogers=words)
    return scan_image(image(layer(FILES, folders=False)), request, ScanResources(cache_folder=cache)).inventory


def purls(inventory: Inventory) -> list[str]:
    """The purls of its packages."""
    return [package.purl for package in inventory.packages]


def test_what_lock_files_name_is_found_in_an_image_on_request() -> None:
    assert purls(scanned()) == ["pkg:pypi/a@1.0"]
    assert purls(scanned("+directory")) == ["pkg:composer/v/c@3", "pkg:pypi/a@1.0", "pkg:pypi/b@2.0"]
    assert purls(scanned("php-lock")) == ["pkg:composer/v/c@3"]


def test_a_lock_file_of_whose_packages_none_is_installed_is_said_to_be_there() -> None:
    (note,) = scanned().problems
    assert (note.kind, note.types) == ("note", ("composer",))
    assert scanned("+php-lock").problems == ()


def test_each_choice_is_kept_for_itself(tmp_path: Path) -> None:
    for _ in range(2):
        assert purls(scanned(cache=tmp_path)) == ["pkg:pypi/a@1.0"]
        assert purls(scanned("php-lock", cache=tmp_path)) == ["pkg:composer/v/c@3"]
        assert purls(scanned("+python-lock", cache=tmp_path)) == ["pkg:pypi/a@1.0", "pkg:pypi/b@2.0"]


def test_who_leaves_out_a_cataloger_is_told_what_may_be_missing() -> None:
    assert scanned("+directory").problems == ()
    (problem,) = (problem for problem in scanned("-python").problems if problem.is_open)
    assert problem.reason == "these catalogers were left out by the request: python"
    assert (problem.kind, problem.types, problem.facts) == ("unseen", ("pypi",), ("owners", "packages"))


def test_a_folder_is_looked_through_by_those_that_are_chosen(tmp_path: Path) -> None:
    for path, body in FILES.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(body)
    found = scan_folder(
        str(tmp_path), f"dir:{tmp_path}", ScanRequest(catalogers=("-python-lock",)), ScanResources()
    ).inventory
    assert purls(found) == ["pkg:composer/v/c@3", "pkg:pypi/a@1.0"]
    assert [problem.types for problem in found.problems] == [("pypi",)]


def test_a_word_that_no_cataloger_answers_to_is_refused() -> None:
    with pytest.raises(HullmarkError, match="no cataloger answers to"):
        scanned("pyton")


def test_packages_that_nobody_wants_are_not_looked_for(tmp_path: Path) -> None:
    bare = ScanRequest(packages=False)
    shipped = image(layer(FILES, folders=False))
    assert purls(scan_image(shipped, bare, ScanResources()).inventory) == []
    # What is kept of a layer serves whoever asks next.
    scan_image(shipped, bare, ScanResources(cache_folder=tmp_path))
    assert purls(scanned(cache=tmp_path)) == ["pkg:pypi/a@1.0"]
