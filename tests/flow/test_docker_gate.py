"""Real dockerd with the authorisation plugin: what is certified runs, what is not is refused, and so is every way around that we know."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any, NamedTuple

import msgspec
import pytest

from hullmark.model.verdict import Outcome
from hullmark.places.gates.verdicts import LocalVerdicts
from tests.support.gated_docker import CERTIFIED, STOPPED, UNKNOWN, GatedDocker, gated_docker, judged, keep_verdicts

pytestmark = pytest.mark.slow

ALONE = {"NetworkMode": "none"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
REFUSED = 403


@pytest.fixture(scope="module")
def docker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatedDocker]:
    """dockerd with the plugin, and containers that were made before it came."""
    with gated_docker(tmp_path_factory.mktemp("gate"), settings="mode: enforce\nstale_after_hours: 8784\n") as docker:
        before: dict[str, tuple[str, dict[str, object]]] = {
            "old-other": (UNKNOWN, {}),
            "old-stopped": (STOPPED, {}),
            "old-privileged": (CERTIFIED, {"Privileged": True}),
            "old-host-pid": (CERTIFIED, {"PidMode": "host"}),
            "old-root": (CERTIFIED, {"Binds": ["/:/host"]}),
            "old-disk": (CERTIFIED, {"Binds": ["disk:/host"]}),
        }
        options = {"type": "none", "o": "bind", "device": "/etc"}
        docker.engine.must("POST", "/volumes/create", {"Name": "disk", "Driver": "local", "DriverOpts": options})
        for name, (image, host) in before.items():
            body = {"Image": image, "HostConfig": {**ALONE, **host}, "StopSignal": "SIGKILL"}
            docker.engine.must("POST", f"/containers/create?name={name}", body)
        docker.gate()
        docker.engine.must("POST", "/containers/create?name=good", create(CERTIFIED))
        docker.engine.must("POST", "/containers/good/start")
        yield docker


def create(image: str = CERTIFIED, top: dict[str, Any] | None = None, **host: Any) -> dict[str, Any]:
    """What `docker create` sends."""
    return {"Image": image, "StopSignal": "SIGKILL", "HostConfig": {**ALONE, **host}, **(top or {})}


def raw(image: str = CERTIFIED, **host: Any) -> bytes:
    return json.dumps(create(image, **host)).encode()


class Way(NamedTuple):
    """A way around the gate: a request, and what answers it. 403 is the gate's; others are the daemon's own refusals."""

    title: str
    method: str
    path: str
    body: Any = None
    headers: Mapping[str, str] = MappingProxyType({})
    status: int = REFUSED


def post(title: str, path: str, body: Any = None, headers: dict[str, str] | None = None, status: int = REFUSED) -> Way:
    return Way(title, "POST", path, body, headers or {}, status)


NEW = "/v1.45/containers/create"
OTHER, BAD = create(UNKNOWN), create(STOPPED)
MOUNT_OPTIONS = {"type": "none", "o": "bind", "device": "/"}
WAYS = (
    post("an image that nobody judged", NEW, OTHER),
    post("an image that is stopped", NEW, BAD),
    post("the oldest version of the API", "/v1.24/containers/create", OTHER),
    post("no version of the API", "/containers/create", OTHER),
    post("a percent-encoded letter in the path", "/v1.45/containers/cr%65ate", OTHER),
    post("a percent-encoded version", "/%761.45/containers/create", OTHER),
    post("a percent-encoded slash", "/v1.45%2Fcontainers%2fcreate", OTHER),
    post("two slashes", "//v1.45/containers//create", OTHER, status=301),
    post("detours in the path", "/v1.45/x/../containers/./create", OTHER, status=301),
    post("a whole address in the request line", "http://localhost/v1.45/containers/create", OTHER),
    post("a slash behind the path", "/v1.45/containers/create/", OTHER, status=404),
    Way("a method in small letters", "post", NEW, OTHER, {}, 404),
    Way("another method", "PUT", NEW, OTHER, {}, 404),
    post("a chunked body", NEW, (raw(UNKNOWN)[:20], raw(UNKNOWN)[20:])),
    post("a chunked body of a certified image, privileged", NEW, (raw(Privileged=True),)),
    post("an empty body", NEW, b""),
    post("an empty body in chunks", NEW, (b"",)),
    post("a body too large for the plugin", NEW, create(UNKNOWN, {"Labels": {"a": "x" * (1 << 20)}})),
    post(
        "a body too large for the plugin, of what may run", NEW, create(CERTIFIED, {"Labels": {"a": "x" * (1 << 20)}})
    ),
    post("a media type with a parameter", NEW, OTHER, {"Content-Type": "application/json; charset=utf-8"}),
    post("a media type in capitals", NEW, OTHER, {"Content-Type": "Application/JSON"}),
    post("a body that is called text", NEW, OTHER, {"Content-Type": "text/plain"}),
    post("a body that is called a form", NEW, OTHER, FORM),
    post("field names in small letters", NEW, raw(UNKNOWN).replace(b'"Image"', b'"image"')),
    post("the image twice", NEW, raw().replace(b'{"Image"', b'{"Image":"other:1","Image"')),
    post("the image twice, the last in other letters", NEW, raw()[:-1] + b',"IMAGE":"other:1"}'),
    post("HostConfig twice", NEW, raw()[:-1] + b',"HostConfig":{"Privileged":true}}'),
    post(
        "HostConfig twice, spelled with a long s", NEW, raw()[:-1] + ',"Ho\u017ftConfig":{"Privileged":true}}'.encode()
    ),
    post("privileged in small letters", NEW, raw(Privileged=True).replace(b'"Privileged"', b'"privileged"')),
    post("privileged twice", NEW, raw(Privileged=False).replace(b'"Privileged"', b'"PrivilegeD": true, "Privileged"')),
    post("privileged beside HostConfig", NEW, create(CERTIFIED, {"Privileged": True})),
    post("more behind the body", NEW, raw() + raw(UNKNOWN)),
    post("a byte order mark", NEW, b"\xef\xbb\xbf" + raw(UNKNOWN)),
    post("a deeply nested body", NEW, b'{"Image":' + b"[" * 100_000 + b"]" * 100_000 + b"}"),
    post("the image by its whole id", NEW, create("ID")),
    post("the image by the beginning of its id", NEW, create("PREFIX")),
    post("privileged", NEW, create(Privileged=True)),
    post("a capability that rules the host", NEW, create(CapAdd=["SYS_ADMIN"])),
    post("a capability, spelled otherwise", NEW, create(CapAdd=["cap_sys_admin"])),
    post("all capabilities", NEW, create(CapAdd=["all"])),
    post("no filter of system calls", NEW, create(SecurityOpt=["seccomp:unconfined"])),
    post("all of /proc", NEW, create(SecurityOpt=["systempaths=unconfined"])),
    post("no masked paths", NEW, create(MaskedPaths=[], ReadonlyPaths=[])),
    post("the host's processes", NEW, create(PidMode="host")),
    post("the host's network", NEW, create(NetworkMode="host")),
    post("the host's memory", NEW, create(IpcMode="host")),
    post("the processes of one with the host's", NEW, create(PidMode="container:old-host-pid")),
    post("docker's socket", NEW, create(Binds=["/var/run/docker.sock:/s"])),
    post("docker's socket by a detour", NEW, create(Binds=["/srv/../run/docker.sock:/s:ro"])),
    post("the host's root as a mount", NEW, create(Mounts=[{"Type": "bind", "Source": "/", "Target": "/host"}])),
    post(
        "the host's root as a volume's options",
        NEW,
        create(
            Mounts=[
                {
                    "Type": "volume",
                    "Target": "/host",
                    "VolumeOptions": {"DriverConfig": {"Name": "local", "Options": MOUNT_OPTIONS}},
                }
            ]
        ),
    ),
    post(
        "a volume that is a folder of the host",
        "/volumes/create",
        {"Name": "root", "Driver": "local", "DriverOpts": MOUNT_OPTIONS},
    ),
    post(
        "a volume, with names of fields in small letters",
        "/volumes/create",
        {"name": "root", "driveropts": MOUNT_OPTIONS},
    ),
    post("a volume made before the gate", NEW, create(Binds=["disk:/host"])),
    post("the volumes of one made before the gate", NEW, create(VolumesFrom=["old-root"])),
    post("a volume of one made before the gate", NEW, create(VolumesFrom=["old-disk:ro"], Binds=[])),
    post(
        "the host's memory as a device", NEW, create(Devices=[{"PathOnHost": "/dev/mem", "PathInContainer": "/dev/m"}])
    ),
    post("all devices", NEW, create(DeviceCgroupRules=["a *:* rwm"])),
    post("starting one made before the gate", "/containers/old-other/start"),
    post("starting one whose image was stopped", "/v1.45/containers/old-stopped/start"),
    post("starting a privileged one made before the gate", "/containers/old-privileged/start"),
    post("starting one with a volume that is the host's", "/containers/old-disk/start"),
    post("starting with a body", "/containers/good/start", {"Privileged": True}),
    post("starting by an API that took settings", "/v1.20/containers/good/start", {"Privileged": True}),
    post("restarting one that never ran", "/containers/old-other/restart"),
    post("renaming it first", "/containers/old-other/rename?name=fine"),
    post("having the daemon restart it", "/containers/old-other/update", {"RestartPolicy": {"Name": "always"}}),
    post(
        "having the daemon restart it, in small letters",
        "/containers/old-other/update",
        {"restartpolicy": {"name": "always"}},
    ),
    post("an update without a body", "/containers/old-other/update", b""),
    post("a privileged command in a container", "/containers/good/exec", {"Cmd": ["sh"], "Privileged": True}),
    post("a privileged command, in small letters", "/containers/good/exec", {"Cmd": ["sh"], "privileged": True}),
    post("a command without a body", "/containers/good/exec", b""),
    post("committing a container", "/commit?container=good&repo=shop&tag=1", {}),
    post("building an image", "/v1.45/build?t=x", b"", {"Content-Type": "application/x-tar"}),
    post("building by BuildKit", "/session", b""),
    post("loading an archive", "/images/load", b"", {"Content-Type": "application/x-tar"}),
    post("importing a file system", "/images/create?fromSrc=-&repo=shop&tag=1", b""),
    post("importing by a form", "/images/create?fromImage=shop", b"fromSrc=-&repo=shop&tag=1", FORM),
    post("pulling by the digest of what is stopped", "/images/create?fromImage=bad&tag=ID-OF-STOPPED"),
    post("a plugin", "/plugins/pull?remote=evil", []),
    post("switching a plugin on", "/plugins/evil/enable?timeout=0"),
    post("becoming a swarm", "/swarm/init", {"ListenAddr": "127.0.0.1"}),
    post("a service", "/services/create", {"TaskTemplate": {"ContainerSpec": {"Image": "other:1"}}}),
    post("a call that the gate does not know", "/containers/good/checkpoints", {"CheckpointID": "x"}),
)


def as_written(way: Way, docker: GatedDocker) -> Way:
    """The same with the ids of this daemon's images."""
    full, stopped = docker.ids[UNKNOWN], docker.ids[STOPPED]
    body = way.body
    if isinstance(body, dict) and body.get("Image") in ("ID", "PREFIX"):
        body = {**body, "Image": full if body["Image"] == "ID" else full[7:15]}
    return way._replace(body=body, path=way.path.replace("ID-OF-STOPPED", stopped))


