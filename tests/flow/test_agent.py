"""`hullmark agent` and `hullmark inventory` of hosts, as people run them; the engine and the server are fakes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.support.fake_engine import FakeEngine
from tests.support.planted import CANARY, found_in
from tests.support.program import Program, program_in
from tests.unit.places.runtime.test_engine_answers import ID, IMAGE, INSPECT, OF_IMAGE

KEY = "hmk_test_0123456789"


@dataclass
class FakeServer:
    """Takes reports; its address, what was sent to it, and with which key. It refuses all while `status` is not 200."""

    url: str = ""
    status: int = 200
    reports: list[dict[str, Any]] = field(default_factory=list)
    keys: set[str] = field(default_factory=set)

    @contextmanager
    def listening(self) -> Iterator[FakeServer]:
        """On a port of its own."""
        fake = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, format: str, *args: object) -> None:
                pass

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                fake.keys.add(self.headers["Authorization"])
                if fake.status == 200:
                    assert self.path == "/api/v1/inventories"
                    sent = json.loads(body)
                    fake.reports += sent if isinstance(sent, list) else [sent]
                answer = json.dumps({"sequence": 1, "title": "no", "detail": "this key may not report"}).encode()
                self.send_response(fake.status)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield self
        finally:
            server.shutdown()
            server.server_close()
            thread.join()


@dataclass
class Host:
    """The program, an engine and a server."""

    hullmark: Program
    engine: FakeEngine
    address: str
    server: FakeServer
    folder: Path

    def agent(self, *words: str) -> list[str]:
        """The command line of an agent here."""
        where = ("--engine", "docker", "--address", self.address, "--name", "host-1", "--host-root", "")
        to = (
            "--server",
            self.server.url,
            "--key-file",
            str(self.folder / "key"),
            "--state",
            str(self.folder / "state"),
        )
        return ["agent", *where, *to, *words]


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    (tmp_path / "key").write_text(f"{KEY}\n")
    engine = FakeEngine(
        {
            "/info": {"SecurityOptions": ["name=seccomp,profile=builtin"], "KernelVersion": "6.12"},
            "/version": {"Components": [{"Name": "Engine", "Version": "26.1.5"}]},
            "/containers/json": [{"Id": ID, "State": "running"}],
            "/events": b"",
            f"/containers/{ID}/json": INSPECT,
            f"/images/{IMAGE}/json": OF_IMAGE,
        }
    )
    server = FakeServer()
    with engine.listening(tmp_path) as address, server.listening():
        yield Host(program_in(tmp_path / "run"), engine, address, server, tmp_path)


def test_what_runs_now_is_reported_once(host: Host) -> None:
    ran = host.hullmark(*host.agent("--once"))
    assert (ran.status, ran.out) == (0, b"")
    assert "docker on host-1: reported" in ran.err
    (report,) = host.server.reports
    assert (report["platform"], report["collector"], report["last"]) == ("docker", "host-1", True)
    assert [one["place"]["workload"] for one in report["running"]] == ["web"]
    assert host.server.keys == {f"Bearer {KEY}"}
    assert not found_in(ran.err.encode(), [KEY])
    host.hullmark(*host.agent("--once"))
    assert host.server.reports[1]["sequence"] > report["sequence"]


def test_a_server_that_refuses_ends_the_agent_with_what_to_do(host: Host) -> None:
    host.server.status = 403
    ran = host.hullmark(*host.agent())
    assert ran.status == 2
    assert "this key may not report" in ran.err
    host.server.status = 200
    assert host.hullmark(*host.agent("--once")).status == 0


def test_an_agent_that_is_told_to_end_does_so_with_status_0(host: Host) -> None:
    command = [str(Path(sys.executable).parent / "hullmark"), *host.agent("--drift")]
    environment = {"PATH": os.environ["PATH"], "HOME": str(host.folder)}
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE) as process:
        deadline = time.monotonic() + 30
        while not any(report["events"] for report in list(host.server.reports)):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.02)
        process.send_signal(signal.SIGTERM)
        said = process.communicate(timeout=60)[1].decode()
    assert process.returncode == 0, said
    assert said.startswith("hullmark: reporting what runs: docker on host-1\n")
    told = [event["summary"] for report in host.server.reports for event in report["events"]]
    assert told[0].startswith("kernel 6.12, docker 26.1.5; user namespaces: off, seccomp: builtin")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("agent", "--address", "unix:///x"), "--address is of one engine"),
        (("agent", "--engine", "docker", "--key-file", "none"), "which server?"),
        (("agent", "--engine", "docker", "--drift", "0"), "is not a number of seconds"),
        (("inventory", "docker", "--address", "unix:///nowhere/docker.sock"), "cannot be reached"),
        (("inventory", "containerd", "--address", "unix:///nowhere/x.sock"), "cannot be reached"),
    ],
)
def test_wrong_options_are_said_in_two_lines(tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    if "containerd" in words:
        pytest.importorskip("grpc")
    ran = program_in(tmp_path)(*words)
    assert ran.status == 2
    assert said in ran.err
    assert ran.err.count("\n") == 2


def test_an_inventory_of_a_host_shows_no_secret_of_labels(host: Host) -> None:
    labels = {"app": "web", "db.password": CANARY, "command": f"mysql --password={CANARY}"}
    inspect = {**INSPECT, "Config": {**INSPECT["Config"], "Labels": labels, "Env": [f"PASSWORD={CANARY}"]}}
    host.engine.answers[f"/containers/{ID}/json"] = inspect
    where = ("inventory", "docker", "--address", host.address, "--host-root", "")
    for format in ("table", "json", "csv"):
        ran = host.hullmark(*where, "-o", format)
        assert ran.status == 0, ran.err
        assert b"web" in ran.out
        assert found_in(ran.out + ran.err.encode(), [CANARY]) == []
    host.hullmark(*host.agent("--once"))
    assert found_in(json.dumps(host.server.reports).encode(), [CANARY]) == []
    assert b'"****"' in json.dumps(host.server.reports).encode()
