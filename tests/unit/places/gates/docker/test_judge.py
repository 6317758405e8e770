"""What a call to dockerd would grant, as the gate sees it: mounts and namespaces taken from elsewhere, and calls that cannot be judged."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from hullmark.model.isolation import HostPath, Isolation
from hullmark.net.errors import NetError
from hullmark.places.gates.docker.judge import ALLOWED, CallJudge, GateAnswer, Start
from tests.unit.places.gates.docker.test_plugin import message

NEW = "/v1.45/containers/create?name=%2Fweb"
IMAGE = {"Id": "sha256:" + "ab" * 32, "RepoDigests": ["shop@sha256:" + "cd" * 32], "Config": {"User": "7"}}
_VOLUMES: dict[str, dict[str, Any]] = {
    "disk": {"Driver": "local", "Options": {"type": "none", "o": "bind", "device": "/etc"}},
    "plain": {"Driver": "local", "Options": None},
}


def inspected(name: str, mounts: tuple[dict[str, Any], ...] = (), **host: Any) -> dict[str, Any]:
    """What `docker inspect` says of a container."""
    return {
        "Name": f"/{name}",
        "Image": IMAGE["Id"],
        "Config": {"Image": "shop:1"},
        "HostConfig": host,
        "Mounts": list(mounts),
    }


_OTHERS = {
    "by-host": inspected("by-host", PidMode="host"),
    "by-it": inspected("by-it", PidMode="container:by-host"),
    **{f"link-{n}": inspected(f"link-{n}", PidMode=f"container:link-{n + 1}") for n in range(9)},
    "with-mounts": inspected(
        "with-mounts",
        (
            {"Type": "volume", "Name": "disk", "Source": "/var/lib/docker/disk", "Destination": "/a", "RW": False},
            {"Type": "bind", "Source": "/srv", "Destination": "/b", "RW": True},
            {"Type": "volume", "Name": "plain", "Source": "/var/lib/docker/plain", "Destination": "/c", "RW": True},
        ),
    ),
}


@dataclass
class Docker:
    """An engine with one image, a volume that is the host's /etc, one that is the engine's own, and some containers."""

    settings: dict[str, Any] = field(
        default_factory=lambda: {"SecurityOptions": ["name=seccomp,profile=builtin", "name=apparmor"]}
    )

    def info(self) -> Mapping[str, Any]:
        return self.settings

    def image(self, name: str) -> Mapping[str, Any] | None:
        return IMAGE if name == "shop:1" else None

    def container(self, name: str) -> Mapping[str, Any] | None:
        return _OTHERS.get(name)

    def volume(self, name: str) -> Mapping[str, Any] | None:
        return _VOLUMES.get(name)


class AskedGate:
    """Lets everything start, and notes what it was asked."""

    def __init__(self) -> None:
        self.asked: list[Start] = []

    def judge(self, start: Start) -> GateAnswer:
        self.asked.append(start)
        return ALLOWED


def judge(method: str, uri: str, body: bytes = b"", **headers: str) -> tuple[GateAnswer, Start | None]:
    """The answer to a call, and what the gate was asked for it."""
    gate = AskedGate()
    answer = CallJudge(Docker(), gate).judge(message(method, uri, body, **headers))
    return answer, gate.asked[0] if gate.asked else None


def reason(uri: str, body: bytes = b"", **headers: str) -> str:
    """Why a call is refused."""
    answer, asked = judge("POST", uri, body, **headers)
    assert (answer.is_allowed, asked) == (False, None)
    return answer.reason


def create(host: Any, **top: Any) -> bytes:
    """The body of a call that makes a container."""
    return json.dumps({"Image": "shop:1", "HostConfig": host, **top}).encode()


def granted(host: Any, **top: Any) -> Isolation:
    """How a new container would be kept apart."""
    answer, asked = judge("POST", NEW, create(host, **top))
    assert answer.is_allowed, answer.reason
    assert asked is not None
    assert asked.isolation is not None
    return asked.isolation


def test_a_new_container_is_judged_by_the_id_of_its_image_and_runs_as_its_user() -> None:
    _, asked = judge("POST", NEW, create({}))
    assert asked is not None
    assert asked[:3] == ("web", "shop:1", IMAGE["Id"])
    assert asked.origin == "shop@sha256:" + "cd" * 32
    assert asked.isolation is not None
    assert (asked.isolation.user, asked.isolation.privileged) == ("7", False)
    _, other = judge("POST", "/containers/create", b'{"Image": "nowhere:1", "User": "8"}')
    assert other is not None
    assert (other.container, other.digest, other.origin) == ("(new)", "", "")
    assert other.isolation is not None
    assert other.isolation.user == "8"


@pytest.mark.parametrize(
    ("host", "paths"),
    [
        ({"Binds": ["/srv:/b:ro", "/data"]}, [("/data", "/data", False), ("/srv", "/b", True)]),
        ({"Binds": ["disk:/a", "plain:/c", "made-now:/d"]}, [("/etc", "/a", False)]),
        ({"Mounts": [{"Type": "bind", "Source": "/", "Target": "/h", "ReadOnly": True}]}, [("/", "/h", True)]),
        ({"Mounts": [{"Type": "tmpfs", "Source": "/etc", "Target": "/t"}]}, []),
        ({"Mounts": [{"Type": "volume", "Source": "disk", "Target": "/a"}]}, [("/etc", "/a", False)]),
        ({"Mounts": [{"Type": "volume", "Source": "plain", "Target": "/c"}, {"Type": "volume", "Target": "/d"}]}, []),
        (
            {"Mounts": [{"Type": "volume", "Target": "/v", "VolumeOptions": {"DriverConfig": {"Name": "evil"}}}]},
            [("(driver evil)", "/v", False)],
        ),
        ({"VolumesFrom": ["with-mounts:ro"]}, [("/etc", "/a", True), ("/srv", "/b", False)]),
    ],
)
def test_a_mount_is_the_path_of_the_host_that_it_stands_for(host: Any, paths: list[tuple[str, str, bool]]) -> None:
    found = [HostPath(path=path, target=target, read_only=is_read_only) for path, target, is_read_only in paths]
    assert list(granted(host).host_paths) == found


def test_a_namespace_that_is_taken_over_is_the_other_containers() -> None:
    assert granted({"PidMode": "container:by-it"}).host_pid is True
    assert granted({"PidMode": "container:with-mounts"}).host_pid is False
    assert granted({"PidMode": "private", "IpcMode": "host"}).host_ipc is True


@pytest.mark.parametrize(
    ("host", "profile"),
    [
        ({}, "runtime-default"),
        ({"SecurityOpt": ["apparmor:unconfined"]}, "unconfined"),
        ({"SecurityOpt": ["apparmor=own"]}, "own"),
        ({"Privileged": True}, ""),
    ],
)
def test_the_profile_of_apparmor_is_the_engines_where_none_is_asked_for(host: Any, profile: str) -> None:
    assert granted(host).apparmor == profile


def test_an_engine_without_apparmor_has_no_profile() -> None:
    gate = AskedGate()
    CallJudge(Docker({}), gate).judge(message("POST", NEW, create({"SecurityOpt": ["apparmor=own"]})))
    (asked,) = gate.asked
    assert asked.isolation is not None
    assert asked.isolation.apparmor == ""


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (create({}, Privileged=True), "has Privileged outside HostConfig, where old daemons would take it"),
        (create({"VolumesFrom": ["nowhere"]}), "names 'nowhere', which is not there"),
        (create({"VolumesFrom": ["with-mounts"] * 21}), "names more than 20 containers"),
        (create({"PidMode": "container:nowhere"}), "names 'nowhere', which is not there"),
        (create({"PidMode": "container:link-0"}), "is handed on by too many containers"),
        (create({"Binds": "/:/host"}), "is not a list"),
        (b'{"Image": ""}', "it names no image"),
        (b"", "the daemon shows no body: it is empty, too large or not application/json"),
        (b'{"Labels": "' + b"x" * (1 << 20) + b'"}', "it has more than 1,048,576 bytes"),
    ],
)
def test_a_container_that_cannot_be_judged_is_not_made(body: bytes, why: str) -> None:
    assert why in reason(NEW, body)


def test_a_start_is_judged_by_what_was_granted_when_it_was_made() -> None:
    _, asked = judge("POST", "/v1.45/containers/with-mounts/start")
    assert asked is not None
    assert asked[:3] == ("with-mounts", "shop:1", IMAGE["Id"])
    assert asked.isolation is not None
    assert [path.path for path in asked.isolation.host_paths] == ["/etc", "/srv"]
    _, other = judge("POST", "/containers/by-it/restart", b"{}")
    assert other is not None
    assert other.isolation is not None
    assert other.isolation.host_pid is True
    assert judge("POST", "/containers/nowhere/start") == (ALLOWED, None)  # the daemon says that it is not there


@pytest.mark.parametrize(
    ("uri", "body", "headers", "why"),
    [
        ("/v1.23/containers/by-it/start", b"", {}, "before API 1.24 a start may change what was granted"),
        ("/containers/by-it/start", b'{"Binds": ["/:/h"]}', {}, "a start with settings of its own is not judged"),
        ("/containers/by-it/start", b"", {"Content-Length": "9"}, "it has a body that the gate is not shown"),
        ("/containers/by-it/exec", b'{"privileged": true}', {}, "a privileged command in a container rules the host"),
        ("/containers/by-it/exec", b"[]", {}, "it is not a JSON object"),
        ("/containers/by-it/checkpoints", b"{}", {}, "POST /containers/by-it/checkpoints is not a call that the gate"),
        ("/build", b"", {}, "a build runs images and commands that no verdict is of; the gate's owner may allow it"),
        (
            "/images/load",
            b"",
            {},
            "a loaded archive comes from no registry; the gate's owner may allow it: --allow load",
        ),
        (NEW, b"", {"Content-Type": "multipart/form-data; boundary=x"}, "the daemon may read settings from a form"),
        ("/volumes/create", b'{"DriverOpts": {"device": "/etc"}}', {}, "the volume would stand for /etc of the host"),
        ("/containers/%zz/start", b"", {}, "the call cannot be judged: its address is not a path"),
    ],
)
def test_a_call_that_could_let_something_in_is_refused(
    uri: str, body: bytes, headers: dict[str, str], why: str
) -> None:
    assert why in reason(uri, body, **headers)


@pytest.mark.parametrize(
    ("uri", "body"),
    [
        ("/containers/by-it/stop", b""),
        ("/containers/by-it/exec", b'{"Cmd": ["sh"]}'),
        ("/containers/by-it/update", b'{"Memory": 5}'),
        ("/containers/by-it/update", b'{"RestartPolicy": {"Name": "no"}}'),
        ("/volumes/create", b'{"Name": "mine", "DriverOpts": {"type": "tmpfs"}}'),
    ],
)
def test_ordinary_work_is_not_judged(uri: str, body: bytes) -> None:
    assert judge("POST", uri, body) == (ALLOWED, None)


def test_a_container_that_the_daemon_is_to_start_later_is_judged_now() -> None:
    _, asked = judge("POST", "/containers/by-it/update", b'{"restartpolicy": {"name": "always"}}')
    assert asked is not None
    assert asked.container == "by-it"


@pytest.mark.parametrize(
    ("query", "reference", "digest"),
    [
        ("fromImage=shop&tag=1", "shop:1", ""),
        ("fromImage=shop", "shop", ""),
        ("fromImage=shop&tag=sha256:12", "shop@sha256:12", "sha256:12"),
    ],
)
def test_what_is_fetched_is_judged_by_its_name_alone(query: str, reference: str, digest: str) -> None:
    _, asked = judge("POST", f"/images/create?{query}")
    assert asked == Start("(pull)", reference, digest, None)


def test_the_owner_may_allow_what_cannot_be_judged() -> None:
    answers = CallJudge(Docker(), AskedGate(), ("build",))
    assert answers.judge(message("POST", "/build")) == ALLOWED
    assert not answers.judge(message("POST", "/commit")).is_allowed


def test_an_engine_that_does_not_answer_is_not_taken_for_one_that_has_nothing() -> None:
    class Silent(Docker):
        """An engine that has hung up."""

        def image(self, name: str) -> Mapping[str, Any] | None:
            raise NetError("docker.sock fell silent", advice="")

    with pytest.raises(NetError, match="fell silent"):
        CallJudge(Silent(), AskedGate()).judge(message("POST", NEW, create({})))
