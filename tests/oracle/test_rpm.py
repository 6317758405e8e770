"""What rpm itself says of the databases of real and made-up images, against what is read of them here."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import tarfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from hullmark.catalog.systems.rpm import CATALOGER, databases
from hullmark.catalog.systems.rpmdb import read_database
from hullmark.catalog.systems.rpmdb.bdb import MAGICS
from hullmark.catalog.systems.rpmdb.header import RpmHeader, list_files
from hullmark.catalog.systems.rpmdb.ndb import read_blobs as ndb_blobs
from tests.support.places import corpus, shared
from tests.support.views import FakeView
from tests.unit.catalog.systems.test_rpm_databases import make_bdb
from tests.unit.catalog.systems.test_rpm_header import CHAR, FILES, IDENTITY, INT32, make_header

pytestmark = pytest.mark.skipif(shutil.which("rpm") is None, reason="rpm is not installed")

_IMAGES = {
    "rpm-image": ("sqlite", "var/lib/rpm/rpmdb.sqlite"),
    "rpm-ndb": ("ndb", "usr/lib/sysimage/rpm/Packages.db"),
}
_PACKAGE_QUERY = "%{NAME}\t%{EPOCH}\t%{VERSION}\t%{RELEASE}\t%{ARCH}\t%{LICENSE}\t%{SOURCERPM}\t%{VENDOR}\t%{MODULARITYLABEL}\t%{SIZE}\n"
_FILE_QUERY = (
    "[%{=NAME}\t%{FILENAMES}\t%{FILEMODES}\t%{FILEFLAGS}\t%{FILEDIGESTS}\t%{FILELINKTOS}\t%{=FILEDIGESTALGO}\n]"
)


def _rpm(folder: Path, backend: str, query: str) -> list[str]:
    command = ["rpm", "--dbpath", str(folder), "--define", f"_db_backend {backend}", "-qa", "--qf", query]
    done = subprocess.run(command, capture_output=True, check=True, env={"LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin"})
    return sorted(done.stdout.decode().splitlines())


def _packages_of_rpm(folder: Path, backend: str) -> list[str]:
    """rpm's list. An empty vendor and none at all are one thing here."""
    return sorted("\t".join(map(_or_none, line.split("\t"))) for line in _rpm(folder, backend, _PACKAGE_QUERY))


def _or_none(value: object) -> str:
    return "(none)" if value in ("", None) else str(value)


def _package_lines(headers: tuple[RpmHeader, ...]) -> Iterator[str]:
    for header in headers:
        values = (
            header.epoch,
            header.version,
            header.release,
            header.arch,
            header.license,
            header.source_rpm,
            header.vendor,
        )
        yield "\t".join([header.name, *map(_or_none, values), _or_none(header.modularity), str(header.size)])


def _file_lines(headers: tuple[RpmHeader, ...]) -> Iterator[str]:
    for header in headers:
        for file in list_files(header.files) if header.files else ():
            words = (file.path.decode(), str(file.mode), str(file.flags), file.digest.decode(), file.link.decode())
            yield "\t".join((header.name, *words, _or_none(header.files.algorithm if header.files else 0)))


def _agree(database: Path, backend: str) -> int:
    """Compare both lists of rpm with ours; answers how many files there were."""
    body = database.read_bytes()
    reports: list[str] = []
    found = read_database(memoryview(body), reports.append)
    assert reports == []
    assert found is not None
    headers = found.headers
    assert sorted(_package_lines(headers)) == _packages_of_rpm(database.parent, backend)
    ours = sorted(_file_lines(headers))
    assert ours == _rpm(database.parent, backend, _FILE_QUERY)
    return len(ours)


def _databases(image: Path, path: str) -> list[bytes]:
    """The database of each layer, bottom first."""

    def blob(digest: str) -> Path:
        return image / "blobs" / "sha256" / digest.removeprefix("sha256:")

    index = json.loads((image / "index.json").read_bytes())
    manifest = json.loads(blob(index["manifests"][0]["digest"]).read_bytes())
    bodies = []
    for layer in manifest["layers"]:
        with tarfile.open(blob(layer["digest"])) as tar:
            for member in tar:
                if member.name.removeprefix("./") == path and (file := tar.extractfile(member)):
                    bodies.append(file.read())
    return bodies


