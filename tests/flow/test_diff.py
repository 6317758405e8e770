"""`hullmark diff` of images and `hullmark layers`: what differs, what each layer does, and with which exit status."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.support.images import Blobs, layout_of, tagged, tar_of, write_layout
from tests.support.pages import commands_that_hold
from tests.support.places import REPOSITORY, corpus
from tests.support.program import Program, program_in

ADVISORIES = REPOSITORY / "examples" / "advisories"
PAGE = REPOSITORY / "docs" / "how-to" / "compare-images.md"
METADATA = "Metadata-Version: 2.1\nName: Jinja2\nVersion: {}\n"
SECRET = "ghp_" + "a1B2c3D4e5F6" * 3


@pytest.fixture
def hullmark(tmp_path: Path) -> Program:
    return program_in(tmp_path / "run")


def shop(folder: Path, version: str, **more: bytes) -> str:
    path = f"usr/lib/python3/site-packages/Jinja2-{version}.dist-info/METADATA"
    files = {path: METADATA.format(version).encode(), "etc/os-release": b"ID=debian\nVERSION_ID=13\n", **more}
    return f"oci-dir:{layout_of(folder, files)}"


@pytest.fixture
def fixed(tmp_path: Path) -> str:
    return shop(tmp_path / "fixed", "3.1.6")


@pytest.fixture
def vulnerable(tmp_path: Path) -> str:
    return shop(tmp_path / "vulnerable", "2.10", bin=b"new")


def test_an_image_does_not_differ_from_itself_by_whatever_name(hullmark: Program, fixed: str, tmp_path: Path) -> None:
    assert "Nothing that was compared differs." in hullmark("diff", fixed, fixed).text
    written = tmp_path / "fixed.json"
    hullmark("scan", "--files", "-o", f"json={written}", fixed)
    for other in (written, f"sbom:{written}"):
        document = hullmark("diff", other, fixed, "-o", "json").document
        assert (document["packages"], document["files"]) == ([], [])


def test_packages_files_and_vulnerabilities_that_came_and_went(hullmark: Program, fixed: str, vulnerable: str) -> None:
    ran = hullmark("diff", fixed, vulnerable, "-o", "json", "--advisories", ADVISORIES)
    document = ran.document
    assert ran.status == 0
    assert document["schema"] == "hullmark-difference/1"
    (package,) = document["packages"]
    assert (package["step"], package["before"]["version"], package["after"]["version"]) == ("down", "3.1.6", "2.10")
    assert {"/bin": "in"}.items() <= {file["path"]: file["step"] for file in document["files"]}.items()
    assert [found["id"] for found in document["vulnerabilities"]["come"]] == ["GHSA-462w-v97r-4m45"]
    back = hullmark("diff", vulnerable, fixed, "-o", "json", "--advisories", ADVISORIES).document
    assert back["vulnerabilities"]["gone"] == document["vulnerabilities"]["come"]
    assert back["vulnerabilities"]["come"] == []


@pytest.mark.parametrize(
    ("words", "status"), [("new-high", 1), ("new-any", 1), ("new-fixable", 1), ("new-critical", 0), ("new-kev", 3)]
)
def test_the_status_is_1_where_fail_on_is_met_by_what_is_new(
    hullmark: Program, fixed: str, vulnerable: str, words: str, status: int
) -> None:
    ran = hullmark("diff", fixed, vulnerable, "--fail-on", words, "--advisories", ADVISORIES)
    assert ran.status == status
    assert ran.err.startswith(f"hullmark: --fail-on {words} is met: 1 of 1 new match") == (status == 1)
    assert hullmark("diff", vulnerable, fixed, "--fail-on", words, "--advisories", ADVISORIES).status == 0


def test_without_advisories_nothing_is_said_of_vulnerabilities_and_fail_on_cannot_be_told(
    hullmark: Program, fixed: str, vulnerable: str
) -> None:
    ran = hullmark("diff", fixed, vulnerable)
    assert (ran.status, "vulnerabilities were not compared" in ran.text) == (0, True)
    ran = hullmark("diff", fixed, vulnerable, "--fail-on", "new-critical")
    assert ran.status == 3
    assert "cannot be told: there is no database" in ran.err
    refusal = hullmark("diff", fixed, vulnerable, "--fail-on", "critical").refusal
    assert refusal[0].endswith("--fail-on: there is no 'critical': new-critical?")


def test_an_image_and_a_verdict_are_not_compared(hullmark: Program, fixed: str, tmp_path: Path) -> None:
    verdict = tmp_path / "verdict.json"
    policy = REPOSITORY / "policies" / "strict.yaml"
    hullmark("check", "--policy", policy, "--advisories", ADVISORIES, "-o", f"json={verdict}", fixed)
    place = Path(fixed.removeprefix("oci-dir:"))
    assert "is not a verdict" in hullmark("diff", verdict, place / "index.json").refusal[0]
    inventory = tmp_path / "inventory.json"
    hullmark("scan", "-o", f"json={inventory}", fixed)
    refusal = hullmark("diff", inventory, verdict).refusal
    assert refusal[0].endswith("inventory.json is not a verdict, and the other one is")
    assert "two images, SBOMs or inventories" in refusal[1]
    assert hullmark("diff", verdict, verdict).status == 0
    assert "is for images" in hullmark("diff", verdict, verdict, "--by-layer").refusal[0]
    assert "is not a format for verdicts" in hullmark("diff", verdict, verdict, "-o", "markdown").refusal[0]


def two_layers(folder: Path) -> str:
    blobs, low, up = Blobs(), tar_of({"a": b"12345", "b": b"1"}), tar_of({"a": b"123", ".wh.b": b""})

    def bent(config: dict[str, Any]) -> dict[str, Any]:
        settings = {"Env": [f"GITHUB_TOKEN={SECRET}", "MODE=fast"], "Labels": {"token": SECRET}}
        history = [{"created_by": f"RUN login --token {SECRET}"}, {"created_by": "COPY a /"}]
        return {**config, "config": settings, "history": history}

    return f"oci-dir:{write_layout(folder, blobs, [tagged(blobs.image([low, up], config=bent), 'latest')])}"


def test_layers_add_change_hide_and_waste(hullmark: Program, tmp_path: Path) -> None:
    source = two_layers(tmp_path / "two")
    document = hullmark("layers", source, "-o", "json").document
    assert document["schema"] == "hullmark-layers/1"
    low, up = document["layers"]
    assert (low["added"], low["unpacked"], low["wasted"]) == (["/a", "/b"], 6, 6)
    assert (up["changed"], up["hidden"], up["unpacked"], up["wasted"]) == (["/a"], ["/b"], 3, 0)
    assert [ghost["path"] for ghost in low["ghosts"]] == ["/a", "/b"]
    assert document["wasted"] == 6
    by_layer = hullmark("diff", source, source, "--by-layer", "-o", "json").document["by_layer"]
    assert by_layer == document["layers"]


def test_no_secret_of_the_settings_or_instructions_is_shown(hullmark: Program, tmp_path: Path, fixed: str) -> None:
    source = two_layers(tmp_path / "two")
    for form in ("table", "json", "markdown"):
        for words in (("layers", source), ("diff", fixed, source, "--by-layer"), ("diff", source, fixed)):
            ran = hullmark(*words, "-o", form)
            assert ran.status == 0
            assert SECRET not in ran.text
        assert "GITHUB_TOKEN" in hullmark("diff", fixed, source, "-o", form).text.replace("&#95;", "_")


def test_a_folder_and_a_bill_of_materials_have_no_layers(hullmark: Program, fixed: str, tmp_path: Path) -> None:
    written = tmp_path / "fixed.json"
    hullmark("scan", "-o", f"json={written}", fixed)
    (tmp_path / "root" / "etc").mkdir(parents=True)
    assert "has no layers" in hullmark("layers", f"dir:{tmp_path / 'root'}").refusal[0]
    assert "does not tell what each layer does" in hullmark("layers", f"sbom:{written}").refusal[0]
    assert "layers were not compared" in hullmark("diff", f"dir:{tmp_path / 'root'}", fixed).text


def test_nginx_stands_on_the_layers_of_debian(hullmark: Program) -> None:
    debian, nginx = (f"oci-dir:{corpus('oci', name)}" for name in ("debian-slim", "nginx"))
    document = hullmark("diff", debian, nginx, "-o", "json").document
    assert document["layers"]["gone"] == []
    assert len(document["layers"]["shared"]) == 3
    steps = {package["name"]: package["step"] for package in document["packages"]}
    assert steps["nginx"] == "in"
    assert set(steps.values()) == {"in"}
    settings = {(setting["name"], setting["key"]): setting["after"] for setting in document["settings"]}
    assert settings["User", ""] == "web"
    sizes = document["before"]["sizes"]["visible"], document["after"]["sizes"]["visible"]
    assert sizes[0] < sizes[1]


def test_the_commands_of_the_page_hold(hullmark: Program) -> None:
    place = "usr/lib/python3/site-packages/Jinja2-{}.dist-info/METADATA"
    both = {"etc/os-release": b"ID=debian\n"}
    old = {**both, place.format("2.10"): METADATA.format("2.10").encode(), "srv/app": b"1", "srv/cache": b"1"}
    new = {**both, place.format("3.1.6"): METADATA.format("3.1.6").encode(), "srv/app": b"12345", "srv/cache": b"1"}
    up = {"srv/app": b"123", "srv/.wh.cache": b"", "srv/new": b"1"}
    for name, layers in (("old", [old]), ("new", [new, up])):
        blobs = Blobs()
        image = blobs.image([tar_of(files) for files in layers])
        write_layout(hullmark.place / name, blobs, [tagged(image, "latest")])
    shutil.copytree(ADVISORIES, hullmark.place / "advisories")
    assert commands_that_hold(PAGE, hullmark) == 5
