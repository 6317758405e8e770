"""What the plugin of dockerd reads and answers: bodies as Go reads them, paths as the daemon's router does, the front's fail modes."""

from __future__ import annotations

import base64
import http.client
import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.cli.admit_docker import CALLS
from hullmark.model.errors import HullmarkError
from hullmark.places.gates.docker import front
from hullmark.places.gates.docker.call_kinds import ALLOWABLE, kind_of
from hullmark.places.gates.docker.creation import host_path_of_volume
from hullmark.places.gates.docker.engine_call import StrangeCall, read_call
from hullmark.places.gates.docker.go_json import AmbiguousBody, decode_struct
from hullmark.places.gates.docker.judge import CallJudge, GateAnswer, Start


def message(method: str, uri: str, body: bytes = b"", **headers: str) -> bytes:
    """What dockerd sends to AuthZReq."""
    told: dict[str, Any] = {"RequestMethod": method, "RequestUri": uri, "RequestHeaders": headers, "User": ""}
    return json.dumps({**told, "RequestBody": base64.b64encode(body).decode()}).encode()


# Bodies as Go reads them.


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ('{"image": "a"}', {"Image": "a"}),
        ('{"IMAGE": "a", "hostconfig": {"PRIVILEGED": true}}', {"Image": "a", "HostConfig": {"Privileged": True}}),
        ('{"ho\u017ftConfig": {}}', {"HostConfig": {}}),
        ('{"Unknown": {"a": 1}}', {"Unknown": {"a": 1}}),
        ('{"Labels": {"a": "1", "A": "2"}}', {"Labels": {"a": "1", "A": "2"}}),
        ('{"Labels": {"image": "1", "image": "2"}}', {"Labels": {"image": "2"}}),
        ('{"HostConfig": null}', {"HostConfig": None}),
        (' {"Image":"a"}\n ', {"Image": "a"}),
    ],
)
def test_fields_have_the_names_that_go_gives_them(body: str, found: object) -> None:
    assert decode_struct(body.encode()) == found


@pytest.mark.parametrize(
    "body",
    [
        *(
            b"",
            b"null",
            b"[]",
            b"7",
            b'"x"',
            b"{",
            b'{"Image":"a"} {}',
            b'{"Image":"a"}x',
            b'{"a":NaN}',
            b"\xff\xfe{\x00}\x00",
        ),
        *(
            b'{"Image":"a","Image":"a"}',
            b'{"Image":"a","image":"b"}',
            b'{"x":1,"X":2}',
            b'{"Image":"\xff"}',
            b"\xef\xbb\xbf{}",
        ),
        *(
            '{"HostConfig":{},"Ho\u017ftConfig":{}}'.encode(),
            b'{"Mounts":[{"Type":"a","type":"b"}]}',
            b"[" * 200_000,
        ),
    ],
    ids=lambda body: repr(body[:30]),
)
def test_bodies_that_readers_may_differ_on_are_refused(body: bytes) -> None:
    with pytest.raises(AmbiguousBody):
        decode_struct(body)


_NAMES = st.sampled_from(["Image", "image", "HostConfig", "hostconfig", "Privileged", "x", "Labels"])
_VALUES = st.recursive(
    st.none() | st.booleans() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(_NAMES, inner, max_size=3),
    max_leaves=6,
)


@given(
    st.binary(max_size=40) | st.dictionaries(_NAMES, _VALUES, max_size=4).map(lambda found: json.dumps(found).encode())
)
def test_every_body_is_read_or_refused(body: bytes) -> None:
    try:
        found = decode_struct(body)
    except AmbiguousBody:
        return
    assert all(name not in found for name in ("image", "hostconfig"))


# Calls.


