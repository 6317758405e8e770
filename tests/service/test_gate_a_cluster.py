"""docs/how-to/gate-a-cluster.md, from nothing to a refused pod: its blocks are run by a shell, with real kubectl, server and gate."""

from __future__ import annotations

import base64
import re
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.contract.kubernetes.test_kubectl import KUBECTL
from tests.service.test_remote_cli import World, new_world
from tests.support.images import Blobs, tagged, tar_of, write_layout
from tests.support.kubernetes.access import User
from tests.support.kubernetes.server import FakeCluster
from tests.support.places import REPOSITORY
from tests.support.processes import push
from tests.support.program import HULLMARK
from tests.support.registry import free_port

pytestmark = pytest.mark.slow

PAGE = REPOSITORY / "docs" / "how-to" / "gate-a-cluster.md"
NO_ROOT = """schema: hullmark-policy/1
name: users
rules:
  - {id: no-root, gate: config, trigger: user, action: stop, params: {not_root: true}}
"""


class Kubelet:
    """Starts what the Deployment of the gate says, with the files that its volumes hold, once these are there."""

    def __init__(self, cluster: FakeCluster, folder: Path) -> None:
        self.cluster, self.folder = cluster, folder
        self.process: subprocess.Popen[bytes] | None = None
        self._stop = threading.Event()

    def look(self) -> None:
        """Until told to stop."""
        while not self._stop.wait(0.1):
            deployments = [
                each for each in self.cluster.store.all("Deployment") if each["metadata"]["name"] == "hullmark-gate"
            ]
            if deployments and self.process is None and self._mount(deployments[0]):
                self._start(deployments[0])
                self._say_it_is_there(deployments[0])

    def _mount(self, deployment: Any) -> bool:
        spec = deployment["spec"]["template"]["spec"]
        volumes = {volume["name"]: volume for volume in spec["volumes"]}
        for mount in spec["containers"][0]["volumeMounts"]:
            volume, target = volumes[mount["name"]], self.folder / mount["mountPath"].strip("/")
            target.mkdir(parents=True, exist_ok=True)
            kind = "ConfigMap" if "configMap" in volume else "Secret" if "secret" in volume else ""
            if not kind:
                continue
            name = volume["configMap"]["name"] if kind == "ConfigMap" else volume["secret"]["secretName"]
            found = [each for each in self.cluster.store.all(kind) if each["metadata"]["name"] == name]
            if not found:
                return False
            for file, text in found[0]["data"].items():
                (target / file).write_bytes(text.encode() if kind == "ConfigMap" else base64.b64decode(text))
        return True

    def _start(self, deployment: Any) -> None:
        container = deployment["spec"]["template"]["spec"]["containers"][0]
        words = [re.sub(r"=/(?=etc)", f"={self.folder}/", word) for word in container["args"]]
        tls, port = self.folder / "etc/hullmark/tls", free_port()
        words += [f"--certificate={tls}/tls.crt", f"--key={tls}/tls.key", f"--listen=127.0.0.1:{port}", "--workers=1"]
        words += [
            f"--verdicts={self.folder}/var/verdicts.db",
            f"--kubeconfig={self.cluster.kubeconfig('kubelet', token='t')}",  # noqa: S106
        ]
        environment = {"HOME": str(self.folder), "PATH": "/usr/bin:/bin"}
        self.process = subprocess.Popen([*HULLMARK, *words], env=environment, cwd=self.folder)
        self.cluster.store.admission.services["hullmark", "hullmark-gate"] = ("127.0.0.1", port)

    def _say_it_is_there(self, deployment: Any) -> None:
        """Once its readiness probe is answered."""
        import http.client
        import ssl

        context = ssl._create_unverified_context()  # noqa: S323 - as kubelet's probes
        host, port = self.cluster.store.admission.services["hullmark", "hullmark-gate"]
        while not self._stop.wait(0.1):
            connection = http.client.HTTPSConnection(host, port, context=context, timeout=5)
            try:
                connection.request("GET", "/readyz")
                if connection.getresponse().status == 200:
                    break
            except OSError:
                continue
            finally:
                connection.close()
        count = deployment["spec"]["replicas"]
        status = dict.fromkeys(("replicas", "updatedReplicas", "availableReplicas", "readyReplicas"), count)
        generation = deployment["metadata"]["generation"]
        self.cluster.store.change(
            "Deployment", "hullmark-gate", "hullmark", status={**status, "observedGeneration": generation}
        )

    def stop(self) -> None:
        self._stop.set()
        if self.process is not None:
            self.process.terminate()
            self.process.wait(30)


@contextmanager
def cluster_with_kubelet(folder: Path) -> Iterator[FakeCluster]:
    cluster = FakeCluster(folder, tokens={"t": User("ann")})
    with cluster.running():
        kubelet = Kubelet(cluster, folder / "node")
        thread = threading.Thread(target=kubelet.look)
        thread.start()
        try:
            yield cluster
        finally:
            kubelet.stop()
            thread.join()
            cluster.store.admission.end()


def script() -> str:
    """The page's blocks, each announced."""
    blocks = re.findall(r"^```sh\n(.*?)^```$", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    assert len(blocks) == 6
    return "set -euo pipefail\n" + "\n".join(blocks)


def prepared(world: World) -> tuple[str, str]:
    """A policy in force, and an image that passes beside one that does not."""
    release = {"etc/os-release": b"ID=debian\nVERSION_ID=13\n"}
    for name, user in (("good", "1000"), ("bad", "0")):
        blobs = Blobs()
        layer = tar_of({**release, name: b"x"})
        settings = {"config": {"User": user}}
        made = blobs.image([layer], config=lambda found, settings=settings: {**found, **settings})  # type: ignore[misc]
        layout = write_layout(world.folder / name, blobs, [tagged(made, "latest")])
        push(layout, world.registry, f"shop/{name}:1", "latest")
    assert world("registry", "add", world.registry, "--no-verify").status == 0
    assert world("policy", "add", world.file("users.yaml", NO_ROOT)).status == 0
    assert world("policy", "activate", "users").status == 0
    return f"{world.registry}/shop/good:1", f"{world.registry}/shop/bad:1"


def test_the_page_leads_from_nothing_to_a_refused_pod(tmp_path: Path) -> None:
    if not KUBECTL.exists():
        pytest.skip("kubectl is not installed beside this Python")
    with new_world() as world, cluster_with_kubelet(tmp_path) as cluster:
        good, bad = prepared(world)
        programs = f"{KUBECTL.parent}:/usr/bin:/bin"
        environment = {
            **world.server.environment(),
            "PATH": programs,
            "HOME": str(tmp_path),
            "KUBECONFIG": str(cluster.kubeconfig(token="t")),  # noqa: S106
            "HULLMARK_CHECKOUT": str(REPOSITORY),
            "SERVER": world.server.environment()["HULLMARK_SERVER"],
            "GOOD": good,
            "BAD": bad,
        }
        began = time.monotonic()
        work = tmp_path / "work"
        work.mkdir()
        ran = subprocess.run(
            ["bash", "-c", script()], cwd=work, env=environment, capture_output=True, text=True, timeout=240
        )
        assert ran.returncode == 0, ran.stdout + ran.stderr + f" after {time.monotonic() - began:.0f} s"
        assert f"{good}@sha256:" in ran.stdout
        assert 'admission webhook "judge.gate.hullmark.io" denied the request: hullmark: container bad' in ran.stdout
        assert "policy users says stop: " in ran.stdout
