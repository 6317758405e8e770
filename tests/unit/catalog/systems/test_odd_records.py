"""Records of package managers that are odd in a part: what is said of it, and what is read all the same."""

from __future__ import annotations

import json
from typing import Any

import pytest

from hullmark.catalog.cataloger import Cataloger
from hullmark.catalog.systems import alpm, apk, bitnami, conda, flatpak, homebrew, nix, portage, rpm, snap
from hullmark.catalog.systems.apk_file import extract_apk
from hullmark.catalog.systems.nix_database import extract_database, extract_log
from hullmark.catalog.systems.package_files import extract_deb
from hullmark.model.package import OwnedFile
from tests.support.cataloging import packages, problems, purls
from tests.support.nix_database import DB, place, register, two_files
from tests.support.package_files import INFO, PACKED, ar, control_tar
from tests.support.package_files import apk as apk_file
from tests.support.views import FakeView
from tests.unit.catalog.systems.test_rpm_databases import make_sqlite
from tests.unit.catalog.systems.test_rpm_header import FILES, IDENTITY, INT16, INT32, make_header
from tests.unit.catalog.systems.test_rpm_log import checked

A = "a" * 64


def owned(cataloger: Cataloger, files: dict[str, bytes]) -> list[OwnedFile]:
    """The files that packages own."""
    assert cataloger.owned is not None
    return list(cataloger.owned(FakeView(files, cataloger)))


def spdx(name: object, purl: str = "pkg:bitnami/a@1") -> dict[str, Any]:
    """A package of a document of Bitnami's."""
    return {"name": name, "versionInfo": "1", "externalRefs": [{"referenceLocator": purl}]}


def test_components_of_bitnamis_without_a_name_are_counted() -> None:
    files = {
        "opt/bitnami/a/.spdx-a.spdx": json.dumps({"packages": [spdx("a"), spdx(7), spdx("../a")]}).encode(),
        "opt/bitnami/.bitnami_components.json": json.dumps(
            {"b": {"version": "2", "arch": "amd64", "distro": 7}, "c": {}, "d": 5, "e/f": {"version": "1"}}
        ).encode(),
    }
    assert purls(bitnami.CATALOGER, files) == ["pkg:bitnami/a@1", "pkg:bitnami/b@2?arch=amd64"]
    assert problems(bitnami.CATALOGER, files) == [
        "packages of Bitnami's that have no name that can be used: 2",
        "components of Bitnami's that have no name and version that can be used: 3",
    ]


def test_a_document_beside_the_folders_of_bitnamis_components_owns_none_of_them() -> None:
    files = {
        "opt/bitnami/a.spdx": json.dumps({"packages": [spdx("a")]}).encode(),
        "opt/bitnami/b/.spdx-b.spdx": json.dumps({"packages": [spdx("b")]}).encode(),
        "opt/bitnami/a/bin/a": b"x",
        "opt/bitnami/b/bin/b": b"x",
    }
    assert [file.path for file in owned(bitnami.CATALOGER, files)] == [
        "opt/bitnami/b/.spdx-b.spdx",
        "opt/bitnami/b/bin/b",
    ]


FLATPAK = "var/lib/flatpak/app/org.a/x86_64/stable/0123"


def test_a_flatpak_tells_the_licence_of_its_own_appstream_file_and_not_that_of_an_add_on() -> None:
    metainfo = f"{FLATPAK}/files/share/metainfo"
    files = {
        f"{FLATPAK}/metadata": b"[Application]\nname=org.a\n",
        f"{metainfo}/org.a.metainfo.xml": b"<component><id>org.a</id><project_license>MIT</project_license>"
        b'<releases><release version="2.0"/><release version="1.0"/></releases></component>',
        f"{metainfo}/org.b.metainfo.xml": b'<component><releases><release version="9"/></releases></component>',
    }
    [package] = packages(flatpak.CATALOGER, files)
    assert (package.version, package.licenses) == ("2.0", ("MIT",))


