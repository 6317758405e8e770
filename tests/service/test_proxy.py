"""A proxy in front: whose address counts, and that metrics are for operators, or on a listener of their own."""

from __future__ import annotations

import base64
import http.client
import json
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.support.processes import PASSWORD, forked_server, place, until
from tests.support.server import Running, running_server

PROXY, GUESSER, ANNA, BERT = "127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.4"
CONFIGURATION = """
daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 64; }}
http {{
    access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
    server {{
        listen {port};
        location = /metrics {{ return 404; }}
        location / {{
            proxy_pass {url}; proxy_http_version 1.1; proxy_bind 127.0.0.1;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
        }}
    }}
}}
"""


def free_port() -> int:
    with socket.create_server((PROXY, 0)) as listener:
        return int(listener.getsockname()[1])


@pytest.fixture(scope="module")
def metrics_port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def server(metrics_port: int) -> Iterator[Running]:
    listening = f"{PROXY}:{metrics_port}"
    with running_server(HULLMARK_TRUSTED_PROXIES=PROXY, HULLMARK_METRICS_LISTEN=listening) as running:
        yield running


@pytest.fixture(scope="module")
def proxy(server: Running, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of an nginx in front of the server."""
    if shutil.which("nginx") is None:
        pytest.skip("there is no nginx here")
    folder, port = tmp_path_factory.mktemp("nginx"), free_port()
    file = folder / "nginx.conf"
    file.write_text(CONFIGURATION.format(folder=folder, port=port, url=server.url))
    process = subprocess.Popen(["nginx", "-c", str(file), "-e", str(folder / "error.log")])
    try:
        _wait_for(port, process, folder)
        yield port
    finally:
        process.terminate()
        process.wait(20)


def _wait_for(port: int, process: subprocess.Popen[bytes], folder: Path) -> None:
    for _ in range(400):
        assert process.poll() is None, (folder / "error.log").read_text()
        try:
            socket.create_connection((PROXY, port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError((folder / "error.log").read_text())


def asked(
    port: int, path: str, password: str = PASSWORD, *, by: str = ANNA, body: Any = None, forged: str = ""
) -> tuple[int, Any]:
    """Status and answer of a request (POST if there is a body) that comes from the address `by`, whatever it says (`forged`) of itself.

    Without a password nobody signs in.
    """
    headers = {"content-type": "application/json"}
    if password:
        headers["authorization"] = "Basic " + base64.b64encode(f"admin:{password}".encode()).decode()
    if forged:
        headers["x-forwarded-for"] = forged
    with closing(http.client.HTTPConnection(PROXY, port, timeout=60, source_address=(by, 0))) as connection:
        connection.request("GET" if body is None else "POST", path, json.dumps(body) if body else None, headers)
        answer = connection.getresponse()
        content = answer.read()
    is_json = "json" in answer.headers.get("content-type", "")
    return answer.status, json.loads(content) if is_json else content.decode()


def test_behind_a_proxy_a_guesser_locks_out_nobody_but_himself(proxy: int, server: Running) -> None:
    guesses = [asked(proxy, "/api/v1/whoami", f"guess {number}", by=GUESSER)[0] for number in range(12)]
    assert set(guesses) == {401}
    assert asked(proxy, "/api/v1/whoami", by=GUESSER)[0] == 401
    assert asked(proxy, "/api/v1/whoami")[0] == 200


def test_the_audit_log_has_the_address_before_the_proxy_and_believes_nobody_else(proxy: int, server: Running) -> None:
    direct = int(server.url.rpartition(":")[2])
    for port, by, name in ((proxy, ANNA, "through"), (direct, BERT, "direct")):
        made = asked(port, "/api/v1/keys", by=by, body={"name": name, "role": "ci"}, forged="203.0.113.9")
        assert made[0] == 201
    _, log = asked(proxy, "/api/v1/audit?action=key.create")
    assert {entry["resource"]: entry["address"] for entry in log["items"]} == {"through": ANNA, "direct": BERT}


def test_metrics_are_for_operators_or_on_a_listener_of_their_own(
    proxy: int, server: Running, metrics_port: int
) -> None:
    port = int(server.url.rpartition(":")[2])
    assert asked(port, "/metrics", "")[0] == 401
    status, text = asked(port, "/metrics")
    assert status == 200
    assert "hullmark_database_up 1.0" in text
    assert asked(proxy, "/metrics")[0] == 404
    status, text = asked(metrics_port, "/metrics", "")
    assert status == 200
    assert "hullmark_database_up 1.0" in text
    assert asked(metrics_port, "/api/v1/whoami")[0] == 404
    assert asked(metrics_port, "/v1/version", "")[0] == 404


@pytest.mark.parametrize("role", ["worker", "scheduler"])
def test_each_role_answers_for_its_life_and_what_it_counts(database_url: str, role: str) -> None:
    port = free_port()
    with place() as folder, forked_server(folder, HULLMARK_DATABASE_URL=database_url) as made:
        process = made.start(role, HULLMARK_METRICS_LISTEN=f"{PROXY}:{port}")
        until(lambda: asked(port, "/healthz", "") == (200, {"status": "ok"}), 60, "a sign of life")
        status, text = asked(port, "/metrics", "")
        assert (status, "hullmark_jobs" in text) == (200, True)
        assert process.end() == 0
