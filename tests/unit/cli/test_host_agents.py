"""`hullmark agent` and `inventory`: which engines of a host, or which services, are asked, with which key, and where reports wait."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest

from hullmark.cli.hosts import addresses
from hullmark.places.runtime.containerd.messages import message
from hullmark.places.runtime.kubernetes import access
from tests.support.fake_engine import FakeEngine
from tests.support.google import METADATA, TOKEN, revision, service
from tests.support.images import sha256
from tests.support.in_process import CommandLine, Reply, TableServer, tell_to_end
from tests.unit.cli.test_hosts import environment, listening
from tests.unit.places.runtime.test_cri_answers import FakeCri
from tests.unit.places.runtime.test_engine_answers import ID, IMAGE, INSPECT, OF_IMAGE

ENGINE: dict[str, Any] = {
    "/info": {},
    "/version": {},
    "/containers/json": [{"Id": ID, "State": "running"}],
    "/events": b"",
    f"/containers/{ID}/json": INSPECT,
    f"/images/{IMAGE}/json": OF_IMAGE,
}
REPORTS = "POST /inventories"
AGENT = ("agent", "--name", "host-1", "--host-root", "", "--once")


@contextmanager
def serving_cri(path: Path) -> Iterator[None]:
    """containerd as Kubernetes has it, in which nothing runs."""
    fake = FakeCri(
        {
            "Version": lambda _: message("VersionResponse")(runtime_name="containerd", runtime_version="2"),
            "Status": lambda _: message("StatusResponse")(),
            "ListPodSandbox": lambda _: message("ListPodSandboxResponse")(),
            "ListContainers": lambda _: message("ListContainersResponse")(),
        }
    )
    served = grpc.server(ThreadPoolExecutor(2), handlers=[fake])
    served.add_insecure_port(f"unix:{path}")
    served.start()
    try:
        yield
    finally:
        served.stop(None).wait()


def reports(server: TableServer) -> dict[str, list[str]]:
    """What was reported, one by one or several at once: workloads by platform."""
    found: dict[str, list[str]] = {}
    for _, sent in server.asked:
        for report in sent if isinstance(sent, list) else [sent]:
            found.setdefault(report["platform"], []).extend(one["place"]["workload"] for one in report["running"])
    return found


def test_a_containerd_that_serves_docker_alone_is_not_asked(
    hullmark: CommandLine, server: TableServer, tmp_path: Path
) -> None:
    """Unless it is named: then what is wrong with it is said."""
    server.answers[REPORTS] = {"sequence": 1}
    with FakeEngine(ENGINE).listening(tmp_path) as docker, listening(tmp_path / "cri.sock"):
        variables = {**environment(tmp_path), "DOCKER_HOST": docker}
        ran = hullmark(*AGENT, env=variables)
        assert (ran.status, ran.err) == (0, "hullmark: docker on host-1: reported\n")
        assert hullmark(*AGENT, "--engine", "containerd", env=variables).status == 2
    assert reports(server) == {"docker": ["web"]}


def test_a_containerd_that_runs_pods_is_asked_beside_docker(
    hullmark: CommandLine, server: TableServer, tmp_path: Path
) -> None:
    server.answers[REPORTS] = {"sequence": 1}
    with FakeEngine(ENGINE).listening(tmp_path) as docker, serving_cri(tmp_path / "cri.sock"):
        ran = hullmark(*AGENT, env={**environment(tmp_path), "DOCKER_HOST": docker})
    assert (ran.status, len(ran.err.splitlines())) == (0, 2)
    assert reports(server) == {"docker": ["web"], "containerd": []}


def test_files_of_containerds_containers_are_looked_at_only_on_the_host(
    hullmark: CommandLine, server: TableServer, tmp_path: Path
) -> None:
    server.answers[REPORTS] = {"sequence": 1}
    words = (*AGENT, "--engine", "containerd", "--drift", "30")
    with serving_cri(tmp_path / "cri.sock"):
        ran = hullmark(*words, env=environment(tmp_path))
        what = "containerd does not tell which files changed: they are read on the host"
        assert ran.refusal == (what, "say where it is: --host-root")
        assert hullmark(*words, "--host-root", tmp_path, env=environment(tmp_path)).status == 0
    assert reports(server) == {"containerd": []}


def test_containerd_is_looked_for_where_it_usually_is() -> None:
    found = addresses(["containerd"], None, {})
    assert found["containerd"].removeprefix("unix:///run/") in (
        *("containerd/containerd.sock", "k3s/containerd/containerd.sock", "crio/crio.sock"),
    )


@pytest.mark.parametrize("text", ["soon", "0", "-1", "86401", "nan"])
def test_how_often_files_are_looked_at_is_a_number_of_seconds(hullmark: CommandLine, text: str) -> None:
    what, _ = hullmark("agent", f"--drift={text}").refusal
    assert what == f"argument --drift: {text!r} is not a number of seconds, up to 86400"


def test_reports_wait_where_it_is_chosen_and_go_with_the_key_of_a_file(
    hullmark: CommandLine, server: TableServer, tmp_path: Path
) -> None:
    """As chosen, as systemd says, as the XDG specification has it, or in the home."""
    server.answers[REPORTS] = {"sequence": 1}
    (hullmark.place / "key").write_text(" k3y\n")
    with FakeEngine(ENGINE).listening(tmp_path) as docker:
        variables = {**environment(tmp_path), "DOCKER_HOST": docker}
        for more, where, words in (
            ({"XDG_STATE_HOME": "xdg"}, hullmark.place / "xdg" / "hullmark", ()),
            ({"XDG_STATE_HOME": "xdg", "STATE_DIRECTORY": "one:two"}, hullmark.place / "one", ()),
            ({"STATE_DIRECTORY": "one"}, hullmark.place / "chosen", ("--state", "chosen")),
            ({}, hullmark.home / ".local" / "state" / "hullmark", ()),
        ):
            ran = hullmark(*AGENT, "--engine", "docker", "--key-file", "key", *words, env={**variables, **more})
            assert ran.status == 0, ran.err
            assert (where / "reports" / "docker-host-1").is_dir()
    assert server.headers["Authorization"] == "Bearer k3y"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, ("cannot read the key in key: No such file or directory", "check the path")),
        (" \n", ("there is no key in key", "write one there: hullmark key add shows it")),
    ],
)
def test_a_file_without_a_key_is_refused(
    hullmark: CommandLine, server: TableServer, tmp_path: Path, content: str | None, said: tuple[str, str]
) -> None:
    if content is not None:
        (hullmark.place / "key").write_text(content)
    words = (*AGENT, "--engine", "docker", "--key-file", "key")
    assert hullmark(*words, env=environment(tmp_path)).refusal == said
    ran = hullmark(*words, env={**environment(tmp_path), "HULLMARK_SERVER": ""})
    assert ran.refusal == ("which server?", "name it by --server URL or HULLMARK_SERVER")


def test_what_runs_is_reported_until_a_signal_says_to_end(
    hullmark: CommandLine, server: TableServer, tmp_path: Path
) -> None:
    def taken() -> Any:
        if "web" in reports(server).get("docker", ()):
            tell_to_end()
        return {"sequence": 1}

    server.answers[REPORTS] = taken
    with FakeEngine(ENGINE).listening(tmp_path) as docker:
        words = [word for word in AGENT if word != "--once"]
        ran = hullmark(*words, "--engine", "docker", env={**environment(tmp_path), "DOCKER_HOST": docker})
    assert (ran.status, ran.out) == (0, b"")
    assert ran.err.splitlines()[0] == "hullmark: reporting what runs: docker on host-1"


def test_a_cluster_that_is_followed_from_within_needs_a_name(
    hullmark: CommandLine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Else nobody could tell its places from those of another cluster."""
    for name in ("token", "ca.crt"):
        (tmp_path / name).write_text("mounted")
    there = access.in_cluster
    monkeypatch.setattr(access, "in_cluster", lambda environment: there(environment, tmp_path))
    pod = {"KUBERNETES_SERVICE_HOST": "10.0.0.1", "KUBERNETES_SERVICE_PORT": "443"}
    ran = hullmark("inventory", "kubernetes", "--follow", env=pod)
    assert ran.refusal == ("the cluster needs a name", "add --name: it tells its places from other clusters'")
    ran = hullmark("inventory", "kubernetes", "--follow")
    assert ran.refusal == ("there is no kubeconfig", "name one with --kubeconfig, or set KUBECONFIG")