@pytest.mark.parametrize("image", _IMAGES)
def test_rpm_and_we_read_the_same_from_every_layer_of_an_image(image: str, tmp_path: Path) -> None:
    backend, path = _IMAGES[image]
    bodies = _databases(corpus("oci", image), path)
    assert len(bodies) == 3
    for number, body in enumerate(bodies):
        folder = tmp_path / str(number)
        folder.mkdir()
        database = folder / path.rpartition("/")[2]
        database.write_bytes(body)
        assert _agree(database, backend) > 80


def test_rpm_and_we_read_the_same_from_a_real_berkeley_db(tmp_path: Path) -> None:
    body = shared("conformance", "packages", "input", "rpm-01-bdb", "Packages").read_bytes()
    (tmp_path / "Packages").write_bytes(body)
    assert _agree(tmp_path / "Packages", "bdb_ro") == 1


@pytest.mark.parametrize("order", MAGICS.values(), ids=["little-endian", "big-endian"])
@pytest.mark.parametrize("page_bytes", [512, 4096])
def test_rpm_and_we_read_the_same_from_a_berkeley_db_of_an_images_headers(
    order: str, page_bytes: int, tmp_path: Path
) -> None:
    body = _databases(corpus("oci", "rpm-ndb"), _IMAGES["rpm-ndb"][1])[-1]
    blobs = list(ndb_blobs(memoryview(body), pytest.fail))
    (tmp_path / "Packages").write_bytes(make_bdb(blobs, order, page_bytes))
    assert _agree(tmp_path / "Packages", "bdb_ro") > 80


_TAGS = {**IDENTITY, 1009: (INT32, [1]), 1014: "MIT", **FILES, 1036: ["", "", ""], 5011: (INT32, [8])}
_MADE: dict[str, Callable[[], bytes]] = {
    "plain": lambda: make_header(_TAGS),
    "replaced at installation": lambda: make_header(_TAGS, {1002: "7.el9", 1029: (CHAR, [0, 1, 2])}),
    "an epoch of zero": lambda: make_header({**_TAGS, 1003: (INT32, [0])}),
}


@pytest.mark.parametrize("make", _MADE.values(), ids=_MADE)
def test_rpm_understands_the_headers_that_our_tests_make(make: Callable[[], bytes], tmp_path: Path) -> None:
    (tmp_path / "Packages").write_bytes(make_bdb([make()]))
    assert _agree(tmp_path / "Packages", "bdb_ro") == 3


_SPEC = """Name: newcomer
Version: 2
Release: 1
Summary: s
License: MIT
Obsoletes: nginx, httpd
BuildArch: noarch
%description
d
%files
"""


def _quietly(*command: str | Path) -> None:
    subprocess.run(command, check=True, capture_output=True)


@pytest.mark.slow
def test_rpm_and_we_read_the_same_through_a_log_that_rpm_left(tmp_path: Path) -> None:
    image, left = tmp_path / "image", tmp_path / "left"
    image.mkdir()
    left.mkdir()
    (image / "rpmdb.sqlite").write_bytes(_databases(corpus("oci", "rpm-image"), _IMAGES["rpm-image"][1])[-1])
    (tmp_path / "newcomer.spec").write_text(_SPEC)
    _quietly("rpmbuild", "-bb", "--define", f"_topdir {tmp_path}/build", tmp_path / "newcomer.spec")
    (built,) = (tmp_path / "build").rglob("newcomer*.noarch.rpm")
    only = ("--nodeps", "--justdb", "--noscripts")
    with closing(sqlite3.connect(image / "rpmdb.sqlite", isolation_level=None)) as reader:
        # As long as somebody reads, rpm leaves its log as it is: so does one that is killed.
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM Packages").fetchall()
        _quietly("rpm", "--dbpath", image, "--define", "_db_backend sqlite", *only, "-U", built)
        for name in ("rpmdb.sqlite", "rpmdb.sqlite-wal"):
            shutil.copy(image / name, left / name)
    body, log = (left / "rpmdb.sqlite").read_bytes(), (left / "rpmdb.sqlite-wal").read_bytes()
    assert len(log) > 10_000
    view = FakeView({"var/lib/rpm/rpmdb.sqlite": body, "var/lib/rpm/rpmdb.sqlite-wal": log}, CATALOGER)
    (found,) = databases(view)
    names = {header.name for header in found.fact.headers}
    assert "newcomer" in names
    assert not names & {"nginx", "httpd"}
    assert sorted(_package_lines(found.fact.headers)) == _packages_of_rpm(left, "sqlite")
    assert sorted(_file_lines(found.fact.headers)) == _rpm(left, "sqlite", _FILE_QUERY)
    list(CATALOGER.assemble(view))
    assert view.problems == []
