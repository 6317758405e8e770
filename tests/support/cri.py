"""Debian's containerd with its CRI plugin in a folder of its own, and what a kubelet would ask of it."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import pytest

from hullmark.net.errors import NetError
from hullmark.places.runtime.containerd.api import CriApi
from hullmark.places.runtime.containerd.messages import MESSAGES, Fields, message
from tests.support.engines import NAME, needed, shell_image, unmount_below

ASKED: dict[str, Fields] = {
    **MESSAGES,
    "NamespaceOption": {"network": (1, "int32"), "pid": (2, "int32"), "ipc": (3, "int32")},
    "SecurityProfile": {"profile_type": (1, "int32"), "localhost_ref": (2, "string")},
    "LinuxSandboxSecurityContext": {"namespace_options": (1, "NamespaceOption"), "privileged": (6, "bool")},
    "LinuxPodSandboxConfig": {"cgroup_parent": (1, "string"), "security_context": (2, "LinuxSandboxSecurityContext")},
    "PodSandboxConfig": {
        "metadata": (1, "PodSandboxMetadata"),
        "hostname": (2, "string"),
        "log_directory": (3, "string"),
        "labels": (6, "map"),
        "linux": (8, "LinuxPodSandboxConfig"),
    },
    "RunPodSandboxRequest": {"config": (1, "PodSandboxConfig"), "runtime_handler": (2, "string")},
    "RunPodSandboxResponse": {"pod_sandbox_id": (1, "string")},
    "Capability": {"add_capabilities": (1, "string*"), "drop_capabilities": (2, "string*")},
    "LinuxContainerSecurityContext": {
        "capabilities": (1, "Capability"),
        "privileged": (2, "bool"),
        "namespace_options": (3, "NamespaceOption"),
        "readonly_rootfs": (7, "bool"),
        "no_new_privs": (11, "bool"),
        "masked_paths": (13, "string*"),
        "seccomp": (15, "SecurityProfile"),
    },
    "LinuxContainerConfig": {"security_context": (2, "LinuxContainerSecurityContext")},
    "ContainerConfig": {
        "metadata": (1, "ContainerMetadata"),
        "image": (2, "ImageSpec"),
        "command": (3, "string*"),
        "labels": (9, "map"),
        "log_path": (11, "string"),
        "linux": (15, "LinuxContainerConfig"),
    },
    "CreateContainerRequest": {
        "pod_sandbox_id": (1, "string"),
        "config": (2, "ContainerConfig"),
        "sandbox_config": (3, "PodSandboxConfig"),
    },
    "CreateContainerResponse": {"container_id": (1, "string")},
    "StartContainerRequest": {"container_id": (1, "string")},
    "StartContainerResponse": {},
    "ExecSyncRequest": {"container_id": (1, "string"), "cmd": (2, "string*"), "timeout": (3, "int64")},
    "ExecSyncResponse": {"exit_code": (3, "int32")},
    "RemoveContainerRequest": {"container_id": (1, "string")},
    "RemoveContainerResponse": {},
    "RemovePodSandboxRequest": {"pod_sandbox_id": (1, "string")},
    "RemovePodSandboxResponse": {},
}
"""The messages that our own client reads, and those that start containers."""

_CONFIG = """\
version = 2
root = "{folder}/root"
state = "{folder}/state"
[grpc]
  address = "{folder}/containerd.sock"
[plugins."io.containerd.internal.v1.opt"]
  path = "{folder}/opt"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{image}"
  stream_server_address = "127.0.0.1"
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "{snapshotter}"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "{folder}/cni"
    conf_dir = "{folder}/cni"
