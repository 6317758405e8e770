"""`hullmark policy init`: what it writes is valid and tested, and never takes what is unknown for good."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.support.images import Blobs, tagged, tar_of, write_layout
from tests.support.places import REPOSITORY
from tests.support.program import Program, program_in

STATUS = b"Package: libc6\nStatus: install ok installed\nSource: glibc\nVersion: 2.41-1\nArchitecture: amd64\n"
RELEASE = b"ID=debian\nVERSION_ID=13\n"
PASSWD = b"app:x:1000:1000::/:/bin/sh\n"
ADVISORIES = REPOSITORY / "examples" / "advisories"


@pytest.fixture
def hullmark(tmp_path: Path) -> Program:
    return program_in(tmp_path / "run")


def test_it_is_valid_tested_and_each_rule_fires_in_some_case(hullmark: Program) -> None:
    ran = hullmark("policy", "init")
    assert (ran.status, ran.err) == (0, "")
    assert ran.text.splitlines()[-1] == (
        "next: hullmark policy test policy.yaml, then hullmark check --policy policy.yaml IMAGE"
    )
    assert hullmark("policy", "validate", "policy.yaml").status == 0
    tested = hullmark("policy", "test", "--coverage", "policy.yaml")
    assert tested.status == 0, tested.text


def test_no_rule_to_stop_passes_on_what_is_unknown(hullmark: Program) -> None:
    hullmark("policy", "init", "shop.yaml")
    policy = yaml.safe_load((hullmark.place / "shop.yaml").read_text("utf-8"))
    assert policy["name"] == "shop"
    assert [rule["id"] for rule in policy["rules"] if "when_unknown" in rule] == []
    gates = {(rule["gate"], rule["trigger"]) for rule in policy["rules"]}
    assert {("analysis", "problem"), ("analysis", "unidentified")} <= gates


def test_what_is_there_is_not_overwritten(hullmark: Program) -> None:
    (hullmark.place / "policy.test.yaml").write_text("mine")
    assert hullmark("policy", "init").refusal[0] == "policy.test.yaml is there already"
    assert not (hullmark.place / "policy.yaml").exists()


@pytest.mark.parametrize(
    ("files", "advisories", "verdict"),
    [
        ({}, ADVISORIES, 0),
        ({"etc/os-release": RELEASE, "var/lib/dpkg/status": STATUS}, ADVISORIES, 3),
        ({"etc/os-release": RELEASE, "var/lib/dpkg/status": STATUS}, None, 3),
        ({"opt/broken.jar": b"this is not an archive"}, ADVISORIES, 3),
    ],
    ids=["nothing unknown", "advisories without its distribution", "no advisories", "a damaged archive"],
)
def test_an_image_of_which_something_is_unknown_does_not_pass(
    hullmark: Program, tmp_path: Path, files: dict[str, bytes], advisories: Path | None, verdict: int
) -> None:
    hullmark("policy", "init")
    blobs = Blobs()
    layers = (tar_of({"etc/passwd": PASSWD, **files}),)
    made = blobs.image(layers, config=lambda config: config | {"config": {"User": "1000"}})
    image = write_layout(tmp_path / "image", blobs, [tagged(made, "latest")])
    words = ("--advisories", advisories) if advisories else ()
    ran = hullmark("check", "--policy", "policy.yaml", *words, f"oci-dir:{image}")
    assert ran.status == verdict, ran
