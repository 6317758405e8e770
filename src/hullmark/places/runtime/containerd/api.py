"""What an engine is asked over the Container Runtime Interface: gRPC on a Unix socket."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from queue import Empty, Queue
from typing import Any, TypeVar

import grpc

from hullmark.model.limit import Limit
from hullmark.net.errors import AnswerTooLarge, Cut, NetError, TimedOut, Unreachable
from hullmark.places.runtime.containerd.messages import message

LARGEST_MESSAGE = Limit(64 << 20, "bytes of one message of an engine over the Container Runtime Interface", "refused")
_MOST_EVENTS = Limit(10_000, "events of the Container Runtime Interface that wait to be looked at", "later")
_RUNTIME = "/runtime.v1.RuntimeService/"
_IMAGES = "/runtime.v1.ImageService/"
RUNNING = 1
T = TypeVar("T")


class NotServed(NetError):
    """The engine does not serve what was asked."""


class NotThere(NetError):
    """The engine does not know the container or image."""


class CriApi:
    """Asks one engine. `address` is `unix:///PATH`; `timeout` seconds for one answer.

    Every method raises NetError: Unreachable, TimedOut and Cut where nobody answers, NotServed, NotThere.
    """

    def __init__(self, address: str, timeout: float = 30.0) -> None:
        self.address = address
        self._timeout = timeout
        options = (
            ("grpc.max_receive_message_length", int(LARGEST_MESSAGE)),
            ("grpc.default_authority", "localhost"),
            ("grpc.enable_http_proxy", 0),
        )
        self._channel = grpc.insecure_channel(address.replace("unix://", "unix:", 1), options=options)

    def close(self) -> None:
        """Close the connection."""
        self._channel.close()

    def version(self) -> Any:
        """The name and version of the engine (VersionResponse)."""
        return self._ask(_RUNTIME, "Version", version="v1")

    def sandboxes(self) -> list[Any]:
        """All pods (PodSandbox)."""
        return list(self._ask(_RUNTIME, "ListPodSandbox").items)

    def containers(self) -> list[Any]:
        """The containers that run (Container)."""
        wanted = message("ContainerFilter")(state=message("ContainerStateValue")(state=RUNNING))
        return list(self._ask(_RUNTIME, "ListContainers", filter=wanted).containers)

    def container(self, id: str) -> Any:
        """All that is known of a container (ContainerStatusResponse)."""
        return self._ask(_RUNTIME, "ContainerStatus", container_id=id, verbose=True)

    def image(self, name: str) -> Any:
        """An image by its name or id (Image); an empty one where the engine does not have it."""
        return self._ask(_IMAGES, "ImageStatus", image=message("ImageSpec")(image=name)).image

    def events(self, stop: threading.Event, pause: float) -> Iterator[Any]:
        """Events as they happen (ContainerEventResponse); None where nothing has for `pause` seconds. Ends when `stop` is set."""
        call = self._channel.unary_stream(
            f"{_RUNTIME}GetContainerEvents",
            request_serializer=message("GetEventsRequest").SerializeToString,
            response_deserializer=message("ContainerEventResponse").FromString,
        )(message("GetEventsRequest")())
        queue: Queue[Any] = Queue(_MOST_EVENTS)
        reader = threading.Thread(target=_pour, args=(call, queue), daemon=True)
        reader.start()
        try:
            while not stop.is_set():
                try:
                    found = queue.get(timeout=pause)
                except Empty:
                    yield None
                    continue
                if isinstance(found, grpc.RpcError):
                    raise self._failure(found)
                if found is _END:
                    raise Cut(f"{self.address} ended its stream of events", advice="try again")
                yield found
        finally:
            call.cancel()

    def _ask(self, service: str, method: str, **fields: Any) -> Any:
        request = _find_message_class(f"{method}Request")
        call = self._channel.unary_unary(
            service + method,
            request_serializer=request.SerializeToString,
            response_deserializer=_find_message_class(f"{method}Response").FromString,
        )
        return self._call_or_explain(lambda: call(request(**fields), timeout=self._timeout))

    def _call_or_explain(self, call: Callable[[], T]) -> T:
        try:
            return call()
        except grpc.RpcError as error:
            raise self._failure(error) from error

    def _failure(self, error: Any) -> NetError:
        code, words = error.code(), " ".join(str(error.details()).split())[:300]
        if code == grpc.StatusCode.UNAVAILABLE:
            return Unreachable(f"{self.address} cannot be reached ({words})", advice="is the engine running?")
        if code == grpc.StatusCode.DEADLINE_EXCEEDED:
            return TimedOut(f"{self.address} fell silent", advice="try again")
        if code == grpc.StatusCode.UNIMPLEMENTED:
            advice = "enable the plugin cri of containerd, which Docker's package turns off"
            return NotServed(f"{self.address} does not serve the Container Runtime Interface v1", advice=advice)
        if code == grpc.StatusCode.NOT_FOUND:
            return NotThere(f"{self.address} does not know it: {words}")
        if code == grpc.StatusCode.RESOURCE_EXHAUSTED:
            return AnswerTooLarge(f"{self.address} answered with too much: {words}", advice="check the address")
        return Cut(f"{self.address} answers with an error: {words}", advice="look at the engine's log")


_END = object()


def _pour(call: Any, queue: Queue[Any]) -> None:
    """Move what comes into the queue, and its end."""
    try:
        for event in call:
            queue.put(event)
    except grpc.RpcError as error:
        queue.put(error)
    else:
        queue.put(_END)


def _find_message_class(name: str) -> Any:
    return message(name)