@pytest.mark.parametrize("is_there", [True, False])
def test_a_tag_that_cloud_run_serves_is_asked_for_at_its_registry(
    hullmark: CommandLine, server: TableServer, is_there: bool
) -> None:
    """Where the registry does not answer, the image is told without a digest."""
    digest = sha256(b"manifest")
    web = service("web", {"type": "TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST", "percent": 100})
    run = "GET https://run.example"
    place = "projects/shop/locations/europe-west1"
    token = {"access_token": TOKEN, "expires_in": 3600, "token_type": "Bearer"}
    server.answers = {
        f"GET http://metadata.example{METADATA}": Reply(200, token, {"metadata-flavor": "Google"}),
        f"{run}/v2/{place}/services?pageSize=100": {"services": [web]},
        f"{run}/v2/{place}/jobs?pageSize=100": {},
        f"{run}/v2/{web['name']}/revisions?pageSize=100": {
            "revisions": [revision(web, 2, {"image": "registry.example/shop:1"})]
        },
        "HEAD https://registry.example/v2/shop/manifests/1": Reply(200, None, {"docker-content-digest": digest}),
    }
    if not is_there:
        server.answers["HEAD https://registry.example/v2/shop/manifests/1"] = Reply(403)
    ran = hullmark(
        *("inventory", "cloudrun", "--project", "shop", "--region", "europe-west1", "-o", "json"),
        env={"GCE_METADATA_HOST": "metadata.example", "CLOUDSDK_API_ENDPOINT_OVERRIDES_RUN": "https://run.example/"},
    )
    assert ran.status == 0, ran.err
    (found,) = json.loads(ran.out)["containers"]
    assert found["image"]["reference"] == "registry.example/shop:1"
    assert found["image"]["digest"] == (digest if is_there else None)
