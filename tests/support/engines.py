"""Real container engines in a folder of their own: dockerd and podman's service, with a small image that has a shell."""

from __future__ import annotations

import contextlib
import http.client
import io
import json
import os
import shutil
import socket
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.support.images import config_of, sha256, tar_of, to_json

BUSYBOX = Path("/bin/busybox")
NAME = "docker.io/library/shop:1"
TOOL = b"#!/bin/sh\necho tool\n"


def shell_image(name: str = NAME, files: Mapping[str, bytes] | None = None) -> tuple[bytes, str]:
    """An image with busybox, a script and these files, as `docker save` writes it, and the digest of its configuration."""
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w") as tar:
        for folder in ("bin", "tmp", "etc", "var", "var/lib", "var/lib/dpkg", "dev", "proc", "sys"):
            info = tarfile.TarInfo(folder)
            info.type, info.mode = tarfile.DIRTYPE, 0o755
            tar.addfile(info)
        given = {"var/lib/dpkg/status": b"", "etc/passwd": b"root:x:0:0:root:/:/bin/sh\n", **(files or {})}
        for path, body, mode in (
            ("bin/busybox", BUSYBOX.read_bytes(), 0o755),
            ("bin/tool", TOOL, 0o755),
            *((path, body, 0o644) for path, body in given.items()),
        ):
            info = tarfile.TarInfo(path)
            info.size, info.mode = len(body), mode
            tar.addfile(info, io.BytesIO(body))
        for applet in ("sh", "sleep", "cp", "chmod", "echo", "true", "cat"):
            info = tarfile.TarInfo(f"bin/{applet}")
            info.type, info.linkname = tarfile.SYMTYPE, "busybox"
            tar.addfile(info)
    body = layer.getvalue()
    labels = {"org.example.of-image": "yes"}
    config = to_json(config_of([body], config={"Cmd": ["/bin/sleep", "1000"], "Env": ["PATH=/bin"], "Labels": labels}))
    digest = sha256(config)
    entry = {"Config": f"{digest[7:]}.json", "RepoTags": [name], "Layers": ["layer.tar"]}
    parts = {str(entry["Config"]): config, "layer.tar": body, "manifest.json": to_json([entry])}
    return tar_of(parts), digest


class _OverUnixSocket(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=60)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(60)
        self.sock.connect(str(self._path))