@pytest.mark.parametrize("way", WAYS, ids=[way.title for way in WAYS])
def test_a_way_around_is_refused(way: Way, docker: GatedDocker) -> None:
    wanted = as_written(way, docker)
    before = containers(docker)
    status, said = docker.ask(wanted.method, wanted.path, wanted.body, wanted.headers)
    assert status == way.status, (status, said)
    if status == REFUSED:
        assert "authorization denied by plugin hullmark" in said
    assert containers(docker) == before
    assert docker.running() == {"good": (docker.ids[CERTIFIED], False)}


def containers(docker: GatedDocker) -> set[str]:
    return {name for one in docker.engine.must("GET", "/containers/json?all=1") for name in one["Names"]}


def test_there_are_forty_ways_and_more() -> None:
    assert len({way.title for way in WAYS}) == len(WAYS) >= 40


def test_a_name_that_is_moved_leads_to_what_it_means_now(docker: GatedDocker) -> None:
    assert docker.ask("POST", "/images/other:1/tag?repo=shop&tag=1")[0] == 201
    try:
        assert docker.ask("POST", NEW, create("shop:1"))[0] == REFUSED
        assert docker.ask("POST", NEW, create(docker.ids[CERTIFIED]))[0] == 201
    finally:
        assert docker.ask("POST", f"/images/{docker.ids[CERTIFIED]}/tag?repo=shop&tag=1")[0] == 201