@pytest.mark.parametrize(
    ("method", "uri", "kind"),
    [
        ("GET", "/v1.45/containers/json", "pass"),
        ("HEAD", "/_ping", "pass"),
        ("POST", "/containers/create", "create"),
        ("POST", "/v1.45/containers/create?name=x", "create"),
        ("POST", "/v1.45/containers/cr%65ate", "create"),
        ("POST", "/%76%31.45/containers/create", "create"),
        ("POST", "/v1.45%2Fcontainers%2Fcreate", "create"),
        ("POST", "/containers/x/start", "start"),
        ("POST", "/containers/x/restart", "start"),
        ("POST", "/containers/x/stop", "pass"),
        ("POST", "/containers/x/y/start", "unknown"),
        ("POST", "/containers/create/", "unknown"),
        ("post", "/containers/create", "unknown"),
        ("PUT", "/containers/x/archive?path=/", "pass"),
        ("DELETE", "/containers/x", "pass"),
        ("POST", "/images/create?fromImage=a&tag=1", "pull"),
        ("POST", "/images/create?fromSrc=-", "import"),
        ("POST", "/images/create?fromImage=a&fromSrc=-", "import"),
        ("POST", "/images/create", "import"),
        ("POST", "/images/load", "load"),
        ("POST", "/images/a/b/c/tag?repo=x", "pass"),
        ("POST", "/build", "build"),
        ("POST", "/session", "build"),
        ("POST", "/swarm/join", "swarm"),
        ("POST", "/services/x/update", "swarm"),
        ("POST", "/plugins/x/enable", "plugins"),
        ("DELETE", "/plugins/hullmark", "plugins"),
        ("POST", "/v9.99/something/new", "unknown"),
        ("PATCH", "/containers/x", "unknown"),
    ],
)
def test_each_call_has_a_kind(method: str, uri: str, kind: str) -> None:
    assert kind_of(read_call(message(method, uri))) == kind


@pytest.mark.parametrize(
    "uri",
    [
        *(
            "http://localhost/containers/create",
            "containers/create",
            "//containers/create",
            "/containers/./create",
            "*",
            "",
        ),
        *(
            "/x/../containers/create",
            "/containers/%zz",
            "/containers/%ff",
            "/containers%0acreate",
            "/a/%2e%2e/containers/create",
        ),
        *("/" + "x" * 20_000, "/x?" + "a=1&" * 500, "/containers/create%"),
    ],
    ids=lambda uri: uri[:30],
)
def test_paths_that_are_not_in_their_shortest_form_are_refused(uri: str) -> None:
    with pytest.raises(StrangeCall):
        read_call(message("POST", uri))


@given(st.text(max_size=30), st.text(max_size=40), st.binary(max_size=20))
def test_every_message_is_judged(method: str, uri: str, body: bytes) -> None:
    """With an engine that has nothing and a gate that refuses all, nothing passes that could start or fetch."""
    judge = CallJudge(NoEngine(), RefusingGate())
    answer = judge.judge(message(method, uri, body))
    if answer.is_allowed:
        assert kind_of(read_call(message(method, uri, body))) not in ("create", "build", "load", "unknown", "swarm")
    for raw in (body, uri.encode("utf-8", "replace")):
        assert judge.judge(raw).is_allowed is False


class NoEngine:
    """An engine that has nothing."""

    def info(self) -> dict[str, Any]:
        return {"SecurityOptions": ["name=seccomp,profile=builtin"]}

    def image(self, name: str) -> None:
        return None

    container = volume = image


class RefusingGate:
    """Lets nothing start."""

    def judge(self, start: Start) -> GateAnswer:
        return GateAnswer(False, "never")


@pytest.mark.parametrize(
    ("driver", "options", "path"),
    [
        ("", {}, ""),
        ("local", {"type": "tmpfs", "device": "tmpfs"}, ""),
        ("local", {"type": "none", "o": "bind", "device": "/etc"}, "/etc"),
        ("", {"TYPE": "none", "Device": "/"}, "/"),
        ("local", {"type": "nfs"}, "(nfs)"),
        ("evil", {}, "(driver evil)"),
    ],
)
def test_a_volume_stands_for_what_its_options_say(driver: str, options: dict[str, str], path: str) -> None:
    assert host_path_of_volume(driver, options) == path


# The front.

_ANSWERS = """
import json, socket, sys, time
listener = socket.socket(fileno=int(sys.argv[sys.argv.index("--fd") + 1]))
while True:
    connection, _ = listener.accept()
    size = int.from_bytes(connection.recv(4), "big")
    body = b""
    while len(body) < size:
        body += connection.recv(size - len(body))
    uri = json.loads(body)["RequestUri"]
    if "die" in uri:
        raise SystemExit(1)
    if "sleep" in uri:
        time.sleep(30)
    said = b"x" if "odd" in uri else json.dumps({"Allow": "yes" in uri, "Msg": uri}).encode()
    connection.sendall(len(said).to_bytes(4, "big") + said)
    connection.close()
"""