def test_a_flatpak_in_folders_of_other_names_is_a_problem() -> None:
    files = {"var/lib/flatpak/app/org a/x86_64/stable/0123/metadata": b"[Application]\nname=org.a\n"}
    assert purls(flatpak.CATALOGER, files) == []
    assert problems(flatpak.CATALOGER, files) == [
        "the folders around it are not named as flatpak names those of an application"
    ]


def test_a_packed_snap_without_a_revision_in_its_name_hides_what_is_in_it_too() -> None:
    view = FakeView({"var/lib/snapd/snaps/local.snap": b"hsqs"}, snap.CATALOGER)
    assert list(snap.CATALOGER.assemble(view)) == []
    assert [str(reason) for _, reason in view.problems] == ["the snap is packed, and what is in it was not read"]


def test_an_object_of_nixs_store_is_one_package_of_its_lowest_layer() -> None:
    files: dict[str, bytes | None] = {f"{place('hello-2.12')}/bin/{name}": b"x" for name in ("a", "b", "c")}
    view = FakeView({f"{place('hello-2.12')}/bin/a": b"y"}, nix.CATALOGER, layers=[files])
    assert [(found.version, found.locations[0].layer) for found in nix.assemble(view)] == [("2.12", 0)]


def test_a_database_of_nixs_without_its_tables_is_told() -> None:
    reports: list[str] = []
    found = extract_database(DB, memoryview(make_sqlite([b"x"])), lambda reason: reports.append(str(reason)))
    assert (found.paths, reports) == ((), ["it has no tables ValidPaths and Refs as Nix makes them"])


def test_rows_of_nixs_database_that_are_not_of_its_store_are_counted() -> None:
    def change(db: Any) -> None:
        register("hello-2.12", "glibc-2.38")(db)
        db.execute("INSERT INTO ValidPaths (path, hash, registrationTime) VALUES ('/gnu/store/a', 'x', 1)")
        db.execute("INSERT INTO Refs VALUES ('one', 2)")

    reports: list[str] = []
    found = extract_database(DB, memoryview(two_files(before=change)[DB]), lambda reason: reports.append(str(reason)))
    assert (len(found.paths), found.refs) == (2, ((1, 2),))
    assert reports == ["rows that are not of objects of the store were left out: 2"]


def test_more_objects_than_are_read_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hullmark.catalog.systems.nix_database._MAX_PATHS", 1)
    reports: list[str] = []
    body = two_files(before=register("hello-2.12", "glibc-2.38"))[DB]
    found = extract_database(DB, memoryview(body), lambda reason: reports.append(str(reason)))
    assert (len(found.paths), reports) == (1, ["it has more than 1 objects; the rest was not read"])


def test_damaged_pages_of_nixs_log_are_counted_and_the_others_read() -> None:
    log = bytearray(two_files(register("hello-2.12", "glibc-2.38"))[f"{DB}-wal"])
    for start in range(32, len(log), 24 + 4096):
        if b"glibc" not in log[start : start + 24 + 4096]:
            log[start + 24] = 77  # of no kind that SQLite has
    reports: list[str] = []
    found = extract_log(f"{DB}-wal", memoryview(checked(log, 4096)), lambda reason: reports.append(str(reason)))
    assert found is not None
    assert [path for _, path in found.paths] == [place("hello-2.12"), place("glibc-2.38")]
    assert (found.refs, len(reports)) == ((), 1)
    assert reports[0].endswith(" pages of the log of the database of Nix are damaged")


def test_a_package_of_gentoos_with_both_records_is_told_once() -> None:
    files = {
        "var/db/pkg/x-y/a-1.0/CONTENTS": b"",
        "var/db/pkg/x-y/a-1.0/PF": b"a-1.0\n",
        "var/db/pkg/x-y/b-2/PF": b"b-2",
    }
    assert purls(portage.CATALOGER, files) == ["pkg:ebuild/x-y/a@1.0", "pkg:ebuild/x-y/b@2"]


def test_a_keg_with_a_formula_and_a_receipt_is_told_once() -> None:
    keg = "home/linuxbrew/.linuxbrew/Cellar/a/1.0"
    files = {f"{keg}/.brew/a.rb": b'class A\n  license "MIT"\nend\n', f"{keg}/INSTALL_RECEIPT.json": b"{}"}
    [package] = packages(homebrew.CATALOGER, files)
    assert (package.purl, package.licenses) == ("pkg:brew/a@1.0", ("MIT",))


