"""Whether a call to dockerd may be made: what would start is judged by its image's verdicts and by how it is kept apart.

An image is judged by its id, which the engine computes of its bytes; names only lead to it. What is judged when it is created is judged
again when it starts: a name may move in between, and so may a verdict.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple, Protocol

from hullmark.isolation.docker import isolation_of
from hullmark.isolation.fields import Fields
from hullmark.model.errors import HullmarkError
from hullmark.model.isolation import Isolation
from hullmark.model.limit import Limit
from hullmark.net.errors import NetError
from hullmark.places.gates.docker.call_kinds import ALLOWABLE, CallKind, kind_of
from hullmark.places.gates.docker.creation import Engine, granted_container, host_path_of_volume, wanted_container
from hullmark.places.gates.docker.engine_call import EngineCall, read_call
from hullmark.places.gates.docker.go_json import decode_struct

_OLDEST_API = (1, 24)
"""Before it, `start` took a HostConfig of its own."""
_LONGEST_REASON = Limit(2000, "characters of the reason why a call to dockerd is refused", "shortened")


class GateAnswer(NamedTuple):
    """Whether a call may be made, and why not, or what is to be said besides."""

    is_allowed: bool
    reason: str = ""


class Start(NamedTuple):
    """What would start. `image` is the name that was asked for, `digest` the engine's id of the image ("": the engine has none).

    `isolation` is None where the image is only fetched, and nothing starts yet. `origin` is where a registry has the image, by digest
    ("": not known). `is_to_start`: what is fetched, or has no id yet, is judged as if it started now.
    """

    container: str
    image: str
    digest: str
    isolation: Isolation | None
    origin: str = ""
    is_to_start: bool = False


class StartGate(Protocol):
    """Says whether a container of an image may start."""

    def judge(self, start: Start) -> GateAnswer:
        """The answer."""
        ...


ALLOWED = GateAnswer(True)


class CallJudge:
    """Judges calls. `allowed` are kinds of calls that pass although they cannot be judged."""

    def __init__(self, engine: Engine, gate: StartGate, allowed: Iterable[CallKind] = ()) -> None:
        self._engine, self._gate = engine, gate
        self._allowed = frozenset(allowed)
        self._judges: Mapping[CallKind, Callable[[EngineCall], GateAnswer]] = {
            "create": self._create,
            "start": self._start,
            "rename": self._start,
            "update": self._update,
            "exec": self._exec,
            "pull": self._pull,
            "volume": self._volume,
        }

    def judge(self, message: bytes) -> GateAnswer:
        """The answer to a message of the daemon. Raises NetError where the engine cannot be asked."""
        try:
            call = read_call(message)
            kind = kind_of(call)
            if kind == "pass" or kind in self._allowed:
                return ALLOWED
            if kind in ALLOWABLE:
                return _refusal(f"{_WHY[kind]}; the gate's owner may allow it: --allow {kind}")
            if kind == "unknown":
                return _refusal(f"{call.method[:20]} {call.path[:100]} is not a call that the gate knows")
            if call.content_type in ("application/x-www-form-urlencoded", "multipart/form-data"):
                return _refusal("the daemon may read settings from a form, which the gate is not shown")
            return self._judges[kind](call)
        except NetError:
            raise
        except HullmarkError as error:
            return _refusal(str(error))

    def _create(self, call: EngineCall) -> GateAnswer:
        body = decode_struct(_needed_body(call))
        name = Fields(body, "the container").text("Image")
        if not name:
            return _refusal("it names no image")
        image = Fields(self._engine.image(name) or {}, "the image")
        wanted = wanted_container(body, image.data, self._engine)
        isolation = isolation_of(wanted, self._engine.info())
        called = call.value("name").removeprefix("/") or "(new)"
        origin = next(iter(image.texts("RepoDigests")), "")
        return self._gate.judge(Start(called, name, image.text("Id"), isolation, origin))

    def _start(self, call: EngineCall) -> GateAnswer:
        if (0, 0) < call.version < _OLDEST_API:
            return _refusal(f"before API {_OLDEST_API[0]}.{_OLDEST_API[1]} a start may change what was granted")
        if call.body is not None and decode_struct(call.body):
            return _refusal("a start with settings of its own is not judged")
        if call.body is None and call.content_length not in ("", "0"):
            return _refusal("it has a body that the gate is not shown")
        return self._judge_existing(call.path.split("/")[2])

    def _judge_existing(self, name: str) -> GateAnswer:
        found = self._engine.container(name)
        if found is None:
            return ALLOWED  # the daemon answers that it is not there
        container = Fields(found, "the container")
        digest = container.text("Image")
        isolation = isolation_of(granted_container(found, self._engine), self._engine.info())
        asked = container.part("Config").text("Image") or digest
        called = container.text("Name").removeprefix("/") or name
        return self._gate.judge(Start(called, asked, digest, isolation))

    def _update(self, call: EngineCall) -> GateAnswer:
        """A restart policy has the daemon start the container later, and then it asks nobody."""
        body = Fields(decode_struct(_needed_body(call)), "the update")
        if body.part("RestartPolicy").text("Name") in ("", "no"):
            return ALLOWED
        return self._judge_existing(call.path.split("/")[2])

    def _exec(self, call: EngineCall) -> GateAnswer:
        body = Fields(decode_struct(_needed_body(call)), "the command")
        return _refusal("a privileged command in a container rules the host") if body.flag("Privileged") else ALLOWED

    def _pull(self, call: EngineCall) -> GateAnswer:
        """Fetching starts nothing: it is refused only where what is meant is known not to be allowed to start."""
        name, tag = call.value("fromImage"), call.value("tag")
        reference = f"{name}@{tag}" if tag.startswith("sha256:") else f"{name}:{tag}" if tag else name
        digest = reference.rpartition("@")[2] if "@" in reference else ""
        return self._gate.judge(Start("(pull)", reference, digest, None))

    def _volume(self, call: EngineCall) -> GateAnswer:
        body = Fields(decode_struct(_needed_body(call)), "the volume")
        path = host_path_of_volume(body.text("Driver"), body.part("DriverOpts").data)
        if not path:
            return ALLOWED
        return _refusal(
            f"the volume would stand for {path[:100]} of the host; mount it as what it is, or use driver local"
        )


_WHY: dict[CallKind, str] = {
    "build": "a build runs images and commands that no verdict is of",
    "commit": "an image made of a container has no verdict",
    "import": "an imported file system has no verdict",
    "load": "a loaded archive comes from no registry",
    "swarm": "swarm starts containers without asking the gate",
    "plugins": "a plugin runs with the host's rights",
}


def _needed_body(call: EngineCall) -> bytes:
    if call.body is None:
        raise HullmarkError(
            "the daemon shows no body: it is empty, too large or not application/json",
            advice="send what Docker's own client sends",
        )
    return call.body


def _refusal(reason: str) -> GateAnswer:
    return GateAnswer(False, reason[:_LONGEST_REASON])