"""


def asked(name: str) -> Any:
    """The class of a message."""
    return message(name, ASKED)


@dataclass
class RealContainerd:
    """containerd, and what a kubelet would do with it."""

    folder: Path
    config_digest: str = ""
    process: subprocess.Popen[bytes] | None = None
    sandboxes: dict[str, Any] = field(default_factory=dict)

    @property
    def address(self) -> str:
        """Where it listens."""
        return f"unix://{self.folder}/containerd.sock"

    def start(self) -> None:
        """Start it, and wait until it answers; skips the test where it cannot start here."""
        log = self.folder / "containerd.log"
        with log.open("ab") as said:
            self.process = subprocess.Popen(
                ["containerd", "-c", self.folder / "config.toml"], stdout=said, stderr=said, stdin=subprocess.DEVNULL
            )
        deadline = time.monotonic() + 40
        while True:
            api = CriApi(self.address, timeout=5)
            with contextlib.suppress(NetError), contextlib.closing(api):
                api.version()
                return
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                pytest.skip(f"containerd does not serve CRI here: {log.read_text('utf-8', 'replace')[-500:]}")
            time.sleep(0.1)

    def stop(self) -> None:
        """End it; its containers run on."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(30)
        self.process = None

    def load(self) -> None:
        """Have the image, which serves for pods too."""
        archive, self.config_digest = shell_image()
        file = self.folder / "image.tar"
        file.write_bytes(archive)
        command = ("ctr", "-a", f"{self.folder}/containerd.sock", "-n", "k8s.io", "images", "import", str(file))
        ran = subprocess.run(command, capture_output=True, timeout=60)
        assert ran.returncode == 0, ran.stderr

    def call(self, method: str, **fields: Any) -> Any:
        """A request of the runtime service."""
        with grpc.insecure_channel(f"unix:{self.folder}/containerd.sock") as channel:
            send = channel.unary_unary(
                f"/runtime.v1.RuntimeService/{method}",
                request_serializer=asked(f"{method}Request").SerializeToString,
                response_deserializer=asked(f"{method}Response").FromString,
            )
            return send(asked(f"{method}Request")(**fields), timeout=60)

    def pod(self, name: str, labels: dict[str, str]) -> str:
        """Start a pod on the host's network; its id."""
        config = asked("PodSandboxConfig")(
            metadata=asked("PodSandboxMetadata")(name=name, uid=f"uid-{name}", namespace="shop"),
            log_directory=str(self.folder / "logs"),
            labels=labels,
            linux=asked("LinuxPodSandboxConfig")(
                cgroup_parent="/hullmark-cri",
                security_context=asked("LinuxSandboxSecurityContext")(
                    namespace_options=asked("NamespaceOption")(network=2)
                ),
            ),
        )
        try:
            id = self.call("RunPodSandbox", config=config).pod_sandbox_id
        except grpc.RpcError as error:
            pytest.skip(f"containerd starts no pods here: {error}")
        self.sandboxes[id] = config
        return str(id)

    def container(self, pod: str, name: str, **context: Any) -> str:
        """Start a container in a pod; its id."""
        security = asked("LinuxContainerSecurityContext")(
            namespace_options=asked("NamespaceOption")(network=2, pid=1), **context
        )
        config = asked("ContainerConfig")(
            metadata=asked("ContainerMetadata")(name=name),
            image=asked("ImageSpec")(image=NAME, user_specified_image=NAME),
            command=["/bin/sleep", "1000"],
            log_path=f"{name}.log",
            linux=asked("LinuxContainerConfig")(security_context=security),
        )
        made = self.call("CreateContainer", pod_sandbox_id=pod, config=config, sandbox_config=self.sandboxes[pod])
        self.call("StartContainer", container_id=made.container_id)
        return str(made.container_id)

    def execute(self, container: str, script: str) -> None:
        """Run a script in a container, to its end."""
        ran = self.call("ExecSync", container_id=container, cmd=["/bin/sh", "-c", script], timeout=60)
        assert ran.exit_code == 0, script

    def remove(self, container: str) -> None:
        """End and remove a container."""
        self.call("RemoveContainer", container_id=container)

    def clear(self) -> None:
        """Remove all pods."""
        for id in self.sandboxes:
            with contextlib.suppress(grpc.RpcError):
                self.call("RemovePodSandbox", pod_sandbox_id=id)


@contextlib.contextmanager
def containerd(folder: Path) -> Iterator[RealContainerd]:
    """containerd below a folder, with the image."""
    needed("containerd", "ctr", "runc")
    engine = RealContainerd(folder)
    text = _CONFIG.format(folder=folder, image=NAME, snapshotter="overlayfs")
    (folder / "config.toml").write_text(text)
    (folder / "cni").mkdir()
    engine.start()
    try:
        engine.load()
        yield engine
    finally:
        if engine.process is None:
            engine.start()
        engine.clear()
        engine.stop()
        unmount_below(folder)
        shutil.rmtree(folder, ignore_errors=True)