@dataclass
class RealEngine:
    """An engine that was started from a command, and what a person would do with it."""

    name: str
    command: Sequence[str]
    socket: Path
    log: Path
    config_digest: str = ""
    process: subprocess.Popen[bytes] | None = None
    names: list[str] = field(default_factory=list)

    @property
    def address(self) -> str:
        """Where it listens."""
        return f"unix://{self.socket}"

    def start(self) -> None:
        """Start it, and wait until it answers; skips the test where it cannot start here."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(self.command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        deadline = time.monotonic() + 40
        while True:
            with contextlib.suppress(OSError, http.client.HTTPException):
                if self.ask("GET", "/_ping")[0] == 200:
                    return
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                pytest.skip(f"{self.name} does not start here: {self.log.read_text('utf-8', 'replace')[-500:]}")
            time.sleep(0.1)

    def stop(self) -> None:
        """End it."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(30)
        self.process = None

    def ask(self, method: str, path: str, body: object = None) -> tuple[int, bytes]:
        """A request to its API."""
        with contextlib.closing(_OverUnixSocket(self.socket)) as connection:
            raw = body if isinstance(body, bytes) else json.dumps(body).encode() if body is not None else b""
            kind = "application/x-tar" if isinstance(body, bytes) else "application/json"
            connection.request(method, path, raw, {"Content-Type": kind})
            answer = connection.getresponse()
            return answer.status, answer.read()

    def must(self, method: str, path: str, body: object = None) -> Any:
        """A request that has to be granted; the answer's JSON."""
        status, said = self.ask(method, path, body)
        assert status < 300 or status == 304, (self.name, method, path, status, said[:500])
        try:
            return json.loads(said) if said.strip() else None
        except ValueError:
            return said

    def load(self) -> None:
        """Have the image."""
        archive, self.config_digest = shell_image()
        self.must("POST", "/images/load", archive)

    def run(
        self, name: str, *command: str, labels: dict[str, str] | None = None, image: str = NAME, **host: Any
    ) -> str:
        """Start a container; its id."""
        wanted = {
            "Image": image,
            "Labels": labels or {},
            "StopSignal": "SIGKILL",
            "HostConfig": {"NetworkMode": "none", **host},
            **({"Cmd": list(command)} if command else {}),
        }
        made = self.must("POST", f"/containers/create?name={quote(name)}", wanted)
        self.must("POST", f"/containers/{made['Id']}/start")
        self.names.append(name)
        return str(made["Id"])

    def execute(self, container: str, script: str) -> None:
        """Run a script in a container, to its end."""
        wanted = {"Cmd": ["/bin/sh", "-c", script], "AttachStdout": True, "AttachStderr": True}
        made = self.must("POST", f"/containers/{container}/exec", wanted)
        self.must("POST", f"/exec/{made['Id']}/start", {"Detach": False})
        ended = self.must("GET", f"/exec/{made['Id']}/json")
        assert ended["ExitCode"] == 0, ended

    def remove(self, container: str) -> None:
        """End and remove a container."""
        self.must("DELETE", f"/containers/{container}?force=true")

    def running(self) -> set[str]:
        """The ids of what runs, as the engine says."""
        return {one["Id"] for one in self.must("GET", "/containers/json")}

    def clear(self) -> None:
        """Remove all containers."""
        with contextlib.suppress(OSError, http.client.HTTPException, ValueError):
            for one in self.must("GET", "/containers/json?all=1"):
                self.ask("DELETE", f"/containers/{one['Id']}?force=true")


def needed(*programs: str) -> None:
    """Skip the test where these programs are not there, or we are not root."""
    missing = [program for program in programs if shutil.which(program) is None]
    if missing or os.geteuid() != 0 or not BUSYBOX.is_file():
        pytest.skip(f"engines are run by root with busybox-static and {', '.join(programs)}")


@contextlib.contextmanager
def dockerd(folder: Path) -> Iterator[RealEngine]:
    """Docker's engine without a network, below a folder."""
    needed("dockerd", "containerd", "runc")
    path = folder / "docker.sock"
    # containerd's sockets lie below it, and the path of a socket is short.
    with tempfile.TemporaryDirectory(prefix="hm-docker-") as sockets:
        command = (
            *("dockerd", "--iptables=false", "--ip6tables=false", "--bridge=none", "--storage-driver=vfs"),
            *("--data-root", f"{folder}/data", "--exec-root", sockets, "--pidfile", f"{folder}/docker.pid"),
            *("-H", f"unix://{path}"),
        )
        with _running(RealEngine("docker", command, path, folder / "docker.log"), folder) as engine:
            yield engine


@contextlib.contextmanager
def podman(folder: Path) -> Iterator[RealEngine]:
    """Podman's service without a network, below a folder."""
    needed("podman", "runc")
    path = folder / "podman.sock"
    command = (
        *("podman", "--root", f"{folder}/root", "--runroot", f"{folder}/run", "--storage-driver", "overlay"),
        *("--tmpdir", f"{folder}/scratch", "--events-backend", "file", "--cgroup-manager", "cgroupfs"),
        *("--runtime", shutil.which("runc") or "runc", "system", "service", "--time=0", f"unix://{path}"),
    )
    with _running(RealEngine("podman", command, path, folder / "podman.log"), folder) as engine:
        yield engine


@contextlib.contextmanager
def _running(engine: RealEngine, folder: Path) -> Iterator[RealEngine]:
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


def unmount_below(folder: Path) -> None:
    """Unmount what is still mounted below a folder, as often as it is: an engine mounts its data over itself with each start."""
    found = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
    for path in sorted((path for path in found if path.startswith(f"{folder}/")), reverse=True):
        subprocess.run(["umount", "--lazy", path], capture_output=True, timeout=30)