def test_files_of_condas_without_a_digest_are_owned_all_the_same() -> None:
    paths = [7, {"_path": "lib/b.py"}, {"_path": "lib/c.py", "sha256": "x"}, {"_path": "lib/a.py", "sha256": A}]
    record = {
        "name": "a",
        "version": "1",
        "files": ["lib/a.py", "lib/b.py", "lib/c.py"],
        "paths_data": {"paths": paths},
    }
    found = owned(conda.CATALOGER, {"opt/conda/conda-meta/a.json": json.dumps(record).encode()})
    assert [(file.path, file.digest) for file in found] == [
        ("opt/conda/lib/a.py", A),
        ("opt/conda/lib/b.py", ""),
        ("opt/conda/lib/c.py", ""),
    ]


def test_pacmans_root_folder_and_names_that_cannot_be_are_nobodys() -> None:
    folder = "var/lib/pacman/local/a-1-1"
    files = {f"{folder}/desc": b"%NAME%\na\n\n%VERSION%\n1-1\n", f"{folder}/files": b"%FILES%\n/\nusr/\0x\nusr/a\n"}
    assert [file.path for file in owned(alpm.CATALOGER, files)] == ["usr/a"]


def test_the_root_folder_that_a_package_of_rpms_lists_is_nobodys() -> None:
    tags = {
        **IDENTITY,
        **FILES,
        1116: (INT32, [0, 0]),
        1117: ["", "srv"],
        1118: ["/"],
        1030: (INT16, [0o040755, 0o040755]),
        1035: ["", ""],
        1037: (INT32, [0, 0]),
    }
    assert [
        file.path for file in owned(rpm.CATALOGER, {"var/lib/rpm/rpmdb.sqlite": make_sqlite([make_header(tags)])})
    ] == ["srv"]


@pytest.mark.parametrize(
    ("path", "links", "root"),
    [
        ("lib/apk/db/installed", {}, ""),
        ("srv/root/usr/lib/apk/db/installed", {}, "srv/root/"),
        ("data/apk/db/installed", {"lib/apk": "/data/apk"}, ""),
    ],
)
def test_files_of_alpines_packages_lie_below_the_root_of_their_database(
    path: str, links: dict[str, str], root: str
) -> None:
    body = b"P:a\nV:1.0-r0\nA:x86_64\nF:usr/bin\nR:a\n\n"
    view = FakeView({path: body}, apk.CATALOGER, links=links)
    assert [file.path for file in apk.list_owned_files(view)] == [f"{root}usr/bin", f"{root}usr/bin/a"]


def read_apk(body: bytes) -> tuple[str, list[str]]:
    """The name of the package in an .apk, and what is told of it."""
    reports: list[str] = []
    found = extract_apk("srv/a.apk", memoryview(body), lambda reason: reports.append(str(reason)))
    return found.name if found is not None else "", reports


def test_a_package_file_of_alpines_that_unpacks_to_too_much_is_refused() -> None:
    large = PACKED[".gz"](control_tar({".SIGN.RSA.a": bytes(33 << 20)}))
    reason = "the package file cannot be read: what is known of the package is larger than 32 MiB"
    assert read_apk(large) == ("", [reason])


def test_what_is_odd_in_a_package_file_of_alpines_is_told() -> None:
    reason = "the package vulnerable needs more than 65,536 bytes of names, which were not read"
    assert read_apk(apk_file(INFO + b"depend = " + b"x" * 70_000 + b"\n")) == ("vulnerable", [reason])


def test_a_deb_of_damaged_xz_is_refused() -> None:
    body = PACKED[".xz"](control_tar({"./control": b"Package: a\n"}))
    reports: list[str] = []
    damaged = ar({"debian-binary": b"2.0\n", "control.tar.xz": body[:30] + b"\xff" * 40})
    assert extract_deb("a.deb", memoryview(damaged), lambda reason: reports.append(str(reason))) is None
    assert reports == ["the package file cannot be read: its control.tar is damaged"]
