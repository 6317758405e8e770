"""`--corrections`: what a person says that packages are is what every command sees, and every command says so."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.flow.test_check import policy_of, rule
from tests.support.executables import Part, elf
from tests.support.images import layout_of
from tests.support.pages import commands_that_hold
from tests.support.places import REPOSITORY
from tests.support.program import Program, program_in

PAGE = REPOSITORY / "docs" / "how-to" / "correct-packages.md"
ADVISORIES = REPOSITORY / "examples" / "advisories"
SITE = "srv/shop/lib/python3.13/site-packages"
LIB = "usr/lib/python3.13/site-packages"
STATUS = b"Package: shop\nStatus: install ok installed\nVersion: 1\nArchitecture: amd64\n\n"


def metadata(name: str, version: str, *more: str) -> bytes:
    return "\n".join(("Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}", *more, "")).encode()


FILES = {
    "etc/os-release": b"ID=debian\nVERSION_ID=13\n",
    "var/lib/dpkg/status": STATUS,
    "var/lib/dpkg/info/shop.list": b"/usr/bin/shop\n",
    "usr/bin/shop": elf([Part(b".data", b"a")]),
    f"{SITE}/Jinja2-2.10.dist-info/METADATA": metadata("Jinja2", "2.10"),
    f"{LIB}/Jinja2-2.10.dist-info/METADATA": metadata("Jinja2", "2.10"),
    f"{LIB}/app-1.dist-info/METADATA": metadata("app", "1", "Requires-Dist: Jinja2"),
    f"{LIB}/demo-0.1.dist-info/METADATA": metadata("demo", "0.1"),
    "opt/agent/agent": elf([Part(b".data", b"b")]),
}
CORRECTED = """\
corrections:
  - match: {type: pypi, name: jinja2}
    set: {version: 3.1.6}
    owner: platform team
    reason: patched
"""


@pytest.fixture
def hullmark(tmp_path: Path) -> Program:
    hullmark = program_in(tmp_path / "run")
    layout_of(hullmark.place / "app", FILES)
    (hullmark.place / "c.yaml").write_text(CORRECTED, "utf-8")
    return hullmark


def test_the_page_is_true(hullmark: Program) -> None:
    assert commands_that_hold(PAGE, hullmark) == 3


def test_matches_are_those_of_the_corrected_package_and_say_whose_word_that_is(hullmark: Program) -> None:
    words = ("vulns", "oci-dir:app", "--advisories", ADVISORIES, "-o", "json", "--at", "2026-03-01")
    before = hullmark(*words).document
    found = [match for match in before["matches"] if match["installed"]["name"] == "jinja2"]
    assert found
    assert {len(each["installed"]["locations"]) for each in found} == {2}
    after = hullmark(*words, "--corrections", "c.yaml").document
    assert [match for match in after["matches"] if match["installed"]["name"] == "jinja2"] == []
    assert [problem["reason"] for problem in after["problems"] if problem["room"] == "corrections"] == [
        "c.yaml:2 (platform team): jinja2 2.10 (pypi) is taken for pkg:pypi/jinja2@3.1.6 and at 1 more place: patched"
    ]


def test_a_verdict_that_a_correction_turns_says_so(hullmark: Program) -> None:
    (hullmark.place / "policy.yaml").write_text(
        policy_of(rule("packages/forbidden", name="old", names=["jinja2"], version="2.10")), "utf-8"
    )
    words = ("check", "oci-dir:app", "--policy", "policy.yaml", "-o", "json")
    before, after = (json.loads(hullmark(*words, *more).out) for more in ((), ("--corrections", "c.yaml")))
    assert (before["verdict"], after["verdict"]) == ("stop", "go")
    assert "c.yaml:2 (platform team)" in json.dumps(after["problems"])
    assert before["inputs"]["analyzer"] != after["inputs"]["analyzer"]


def test_the_evidence_of_a_finding_names_the_correction(hullmark: Program) -> None:
    (hullmark.place / "policy.yaml").write_text(
        policy_of(rule("packages/forbidden", name="none", names=["jinja2"])), "utf-8"
    )
    told = hullmark("check", "oci-dir:app", "--policy", "policy.yaml", "-o", "json", "--corrections", "c.yaml")
    [finding] = json.loads(told.out)["findings"]
    assert [each["detail"] for each in finding["evidence"]] == ["3.1.6, corrected by c.yaml:2 (platform team)"] * 2


def test_what_a_removed_package_owned_belongs_to_nobody_and_is_not_explained(hullmark: Program) -> None:
    removal = CORRECTED.replace("pypi, name: jinja2", "deb, name: shop").replace(
        "set: {version: 3.1.6}", "remove: true"
    )
    (hullmark.place / "c.yaml").write_text(removal, "utf-8")
    words = ("scan", "--files", "-o", "json", "oci-dir:app")
    states = []
    for more in ((), ("--corrections", "c.yaml")):
        document = hullmark(*words, *more).document
        [file] = [each for each in document["files"] if each["path"] == "/usr/bin/shop"]
        states.append((file["owner"], file["state"], document["unexplained"]["executables"]))
    assert states == [("pkg:deb/debian/shop@1?arch=amd64&distro=debian-13", "unverified", 1), (None, "unowned", 2)]


def test_relations_lead_to_what_a_package_is_taken_for_also_in_a_document_that_is_read(hullmark: Program) -> None:
    hullmark("scan", "oci-dir:app", "-o", "cyclonedx-json=app.json")
    ends = []
    for source in ("oci-dir:app", "sbom:app.json"):
        document = hullmark("scan", source, "-o", "json", "--corrections", "c.yaml").document
        ends.append([(relationship["from"], relationship["to"]) for relationship in document["relationships"]])
    assert ends == [[("pkg:pypi/app@1", "pkg:pypi/jinja2@3.1.6")]] * 2


def test_a_document_that_was_corrected_says_so_when_it_is_read(hullmark: Program) -> None:
    for form in ("json", "cyclonedx-json", "cyclonedx-xml"):
        hullmark("scan", "oci-dir:app", "--corrections", "c.yaml", "-o", f"{form}=app.{form}")
        packages = hullmark("scan", f"sbom:app.{form}", "-o", "json").document["packages"]
        said = [package["corrected_by"] for package in packages if package["name"] == "jinja2"]
        assert said == ["c.yaml:2 (platform team)"], form


def test_what_was_kept_of_a_scan_is_not_mistaken_for_a_corrected_one(hullmark: Program) -> None:
    def versions(*more: str) -> list[str]:
        found = hullmark("scan", "oci-dir:app", "--cache-dir", "kept", "-o", "json", *more).document["packages"]
        return [each["version"] for each in found if each["name"] == "jinja2"]

    assert versions() == ["2.10"]
    assert versions("--corrections", "c.yaml") == ["3.1.6"]
    assert versions("--corrections", "c.yaml") == ["3.1.6"]
    assert versions() == ["2.10"]


def test_a_server_takes_no_corrections(hullmark: Program) -> None:
    told = hullmark("scan", "NAME", "--server", "http://localhost:1", "--corrections", "c.yaml")
    assert told.status == 2
    assert "a server knows nothing of --corrections" in told.err
