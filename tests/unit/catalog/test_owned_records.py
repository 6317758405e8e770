"""Which files packages of pacman, portage, conda, Nix, Homebrew and Bitnami own, and that they own what others record there."""

from __future__ import annotations

import gzip
import json

import pytest

from hullmark.catalog.cataloger import Cataloger
from hullmark.catalog.systems import alpm, bitnami, conda, homebrew, nix, portage
from hullmark.model.package import OwnedFile
from hullmark.scanning.request import ScanRequest, ScanResources
from hullmark.scanning.scan import scan_image
from tests.conformance.cases import layer
from tests.support.layers import image
from tests.support.records import RECORDS
from tests.support.views import FakeView

A, B = "a" * 64, "b" * 32
STORE = f"nix/store/{'0' * 32}-a-1.0"


def owned(cataloger: Cataloger, files: dict[str, bytes]) -> list[OwnedFile]:
    """The files that packages own."""
    assert cataloger.owned is not None
    return list(cataloger.owned(FakeView(files, cataloger)))


def test_a_package_of_pacmans_owns_what_is_listed_with_the_digests_of_its_mtree() -> None:
    folder, owner = "var/lib/pacman/local/a-1-1", "pkg:alpm/arch/a@1-1"
    mtree = f"#mtree\n/set type=file\n./.PKGINFO sha256digest={A}\n./usr/bin/a sha256digest={A}\n./usr/b\\040c md5digest={B}\n"
    files = {
        f"{folder}/desc": b"%NAME%\na\n\n%VERSION%\n1-1\n",
        f"{folder}/files": b"%FILES%\nusr/\nusr/bin/a\nusr/b c\netc/a.conf\n\n%BACKUP%\netc/a.conf\t"
        + B.encode()
        + b"\n",
        f"{folder}/mtree": gzip.compress(mtree.encode(), mtime=0),
    }
    assert owned(alpm.CATALOGER, files) == [
        OwnedFile("usr", owner, kind="d"),
        OwnedFile("usr/bin/a", owner, "sha256", A),
        OwnedFile("usr/b c", owner, "md5", B),
        OwnedFile("etc/a.conf", owner, config=True),
    ]


def test_a_package_of_gentoos_owns_its_contents_names_with_blanks_too() -> None:
    contents = f"dir /usr\nobj /usr/a b {B} 1649284374\nsym /usr/c -> a b 1649284374\nobj broken\n"
    owner = "pkg:ebuild/x-y/a@1.0"
    assert owned(portage.CATALOGER, {"var/db/pkg/x-y/a-1.0/CONTENTS": contents.encode()}) == [
        OwnedFile("usr", owner, kind="d"),
        OwnedFile("usr/a b", owner, "md5", B, kind="f"),
        OwnedFile("usr/c", owner, kind="l", link="a b"),
    ]


def test_a_package_of_condas_owns_its_files_below_the_environment() -> None:
    paths = [{"_path": "lib/a.py", "sha256": "b" * 64, "sha256_in_prefix": A}]
    record = {
        "name": "a",
        "version": "1",
        "files": ["lib/a.py", "lib/a.pyc", "../up", "/abs"],
        "paths_data": {"paths": paths},
    }
    files = {"opt/conda/conda-meta/a.json": json.dumps(record).encode()}
    assert owned(conda.CATALOGER, files) == [
        OwnedFile("opt/conda/lib/a.py", "pkg:conda/a@1", "sha256", A),
        OwnedFile("opt/conda/lib/a.pyc", "pkg:conda/a@1", ghost=True),
    ]


@pytest.mark.parametrize(
    ("cataloger", "files", "path", "owner"),
    [
        (nix.CATALOGER, {f"{STORE}/bin/a": b"x"}, f"{STORE}/bin/a", f"pkg:nix/a@1.0?outputhash={'0' * 32}"),
        (
            homebrew.CATALOGER,
            {"Cellar/a/1.0/INSTALL_RECEIPT.json": b"{}", "Cellar/a/1.0/bin/a": b"x", "Cellar/b/2/c": b"x"},
            "Cellar/a/1.0/bin/a",
            "pkg:brew/a@1.0",
        ),
        (
            bitnami.CATALOGER,
            {"opt/bitnami/a/.spdx-a.spdx": RECORDS["systems.bitnami", "COMPONENTS"].body, "opt/bitnami/a/bin/a": b"x"},
            "opt/bitnami/a/bin/a",
            RECORDS["systems.bitnami", "COMPONENTS"].purls[0],
        ),
    ],
    ids=["nix", "homebrew", "bitnami"],
)
def test_all_in_a_packages_own_folder_is_its(
    cataloger: Cataloger, files: dict[str, bytes], path: str, owner: str
) -> None:
    assert OwnedFile(path, owner) in owned(cataloger, files)
    assert {file.owner for file in owned(cataloger, files)} == {owner}


_SITE = "lib/python3.12/site-packages/a-1.0.dist-info/METADATA"
_CONDA = {"name": "a", "version": "1.0", "files": [_SITE]}


@pytest.mark.parametrize(
    ("files", "prefix", "owner"),
    [
        (
            {
                "var/lib/pacman/local/python-a-1.0-1/desc": b"%NAME%\npython-a\n\n%VERSION%\n1.0-1\n",
                "var/lib/pacman/local/python-a-1.0-1/files": f"%FILES%\nusr/{_SITE}\n".encode(),
            },
            "usr",
            "pkg:alpm/arch/python-a@1.0-1",
        ),
        (
            {"var/db/pkg/dev-python/a-1.0/CONTENTS": f"obj /usr/{_SITE} {B} 1\n".encode()},
            "usr",
            "pkg:ebuild/dev-python/a@1.0",
        ),
        ({"opt/conda/conda-meta/a.json": json.dumps(_CONDA).encode()}, "opt/conda", "pkg:conda/a@1.0"),
        ({}, STORE, f"pkg:nix/a@1.0?outputhash={'0' * 32}"),
    ],
    ids=["alpm", "portage", "conda", "nix"],
)
def test_a_python_package_is_owned_by_the_package_that_brought_it(
    files: dict[str, bytes], prefix: str, owner: str
) -> None:
    placed = {**files, f"{prefix}/{_SITE}": b"Metadata-Version: 2.1\nName: a\nVersion: 1.0\n\n"}
    scanned = scan_image(image(layer(placed, folders=False)), ScanRequest(), ScanResources()).inventory
    assert [(package.purl, package.owned_by) for package in scanned.packages] == [
        (owner, None),
        ("pkg:pypi/a@1.0", owner),
    ]