def test_an_image_that_is_not_there_is_fetched_first(docker: GatedDocker) -> None:
    assert docker.ask("POST", NEW, create("nowhere.test/x:1"))[0] == 404


def test_ordinary_work_goes_on(docker: GatedDocker) -> None:
    work: tuple[tuple[str, str, Any, int], ...] = (
        ("POST", "/v1.45/containers/create?name=work", create(Memory=1 << 26, RestartPolicy={"Name": "always"}), 201),
        ("POST", "/containers/work/start", None, 204),
        ("POST", "/containers/work/update", {"Memory": 1 << 25, "MemorySwap": 1 << 26}, 200),
        ("POST", "/containers/work/exec", {"Cmd": ["/bin/true"]}, 201),
        ("POST", "/containers/work/rename?name=worked", None, 204),
        ("POST", "/containers/worked/restart?t=0", None, 204),
        ("POST", "/volumes/create", {"Name": "plain"}, 201),
        (
            "POST",
            "/networks/create",
            {"Name": "n", "Driver": "null"},
            403,
        ),  # there is one such network only: the daemon's own rule
        ("POST", "/containers/worked/kill", None, 204),
        ("DELETE", "/containers/worked?force=1", None, 204),
        ("DELETE", "/volumes/plain", None, 204),
    )
    for method, path, body, status in work:
        answer = docker.ask(method, path, body)
        assert answer[0] == status, (path, answer)
        assert "denied by plugin" not in answer[1]


