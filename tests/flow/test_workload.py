"""`hullmark check --workload`: image and workload are judged together, and findings point into the manifest."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from defusedxml.ElementTree import fromstring

from hullmark.cli.main import main
from tests.support.images import docker_files, small_layout, write_docker_archive
from tests.support.open_registry import OpenRegistry
from tests.support.places import REPOSITORY

MANIFEST = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  template:
    spec:
      hostNetwork: true
      containers:
        - name: web
          image: shop:1
          securityContext:
            runAsNonRoot: true
            capabilities:
              add:
                - SYS_ADMIN
        - name: other
          image: proxy:2
---
apiVersion: batch/v1
kind: Job
metadata: {name: mail}
spec:
  template:
    spec:
      runtimeClassName: boxed
      containers:
        - {name: mail, image: "docker.io/library/shop:1"}
"""
POLICY = """\
schema: hullmark-policy/1
name: isolation
rules:
  - {id: grade, gate: isolation, trigger: grade, action: stop, params: {at_least: hardened}}
  - {id: ways-out, gate: isolation, trigger: found, action: stop}
  - {id: needed, gate: isolation, trigger: needed, action: warn, when_unknown: go}
"""
Judge = Callable[..., tuple[int, str, str]]


@pytest.fixture
def judge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Judge:
    """Judges an image `shop:1` in a working folder with `deploy/web.yaml`: exit status, standard output, standard error."""
    archive = write_docker_archive(tmp_path / "shop.tar", [docker_files()])
    (tmp_path / "deploy").mkdir()
    (tmp_path / "deploy" / "web.yaml").write_text(MANIFEST)
    (tmp_path / "policy.yaml").write_text(POLICY)
    monkeypatch.chdir(tmp_path)

    def run(*words: str) -> tuple[int, str, str]:
        status = main(["check", "--policy", "policy.yaml", "--no-cache", *words, f"docker-archive:{archive}"])
        shown = capsys.readouterr()
        return status, shown.out, shown.err

    return run


def document(judge: Judge, *words: str) -> dict[str, Any]:
    status, out, err = judge("--workload", "deploy/web.yaml", "-o", "json", *words)
    assert (status, err) == (1, "")
    found: dict[str, Any] = json.loads(out)
    return found


def test_each_container_that_runs_the_image_is_judged_and_named(judge: Judge) -> None:
    found = document(judge)
    assert [
        (container["name"], container["grade"], container["at_most"], container["line"])
        for container in found["containers"]
    ] == [
        ("Deployment/web/web", "host", "host", 10),
        ("Job/mail/mail", "default", "vm", 28),
    ]
    assert found["verdict"] == "stop"
    assert {(finding["rule_id"], finding["subject"]) for finding in found["findings"]} == {
        ("grade", "Deployment/web/web"),
        ("ways-out", "Deployment/web/web+capabilities_added"),
        ("ways-out", "Deployment/web/web+host_network"),
        ("needed", "Deployment/web/web+run_as_non_root"),
    }


def test_findings_carry_file_and_line_of_the_manifest(judge: Judge) -> None:
    places = {
        finding["subject"]: (finding["evidence"][0]["path"], finding["evidence"][0]["detail"])
        for finding in document(judge)["findings"]
    }
    lines = MANIFEST.splitlines()
    for subject, word in (
        ("capabilities_added", "add:"),
        ("host_network", "hostNetwork"),
        ("run_as_non_root", "runAsNonRoot"),
    ):
        path, line = places[f"Deployment/web/web+{subject}"]
        assert path == "deploy/web.yaml"
        assert word in lines[int(line.removeprefix("line ")) - 1]


def test_sarif_points_into_the_manifest(judge: Judge) -> None:
    _, out, _ = judge("--workload", "deploy/web.yaml", "-o", "sarif")
    (run,) = json.loads(out)["runs"]
    places = {result["properties"]["subject"]: result["locations"][0]["physicalLocation"] for result in run["results"]}
    assert places["Deployment/web/web+host_network"] == {
        "artifactLocation": {"uri": "deploy/web.yaml"},
        "region": {"startLine": 8},
    }
    assert places["Deployment/web/web+capabilities_added"]["region"] == {"startLine": 15}
    assert run["properties"]["isolation"] == {"Deployment/web/web": "host", "Job/mail/mail": "default"}


