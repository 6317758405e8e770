"""Engines that answer strangely over the Container Runtime Interface, against a gRPC server in this process."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import grpc
import pytest

from hullmark.model.isolation import Isolation
from hullmark.net.errors import NetError, Unreachable
from hullmark.places.runtime.collector import Changes, Listing
from hullmark.places.runtime.containerd.api import CriApi, NotServed
from hullmark.places.runtime.containerd.collector import CriCollector
from hullmark.places.runtime.containerd.messages import message

ID, POD = "ab" * 32, "cd" * 32
CONFIG = f"sha256:{'ef' * 32}"
DIGEST = f"sha256:{'12' * 32}"
STARTED = 1_700_000_000_000_000_000


@dataclass
class FakeCri(grpc.GenericRpcHandler):  # type: ignore[misc]
    """Answers by method, with what a function makes of the request; other methods are not served."""

    answers: dict[str, Callable[[Any], Any]] = field(default_factory=dict)
    events: list[Any] = field(default_factory=list)

    def service(self, handler: Any) -> Any:
        """What serves a method."""
        name = handler.method.rpartition("/")[2]
        if name == "GetContainerEvents" and self.events:
            return grpc.unary_stream_rpc_method_handler(
                lambda *_: iter(self.events), response_serializer=lambda answer: answer.SerializeToString()
            )
        if name not in self.answers:
            return None
        return grpc.unary_unary_rpc_method_handler(
            lambda request, _: self.answers[name](request),
            request_deserializer=message(f"{name}Request").FromString,
            response_serializer=lambda answer: answer if isinstance(answer, bytes) else answer.SerializeToString(),
        )


def status(info: str = "{}", **more: Any) -> Any:
    """What is answered of a container that runs."""
    described = message("ContainerStatus")(
        id=ID,
        metadata=message("ContainerMetadata")(name="web"),
        state=1,
        started_at=STARTED,
        image=message("ImageSpec")(image="sha256:abc"),
        image_ref=CONFIG,
        **more,
    )
    return message("ContainerStatusResponse")(status=described, info={"info": info})


@pytest.fixture
def cri(tmp_path: Path) -> Iterator[tuple[FakeCri, CriApi]]:
    sandbox = message("PodSandbox")(
        id=POD,
        metadata=message("PodSandboxMetadata")(name="web-1", namespace="shop"),
        labels={"app": "web", "db.password": "hunter2-hunter2"},
        runtime_handler="kata",
    )
    image = message("Image")(id=CONFIG, repo_tags=["shop:1"], repo_digests=[f"shop@{DIGEST}"])
    fake = FakeCri(
        {
            "Version": lambda _: message("VersionResponse")(runtime_name="containerd", runtime_version="1.7.24"),
            "ListPodSandbox": lambda _: message("ListPodSandboxResponse")(items=[sandbox]),
            "ListContainers": lambda _: message("ListContainersResponse")(containers=[message("Container")(id=ID)]),
            "ContainerStatus": lambda _: status(f'{{"sandboxID": "{POD}", "runtimeType": "io.containerd.kata.v2"}}'),
            "ImageStatus": lambda _: message("ImageStatusResponse")(image=image),
        }
    )
    server = grpc.server(ThreadPoolExecutor(4), handlers=[fake])
    server.add_insecure_port(f"unix:{tmp_path}/cri.sock")
    server.start()
    api = CriApi(f"unix://{tmp_path}/cri.sock", timeout=5)
    yield fake, api
    api.close()
    server.stop(None).wait()


def test_a_container_is_told_with_its_pod_its_image_and_its_handler(cri: tuple[FakeCri, CriApi]) -> None:
    (found,) = CriCollector(cri[1], "node-1").containers()
    assert (found.place.namespace, found.place.workload, found.place.container) == ("shop", "Pod/web-1", "web")
    assert (found.image.reference, found.image.digest, found.image.config_digest) == ("shop:1", DIGEST, CONFIG)
    assert found.since == datetime.fromtimestamp(STARTED // 10**9, UTC)
    assert found.labels == {"app": "web", "db.password": "****"}
    assert (found.isolation.runtime_class, found.isolation.boundary) == ("kata", "vm")
    assert (found.isolation.privileged, found.isolation.seccomp) == (None, "")  # no bundle was handed out


@pytest.mark.parametrize("info", ["", "nonsense", "[1]", "[" * 50_000, '{"runtimeSpec": 3, "sandboxID": []}'])
def test_strange_words_about_a_container_are_taken_as_not_told(cri: tuple[FakeCri, CriApi], info: str) -> None:
    cri[0].answers["ContainerStatus"] = lambda _: status(info)
    (found,) = CriCollector(cri[1], "node-1").containers()
    assert (found.place.namespace, found.place.workload) == ("", "web")
    assert found.isolation == Isolation()


def test_a_bundle_that_no_engine_writes_tells_nothing(cri: tuple[FakeCri, CriApi]) -> None:
    cri[0].answers["ContainerStatus"] = lambda _: status(
        '{"runtimeSpec": {"process": 3, "linux": {}}, "runtimeType": "x"}'
    )
    (found,) = CriCollector(cri[1], "node-1").containers()
    assert found.isolation == Isolation()


def test_bytes_that_are_no_message_are_an_error(cri: tuple[FakeCri, CriApi]) -> None:
    cri[0].answers["ListContainers"] = lambda _: b"\xff\xff\xff"
    with pytest.raises(NetError):
        list(CriCollector(cri[1], "node-1").containers())


def test_an_engine_without_the_interface_is_refused_with_what_to_do(
    cri: tuple[FakeCri, CriApi], tmp_path: Path
) -> None:
    cri[0].answers.clear()
    with pytest.raises(NotServed, match="Container Runtime Interface v1") as refused:
        list(CriCollector(cri[1], "node-1").follow(threading.Event()))
    assert "plugin cri" in refused.value.advice
    api = CriApi(f"unix://{tmp_path}/nobody.sock", timeout=1)
    with pytest.raises(Unreachable):
        api.version()
    api.close()


def test_events_are_heard_and_what_they_do_not_say_is_found_by_lists(cri: tuple[FakeCri, CriApi]) -> None:
    fake, api = cri
    event = message("ContainerEventResponse")
    fake.events = [
        event(container_id=ID, container_event_type=2, created_at=STARTED),
        event(container_id="unknown", container_event_type=3, created_at=STARTED),
        event(container_id=ID, container_event_type=1, created_at=STARTED),
    ]
    stop = threading.Event()
    said = CriCollector(api, "node-1", (0.05, 3600)).follow(stop)
    assert isinstance(next(said), Listing)
    ended, began, broke = (next(said) for _ in range(3))
    assert isinstance(ended, Changes)
    assert isinstance(began, Changes)
    assert isinstance(broke, Changes)
    assert [one.id for one in ended.ended] == [ID]
    assert [one.id for one in began.running] == [ID]
    assert "ended its stream of events" in broke.events[0].summary
    fake.events = []  # from now on no events are served
    assert isinstance(next(said), Listing)
    fake.answers["ListContainers"] = lambda _: message("ListContainersResponse")()
    gone = next(said)
    assert isinstance(gone, Changes)
    assert [one.id for one in gone.ended] == [ID]
    stop.set()
    said.close()  # type: ignore[attr-defined]