def test_a_verdict_that_changes_counts_at_the_next_start(docker: GatedDocker) -> None:
    docker.engine.must("POST", "/containers/create?name=later", create())
    others = (judged(docker.ids[STOPPED], Outcome.STOP),)
    keep_verdicts(docker.verdicts, judged(docker.ids[CERTIFIED], Outcome.STOP, "an advisory landed"), *others)
    try:
        status, said = docker.ask("POST", "/containers/later/start")
        assert (status, "an advisory landed" in said) == (REFUSED, True)
    finally:
        keep_verdicts(docker.verdicts, judged(docker.ids[CERTIFIED], Outcome.GO), *others)
    assert docker.ask("POST", "/containers/later/start")[0] == 204
    docker.engine.remove("later")


def test_what_runs_may_start_again_while_grace_lasts(docker: GatedDocker) -> None:
    """It is noted once a minute what runs; here the test does so."""
    certified, stopped = (
        judged(docker.ids[CERTIFIED], Outcome.STOP, "an advisory landed"),
        judged(docker.ids[STOPPED], Outcome.STOP),
    )
    now = datetime.now(UTC)
    (verdict,) = certified.verdicts
    kept = LocalVerdicts(docker.verdicts)
    try:
        kept.note_running([("", docker.ids[CERTIFIED])], now)
        for until, status in ((now + timedelta(days=1), 204), (now - timedelta(seconds=1), REFUSED)):
            in_grace = msgspec.structs.replace(verdict, grace_until=until)
            image = msgspec.structs.replace(certified, verdicts=(in_grace,), certified_at=now)
            keep_verdicts(docker.verdicts, image, stopped)
            assert docker.ask("POST", "/containers/good/restart?t=0")[0] == status
    finally:
        kept.close()
        keep_verdicts(docker.verdicts, judged(docker.ids[CERTIFIED], Outcome.GO), stopped)


def test_killing_what_decides_lets_nothing_through(docker: GatedDocker) -> None:
    """Under load: each answer is the right one or a refusal, and afterwards all is as before."""
    answers: list[tuple[str, int]] = []
    ends = threading.Event()

    def load(image: str) -> None:
        while not ends.is_set():
            status, said = docker.ask("POST", NEW, create(image))
            answers.append((image, status))
            assert status in (201, REFUSED), said

    threads = [threading.Thread(target=load, args=(image,)) for image in (CERTIFIED, UNKNOWN, UNKNOWN, STOPPED)]
    for thread in threads:
        thread.start()
    killed = 0
    for _ in range(5):
        time.sleep(0.5)
        for pid in docker.deciders():
            os.kill(pid, signal.SIGKILL)
            killed += 1
    ends.set()
    for thread in threads:
        thread.join()
    assert killed >= 3
    assert {status for image, status in answers if image != CERTIFIED} == {REFUSED}
    assert 201 in {status for image, status in answers if image == CERTIFIED}
    assert docker.log().count("the deciding process ended") >= 3
    until_it_decides(docker)


def test_a_decider_that_is_silent_is_answered_for(docker: GatedDocker) -> None:
    (pid,) = docker.deciders()
    os.kill(pid, signal.SIGSTOP)
    try:
        status, said = docker.ask("POST", NEW, create())
        assert (status, "cannot decide (TimeoutError), and fails closed" in said) == (REFUSED, True), said
        assert docker.ask("GET", "/containers/json")[0] == 200
        assert docker.ask("POST", "/containers/good/stop?t=0")[0] in (204, 304)
    finally:
        os.kill(pid, signal.SIGCONT)
    until_it_decides(docker)


def until_it_decides(docker: GatedDocker) -> None:
    deadline = time.monotonic() + 20
    while docker.ask("POST", NEW, create())[0] != 201:
        assert time.monotonic() < deadline, docker.log()[-2000:]
        time.sleep(0.2)


def test_without_the_front_dockerd_refuses_everything(docker: GatedDocker) -> None:
    docker.end_front(signal.SIGKILL)
    results: list[int] = []
    asks: tuple[tuple[str, str, Any], ...] = (
        ("GET", "/version", None),
        ("POST", NEW, create()),
        ("POST", "/containers/good/start", None),
    )
    threads = [threading.Thread(target=lambda ask=ask: results.append(docker.ask(*ask)[0])) for ask in asks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [500] * len(asks)
    docker.start_front()
    assert docker.ask("GET", "/version")[0] == 200
    until_it_decides(docker)
