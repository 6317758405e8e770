"""`hullmark explain`: why a package or a file is in an image; and relations in what `scan` writes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.images import Blobs, tagged, tar_of, write_layout
from tests.support.places import REPOSITORY
from tests.support.program import Program, program_in
from tests.unit.catalog.relations.test_systems import stanza

ADVISORIES = REPOSITORY / "examples" / "advisories"
LOW = {
    "etc/os-release": b"ID=debian\nVERSION_ID=13\n",
    "var/lib/dpkg/status": (stanza("shop", Depends="lib") + stanza("lib", "2.0") + stanza("tool")).encode(),
    "var/lib/dpkg/info/lib.list": b"/usr/lib/lib.so.2\n",
    "usr/lib/lib.so.2": b"old",
    "usr/share/doc/lib/copyright": (
        b"Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n\n"
        b"Files: *\nCopyright: us\nLicense: GPL-2+\n\nFiles: b\nCopyright: us\nLicense: Expat\n"
    ),
}
SITE = "usr/lib/python3.13/site-packages"
HIGH = {
    "usr/lib/lib.so.2": b"newer",
    f"{SITE}/app-1.dist-info/METADATA": b"Metadata-Version: 2.1\nName: app\nVersion: 1\nRequires-Dist: Jinja2\n",
    f"{SITE}/Jinja2-2.10.dist-info/METADATA": b"Metadata-Version: 2.1\nName: Jinja2\nVersion: 2.10\nLicense: BSD\n",
}
FORMATS = ("json", "cyclonedx-json", "spdx-json", "syft-json")


@pytest.fixture
def hullmark(tmp_path: Path) -> Program:
    return program_in(tmp_path / "run")


@pytest.fixture
def image(tmp_path: Path) -> str:
    blobs = Blobs()
    made = blobs.image([tar_of(LOW), tar_of(HIGH, links={"usr/lib/lib.so": "lib.so.2"})])
    return f"oci-dir:{write_layout(tmp_path / 'layout', blobs, [tagged(made, 'latest')])}"


def test_a_package_is_explained_by_those_that_need_it(hullmark: Program, image: str) -> None:
    text = hullmark("explain", image, "pkg:deb/debian/lib").text
    assert "Why:       shop@1 -> lib@2.0\n" in text
    assert "Needed by: shop@1\nNeeds:     nothing\n" in text
    assert "At:        /var/lib/dpkg/status, layer 0 sha256:" in text
    assert "no other package needs it: it was put there for itself" in hullmark("explain", image, "tool").text


def test_licences_are_explained_in_spdx_terms_with_what_told_them(hullmark: Program, image: str) -> None:
    told = hullmark("explain", image, "pkg:deb/debian/lib").text
    assert "Licences:  GPL-2.0-or-later AND MIT\n" in told
    assert "Told by:   License in /usr/share/doc/lib/copyright: Expat" in told
    (package,) = json.loads(hullmark("explain", "-o", "json", image, "pkg:deb/debian/lib").text)["packages"]
    assert package["license_expression"] == "GPL-2.0-or-later AND MIT"
    assert [evidence["license"] for evidence in package["license_evidence"]] == ["GPL-2+", "Expat"]


def test_a_package_is_explained_with_its_vulnerabilities_where_there_are_advisories(
    hullmark: Program, image: str
) -> None:
    told = hullmark("explain", "--advisories", ADVISORIES, image, "jinja2")
    assert "Why:       app@1 -> jinja2@2.10" in told.text
    assert "Licences:  BSD" in told.text
    assert "fixed in 2.10.1: " in told.text
    assert "not known: there are no advisories" in hullmark("explain", image, "jinja2").text


def test_a_file_is_explained_by_its_layers_and_its_owner(hullmark: Program, image: str) -> None:
    document = hullmark("explain", image, "/usr/lib/lib.so", "-o", "json").document
    assert document["file"]["real"] == "/usr/lib/lib.so.2"
    found = [
        (version["place"]["layer"], version["file"]["state"], version["file"]["size"])
        for version in document["file"]["versions"]
    ]
    assert found == [(0, "ghost", 3), (1, "unverified", 5)]
    assert [package["name"] for package in document["packages"]] == ["lib"]
    assert len(document["packages"][0]["chain"]) == 2


@pytest.mark.parametrize(
    ("subject", "said"),
    [
        ("pkg:deb/debian/libb", "near to it: pkg:deb/debian/lib@2.0?arch=amd64&distro=debian-13"),
        ("zzzzzz", "hullmark scan SOURCE lists its packages"),
        ("/no/such/file", "no layer has /no/such/file"),
        (" ", "the subject is empty"),
    ],
)
def test_what_is_not_there_is_refused_with_advice(hullmark: Program, image: str, subject: str, said: str) -> None:
    assert said in " ".join(hullmark("explain", image, subject).refusal)


def relations(document: Path) -> list[dict[str, str]]:
    found: list[dict[str, str]] = json.loads(document.read_bytes())["relationships"]
    return found


def test_every_document_reads_back_with_its_relations(hullmark: Program, image: str, tmp_path: Path) -> None:
    known = [
        (each["from"].partition("@")[0], each["to"].partition("@")[0]) for each in _scanned(hullmark, image, tmp_path)
    ]
    assert known == [("pkg:deb/debian/shop", "pkg:deb/debian/lib"), ("pkg:pypi/app", "pkg:pypi/jinja2")]
    for name in FORMATS:
        written, back = tmp_path / f"written.{name}", tmp_path / "back.json"
        hullmark("scan", image, "-o", f"{name}={written}")
        hullmark("sbom", "convert", written, "-o", f"json={back}")
        assert relations(back) == relations(tmp_path / "scanned.json")
        assert "shop@1 -> lib@2.0" in hullmark("explain", f"sbom:{written}", "lib").text


def _scanned(hullmark: Program, image: str, folder: Path) -> list[dict[str, str]]:
    hullmark("scan", image, "-o", f"json={folder / 'scanned.json'}")
    return relations(folder / "scanned.json")


def test_a_scan_that_is_kept_tells_relations_only_to_who_asks(hullmark: Program, image: str, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    for _ in range(2):
        hullmark("scan", "--cache-dir", cache, image, "-o", "purls")
        hullmark("scan", "--cache-dir", cache, image, "-o", f"json={tmp_path / 'kept.json'}")
        assert len(relations(tmp_path / "kept.json")) == 2


def test_an_sbom_that_tells_no_relations_is_said_not_to(hullmark: Program, tmp_path: Path) -> None:
    parts = [{"type": "library", "name": "a", "version": "1", "purl": "pkg:npm/a@1"}]
    document = tmp_path / "bom.json"
    document.write_text(json.dumps({"bomFormat": "CycloneDX", "specVersion": "1.6", "components": parts}))
    assert "the source does not tell which packages need which" in hullmark("explain", f"sbom:{document}", "a").text
    assert hullmark("explain", f"sbom:{document}", "/a").refusal[0].endswith("this SBOM lists no files")
