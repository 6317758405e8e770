"""The plugin's front within this process: whatever dockerd or the deciding process sends, each call is answered, and what fails is said."""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from hullmark.places.gates.docker import front
from tests.unit.places.gates.docker.test_plugin import message

_SCRIPT = """
import json, socket, sys
listener = socket.socket(fileno=int(sys.argv[sys.argv.index("--fd") + 1]))
while True:
    connection, _ = listener.accept()
    size = int.from_bytes(connection.recv(4), "big")
    body = b""
    while len(body) < size:
        body += connection.recv(size - len(body))
    try:
        uri = str(json.loads(body)["RequestUri"])
    except (ValueError, TypeError):
        uri = "/unreadable"
    if uri == "/end":
        raise SystemExit(3)
    said = {"/odd": b'{"Allow": 1}', "/cut": b"{", "/no": b'{"Allow": false, "Msg": "never"}'}.get(uri, b'{"Allow": true}')
    size = 1 << 20 if uri == "/long" else len(said) + (uri == "/cut")
    connection.sendall(size.to_bytes(4, "big") + said)
    connection.close()
"""
_DECIDER = (sys.executable, "-I", "-S", "-c", _SCRIPT)


@contextmanager
def served(folder: Path, patch: pytest.MonkeyPatch, mode: str, command: tuple[str, ...] = _DECIDER) -> Iterator[Path]:
    """The socket of a front that serves in a thread; in the end it is told to end, as by a signal."""
    heard: dict[int, Callable[[int, None], None]] = {}
    pipes: list[int] = []
    patch.setattr(signal, "signal", heard.__setitem__)
    patch.setattr(signal, "set_wakeup_fd", lambda pipe, **_: pipes.append(pipe))
    path = folder / "plugins" / "hullmark.sock"
    thread = threading.Thread(target=front.main, args=([str(path), mode, "10", *command],))
    thread.start()
    while not path.is_socket():
        assert thread.is_alive()
        thread.join(0.005)
    try:
        yield path
    finally:
        heard[signal.SIGTERM](signal.SIGTERM, None)
        os.write(pipes.pop(), bytes([signal.SIGTERM]))
        thread.join()


def send(path: Path, address: str, body: bytes = b"", *headers: str) -> tuple[int, dict[str, Any]]:
    """The status and the answer to a request of dockerd."""
    lines = (f"POST {address} HTTP/1.1", "Host: plugin", "Connection: close", *headers)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.connect(str(path))
        connection.sendall("\r\n".join((*lines, "", "")).encode() + body)
        with connection.makefile("rb") as stream:
            head, _, answer = stream.read().partition(b"\r\n\r\n")
    return int(head.split(b" ")[1]), json.loads(answer)


def ask(path: Path, question: bytes) -> dict[str, Any]:
    """Whether a call may be made."""
    return send(path, "/AuthZPlugin.AuthZReq", question, f"Content-Length: {len(question)}")[1]


def test_what_needs_no_decision_is_answered_while_nothing_can_decide(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with served(tmp_path, monkeypatch, "closed", (str(tmp_path / "missing"),)) as path:
        assert send(path, "/Plugin.Activate") == (200, {"Implements": ["authz"]})
        assert send(path, "/AuthZPlugin.AuthZRes") == (200, {"Allow": True, "Msg": "", "Err": ""})
        assert send(path, "/VolumeDriver.List") == (404, {"Err": "hullmark is an authorisation plugin"})
        for method, uri in (("GET", "/containers/json"), ("POST", "/v1.45/containers/web/stop?t=5")):
            assert ask(path, message(method, uri)) == {"Allow": True, "Msg": "", "Err": ""}
    assert not path.exists()
    said = capsys.readouterr().err
    assert f"hullmark: answering dockerd at {path}\n" in said
    assert "the deciding process ended ([Errno 2] No such file or directory" in said


@pytest.mark.parametrize("mode", ["closed", "open"])
def test_an_answer_that_cannot_be_used_counts_as_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], mode: str
) -> None:
    with served(tmp_path, monkeypatch, mode) as path:
        assert ask(path, message("POST", "/no")) == {"Allow": False, "Msg": "never", "Err": ""}
        found = {uri: ask(path, message("POST", uri)) for uri in ("/odd", "/long", "/cut", "/end")}
        for question in (b"no document", b'{"RequestMethod": 1, "RequestUri": "/"}'):
            assert ask(path, question)["Allow"] is True  # by whoever decides, which is here what allows it
    kinds = {"/odd": "ValueError", "/long": "ValueError", "/cut": "ConnectionError", "/end": "ConnectionError"}
    reasons = {uri: f"hullmark cannot decide ({kind}), and fails {mode}" for uri, kind in kinds.items()}
    expected = {"closed": False, "open": True}[mode]
    assert {uri: answer["Allow"] for uri, answer in found.items()} == dict.fromkeys(kinds, expected)
    assert {uri: answer["Msg"] for uri, answer in found.items()} == (
        reasons if mode == "closed" else dict.fromkeys(kinds, "")
    )
    said = capsys.readouterr().err
    assert all(f"hullmark: POST {uri}: {reason}\n" in said for uri, reason in reasons.items())
    assert "the deciding process ended (3); it starts again in 0.2 s" in said


def test_a_message_of_the_daemon_is_read_whole_or_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chunked = "Transfer-Encoding: chunked"
    no = message("POST", "/no")
    whole = b"".join(b"%x;x=y\r\n%s\r\n" % (len(part), part) for part in (no[:9], no[9:])) + b"0\r\nTrailer: 1\r\n\r\n"
    refused = {"Allow": False, "Msg": "hullmark cannot read the daemon's message", "Err": ""}
    with served(tmp_path, monkeypatch, "open") as path:
        assert send(path, "/AuthZPlugin.AuthZReq", whole, chunked)[1]["Msg"] == "never"
        for body, header in (
            (b"zz\r\n", chunked),
            (b"-1\r\n", chunked),
            (b"fffffff\r\n", chunked),
            (b"", "Content-Length: -1"),
            (b"", "Content-Length: 99999999"),
            (b"", "Content-Length: many"),
        ):
            assert send(path, "/AuthZPlugin.AuthZReq", body, header) == (200, refused)


def test_a_front_takes_away_only_a_socket_of_its_own(tmp_path: Path) -> None:
    decider = front.Decider(_DECIDER, tmp_path)
    settings = front.FrontSettings(tmp_path / "plugin.sock", _DECIDER, fails_open=False, timeout=1.0)
    first, second, third = (front.Front(settings, decider) for _ in range(3))
    second.server_close()
    assert settings.socket.is_socket()
    third.server_close()
    assert not settings.socket.exists()
    first.server_close()  # although its socket is gone
    assert [path.name for path in tmp_path.iterdir()] == ["decider.sock"]
    decider.start()
    assert decider.ask(message("POST", "/yes"), 10.0) == {"Allow": True}
    decider.stop()
