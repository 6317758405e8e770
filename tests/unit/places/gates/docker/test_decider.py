"""The deciding process of the plugin: what it asks dockerd, and what it answers while that cannot be asked."""

from __future__ import annotations

import json
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from hullmark.net.errors import NetError
from hullmark.places.gates.docker.daemon import Daemon
from hullmark.places.gates.docker.decider import MessageServer
from hullmark.places.gates.docker.judge import CallJudge
from hullmark.places.runtime.engines.api import EngineApi, EngineRefused
from tests.support.fake_engine import FakeEngine
from tests.unit.places.gates.docker.test_plugin import NoEngine, RefusingGate, message

CREATE = message("POST", "/containers/create", b'{"Image": "shop:1"}')


class SilentEngine(NoEngine):
    """An engine that does not answer."""

    def image(self, name: str) -> None:
        raise NetError("docker.sock fell silent", advice="")


def talk(path: Path, *sent: bytes) -> bytes:
    """What is answered to bytes of a front that then sends no more."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.connect(str(path))
        for part in sent:
            connection.sendall(part)
        connection.shutdown(socket.SHUT_WR)
        with connection.makefile("rb") as stream:
            return stream.read()


@pytest.mark.parametrize(("is_fail_open", "mode"), [(False, "closed"), (True, "open")])
def test_a_call_is_answered_by_the_fail_mode_while_dockerd_is_silent(
    tmp_path: Path, is_fail_open: bool, mode: str
) -> None:
    said: list[str] = []
    path = tmp_path / "decider.sock"
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(str(path))
    listener.listen()
    MessageServer(listener, CallJudge(SilentEngine(), RefusingGate()), is_fail_open, said.append).start()
    size = len(CREATE).to_bytes(4, "big")
    for cut in ((), (b"\0\0\0\0",), (b"\xff\xff\xff\xff",), (size, CREATE[:-1])):
        assert talk(path, *cut) == b""
    answer = talk(path, size, CREATE)
    assert int.from_bytes(answer[:4], "big") == len(answer) - 4
    reason = f"hullmark cannot ask dockerd (docker.sock fell silent), and fails {mode}"
    assert json.loads(answer[4:]) == {"Allow": is_fail_open, "Msg": reason}
    assert said == [f"dockerd cannot be asked (docker.sock fell silent); the gate fails {mode}"]


def test_what_dockerd_does_not_have_is_told_from_what_it_fails_to_tell(tmp_path: Path) -> None:
    moments = [0.0, 59.0, 61.0]
    settings: list[Mapping[str, Any]] = [{"Name": "first"}, {"Name": "second"}]
    fake = FakeEngine(
        {
            "/info": lambda _: json.dumps(settings.pop(0)).encode(),
            "/images/shop:1/json": {"Id": "sha256:1"},
            "/images/not valid/json": 400,
            "/containers/broken/json": 500,
            "/containers/json": [
                {"ImageID": "sha256:2", "State": "running"},
                {"ImageID": "sha256:1", "State": "running"},
                {"ImageID": "sha256:3", "State": "exited"},
                {"ImageID": "sha256:1", "State": "running"},
                {"State": "running"},
            ],
            "/volumes/data": {"Driver": "local"},
        }
    )
    with fake.listening(tmp_path) as address:
        daemon = Daemon(EngineApi("docker", address, timeout=5), lambda: moments.pop(0))
        assert daemon.image("shop:1") == {"Id": "sha256:1"}
        assert (daemon.image("nowhere:1"), daemon.image("not valid")) == (None, None)
        assert daemon.container("nowhere") is None
        with pytest.raises(EngineRefused, match="docker answers with status 500: no such thing"):
            daemon.container("broken")
        assert (daemon.volume("data"), daemon.volume("nowhere")) == ({"Driver": "local"}, None)
        assert daemon.running() == ("sha256:1", "sha256:2")
        assert [daemon.info()["Name"] for _ in range(3)] == ["first", "first", "second"]