def test_the_patch_is_shown_on_request_and_stands_in_the_json(judge: Judge) -> None:
    _, out, _ = judge("--workload", "deploy/web.yaml", "--explain")
    assert "to raise Deployment/web/web from host to default:" in out
    assert "hostNetwork: false" in out
    _, plain, _ = judge("--workload", "deploy/web.yaml")
    assert "hostNetwork: false" not in plain
    assert "Deployment/web/web: host" in plain
    first = document(judge)["containers"][0]
    assert first["patch"]["grade"] == "default"
    assert "hostNetwork: false" in first["patch"]["text"]


def test_markdown_junit_and_annotations_name_the_grade_or_the_line(judge: Judge) -> None:
    words = ("--workload", "deploy/web.yaml", "-o")
    assert "| Deployment/web/web | host |" in judge(*words, "markdown")[1].replace("&#47;", "/")
    properties = {
        each.get("name"): each.get("value") for each in fromstring(judge(*words, "junit")[1]).iter("property")
    }
    assert properties["isolation of Job/mail/mail"] == "default, at most vm"
    assert "file=deploy/web.yaml,line=8" in judge(*words, "github")[1]
    assert "deploy/web.yaml" in judge(*words, "html")[1]


def test_a_handler_that_is_told_makes_the_class_count(judge: Judge) -> None:
    found = document(judge, "--runtime-class", "boxed=kata-qemu")
    assert [container["grade"] for container in found["containers"]] == ["host", "vm"]


def test_a_container_may_be_named_whatever_it_runs(judge: Judge) -> None:
    status, out, _ = judge("--workload", "deploy/web.yaml", "-o", "json", "--container", "other")
    assert status == 1
    assert [container["name"] for container in json.loads(out)["containers"]] == ["Deployment/web/other"]


@pytest.fixture
def shops(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The host of a registry with the images `shop:1` and `proxy:1`; the working folder has a policy."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    monkeypatch.setenv("CONTAINER_HOST", f"unix://{tmp_path}/none.sock")
    Path("policy.yaml").write_text(POLICY)
    with OpenRegistry().running() as registry:
        for name in ("shop", "proxy"):
            layout = small_layout(tmp_path / f"layout-{name}")
            assert main(["copy", f"oci-dir:{layout}", f"{registry.host}/{name}:1"]) == 0
        yield registry.host


def pod_of(**images: str) -> None:
    """A pod with containers of these images."""
    spec = [{"name": name, "image": image, "securityContext": {"privileged": True}} for name, image in images.items()]
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {"containers": spec}}
    Path("pod.json").write_text(json.dumps(pod))


WORDS = ("check", "--policy", "policy.yaml", "--no-cache", "--workload", "pod.json", "-o", "json")


def test_without_a_source_the_images_that_the_workload_names_are_judged(
    shops: str, capsys: pytest.CaptureFixture[str]
) -> None:
    pod_of(shop=f"{shops}/shop:1", proxy=f"{shops}/proxy:1", again=f"{shops}/shop:1")
    capsys.readouterr()
    assert main(WORDS) == 1
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    subjects = [sorted({finding["subject"].partition("+")[0] for finding in each["findings"]}) for each in found]
    assert subjects == [["Pod/p/again", "Pod/p/shop"], ["Pod/p/proxy"]], "each image once, with all that run it"
    assert main([*WORDS, "--container", "proxy"]) == 1
    assert len(capsys.readouterr().out.splitlines()) == 1
    for more, what in (
        (["--container", "none"], "the workload has no container 'none' with an image"),
        (["--tag", "shop:1"], "--tag and --digest are for one image"),
    ):
        assert main([*WORDS, *more]) == 2
        assert what in capsys.readouterr().err
    assert main(["check", "--policy", "policy.yaml"]) == 2
    assert "no image is named" in capsys.readouterr().err


