"""Reports wait for their server in a folder: nothing is lost silently, in whatever order servers, agents and disks go away."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from hullmark.app.agent import Agent, ServerSender, run
from hullmark.app.event_memory import EventMemory
from hullmark.app.fitting import fitted_text
from hullmark.app.spool import Spool
from hullmark.model.errors import HullmarkError
from hullmark.model.isolation import Isolation
from hullmark.model.place import EndedContainer, Place, PlaceEvent, Platform, RunningContainer, RunningImage
from hullmark.net.api_client import ApiRefused
from hullmark.net.errors import Unreachable
from hullmark.places.runtime.collector import Changes, Listing
from hullmark.server.stories.places.reported import check_report
from tests.support.reports import ReportServer

AT = datetime(2026, 11, 1, tzinfo=UTC)


def clock() -> datetime:
    return AT


def container(name: str) -> RunningContainer:
    place = Place(platform="docker", cluster="host", workload=name, container=name)
    return RunningContainer(id=name, place=place, image=RunningImage(reference="shop:1"), since=AT)


def started(*names: str) -> Changes:
    return Changes(running=tuple(map(container, names)))


def ended(*names: str) -> Changes:
    return Changes(ended=tuple(EndedContainer(id=name, until=AT) for name in names))


def drift(subject: str, *, at: datetime = AT) -> PlaceEvent:
    return PlaceEvent(kind="drift", container="a", subject=subject, summary="changed", at=at)


@dataclass
class FakeCollector:
    """Says what it is given; it lists what it `has`."""

    has: set[str] = field(default_factory=set)
    script: list[Listing | Changes] = field(default_factory=list)
    lists: int = 0
    platform: Platform = "docker"
    name: str = "host"

    def containers(self) -> Iterator[RunningContainer]:
        self.lists += 1
        return iter(map(container, sorted(self.has)))

    def follow(self, stop: threading.Event) -> Iterator[Listing | Changes]:
        yield Listing(self.containers())
        yield from self.script
        stop.wait()


MADE: list[Spool] = []


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    """Every folder is let go of in the end."""
    yield
    for spool in MADE:
        spool.close()
    MADE.clear()


def spool_in(folder: Path, **bounds: int) -> Spool:
    MADE.append(Spool(folder, "docker", "host", clock, **bounds))
    return MADE[-1]


def agent_in(folder: Path, server: ReportServer, collector: FakeCollector | None = None, **bounds: int) -> Agent:
    return Agent(collector or FakeCollector(), spool_in(folder, **bounds), server, lambda _: None)


def test_what_waits_is_sent_in_order_once_the_server_is_back(tmp_path: Path) -> None:
    server, collector = ReportServer(is_away=True), FakeCollector({"a"})
    agent = agent_in(tmp_path, server, collector)
    with pytest.raises(Unreachable):
        agent.report()
    agent.keep(started("b"))
    agent.keep(ended("a"))
    server.is_away = False
    agent.flush()
    assert set(server.known) == {"b"}
    assert [bool(report.list) for report in server.taken] == [True, False, False]
    assert len(agent.spool) == 0


def test_sequence_numbers_go_on_behind_a_restart_and_behind_a_lost_folder(tmp_path: Path) -> None:
    server, collector = ReportServer(), FakeCollector({"a"})
    agent = agent_in(tmp_path / "one", server, collector)
    agent.report()
    first = server.sequence
    assert first == int(AT.timestamp() * 1000)
    agent.spool.close()
    agent = agent_in(tmp_path / "one", server, collector)
    agent.report()
    assert server.sequence > first
    # In a new folder the clock counts; here it stands still, so the server says where to go on.
    other = agent_in(tmp_path / "two", server, collector)
    other.keep(Changes(events=(drift("/x"),)))
    other.report()
    assert server.sequence > first
    assert [event.subject for event in server.events] == ["/x"]
    assert server.has_list


def test_a_server_that_forgot_everything_is_told_a_whole_list(tmp_path: Path) -> None:
    server, collector = ReportServer(), FakeCollector({"a", "b"})
    agent = agent_in(tmp_path, server, collector)
    agent.report()
    server.forget()
    agent.keep(Changes(running=(container("c"),), events=(drift("/x"),)))
    collector.has.add("c")
    agent.flush()
    assert set(server.known) == {"a", "b", "c"}
    assert [event.subject for event in server.events] == ["/x"]


def test_without_room_changes_are_dropped_but_events_are_not_and_it_is_said(tmp_path: Path) -> None:
    server, collector = ReportServer(), FakeCollector({"a", "z"})
    agent = agent_in(tmp_path, server, collector, most_reports=10)
    agent.report()
    server.is_away = True
    for number in range(25):
        agent.keep(Changes(running=(container(f"c{number}"),), events=(drift(f"/{number}"),)))
    assert len(agent.spool) <= 11
    server.is_away = False
    collector.has |= {"c24"}
    agent.flush()
    assert set(server.known) == {"a", "z", "c24"}
    assert {event.subject for event in server.events if event.kind == "drift"} == {f"/{number}" for number in range(25)}
    assert any("no more room" in event.summary for event in server.events if event.kind == "problem")


def test_a_list_comes_in_parts_and_a_broken_one_leaves_nothing(tmp_path: Path) -> None:
    server = ReportServer()
    agent = agent_in(tmp_path, server, FakeCollector({f"{number:04}" for number in range(1201)}))

    def broken() -> Iterator[RunningContainer]:
        yield from (container(str(number)) for number in range(700))
        raise Unreachable("the engine is gone")

    with pytest.raises(Unreachable):
        agent.spool.append_list(broken())
    assert len(agent.spool) == 0
    agent.report()
    assert [(len(report.running), report.last) for report in server.taken] == [(500, False), (500, False), (201, True)]
    assert len({report.list for report in server.taken}) == 1
    agent.spool.append_list(iter(()))
    agent.flush()
    assert server.known == {}


def test_an_event_is_told_once_also_by_an_agent_that_was_started_anew(tmp_path: Path) -> None:
    server = ReportServer()
    agent = agent_in(tmp_path, server)
    agent.report()
    agent.keep(Changes(events=(drift("/x"), drift("/x"))))
    agent.keep(Changes(events=(drift("/x", at=AT + timedelta(hours=1)),)))
    agent.spool.close()
    agent = agent_in(tmp_path, server)
    agent.keep(Changes(events=(drift("/x"), drift("/y"))))
    agent.flush()
    assert [event.subject for event in server.events] == ["/x", "/y"]


def test_the_memory_of_events_is_bounded_and_keeps_the_newest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hullmark.app.event_memory._MOST", 3)
    memory = EventMemory(tmp_path / "events")
    memory.remember(drift(str(number)) for number in range(5))
    again = EventMemory(tmp_path / "events")
    assert [event.subject for event in again.unknown(drift(str(number)) for number in range(5))] == ["0", "1"]


def test_a_report_that_a_power_failure_cut_is_dropped_and_told(tmp_path: Path) -> None:
    server, collector = ReportServer(), FakeCollector({"a"})
    agent = agent_in(tmp_path, server, collector)
    agent.report()
    agent.keep(started("b"))
    agent.spool.close()
    waiting = next(tmp_path.glob("*.changes"))
    waiting.write_bytes(waiting.read_bytes()[:20])
    agent = agent_in(tmp_path, server, collector)
    assert agent.spool.wants_list
    collector.has.add("b")
    agent.flush()
    assert set(server.known) == {"a", "b"}
    assert "damaged" in server.events[0].summary


def test_a_folder_is_one_agents(tmp_path: Path) -> None:
    spool = spool_in(tmp_path)
    with pytest.raises(HullmarkError, match="another agent uses"):
        spool_in(tmp_path)
    spool.close()
    spool_in(tmp_path).close()


def test_an_answer_that_no_waiting_can_mend_ends_the_agent(tmp_path: Path) -> None:
    class Refusing:
        def send(self, reports: object) -> bool:
            raise ApiRefused("this key may not report", status=403)

    collector = FakeCollector({"a"})
    agent = Agent(collector, spool_in(tmp_path), Refusing(), lambda _: None)
    with pytest.raises(ApiRefused, match="may not report"):
        run([agent], threading.Event())
    assert len(spool_in(tmp_path)) == 1  # what it said is still there


def test_an_agent_runs_until_it_is_told_to_stop_and_sends_what_is_left(tmp_path: Path) -> None:
    server, stop = ReportServer(), threading.Event()
    agent = agent_in(tmp_path, server, FakeCollector({"a"}, [started("b"), ended("a"), started("c")]))

    def watch() -> None:
        while set(server.known) != {"b", "c"}:
            stop.wait(0.01)
        stop.set()

    watcher = threading.Thread(target=watch)
    watcher.start()
    run([agent], stop)
    watcher.join()
    assert set(server.known) == {"b", "c"}


def test_several_reports_are_one_request_and_the_one_that_is_refused_is_found(tmp_path: Path) -> None:
    requests: list[bytes] = []

    class Api:
        def send(self, method: str, path: str, *, body: bytes, headers: object) -> bytes:
            assert (method, path) == ("POST", "/inventories")
            requests.append(body)
            return body

        def decode_answer(self, answer: bytes) -> object:
            return {"sequence": 1, "list_needed": answer.startswith(b"[")}

    sender = ServerSender(Api())  # type: ignore[arg-type]
    assert sender.send([b"{}"]) is False
    assert sender.send([b"{}", b"{}"]) is True
    assert requests == [b"{}", b"[{},{}]"]


ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(("start", "end", "event")), st.sampled_from("abcd")),
        st.tuples(st.sampled_from(("away", "back", "restart", "list", "forget", "flush")), st.just("")),
    ),
    max_size=40,
)


@given(actions=ACTIONS, most=st.integers(1, 6))
def test_in_the_end_the_server_knows_what_runs_and_every_event(actions: list[tuple[str, str]], most: int) -> None:
    """Whatever goes away in between, as long as no server forgets what it was told."""
    with TemporaryDirectory() as folder:
        server, collector = ReportServer(), FakeCollector()
        agent = agent_in(Path(folder), server, collector, most_reports=most)
        agent.report()
        told: set[str] = set()
        for action, name in actions:
            if action == "start":
                collector.has.add(name)
                agent.keep(started(name))
            elif action == "end":
                collector.has.discard(name)
                agent.keep(ended(name))
            elif action == "event":
                told.add(name)
                agent.keep(Changes(events=(drift(name),)))
            elif action in ("away", "back"):
                server.is_away = action == "away"
            elif action == "restart":
                agent.spool.close()
                agent = agent_in(Path(folder), server, collector, most_reports=most)
            elif action == "list":
                agent.spool.append_list(collector.containers())
            elif action == "forget":
                server.has_list, server.known = False, {}
            elif not server.is_away:
                agent.flush()
        server.is_away = False
        agent.flush()
        agent.spool.append_list(collector.containers())
        agent.flush()
        assert set(server.known) == collector.has
        assert {event.subject for event in server.events if event.kind == "drift"} == told
        sequences = [report.sequence for report in server.taken]
        assert sequences == sorted(set(sequences))
        agent.spool.close()


def test_a_problem_that_comes_again_is_told_again(tmp_path: Path) -> None:
    server = ReportServer()
    agent = agent_in(tmp_path, server)
    agent.report()
    outage = PlaceEvent(kind="problem", subject="docker", summary="docker cannot be asked", at=AT)
    agent.keep(Changes(events=(outage,)))
    agent.keep(Changes(events=(outage,)))
    agent.flush()
    assert [event.subject for event in server.events] == ["docker", "docker"]


def test_a_collector_goes_on_where_it_had_heard_of_what_happened(tmp_path: Path) -> None:
    class Resumed(FakeCollector):
        """Notes a moment."""

        def resume(self, heard: datetime | None, note: Callable[[datetime], None]) -> None:
            self.heard = heard
            note(AT + timedelta(hours=1))

    first, second = Resumed(), Resumed()
    agent_in(tmp_path, ReportServer(), first).spool.close()
    agent_in(tmp_path, ReportServer(), second)
    assert (first.heard, second.heard) == (None, AT + timedelta(hours=1))


def test_an_agent_that_has_nothing_to_say_says_so_every_five_minutes(tmp_path: Path) -> None:
    server, stop, moments = ReportServer(), threading.Event(), itertools.count(0, 300)
    agent = Agent(FakeCollector({"a"}), spool_in(tmp_path), server, lambda _: None, lambda: float(next(moments)))
    taken = server.send

    def send(reports: Sequence[bytes]) -> bool:
        answer = taken(reports)
        if len(server.taken) == 3:
            stop.set()
        return answer

    server.send = send  # type: ignore[method-assign]
    run([agent], stop)
    list_, *signs = server.taken
    assert list_.last
    assert [(sign.list, sign.running, sign.ended, sign.events) for sign in signs] == [("", (), (), ())] * 2


class Blind(FakeCollector):
    """An engine that does not answer, until it `sees`."""

    sees = threading.Event()
    is_blind = True

    def follow(self, stop: threading.Event) -> Iterator[Listing | Changes]:
        yield Changes(events=(PlaceEvent(kind="problem", subject="docker", summary="it does not answer", at=AT),))
        while not self.sees.wait(0.01) and not stop.is_set():
            pass
        yield Listing(self.containers())
        stop.wait()


@pytest.mark.parametrize("wants_lists", [False, True])
def test_an_agent_that_begins_before_its_engine_tells_so_and_waits(tmp_path: Path, wants_lists: bool) -> None:
    """Whatever the server makes of news without a list, it is not asked again and again without a pause."""
    server, stop, requests = ReportServer(takes_events=not wants_lists), threading.Event(), list[int]()
    collector = Blind({"a"})
    collector.sees = threading.Event()
    pauses = itertools.count()

    def send(reports: Sequence[bytes]) -> bool:
        requests.append(len(reports))
        if not wants_lists or next(pauses) == 1:
            collector.sees.set()
        return ReportServer.send(server, reports)

    agent = Agent(collector, spool_in(tmp_path), Sending(send), lambda _: None)

    def watch() -> None:
        while not server.known:
            stop.wait(0.01)
        stop.set()

    watcher = threading.Thread(target=watch)
    watcher.start()
    run([agent], stop)
    watcher.join()
    assert set(server.known) == {"a"}
    assert [event.summary for event in server.events] == ["it does not answer"]
    assert len(requests) <= 6


@dataclass
class Sending:
    """A sender that is one function."""

    send: Callable[[Sequence[bytes]], bool]


def test_who_cannot_see_what_runs_gives_no_sign_of_life(tmp_path: Path) -> None:
    server, moments = ReportServer(), itertools.count(0, 300)
    collector = Blind({"a"})
    agent = Agent(collector, spool_in(tmp_path), server, lambda _: None, lambda: float(next(moments)))
    agent.report()
    agent._has_begun = True
    stop = threading.Event()

    def end() -> None:
        stop.set()
        agent.spool.want_list()

    threading.Timer(0.05, end).start()
    agent._rest(stop)
    assert len(agent.spool) == 0
    collector.is_blind = False
    agent.spool.append_list(collector.containers())
    agent.flush()
    agent._rest(threading.Event())
    assert len(agent.spool) == 1


def test_no_name_of_one_container_keeps_the_others_from_being_told(tmp_path: Path) -> None:
    """Whoever starts a container chooses the names of its service, its labels and what it mounts."""
    long = RunningContainer(
        id="i" * 2000,
        place=Place(platform="docker", cluster="host", namespace="n" * 400, workload="ä\0" * 900, container="c" * 500),
        image=RunningImage(reference="r" * 1200),
        since=AT,
        labels={f"label-{number}": "v" * 900 for number in range(400)},
        isolation=Isolation(privileged=False, devices=tuple(f"/dev/{number:0400}" for number in range(1000))),
    )
    others = [replace(long, id=f"{'i' * 2000}{number}") for number in range(20)]
    server = ReportServer()
    agent = agent_in(tmp_path, server)
    agent.keep(Changes(running=(container("a"), *others)))
    agent.spool.append_list([container("a"), *others])
    agent.flush()
    assert len(server.known) == 21, "ids that were cut are still those of different containers"
    for report in server.taken:
        check_report(report)
        assert len(msgspec.json.encode(report)) < 3 << 20
    told = [one for one in server.known.values() if one != container("a")]
    assert len(told) == 20
    assert {one.isolation for one in told} == {Isolation()}, "nothing is told of what is not completely known"
    agent.keep(Changes(ended=(EndedContainer(id=others[0].id, until=AT),)))
    agent.flush()
    assert len(server.known) == 20


@given(st.text(), st.integers(20, 60))
def test_a_text_that_is_cut_fits_and_says_the_same_each_time(text: str, most: int) -> None:
    once = fitted_text(text, most)
    assert len(once.encode()) <= most
    assert fitted_text(once, most) == once
    assert "\0" not in once
