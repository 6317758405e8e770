"""A bill of materials stands where an image may: packages, matches and verdicts, and what it cannot tell."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from hullmark.model.licences.expressions import spdx_expression
from tests.support.images import layout_of
from tests.support.places import REPOSITORY, corpus, image_cases
from tests.support.program import Program, program_in

FORMATS = ("json", "cyclonedx-json", "spdx-json", "syft-json")
IMAGES = ("apk-image", "big", "debian-slim", "distroless", "go-tools", "java-app", "node-app", "python-app", "rpm-image", "rpm-ndb",
          "ruby-app")  # fmt: skip
ADVISORIES = str(REPOSITORY / "examples" / "advisories")
STATUS = b"""Package: openssl
Status: install ok installed
Architecture: amd64
Version: 3.0.11-1~deb12u1

Package: libssl3
Status: install ok installed
Architecture: amd64
Source: openssl
Version: 3.0.11-1~deb12u1
"""
OS = b'ID=debian\nVERSION_ID="12"\nVERSION_CODENAME=bookworm\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n'
RULES = {
    "image-size": ("image", "size", {"max": "1GB"}),
    "image-layers": ("image", "layers", {"max": 50}),
    "config-user": ("config", "user", {"not_root": True}),
    "setuid": ("files", "setuid", {}),
    "secrets": ("secrets", "found", {}),
    "keys": ("certificates", "private_key", {}),
}


@pytest.fixture
def hullmark(tmp_path: Path) -> Program:
    return program_in(tmp_path / "run")


@pytest.fixture
def image(tmp_path: Path) -> str:
    return f"oci-dir:{layout_of(tmp_path / 'image', {'etc/os-release': OS, 'var/lib/dpkg/status': STATUS})}"


def written(hullmark: Program, source: str, folder: Path) -> dict[str, Path]:
    """The bill of materials of an image in every format."""
    folder.mkdir()
    files = {name: folder / f"bom.{name}" for name in FORMATS}
    ran = hullmark("scan", source, *(f"-o{name}={file}" for name, file in files.items()), seconds=200)
    assert ran.status == 0, ran.err
    return files


def facts(inventory: dict[str, Any]) -> list[tuple[Any, ...]]:
    """What every format carries of a package."""
    return [
        (package["type"], package["name"], package["version"], package["purl"], package["arch"], package["source"], package["owned_by"],
         [place["path"] for place in package["locations"]])
        for package in inventory["packages"]
    ]  # fmt: skip


@pytest.mark.parametrize("name", image_cases(*IMAGES))
def test_every_format_reads_back_as_the_images_packages_and_matches(
    hullmark: Program, tmp_path: Path, name: str
) -> None:
    source = f"oci-dir:{corpus('oci', name)}"
    files = written(hullmark, source, tmp_path / "boms")
    scanned = json.loads(files["json"].read_bytes())
    matched = hullmark("vulns", source, "--advisories", ADVISORIES, "-o", "json", seconds=200).document
    for format, file in files.items():
        read = hullmark("scan", f"sbom:{file}", "-o", "json").document
        assert facts(read) == facts(scanned), format
        assert read["source"]["kind"] == "sbom"
        assert read["source"]["digest"] == scanned["source"]["digest"]
        again = hullmark("vulns", file, "--advisories", ADVISORIES, "-o", "json").document
        assert keys(again) == keys(matched), format


def keys(matches: dict[str, Any]) -> tuple[list[tuple[Any, ...]], list[tuple[str, str]]]:
    found = [
        (match["package"], match["advisory"]["id"], match["fix"], match["suppressed"]) for match in matches["matches"]
    ]
    return found, [(each["package"], each["reason"]) for each in matches["unknown"]]


def test_licences_come_back_as_far_as_a_format_carries_them(hullmark: Program, tmp_path: Path) -> None:
    source = f"oci-dir:{corpus('oci', 'debian-slim')}"
    files = written(hullmark, source, tmp_path / "boms")
    scanned = json.loads(files["json"].read_bytes())
    for format, file in files.items():
        read = hullmark("scan", file, "-o", "json").document
        pairs = [
            (spelled(ours["licenses"]), spelled(theirs["licenses"]))
            for ours, theirs in zip(scanned["packages"], read["packages"], strict=True)
        ]
        different = [pair for pair in pairs if pair[0] != pair[1]]
        # An expression that joins with AND comes back from SPDX in its parts; to CycloneDX several go as one.
        assert all(format in ("spdx-json", "cyclonedx-json") for _ in different), (format, different[:3])
        assert all(set(" and ".join(ours).split()) == set(" and ".join(theirs).split()) for ours, theirs in different)


def spelled(licenses: list[str]) -> list[str]:
    """Each once, as SPDX calls it."""
    return list(dict.fromkeys((spdx_expression(text) or text).lower() for text in licenses))


def policy(folder: Path) -> Path:
    """A native policy with RULES."""
    rules = [
        {"id": id, "gate": gate, "trigger": trigger, "action": "stop", "params": params}
        for id, (gate, trigger, params) in RULES.items()
    ]
    rules.append(
        {
            "id": "openssl",
            "gate": "packages",
            "trigger": "forbidden",
            "action": "warn",
            "params": {"names": ["openssl"]},
        }
    )
    path = folder / "policy.json"
    path.write_text(json.dumps({"schema": "hullmark-policy/1", "name": "p", "rules": rules}))
    return path


def test_rules_cannot_tell_what_an_sbom_does_not_say(hullmark: Program, tmp_path: Path, image: str) -> None:
    file = written(hullmark, image, tmp_path / "boms")["spdx-json"]
    ran = hullmark("check", f"sbom:{file}", "--policy", policy(tmp_path), "-o", "json")
    assert ran.status == 3, ran.err
    verdict = json.loads(ran.out)
    assert (
        verdict["verdict"],
        [finding["rule_id"] for finding in verdict["findings"] if finding["action"] == "warn"],
    ) == (
        "unknown",
        ["openssl"],
    )
    told = " ".join(problem["reason"] for problem in verdict["problems"]) + " ".join(
        finding["message"] for finding in verdict["findings"]
    )
    assert [id for id in RULES if id not in told] == []


def test_an_anchore_policy_cannot_tell_either(hullmark: Program, tmp_path: Path, image: str) -> None:
    from tests.unit.policy.anchore.building import rule, second

    file = written(hullmark, image, tmp_path / "boms")["syft-json"]
    path, context = tmp_path / "policy.json", tmp_path / "context.json"
    path.write_text(json.dumps(second(rule("secret_scans", "content_regex_checks"))))
    context.write_text(json.dumps({"secret_search": ["KEY=x"]}))
    ran = hullmark("check", file, "--policy", path, "-o", "json")
    assert (ran.status, json.loads(ran.out)["verdict"]) == (3, "unknown")


@pytest.mark.parametrize(
    "words", [("secrets",), ("config",), ("malware",), ("files",), ("scan", "--files"), ("scan", "--all-layers")]
)
def test_what_needs_the_image_itself_refuses_an_sbom(
    hullmark: Program, tmp_path: Path, image: str, words: tuple[str, ...]
) -> None:
    file = written(hullmark, image, tmp_path / "boms")["cyclonedx-json"]
    what, advice = hullmark(*words, f"sbom:{file}").refusal
    assert "SBOM" in what
    assert advice.startswith("name the image itself")


def test_our_own_list_of_files_is_read(hullmark: Program, tmp_path: Path, image: str) -> None:
    file = tmp_path / "files.json"
    assert hullmark("scan", "--files", image, "-o", f"json={file}").status == 0
    read = hullmark("scan", "--files", f"sbom:{file}", "-o", "json").document
    assert [each["path"] for each in read["files"]] == [each["path"] for each in json.loads(file.read_bytes())["files"]]
    assert "files" not in hullmark("scan", f"sbom:{file}", "-o", "json").document


def test_an_sbom_is_converted_into_every_format(hullmark: Program, tmp_path: Path, image: str) -> None:
    files = written(hullmark, image, tmp_path / "boms")
    scanned = hullmark("scan", image, "-o", "json").document
    for file in files.values():
        for format in FORMATS:
            out = tmp_path / f"again.{format}"
            ran = hullmark("sbom", "convert", file, "-o", f"{format}={out}")
            assert (ran.status, ran.err) == (0, "")
            assert facts(hullmark("scan", out, "-o", "json").document) == facts(scanned), (file, format)


def test_what_is_no_sbom_is_refused(hullmark: Program, tmp_path: Path) -> None:
    file = tmp_path / "x.json"
    file.write_text("{}")
    for words in (("scan", f"sbom:{file}"), ("vulns", "--advisories", ADVISORIES, file), ("sbom", "convert", file)):
        what, advice = hullmark(*words).refusal
        assert "is not an SBOM that can be read" in what
        assert "cyclonedx-json" in advice
    assert "cannot read" in hullmark("scan", f"sbom:{tmp_path / 'none'}").refusal[0]


SYFT = os.environ.get("HULLMARK_SYFT") or shutil.which("syft")
SYFT_FORMATS = ("syft-json", "cyclonedx-json", "cyclonedx-xml", "spdx-json", "spdx-tag-value")


@pytest.mark.skipif(not SYFT, reason="there is no syft on this machine (HULLMARK_SYFT names one)")
@pytest.mark.parametrize(
    "name", image_cases("apk-image", "debian-slim", "distroless", "python-app", "rpm-image", "rpm-ndb", "ruby-app")
)
def test_what_syft_writes_of_an_image_is_what_we_find_in_it(hullmark: Program, tmp_path: Path, name: str) -> None:
    layout = corpus("oci", name)
    files = [tmp_path / f"bom.{format}" for format in SYFT_FORMATS]
    outputs = [f"-o{format}={file}" for format, file in zip(SYFT_FORMATS, files, strict=True)]
    environment = {**os.environ, "SYFT_CHECK_FOR_APP_UPDATE": "false"}
    subprocess.run([str(SYFT), "scan", f"oci-dir:{layout}", "-q", *outputs], check=True, env=environment, timeout=300)
    ours = hullmark("scan", f"oci-dir:{layout}", "-o", "json").document
    for file in files:
        theirs = hullmark("scan", file, "-o", "json").document
        assert {told(package) for package in theirs["packages"]} == {told(package) for package in ours["packages"]}, (
            file.name
        )
        assert (theirs["distro"]["id"], theirs["distro"]["version_id"]) == (
            ours["distro"]["id"],
            ours["distro"]["version_id"],
        )
        assert theirs["source"]["digest"] == ours["source"]["digest"]


def told(package: dict[str, Any]) -> tuple[Any, ...]:
    source = package["source"] or {"name": "", "version": ""}
    return package["type"], package["name"], package["version"], package["arch"], source["name"], source["version"]