@pytest.mark.parametrize("image", ["dir:/etc", "docker-archive:secret.tar", "/etc", "../x", "sbom:file"])
def test_a_workload_does_not_have_files_of_this_machine_read(
    shops: str, capsys: pytest.CaptureFixture[str], image: str
) -> None:
    pod_of(shop=image)
    assert main(WORDS) == 2
    assert capsys.readouterr().out == ""


def test_a_folder_with_the_name_of_an_image_is_not_taken_for_it(shops: str, capsys: pytest.CaptureFixture[str]) -> None:
    (Path(shops) / "shop:1").mkdir(parents=True)
    pod_of(shop=f"{shops}/shop:1")
    capsys.readouterr()
    assert main(WORDS) == 1
    assert json.loads(capsys.readouterr().out)["inputs"]["image"].startswith("sha256:")


def test_without_a_workload_the_rules_cannot_tell(judge: Judge) -> None:
    status, out, _ = judge("-o", "json")
    found = json.loads(out)
    assert (status, found["verdict"]) == (3, "unknown")
    assert "containers" not in found
    assert "no workload was handed over" in found["reason"]


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("--workload", "deploy/web.yaml", "--tag", "another:1"), "no container of the workload runs"),
        (("--workload", "deploy/web.yaml", "--container", "none"), "the workload has no container 'none'"),
        (("--workload", "deploy/none.yaml"), "cannot read deploy/none.yaml"),
        (("--workload", "policy.yaml"), "it is of no kind that is known"),
        (("--workload", "deploy/web.yaml", "--runtime-class", "boxed"), "is not NAME=HANDLER"),
    ],
)
def test_what_cannot_be_done_is_said_with_advice(judge: Judge, words: tuple[str, ...], reason: str) -> None:
    status, out, err = judge(*words)
    assert (status, out) == (2, "")
    assert reason in err
    assert len(err.splitlines()) == 2


def test_a_task_definition_a_compose_file_and_an_inspected_container_are_judged_alike(
    judge: Judge, tmp_path: Path
) -> None:
    written: dict[str, Any] = {
        "task.json": {"family": "shop", "containerDefinitions": [{"name": "web", "image": "shop:1"}]},
        "compose.yaml": {"services": {"web": {"image": "shop:1", "runtime": "runsc"}}},
        "inspect.json": [{"Name": "/web", "Config": {"Image": "shop:1"}, "HostConfig": {"Privileged": True}}],
    }
    grades = {}
    for name, content in written.items():
        (tmp_path / name).write_text(json.dumps(content))
        _, out, _ = judge("--workload", name, "--launch-type", "fargate", "-o", "json")
        grades[name] = [container["grade"] for container in json.loads(out)["containers"]]
    assert grades == {"task.json": ["vm"], "compose.yaml": ["sandboxed"], "inspect.json": ["host"]}


def test_the_how_to_shows_what_comes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = (REPOSITORY / "docs" / "how-to" / "judge-a-workload.md").read_text("utf-8")
    for name, text in re.findall(r"^`([\w.]+)`:\n\n```yaml\n(.*?)^```$", page, re.MULTILINE | re.DOTALL):
        (tmp_path / name).write_text(text)
    write_docker_archive(tmp_path / "shop.tar", [docker_files()])
    monkeypatch.chdir(tmp_path)
    (command,) = re.findall(r"^\$ hullmark (.*)$", page, re.MULTILINE)
    assert main([*command.split(), "--no-cache", "--explain"]) == 1
    out = capsys.readouterr().out
    shown = re.findall(r"^```text\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert len(shown) == 2
    for text in shown:
        assert text in out


def test_vulns_takes_a_workload_too(judge: Judge, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    advisories = str(REPOSITORY / "examples" / "advisories")
    words = ["vulns", "--no-cache", "--advisories", advisories, "--at", "2026-11-28", "-o", "openvex"]
    source = f"docker-archive:{tmp_path / 'shop.tar'}"
    assert main([*words, "--workload", "deploy/web.yaml", source]) == 0
    assert json.loads(capsys.readouterr().out)["@context"] == "https://openvex.dev/ns/v0.2.0"
    assert main([*words, "--workload", "deploy/web.yaml", "--container", "none", source]) == 2
    assert "the workload has no container 'none'" in capsys.readouterr().err
