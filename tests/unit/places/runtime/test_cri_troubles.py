"""What a collector over the Container Runtime Interface makes of troubles: silence, what is gone, lists without events, drift."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from hullmark.model.place import PlaceEvent
from hullmark.net.errors import AnswerTooLarge, NetError, TimedOut
from hullmark.places.runtime.collector import Changes, Listing
from hullmark.places.runtime.containerd import collector as cri_collector
from hullmark.places.runtime.containerd.api import CriApi
from hullmark.places.runtime.containerd.collector import CriCollector, LocalDrift, connect
from hullmark.places.runtime.containerd.messages import message
from hullmark.places.runtime.host import HostState
from tests.support.clocks import ImpatientStop, StepClock
from tests.unit.places.runtime.test_cri_answers import ID, POD, STARTED, FakeCri, cri, status
from tests.unit.places.runtime.test_overlay import Host, host

__all__ = ["cri", "host"]
Cri = tuple[FakeCri, CriApi]
AT = datetime(2026, 11, 1, tzinfo=UTC)
OTHER = "34" * 32
event = message("ContainerEventResponse")


def lists(*ids: str) -> Any:
    """What is answered to the question which containers run."""
    return message("ListContainersResponse")(containers=[message("Container")(id=id) for id in ids])


def follow(collector: CriCollector, wanted: int, then: Callable[[int], None] = lambda _: None) -> list[str]:
    """The first that a collector tells; `then` gets the number of things told so far."""
    stop = ImpatientStop()
    found: list[str] = []
    for said in collector.follow(stop):
        if isinstance(said, Listing):
            found.append("list " + " ".join(one.id[:2] for one in said.running))
        else:
            assert isinstance(said, Changes)
            found += [f"runs {one.id[:2]}" for one in said.running]
            found += [f"ended {one.id[:2]} in {one.until:%Y}" for one in said.ended]
            found += [f"{one.kind} {one.summary}" for one in said.events]
        then(len(found))
        if len(found) >= wanted:
            stop.set()
    return found


def test_what_is_known_of_the_host_is_told_with_its_containers(cri: Cri) -> None:
    asked: list[Any] = []
    known = PlaceEvent(kind="problem", subject="advisories", summary="it has a known escape", at=AT)

    def look(version: Any, info: Any) -> HostState:
        asked.append(version["Components"])
        return HostState(escapes=("CVE-2024-21626",), events=(known,))

    collector = CriCollector(cri[1], "node-1", look=look)
    assert follow(collector, 2) == ["list ab", "problem it has a known escape"]
    assert asked == [[{"Name": "containerd", "Version": "1.7.24"}]]
    assert (collector.gaps, collector.platform, collector.name) == (
        ("it has a known escape",),
        "containerd",
        "node-1",
    )


def test_what_is_gone_ended_or_told_at_no_moment_is_told_as_far_as_it_goes(cri: Cri) -> None:
    fake, api = cri
    fake.answers["ListContainers"] = lambda _: lists(ID, OTHER)
    ended = message("ContainerStatusResponse")(status=message("ContainerStatus")(id=OTHER, state=2))
    fake.answers["ContainerStatus"] = lambda request: ended if request.container_id == OTHER else status()
    fake.events = [
        event(container_id=OTHER, container_event_type=1, created_at=STARTED),
        event(container_id=ID, container_event_type=0, created_at=STARTED),
        event(container_id=ID, container_event_type=3, created_at=2**63 - 1),
    ]
    assert follow(CriCollector(api, "node-1", clock=StepClock(AT, 0)), 2) == ["list ab", "ended ab in 2262"]


def test_more_containers_than_a_host_has_are_an_error(cri: Cri, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cri_collector, "MOST_CONTAINERS", 0)
    with pytest.raises(NetError, match="there are more than 0 containers"):
        CriCollector(cri[1], "node-1").containers()


def test_without_events_lists_are_compared_and_files_looked_at(cri: Cri, host: Host) -> None:
    fake, api = cri
    fake.answers["ContainerStatus"] = lambda _: status(f'{{"sandboxID": "{POD}", "pid": 7}}')
    collector = CriCollector(api, "node-1", clock=StepClock(AT, 1.0), drift=LocalDrift(3.0, host.folder))

    def go_on(count: int) -> None:
        if count == 1:
            host.put(3, "srv/run")
        elif count == 2:
            fake.answers["ListContainers"] = lambda _: lists()

    found = follow(collector, 3, go_on)
    assert [line.partition(" (sha256")[0] for line in found] == [
        "list ab",
        "drift an executable is not the image's",
        "ended ab in 2026",
    ]


def test_lists_are_compared_besides_events_when_it_is_time(cri: Cri) -> None:
    fake, api = cri
    fake.events = [event(container_id="unknown", container_event_type=2, created_at=STARTED)] * 20

    def go_on(count: int) -> None:
        fake.answers["ListContainers"] = lambda _: lists()

    assert follow(CriCollector(api, "node-1", (0.05, 5.0), StepClock(AT, 1.0)), 2, go_on) == [
        "list ab",
        "ended ab in 2026",
    ]


def test_a_connection_that_held_for_long_is_news_when_it_breaks(cri: Cri) -> None:
    fake, api = cri
    fake.events = [event(container_id="unknown", container_event_type=2, created_at=STARTED)]
    words = f"problem containerd cannot be asked what runs: {api.address} ended its stream of events"
    assert follow(CriCollector(api, "node-1", (0.05, 1e6), StepClock(AT, 60.0)), 4) == ["list ab", words] * 2
    assert follow(CriCollector(api, "node-1", (0.05, 1e6), StepClock(AT, 0.0)), 4) == [
        "list ab",
        words,
        "list ab",
        "list ab",
    ]


def test_an_engine_that_is_silent_or_says_too_much_is_told_from_others(
    cri: Cri, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake, api = cri
    waits = threading.Event()
    fake.answers["Version"] = lambda _: waits.wait() and message("VersionResponse")()
    impatient = CriApi(api.address, timeout=0.05)
    with pytest.raises(TimedOut, match="fell silent"):
        impatient.version()
    waits.set()
    impatient.close()
    monkeypatch.setattr("hullmark.places.runtime.containerd.api.LARGEST_MESSAGE", 10)
    small = connect(api.address)
    with pytest.raises(AnswerTooLarge, match="answered with too much"):
        small.containers()
    small.close()