class Plugin:
    """The front as dockerd sees it."""

    def __init__(self, folder: Path, mode: str) -> None:
        self.path = folder / f"{mode}.sock"
        command = [sys.executable, "-I", "-S", str(front.__file__), str(self.path), mode, "0.5"]
        decider = [sys.executable, "-I", "-S", "-c", _ANSWERS]
        self.process = subprocess.Popen([*command, *decider], stderr=subprocess.PIPE)
        deadline = time.monotonic() + 20
        while not self.path.is_socket():
            assert time.monotonic() < deadline
            time.sleep(0.01)

    def ask(self, path: str, body: bytes = b"{}", *, chunks: bool = False) -> tuple[int, dict[str, Any]]:
        """A message of dockerd."""
        connection = http.client.HTTPConnection("plugin", timeout=20)
        with closing(connection):
            connection.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            connection.sock.connect(str(self.path))
            connection.request(
                "POST",
                path,
                iter([body[:7], body[7:]]) if chunks else body,
                encode_chunked=chunks,
                headers={"Transfer-Encoding": "chunked"} if chunks else {},
            )
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())

    def judge(self, method: str, uri: str, *, chunks: bool = False) -> dict[str, Any]:
        return self.ask("/AuthZPlugin.AuthZReq", message(method, uri), chunks=chunks)[1]

    def end(self) -> str:
        self.process.terminate()
        return self.process.communicate(timeout=20)[1].decode()


@pytest.fixture(params=["closed", "open"])
def plugin(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Plugin]:
    plugin = Plugin(tmp_path, request.param)
    yield plugin
    if plugin.process.poll() is None:
        plugin.end()


def test_the_front_always_answers(plugin: Plugin) -> None:
    fails = plugin.path.stem == "open"
    assert plugin.ask("/Plugin.Activate", b"")[1] == {"Implements": ["authz"]}
    assert plugin.ask("/AuthZPlugin.AuthZRes", b"{}")[1]["Allow"] is True
    assert plugin.ask("/Other")[0] == 404
    assert plugin.judge("GET", "/die")["Allow"] is True  # it only reads, and is answered at once
    assert plugin.judge("POST", "/containers/x/kill?die")["Allow"] is True
    deadline = time.monotonic() + 20
    while plugin.judge("POST", "/yes")["Msg"] != "/yes":  # until the decider is there
        assert time.monotonic() < deadline
    assert plugin.judge("POST", "/yes", chunks=True) == {"Allow": True, "Msg": "/yes", "Err": ""}
    assert plugin.judge("POST", "/no")["Allow"] is False
    for uri in ("/odd", "/die", "/sleep"):
        assert plugin.judge("POST", uri)["Allow"] is fails
    assert plugin.ask("/AuthZPlugin.AuthZReq", b"not JSON")[1]["Allow"] is fails
    said = plugin.end()
    assert "cannot decide" in said
    assert not plugin.path.exists()


def test_a_front_that_takes_over_leaves_no_moment_without_an_answer(tmp_path: Path) -> None:
    """The socket is never away while a second front takes its place, nor when the first one ends after that."""
    plugin = Plugin(tmp_path, "closed")
    first = plugin.path.stat().st_ino
    following = Plugin(tmp_path, "closed")
    while plugin.path.stat().st_ino == first:  # FileNotFoundError where it was away
        assert plugin.ask("/Plugin.Activate", b"")[0] == 200
    assert following.ask("/Plugin.Activate", b"")[0] == 200
    assert [path.name for path in tmp_path.iterdir()] == [plugin.path.name]
    plugin.end()
    assert following.ask("/Plugin.Activate", b"")[0] == 200
    following.end()
    assert not [*tmp_path.iterdir()]


def test_what_many_ask_at_once_is_answered_to_each(tmp_path: Path) -> None:
    plugin = Plugin(tmp_path, "closed")
    answers: list[tuple[int, str]] = []
    threads = [
        threading.Thread(target=lambda n=n: answers.append((n, plugin.judge("POST", f"/yes/{n}")["Msg"])))
        for n in range(20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    plugin.end()
    assert all(said in (f"/yes/{n}", "") or "cannot decide" in said for n, said in answers)
    assert len(answers) == 20


def test_errors_of_a_body_are_sentences() -> None:
    with pytest.raises(HullmarkError, match="gives 'image' twice"):
        decode_struct(b'{"Image":1,"image":2}')


def test_the_command_line_knows_what_may_be_allowed() -> None:
    assert CALLS == ALLOWABLE
