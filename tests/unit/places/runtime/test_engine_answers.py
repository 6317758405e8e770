"""Engines that answer strangely, and what their answers mean: containers, images, events, files."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.isolation.fields import InvalidWorkload
from hullmark.model.place import PlaceEvent, Places, RunningContainer
from hullmark.net.errors import NetError
from hullmark.places.runtime.collector import Changes, Listing
from hullmark.places.runtime.engines import drift, files
from hullmark.places.runtime.engines.api import EngineApi
from hullmark.places.runtime.engines.collector import EngineCollector, Intervals
from hullmark.places.runtime.engines.drift import DriftMemory, EngineFiles, drift_of
from hullmark.places.runtime.engines.files import UnreadableFile, read_file
from hullmark.places.runtime.engines.running import moment_of, running_container, running_image
from hullmark.places.runtime.host import HostState
from hullmark.report.places_words import grade_containers
from tests.support.fake_engine import FakeEngine, packed

ID = "ab" * 32
IMAGE = f"sha256:{'cd' * 32}"
DIGEST = f"sha256:{'ef' * 32}"
AT = datetime(2026, 11, 1, tzinfo=UTC)
INSPECT: dict[str, Any] = {
    "Id": ID,
    "Name": "/web",
    "Image": IMAGE,
    "Created": "2026-10-01T00:00:00.5Z",
    "State": {"Status": "running", "StartedAt": "2026-10-02T03:04:05.123456789Z"},
    "Config": {"Image": "shop:1", "Labels": {"app": "web", "db.password": "hunter2-hunter2", "of": "image"}},
    "HostConfig": {"Privileged": False, "NetworkMode": "bridge"},
}
OF_IMAGE: dict[str, Any] = {
    "Id": IMAGE,
    "RepoTags": ["shop:1"],
    "RepoDigests": [f"other@sha256:{'00' * 32}", f"shop@{DIGEST}"],
    "Architecture": "amd64",
    "Config": {"Labels": {"of": "image"}},
}


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[tuple[FakeEngine, EngineApi]]:
    fake = FakeEngine(
        {
            "/info": {},
            "/version": {},
            "/containers/json": [{"Id": ID, "State": "running"}],
            f"/containers/{ID}/json": INSPECT,
            f"/images/{IMAGE}/json": OF_IMAGE,
        }
    )
    with fake.listening(tmp_path) as address:
        yield fake, EngineApi("docker", address, timeout=5)


def test_a_container_is_told_with_its_image_its_start_and_its_own_labels() -> None:
    found = running_container("docker", "host", INSPECT, OF_IMAGE, {})
    assert found.image.reference == "shop:1"
    assert (found.image.digest, found.image.config_digest) == (DIGEST, IMAGE)
    assert found.since == datetime(2026, 10, 2, 3, 4, 5, 123456, tzinfo=UTC)
    assert found.labels == {"app": "web", "db.password": "****"}
    assert (found.place.workload, found.place.container) == ("web", "web")


@pytest.mark.parametrize(
    ("asked", "image", "reference", "digest", "config"),
    [
        ("docker.io/library/shop:1", OF_IMAGE, "docker.io/library/shop:1", DIGEST, IMAGE),
        ("cdcdcdcdcdcd", OF_IMAGE, "shop:1", DIGEST, IMAGE),
        (IMAGE, OF_IMAGE, "shop:1", DIGEST, IMAGE),
        ("local:1", {"Id": IMAGE, "RepoDigests": []}, "local:1", "", IMAGE),
        ("gone:1", {}, "gone:1", "", IMAGE),
        # containerd's store: the id is the index's or manifest's digest
        ("shop:1", {"Id": IMAGE, "RepoDigests": [], "Descriptor": {"digest": IMAGE}}, "shop:1", IMAGE, ""),
    ],
)
def test_an_image_goes_by_the_digest_it_was_pulled_by(
    asked: str, image: dict[str, Any], reference: str, digest: str, config: str
) -> None:
    found = running_image(asked, IMAGE, image)
    assert (found.reference, found.digest, found.config_digest) == (reference, digest, config)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-10-02T03:04:05Z", datetime(2026, 10, 2, 3, 4, 5, tzinfo=UTC)),
        ("2026-10-02T05:04:05.5+02:00", datetime(2026, 10, 2, 3, 4, 5, 500000, tzinfo=UTC)),
        ("0001-01-01T00:00:00Z", None),
        ("2026-13-02T03:04:05Z", None),
        ("yesterday", None),
        ("", None),
    ],
)
def test_moments_are_read_as_engines_write_them(text: str, moment: datetime | None) -> None:
    assert moment_of(text) == moment


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(part=st.sampled_from(("Id", "Name", "Image", "Created", "State", "Config", "HostConfig", "Mounts")), value=JSON)
def test_strange_descriptions_are_refused_or_told_and_never_better_kept_apart(part: str, value: object) -> None:
    plain = {**INSPECT, "Config": {"Image": "shop:1"}}  # masking labels takes most of the time
    usual = running_container("docker", "host", plain, OF_IMAGE, {}).isolation
    try:
        found = running_container("docker", "host", {**plain, part: value}, OF_IMAGE, {})
    except InvalidWorkload:
        return
    assert isinstance(found, RunningContainer)
    assert found.isolation.boundary in (usual.boundary, "unknown")
    assert found.isolation.privileged in (usual.privileged, None)


@given(name=st.sampled_from(("RepoTags", "RepoDigests", "Architecture", "Config", "Descriptor")), value=JSON)
def test_strange_images_are_refused_or_told(name: str, value: object) -> None:
    try:
        found = running_image("shop:1", IMAGE, {**OF_IMAGE, name: value})
    except InvalidWorkload:
        return
    assert found.reference == "shop:1"


@pytest.mark.parametrize("body", [b"", b"<html>", b"[1]", b'"x"', b"[" * 100_000, b"\xff\xfe"])
def test_what_is_no_engine_is_said_to_be_none(engine: tuple[FakeEngine, EngineApi], body: bytes) -> None:
    fake, api = engine
    fake.answers["/info"] = body
    with pytest.raises(NetError, match="does not answer as docker"):
        api.info()


def test_a_container_that_no_engine_would_describe_so_is_a_gap_and_the_others_are_told(
    engine: tuple[FakeEngine, EngineApi],
) -> None:
    fake, api = engine
    other = "12" * 32
    fake.answers["/containers/json"] = [{"Id": ID, "State": "running"}, {"Id": other, "State": "running"}]
    fake.answers[f"/containers/{other}/json"] = {**INSPECT, "Id": "nonsense"}
    collector = EngineCollector("docker", api, "host")
    assert [one.id for one in collector.containers()] == [ID]
    assert "121212121212" in collector.gaps[0]


def event(action: str, nano: int, id: str = ID) -> bytes:
    told = {"Type": "container", "Action": action, "Actor": {"ID": id, "Attributes": {"name": "web"}}, "timeNano": nano}
    return json.dumps({**told, "time": nano // 10**9}).encode() + b"\n"


def said_by(api: EngineApi, wanted: int) -> list[Listing | Changes]:
    """The first words of a collector, but for what it says of the host."""
    stop = threading.Event()
    found: list[Listing | Changes] = []
    for said in EngineCollector("docker", api, "host", Intervals(window=1), lambda: AT).follow(stop):
        if isinstance(said, Listing) or said.running or said.ended or said.events:
            found.append(said)
        if len(found) >= wanted:
            stop.set()
    return found


def test_an_event_that_comes_twice_counts_once_and_nonsense_counts_as_nothing(
    engine: tuple[FakeEngine, EngineApi],
) -> None:
    fake, api = engine
    nonsense = b'{"Action": 3}\n{"Actor": []}\n{}\n\n'
    fake.answers["/events"] = event("die", 10**9) * 2 + nonsense + event("start", 2 * 10**9) + event("pause", 3 * 10**9)
    listing, died, began = said_by(api, 3)
    assert isinstance(listing, Listing)
    assert isinstance(died, Changes)
    assert [one.until for one in died.ended] == [datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)]
    assert isinstance(began, Changes)
    assert [one.id for one in began.running] == [ID]


@pytest.mark.parametrize("events", [b"[]\n", b"nonsense\n", b"x" * (2 << 20)])
def test_a_broken_stream_of_events_is_told_and_followed_by_a_new_list(
    engine: tuple[FakeEngine, EngineApi], events: bytes
) -> None:
    fake, api = engine
    fake.answers["/events"] = events
    first, problem, again = said_by(api, 3)
    assert isinstance(first, Listing)
    assert isinstance(again, Listing)
    assert isinstance(problem, Changes)
    assert "cannot be asked what runs" in problem.events[0].summary


def test_a_container_that_is_gone_before_it_was_looked_at_is_told_by_its_event(
    engine: tuple[FakeEngine, EngineApi],
) -> None:
    fake, api = engine
    gone = "34" * 32
    told = {"ID": gone, "Attributes": {"name": "job", "image": "shop:1"}}
    start = {"Action": "start", "Actor": told, "timeNano": 10**9, "time": 1}
    fake.answers["/events"] = json.dumps(start).encode() + b"\n"
    fake.answers["/images/shop:1/json"] = OF_IMAGE
    began = said_by(api, 2)[1]
    assert isinstance(began, Changes)
    assert (began.running[0].id, began.running[0].image.digest, began.running[0].place.workload) == (
        gone,
        DIGEST,
        "job",
    )
    assert began.running[0].isolation.privileged is None


# Files


def looked(api: EngineApi, memory: DriftMemory | None = None) -> list[tuple[str, str]]:
    events: tuple[PlaceEvent, ...] = drift_of(EngineFiles(api), ID, memory or DriftMemory(), AT)
    return [(event.subject, event.summary) for event in events]


def changed(fake: FakeEngine, *paths: tuple[str, int]) -> None:
    fake.answers[f"/containers/{ID}/changes"] = [{"Path": path, "Kind": kind} for path, kind in paths]


def holds(fake: FakeEngine, **bodies: bytes) -> None:
    fake.answers[f"/containers/{ID}/archive"] = lambda query: bodies.get(query["path"].rpartition("/")[2], 404)


def test_folders_data_and_what_vanished_are_no_drift(engine: tuple[FakeEngine, EngineApi]) -> None:
    fake, api = engine
    changed(fake, ("/srv", 0), ("/srv/data", 1), ("/srv/gone", 1), ("/srv/empty", 1), ("/srv/link", 1), ("/srv/old", 2))
    holds(
        fake,
        data=packed("data", b"x", 0o644),
        empty=packed("empty/", kind=b"5"),
        link=packed("link", kind=b"2"),
    )
    assert looked(api) == []
    assert not any("old" in path for path in fake.asked)


def test_a_shell_under_another_name_is_one(engine: tuple[FakeEngine, EngineApi]) -> None:
    fake, api = engine
    elf = b"\x7fELF" + b"\0" * 70_000
    busybox, copied = elf + b"BusyBox v1.37.0" + elf, elf + b"own"
    changed(fake, ("/srv/a", 1), ("/srv/b", 1), ("/srv/c", 1), ("/srv/zsh", 1))
    holds(
        fake,
        a=packed("a", busybox),
        b=packed("b", copied),
        c=packed("c", elf),
        zsh=packed("zsh", b"\x7fELF"),
        dash=packed("dash", copied),
        sh=packed("sh", kind=b"2"),
    )
    shells = {subject for subject, summary in looked(api) if summary.startswith("a shell was put there")}
    assert shells == {"/srv/a", "/srv/b", "/srv/zsh"}


def test_only_what_changed_since_is_read_again(engine: tuple[FakeEngine, EngineApi]) -> None:
    fake, api = engine
    changed(fake, ("/srv/a", 1))
    memory = DriftMemory()
    holds(fake, a=packed("a", b"one"))
    first = hashlib.sha256(b"one").hexdigest()
    assert looked(api, memory) == [("/srv/a", f"an executable is not the image's (sha256:{first})")]
    assert looked(api, memory) == []
    holds(fake, a=packed("a", b"two", mtime=6))
    assert looked(api, memory) != []


def test_files_that_cannot_be_looked_at_whole_are_said(
    engine: tuple[FakeEngine, EngineApi], monkeypatch: pytest.MonkeyPatch
) -> None:
    fake, api = engine
    assert looked(api) == []  # the container has ended: nothing is to be said
    fake.answers[f"/containers/{ID}/changes"] = lambda _: 500
    assert looked(api)[0][1].startswith("the container's files were not looked at whole: the engine does not tell")
    changed(fake, ("/srv/a", 1), ("/srv/b", 1))
    holds(fake, a=b"damage" * 200, b=packed("b", b"y"))
    assert [subject for subject, _ in looked(api)] == ["drift", "/srv/b"]
    holds(fake, a=packed("a", b"x"), b=packed("b", b"y"))
    monkeypatch.setattr(drift, "_MOST_CHANGES", 1)
    assert [subject for subject, _ in looked(api)] == ["/srv/a", "drift"]


def test_a_file_that_is_too_large_is_told_without_its_digest(engine: tuple[FakeEngine, EngineApi]) -> None:
    fake, api = engine
    holds(fake, a=packed("a", b"x" * 100))
    found = read_file(api, ID, "/srv/a", largest=99)
    assert found is not None
    assert (found.stat.size, found.sha256) == (100, "")


def test_damaged_archives_are_errors_and_endless_headers_are_bounded(
    engine: tuple[FakeEngine, EngineApi], monkeypatch: pytest.MonkeyPatch
) -> None:
    fake, api = engine
    holds(fake, a=b"\1" * 1024, b=packed("b", b"x" * 5000)[:1000], c=packed("n" * 9000, b"x"))
    for name in "ab":
        with pytest.raises(UnreadableFile):
            read_file(api, ID, f"/srv/{name}")
    monkeypatch.setattr(files, "_LARGEST_HEADER", 4096)
    with pytest.raises(UnreadableFile):
        read_file(api, ID, "/srv/c")


@given(body=st.binary(max_size=2000))
def test_no_bytes_break_the_reading_of_a_file(body: bytes) -> None:
    class Bytes:
        """An engine that hands out these bytes."""

        name = "docker"

        def archive(self, container: str, path: str) -> Bytes:
            self.rest = body
            return self

        def readinto(self, buffer: memoryview) -> int:
            n = min(len(buffer), len(self.rest))
            buffer[:n], self.rest = self.rest[:n], self.rest[n:]
            return n

        def close(self) -> None:
            pass

    try:
        found = read_file(Bytes(), ID, "/x")  # type: ignore[arg-type]
    except UnreadableFile:
        return
    assert found is None or found.stat.size >= 0


def test_what_is_known_of_the_host_is_told_of_all_that_runs_there(engine: tuple[FakeEngine, EngineApi]) -> None:
    weak = HostState(escapes=("CVE-2024-21626",))
    (found,) = EngineCollector("docker", engine[1], "host", look=lambda version, info: weak).containers()
    assert found.isolation.escapes == ("CVE-2024-21626",)
    (graded_one,) = grade_containers(Places(containers=(found,)))
    assert graded_one.assessment is not None
    assert graded_one.assessment.grade == "host"
    assert graded_one.assessment.reasons[0].text == "the host has a known escape: CVE-2024-21626"


def test_what_came_and_went_while_nobody_listened_is_told_once(engine: tuple[FakeEngine, EngineApi]) -> None:
    fake, api = engine
    ids = {"new": "12" * 32, "old": "34" * 32, "never": "56" * 32}
    states = {
        "new": {"Status": "exited", "StartedAt": "2026-10-31T23:00:00Z", "FinishedAt": "2026-10-31T23:30:00Z"},
        "old": {"Status": "exited", "StartedAt": "2026-10-31T21:00:00Z", "FinishedAt": "2026-10-31T23:30:00Z"},
        "never": {"Status": "created", "StartedAt": "0001-01-01T00:00:00Z", "FinishedAt": "0001-01-01T00:00:00Z"},
    }
    fake.answers["/containers/json"] = [{"Id": id, "State": states[name]["Status"]} for name, id in ids.items()]
    for name, id in ids.items():
        fake.answers[f"/containers/{id}/json"] = {**INSPECT, "Id": id, "State": states[name]}
    started = int(datetime(2026, 10, 31, 23, tzinfo=UTC).timestamp()) * 10**9
    fake.answers["/events"] = event("start", started, ids["new"]) + event("die", started + 10**9, ids["new"])
    collector = EngineCollector("docker", api, "host", Intervals(window=1), lambda: AT)
    heard: list[datetime] = []
    collector.resume(datetime(2026, 10, 31, 22, tzinfo=UTC), heard.append)
    stop = threading.Event()
    threading.Timer(0.5, stop.set).start()
    said = list(collector.follow(stop))
    told = [change for change in said if isinstance(change, Changes) and (change.running or change.ended)]
    assert [[one.id for one in change.running] for change in told] == [[ids["new"]]]
    assert [one.until for one in told[0].ended] == [datetime(2026, 10, 31, 23, 30, tzinfo=UTC)]
    assert any(
        "since=" + str(int(datetime(2026, 10, 31, 22, tzinfo=UTC).timestamp()) - 2) in path for path in fake.asked
    )
    assert heard[0] == AT
