"""What a collector of an engine makes of troubles: answers that break, containers that are gone, events that no engine sends."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from itertools import count
from typing import Any

import pytest

from hullmark.net.errors import NetError
from hullmark.places.runtime.collector import Changes, Listing
from hullmark.places.runtime.engines import collector as engine_collector
from hullmark.places.runtime.engines import drift
from hullmark.places.runtime.engines.api import EngineApi
from hullmark.places.runtime.engines.collector import EngineCollector, Intervals
from hullmark.places.runtime.engines.drift import DriftMemory, EngineFiles, drift_of
from hullmark.places.runtime.engines.files import read_file
from hullmark.places.runtime.engines.running import running_container
from tests.support.clocks import ImpatientStop, StepClock
from tests.support.fake_engine import FakeEngine, packed
from tests.unit.places.runtime.test_engine_answers import (
    AT,
    DIGEST,
    ID,
    INSPECT,
    OF_IMAGE,
    changed,
    engine,
    event,
    holds,
    looked,
)

__all__ = ["engine"]
Engine = tuple[FakeEngine, EngineApi]
OTHER = "34" * 32
BUSY = Intervals(window=1)


def told(said: Listing | Changes) -> list[str]:
    """What is told, in short."""
    if isinstance(said, Listing):
        return ["list " + " ".join(container.id[:2] for container in said.running)]
    runs = [f"runs {container.id[:2]}" for container in said.running]
    ended = [f"ended {container.id[:2]} in {container.until:%Y}" for container in said.ended]
    return [*runs, *ended, *(f"{event.kind} {event.summary.partition(' (sha256')[0]}" for event in said.events)]


def follow(api: EngineApi, wanted: int, rhythm: Intervals = BUSY, step: float = 0.0) -> list[str]:
    """The first that a collector tells."""
    stop = ImpatientStop()
    found: list[str] = []
    for said in EngineCollector("docker", api, "host", rhythm, StepClock(AT, step)).follow(stop):
        found += told(said)
        if len(found) >= wanted:
            stop.set()
    return found


def test_more_containers_than_a_host_has_are_an_error(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_collector, "MOST_CONTAINERS", 0)
    with pytest.raises(NetError, match="docker has more than 0 containers"):
        EngineCollector("docker", engine[1], "host").containers()


def test_a_whole_list_comes_again_when_it_is_time(engine: Engine) -> None:
    engine[0].answers["/events"] = b""
    assert follow(engine[1], 3, Intervals(window=1, list=5.0), step=1.0) == ["list ab"] * 3


def test_a_connection_that_held_for_long_is_news_when_it_breaks_and_one_that_did_not_is_said_once(
    engine: Engine,
) -> None:
    fake, api = engine
    problem = "problem docker cannot be asked what runs: docker answers with status 500: no such thing"
    fake.answers["/events"] = 500
    assert follow(api, 5, step=0.001) == ["list ab", problem, "list ab", "list ab", "list ab"]
    assert follow(api, 4, step=20.0) == ["list ab", problem, "list ab", problem]


def test_a_container_that_cannot_be_inspected_is_not_taken_for_gone(engine: Engine) -> None:
    fake, api = engine
    fake.answers[f"/containers/{ID}/json"] = 500
    with pytest.raises(NetError, match="status 500"):
        EngineCollector("docker", api, "host").containers()
    fake.answers[f"/containers/{ID}/json"] = 404
    assert [*EngineCollector("docker", api, "host").containers()] == []


def test_what_ended_while_nobody_listened_and_cannot_be_described_is_left_out(engine: Engine) -> None:
    fake, api = engine
    ended = {"Status": "exited", "StartedAt": "2026-10-31T23:00:00Z", "FinishedAt": "2026-10-31T23:30:00Z"}
    fake.answers["/containers/json"] = [{"Id": id, "State": "exited"} for id in ("gone", "strange", OTHER)]
    fake.answers["/containers/strange/json"] = {**INSPECT, "Id": "strange", "State": ended}
    fake.answers[f"/containers/{OTHER}/json"] = {**INSPECT, "Id": OTHER, "State": ended}
    fake.answers["/events"] = b""
    collector = EngineCollector("docker", api, "host", Intervals(window=1), lambda: AT)
    collector.resume(datetime(2026, 10, 31, 22, tzinfo=UTC), lambda _: None)
    stop = ImpatientStop()
    found = []
    for said in collector.follow(stop):
        found += told(said)
        if len(found) == 3:
            stop.set()
    assert found == ["list ", "runs 34", "ended 34 in 2026"]


def test_only_the_latest_events_are_recognised_when_they_come_again(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_collector, "_REMEMBERED", 1)
    fake, api = engine
    first, second = event("die", 10**9), event("die", 2 * 10**9, OTHER)
    fake.answers["/events"] = first + first + second + first
    assert follow(api, 4) == ["list ab", "ended ab in 1970", "ended 34 in 1970", "ended ab in 1970"]


def test_events_of_what_is_no_container_or_runs_no_longer_are_told_as_far_as_they_go(engine: Engine) -> None:
    fake, api = engine
    fake.answers[f"/containers/{OTHER}/json"] = {**INSPECT, "Id": OTHER, "State": {"Status": "exited"}}
    untimed = {"Action": "die", "Actor": {"ID": OTHER}}
    fake.answers["/events"] = (
        event("start", 1, "nonsense")
        + event("update", 2, OTHER)
        + event("start", 3, OTHER)
        + event("rename", 4, OTHER)
        + json.dumps(untimed).encode()
        + b"\n"
        + event("die", 10**30)
    )
    assert follow(api, 4) == ["list ab", "runs 34", "ended 34 in 2026", "ended ab in 2026"]


# Files


def test_files_are_looked_at_in_turns_after_commands_and_once_more_at_the_end(engine: Engine) -> None:
    fake, api = engine
    versions = count()

    def archive(query: dict[str, str]) -> bytes | int:
        number = next(versions)
        return packed("a", b"%d" % number, mtime=number) if query["path"] == "/srv/a" else 404

    fake.answers["/containers/json"] = [{"Id": id, "State": "running"} for id in (ID, OTHER)]
    fake.answers[f"/containers/{OTHER}/json"] = {**INSPECT, "Id": OTHER}
    changed(fake, ("/srv/a", 1))
    fake.answers[f"/containers/{ID}/archive"] = archive
    fake.answers["/events"] = event("exec_die", 10**9) + event("exec_die", 2 * 10**9, OTHER) + event("die", 3 * 10**9)
    drifted = "drift an executable is not the image's"
    assert follow(api, 6, Intervals(window=1, drift=60.0), step=30.0) == [
        "list ab 34",
        drifted,  # after the command
        "ended ab in 1970",
        drifted,
        "list ab 34",
        drifted,  # in its turn
    ]


def test_a_container_whose_files_cannot_be_asked_for_has_ended_all_the_same(engine: Engine) -> None:
    def hang_up(query: dict[str, str]) -> int:
        raise ConnectionResetError

    fake, api = engine
    fake.answers[f"/containers/{ID}/changes"] = hang_up
    fake.answers["/events"] = event("die", 10**9)
    assert follow(api, 2, Intervals(window=1, drift=3600.0)) == ["list ab", "ended ab in 1970"]


def test_more_changes_than_are_told_at_once_are_told_later(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drift, "_MOST_EVENTS", 2)
    fake, api = engine
    changed(fake, *((f"/srv/{name}", 1) for name in "abc"))
    holds(fake, **{name: packed(name, name.encode()) for name in "abc"})
    memory = DriftMemory()
    subjects, again = ([subject for subject, _ in looked(api, memory)] for _ in range(2))
    assert subjects == ["/srv/a", "/srv/b", "drift"]
    assert again == ["/srv/c"]


def test_changes_are_told_by_what_they_are(engine: Engine) -> None:
    fake, api = engine
    fake.answers[f"/containers/{ID}/changes"] = [
        {"Path": 5, "Kind": 1},
        {"Path": "relative", "Kind": 1},
        *({"Path": f"/srv/{name}", "Kind": kind} for name, kind in (("group", 0), ("data", 0), ("ended", 1))),
    ]
    holds(fake, group=packed("group", b"x", 0o2644), data=packed("data", b"x", 0o755), ended=b"\0" * 1024)
    found = [(subject, summary.partition(" (sha256")[0]) for subject, summary in looked(api)]
    assert found == [
        ("/srv/data", "an executable file of the image was changed"),
        ("/srv/group", "a changed file is setgid: mode 2644"),
    ]


def test_an_executable_that_is_too_large_is_told_by_its_size(engine: Engine) -> None:
    class SmallFiles(EngineFiles):
        """Reads files of a byte at most."""

        def read(self, container: str, path: str, known: Any = None) -> Any:
            return read_file(engine[1], container, path, known, largest=1)

    fake, api = engine
    changed(fake, ("/srv/a", 1))
    holds(fake, a=packed("a", b"xx"))
    (found,) = drift_of(SmallFiles(api), ID, DriftMemory(), AT)
    assert found.summary == "an executable of 2 bytes is not the image's; it is too large to be read"


def test_a_shell_of_the_image_that_cannot_be_read_is_passed_over(engine: Engine) -> None:
    fake, api = engine
    changed(fake, ("/srv/a", 1))
    holds(fake, a=packed("a", b"own"), sh=b"\1" * 1024, bash=packed("bash", kind=b"2"), busybox=packed("b", b"own"))
    assert looked(api)[0][1].startswith("a shell was put there that is not the image's")


@pytest.mark.parametrize("status", [404, 500])
def test_a_file_that_is_gone_is_none_and_one_that_is_refused_an_error(engine: Engine, status: int) -> None:
    engine[0].answers[f"/containers/{ID}/archive"] = status
    if status == 404:
        assert read_file(engine[1], ID, "/srv/a") is None
    else:
        with pytest.raises(NetError, match="docker answers with status 500"):
            read_file(engine[1], ID, "/srv/a")


@pytest.mark.parametrize(
    ("labels", "place"),
    [
        ({"com.docker.compose.project": "p", "com.docker.compose.service": "s"}, ("p", "Service/s", "s")),
        ({"com.docker.swarm.service.name": "w"}, ("", "Service/w", "w")),
    ],
)
def test_containers_of_a_service_are_one_place(labels: dict[str, str], place: tuple[str, str, str]) -> None:
    inspect = {**INSPECT, "Config": {"Image": "shop:1", "Labels": labels}}
    found = running_container("docker", "host", inspect, OF_IMAGE, {})
    assert (found.place.namespace, found.place.workload, found.place.container) == place
    assert found.image.digest == DIGEST


def test_a_document_in_place_of_a_list_is_not_an_engines(engine: Engine) -> None:
    fake, api = engine
    fake.answers["/containers/json"] = {"Id": ID}
    with pytest.raises(NetError, match="does not answer as docker"):
        api.containers()
