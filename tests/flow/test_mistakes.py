"""The commonest mistakes of a newcomer, each with what is answered: what is wrong, what to type, and the exit status 2."""

from __future__ import annotations

import pytest

from tests.support.images import layout_of
from tests.support.program import Program, program_in

NOWHERE = {"DOCKER_HOST": "unix:///nowhere/docker.sock", "CONTAINER_HOST": "unix:///nowhere/podman.sock"}

MISTAKES: tuple[tuple[str, str, str], ...] = (
    # No command, or something else in its place.
    (
        "",
        "hullmark needs a COMMAND",
        "begin with hullmark scan IMAGE, or hullmark vulns IMAGE; hullmark --help lists all",
    ),
    ("nginx:1.27", "there is no command 'nginx:1.27'", "hullmark scan nginx:1.27 says what is inside"),
    ("scna app", "there is no command 'scna': scan?", ""),
    ("image nginx", "there is no action 'nginx'", "hullmark vulns nginx examines an image from this machine"),
    ("sbom nginx", "there is no action 'nginx'", "hullmark scan nginx -o cyclonedx-json writes the bill of materials"),
    ("fs .", "there is no command 'fs'", "a folder is scanned as any image: hullmark scan dir:PATH"),
    ("version", "there is no command 'version'", "it is hullmark --version"),
    ("--verison", "hullmark has no option --verison", "--version?"),
    ("db upadte", "there is no action 'upadte': update?", ""),
    ("image", "hullmark image needs an ACTION", ""),
    # What is to be looked at.
    ("scan", "hullmark scan needs a SOURCE", "hullmark scan nginx:1.27, or a file or folder with an image"),
    ("scan ./image.tar", "there is no file or folder ./image.tar", "check the path"),
    ("scan image.tar", "there is no file image.tar", "an image of this name is registry:image.tar"),
    ("scan oci-dir:nope", "there is no folder nope", "check the path"),
    ("scan Dockerfile", "Dockerfile is what an image is built by", "check takes the file besides: --dockerfile FILE"),
    ("scan NGINX:latest", "'NGINX:latest' has upper-case letters", "write it as [REGISTRY/]NAME[:TAG]"),
    (
        "scan https://hub.docker.com/_/nginx",
        "is an address, not the name of an image",
        "write it as docker pull takes it",
    ),
    ("vulns CVE-2021-44228", "CVE-2021-44228 is a vulnerability, not an image", "hullmark db search CVE-2021-44228"),
    ("scan docker:nginx", "Docker has no socket at /nowhere/docker.sock", "start it"),
    ("scan podman:nginx", "podman has no socket at /nowhere/podman.sock", "systemctl --user start podman.socket"),
    (
        "files app etc/os-release",
        "etc/os-release is neither an image nor a path inside of one",
        "write /etc/os-release",
    ),
    # Options that are called otherwise, and their values.
    ("scan app --format json", "hullmark scan has no option --format", "it is -o FORMAT; hullmark formats lists them"),
    ("scan app --json", "hullmark scan has no option --json", "it is -o json, or -o json=FILE"),
    ("scan app -o xml", "'xml' is not a format for this", "choose one of csv, cyclonedx-json"),
    ("scan app -o report.json", "-o report.json names a file and no format", "write -o json=report.json"),
    ("scan app -o cyclonedx-json@1.5", "-o cyclonedx-json@1.5 names a version", "-o cyclonedx-json --spec-version 1.5"),
    ("scan app -o spdx-json@3.0", "-o spdx-json@3.0 names a version", "write -o spdx3-json"),
    ("scan app -o spdx-json@2.3=x.json", "-o spdx-json@2.3 names a version", "write -o spdx-json"),
    ("scan app -o json -o table", "several formats cannot share standard output", "-o FORMAT=FILE"),
    ("scan app app -o spdx-json", "a document of the format spdx-json is about one image", "ask for one after another"),
    (
        "vulns app --severity high",
        "hullmark vulns has no option --severity",
        "choose what counts with --fail-on SEVERITY",
    ),
    ("vulns app --fail-on hihg", "--fail-on: there is no 'hihg': high?", "known are negligible, low"),
    ("scan app --quite", "hullmark scan has no option --quite", "--quiet?"),
    ("scan app --at yesterday", "hullmark scan has no option --at", "hullmark scan --help lists them"),
    ("completion powershell", "there is no shell 'powershell'; known are bash, zsh, fish", ""),
    ("db status --cache-dir x", "hullmark db status has no option --cache-dir", "advisories are kept in --db-dir DIR"),
    # What must be there first.
    ("vulns app", "there are no advisories yet", "fetch them: hullmark db update"),
    ("check app", "no policy given", "name it by --policy FILE (hullmark policy init writes one)"),
    ("check app --policy nope.yaml", "cannot read the policy nope.yaml: it is not there", "check the path"),
    (
        "check app --policy other.yaml",
        "the policy has 2 mistakes",
        "hullmark policy init writes one that shows the form",
    ),
    ("diff app app2", "there is no file app2", "hullmark check -o json=FILE IMAGE writes one"),
    ("compare debian 1 2", "'debian' is not a version scheme: deb?", "known are alpm"),
    ("image list", "which server?", "sign in: hullmark login URL"),
    ("db search", "what is to be searched?", "hullmark db search CVE-2021-44228, or a package"),
    (
        "policy describe vulns",
        "there is no gate or trigger 'vulns'; there are vulnerabilities",
        "hullmark policy gates",
    ),
)


@pytest.fixture(scope="module")
def hullmark(tmp_path_factory: pytest.TempPathFactory) -> Program:
    made = program_in(tmp_path_factory.mktemp("run"))
    layout_of(made.place / "app", {"etc/os-release": b"ID=debian\n"})
    (made.place / "Dockerfile").write_text("FROM nginx\n")
    (made.place / "other.yaml").write_text("a: b\n")
    return made


@pytest.mark.parametrize(("typed", "wrong", "advice"), MISTAKES, ids=[typed or "(nothing)" for typed, _, _ in MISTAKES])
def test_a_mistake_is_answered_with_what_to_type(hullmark: Program, typed: str, wrong: str, advice: str) -> None:
    what, said = hullmark(*typed.split(), env=NOWHERE).refusal
    assert wrong in what
    assert advice in said
    assert said


def test_none_of_these_answers_is_longer_than_half_a_screen(hullmark: Program) -> None:
    for typed, _, _ in MISTAKES:
        assert len(hullmark(*typed.split(), env=NOWHERE).err) < 500, typed
