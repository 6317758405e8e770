"""A real dockerd with our authorisation plugin, whose socket lies in a mount namespace of its own."""

from __future__ import annotations

import contextlib
import http.client
import io
import json
import shutil
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hullmark.model.admission import AdmissibleImage, AdmissionPage, PolicyVerdict
from hullmark.model.verdict import Outcome
from hullmark.places.gates.verdicts import LocalVerdicts
from tests.support.engines import RealEngine, _OverUnixSocket, needed, shell_image, unmount_below
from tests.support.images import sha256, tar_of, to_json

NOW = datetime(2026, 11, 30, tzinfo=UTC)
CERTIFIED, UNKNOWN, STOPPED = "docker.io/library/shop:1", "docker.io/library/other:1", "docker.io/library/bad:1"


def image_called(name: str) -> tuple[bytes, str]:
    """The small image under a name of its own and with an id of its own: an archive as `docker save` writes it, and the id."""
    archive, _ = shell_image()
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        files = {member.name: tar.extractfile(member).read() for member in tar if member.isfile()}  # type: ignore[union-attr]
    entry = json.loads(files["manifest.json"])[0]
    document = json.loads(files.pop(entry["Config"]))
    document["config"]["Labels"] = {"org.example.name": name}
    config = to_json(document)
    entry |= {"Config": f"{sha256(config)[7:]}.json", "RepoTags": [name]}
    return tar_of({**files, entry["Config"]: config, "manifest.json": to_json([entry])}), sha256(config)


def judged(config: str, outcome: Outcome, reason: str = "as it should be") -> AdmissibleImage:
    """An image with one verdict, known by its configuration."""
    verdict = PolicyVerdict(policy="production", verdict=outcome, reason=reason, since=NOW)
    return AdmissibleImage(digest=sha256(config.encode()), config=config, certified_at=None, verdicts=(verdict,))


def keep_verdicts(path: Path, *images: AdmissibleImage, now: datetime | None = None) -> None:
    """Have a file of verdicts: these and no others."""
    verdicts = LocalVerdicts(path)
    verdicts.take(AdmissionPage(images=images, cursor="1", is_last=True, begins=True), now or datetime.now(UTC))
    verdicts.close()


@dataclass
class GatedDocker:
    """dockerd and its plugin below a folder. `ids` are the images' ids by name."""

    folder: Path
    settings: str = ""
    options: tuple[str, ...] = ()
    ids: dict[str, str] = field(default_factory=dict)
    front: subprocess.Popen[bytes] | None = None
    engine: RealEngine = field(init=False)

    def __post_init__(self) -> None:
        (self.folder / "plugins").mkdir()
        (self.folder / "gate.yaml").write_text(self.settings or "mode: enforce\n")
        self.engine = self._engine(is_gated=False)

    @property
    def plugin(self) -> Path:
        """The plugin's socket."""
        return self.folder / "plugins" / "hullmark.sock"

    @property
    def verdicts(self) -> Path:
        """The file of verdicts."""
        return self.folder / "verdicts.db"

    def _engine(self, *, is_gated: bool) -> RealEngine:
        path = self.folder / "docker.sock"
        dockerd = (
            f"exec dockerd --iptables=false --ip6tables=false --bridge=none --storage-driver=vfs --data-root {self.folder}/data "
            f"--exec-root {self.folder}/exec --pidfile {self.folder}/docker.pid -H unix://{path}"
        )
        gated = f"{dockerd} --authorization-plugin=hullmark" if is_gated else dockerd
        script = f"mkdir -p /run/docker/plugins && mount --bind {self.folder}/plugins /run/docker/plugins && {gated}"
        command = ("unshare", "--mount", "--propagation", "private", "sh", "-c", script)
        return RealEngine("docker", command, path, self.folder / "docker.log")

    def gate(self) -> None:
        """Start dockerd again, with the plugin."""
        self.engine.stop()
        self.engine = self._engine(is_gated=True)
        self.start_front()
        self.engine.start()

    def start_front(self) -> None:
        """Start the plugin, and wait until its socket is there."""
        with (self.folder / "gate.log").open("ab") as log:
            self.front = subprocess.Popen(
                [
                    *(sys.executable, "-c", "from hullmark.cli import program; program()", "admit", "docker"),
                    *("--socket", str(self.plugin), "--address", self.engine.address, "--verdicts", str(self.verdicts)),
                    *("--settings", str(self.folder / "gate.yaml"), *self.options),
                ],
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + 20
        while not self.plugin.is_socket():
            assert self.front.poll() is None, self.log()
            assert time.monotonic() < deadline, self.log()
            time.sleep(0.02)

    def deciders(self) -> list[int]:
        """The processes that decide: children of the front."""
        assert self.front is not None
        found = Path(f"/proc/{self.front.pid}/task").glob("*/children")
        return [int(pid) for path in found for pid in path.read_text().split()]

    def end_front(self, number: int = signal.SIGTERM) -> None:
        """End the plugin by a signal."""
        if self.front is not None and self.front.poll() is None:
            self.front.send_signal(number)
            self.front.wait(15)
        self.front = None

    def log(self) -> str:
        """What the plugin said."""
        path = self.folder / "gate.log"
        return path.read_text("utf-8", "replace") if path.is_file() else ""

    def ask(self, method: str, path: str, body: object = None, headers: Mapping[str, str] = {}) -> tuple[int, str]:
        """A request as it is given: bytes go as they are, a tuple of bytes in chunks, anything else as JSON."""
        with contextlib.closing(_OverUnixSocket(self.engine.socket)) as connection:
            raw: Any = body if isinstance(body, bytes | tuple) else b"" if body is None else json.dumps(body).encode()
            wanted = {"Content-Type": "application/json", **headers}
            connection.request(
                method,
                path,
                iter(raw) if isinstance(raw, tuple) else raw,
                wanted,
                encode_chunked=isinstance(raw, tuple),
            )
            answer = connection.getresponse()
            return answer.status, answer.read().decode("utf-8", "replace")

    def running(self) -> dict[str, tuple[str, bool]]:
        """What runs: the image's id and whether it is privileged, by name."""
        found = {}
        for one in self.engine.must("GET", "/containers/json"):
            inspect = self.engine.must("GET", f"/containers/{one['Id']}/json")
            found[inspect["Name"][1:]] = (inspect["Image"], inspect["HostConfig"]["Privileged"])
        return found


@contextlib.contextmanager
def gated_docker(folder: Path, **settings: Any) -> Iterator[GatedDocker]:
    """dockerd below a folder, still without the plugin, with three images: certified, stopped, judged by nobody."""
    needed("dockerd", "containerd", "runc", "unshare")
    docker = GatedDocker(folder, **settings)
    docker.engine.start()
    try:
        for name in (CERTIFIED, UNKNOWN, STOPPED):
            archive, docker.ids[name] = image_called(name)
            docker.engine.must("POST", "/images/load", archive)
        keep_verdicts(
            docker.verdicts,
            judged(docker.ids[CERTIFIED], Outcome.GO),
            judged(docker.ids[STOPPED], Outcome.STOP, "a known exploited vulnerability"),
        )
        yield docker
    finally:
        with contextlib.suppress(OSError, http.client.HTTPException, AssertionError):
            docker.engine.clear()
        docker.engine.stop()
        docker.end_front()
        unmount_below(folder)
        shutil.rmtree(folder, ignore_errors=True)
