"""An agent whose engine, server or disk fails in the middle: what it says, how long it waits, and what it keeps."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from hullmark.app.agent import Agent, sender_for
from hullmark.app.spool import Spool
from hullmark.model.errors import HullmarkError
from hullmark.model.place import RunningContainer
from hullmark.net.api_client import ApiClient, ApiLogin, ApiRefused
from hullmark.net.errors import Unreachable
from hullmark.net.http import HttpSettings
from hullmark.places.runtime.collector import Changes, Listing
from tests.support.clocks import ImpatientStop
from tests.support.reports import ReportServer
from tests.unit.app.test_agent import FakeCollector, Sending, clock, container, drift, ended, started


@dataclass
class Flaky(FakeCollector):
    """Its first list breaks off, and so many others cannot be begun at all."""

    faults: int = 0

    def containers(self) -> Iterator[RunningContainer]:
        if self.faults:
            self.faults -= 1
            raise Unreachable("the engine is gone")
        return super().containers()

    def follow(self, stop: threading.Event) -> Iterator[Listing | Changes]:
        def broken() -> Iterator[RunningContainer]:
            yield container("a")
            raise Unreachable("the engine is gone")

        yield Listing(broken())
        yield from self.script


@dataclass
class Troubled:
    """An agent in a folder, what it said, and a sender that does what it is told to."""

    folder: Path
    collector: FakeCollector = field(default_factory=FakeCollector)
    server: ReportServer = field(default_factory=ReportServer)
    send: Callable[[Sequence[bytes]], bool] | None = None
    said: list[str] = field(default_factory=list)
    opened: list[Spool] = field(default_factory=list)

    def agent(self) -> Agent:
        return Agent(self.collector, self.spool(), Sending(self.send or self.server.send), self.said.append)

    def spool(self) -> Spool:
        self.opened.append(Spool(self.folder, "docker", "host", clock))
        return self.opened[-1]


@pytest.fixture
def troubled(tmp_path: Path) -> Iterator[Troubled]:
    made = Troubled(tmp_path / "state")
    yield made
    for spool in made.opened:
        spool.close()


def test_a_list_that_breaks_off_is_made_again_until_it_is_whole(troubled: Troubled) -> None:
    stop = ImpatientStop()

    def send(reports: Sequence[bytes]) -> bool:
        stop.set()
        return troubled.server.send(reports)

    troubled.collector, troubled.send = Flaky({"a", "b"}, [started("b"), started("c")], faults=2), send
    agent, ended_at_once = troubled.agent(), ImpatientStop()
    ended_at_once.set()
    agent.follow(ended_at_once)
    assert (len(agent.spool), agent.spool.wants_list) == (0, True), "who is to stop does not listen any more"
    agent.send(stop)
    assert set(troubled.server.known) == {"a", "b"}
    assert (
        troubled.said
        == ["the list broke off, another follows: the engine is gone"]
        + ["no list can be made now: the engine is gone"] * 2
    )
    assert stop.pauses == [1.0, 2.0]


def test_a_server_that_is_busy_or_unwell_is_asked_again_and_its_return_is_said(troubled: Troubled) -> None:
    stop = ImpatientStop()
    faults = [
        ApiRefused("another request is at work", status=409, problem={"type": "busy"}),
        ApiRefused("the server is unwell", status=500),
    ]

    def send(reports: Sequence[bytes]) -> bool:
        if faults:
            raise faults.pop(0)
        stop.set()
        return troubled.server.send(reports)

    troubled.send = send
    agent = troubled.agent()
    agent.spool.append_list([container("a")])
    agent.send(stop)
    assert set(troubled.server.known) == {"a"}
    assert troubled.said == [
        "the server is away, reports are kept: another request is at work",
        "the server is back",
    ]
    assert stop.pauses == [1.0, 2.0]


def test_a_server_that_is_never_content_with_a_list_is_given_up(troubled: Troubled) -> None:
    troubled.send = lambda reports: True
    agent = troubled.agent()
    with pytest.raises(HullmarkError, match="asks for a whole list again and again") as caught:
        agent.report()
    assert caught.value.advice == "look at its log"
    assert troubled.collector.lists == 4


def test_an_agent_that_is_to_stop_does_so_though_there_is_always_more_to_say(troubled: Troubled) -> None:
    agent = troubled.agent()
    sent: list[int] = []

    def send(reports: Sequence[bytes]) -> bool:
        sent.append(len(reports))
        agent.keep(Changes(events=(drift(f"/{len(sent)}"),)))
        return False

    agent.sender = Sending(send)
    agent.spool.append_list([container("a")])
    stop = ImpatientStop()
    stop.set()
    agent.send(stop)
    assert sent == [1] * 100
    assert len(agent.spool) == 1


class Recording(threading.Condition):
    """One on which nobody waits: it notes that somebody would have."""

    waits = 0

    def wait(self, timeout: float | None = None) -> bool:
        self.waits += 1
        return True


def test_an_agent_that_is_told_to_stop_while_it_looks_for_news_does_not_wait_for_them(troubled: Troubled) -> None:
    class Sudden(ImpatientStop):
        def is_set(self) -> bool:
            is_set = super().is_set()
            self.set()  # between the first look and the next
            return is_set

    agent = troubled.agent()
    agent.spool.changed = waiting = Recording(threading.RLock())
    agent.send(Sudden())
    assert waiting.waits == 0
    assert troubled.server.taken == []


def test_no_pause_of_the_client_outlasts_an_agent(troubled: Troubled) -> None:
    stop = ImpatientStop()
    settings = HttpSettings(environment={})
    sender = sender_for(ApiClient("http://127.0.0.1:1", ApiLogin(key="k"), settings), stop)
    sender.api.settings.sleep(3600.0)
    assert stop.pauses == [3600.0]


# The folder


def test_what_a_machine_left_half_written_is_cleared_away(troubled: Troubled) -> None:
    spool = troubled.spool()
    spool.append(started("a"))
    spool.append_list(container(f"{number}") for number in range(501))
    spool.close()
    (first, last) = sorted(path for path in troubled.folder.glob("*.*") if path.suffix != ".changes")
    last.unlink()
    left = troubled.folder / f".{last.name}"
    left.write_bytes(b'{"half": ')
    again = troubled.spool()
    assert [report.kind for report, _ in again.oldest(1 << 20, 10)] == ["changes"]
    assert not left.exists()
    assert not first.exists()


def test_a_report_that_is_forgotten_twice_is_not_counted_twice(troubled: Troubled) -> None:
    spool = troubled.spool()
    for name in ("a", "b"):
        spool.append(ended(name))
    (taken, _), _ = spool.oldest(1 << 20, 10)
    for _ in range(2):
        spool.remove([taken])
    assert not spool.holds(taken)
    assert len(spool) == 1


def test_a_disk_that_gives_or_takes_nothing_is_told_with_the_folder(troubled: Troubled, tmp_path: Path) -> None:
    spool = troubled.spool()
    spool.append(started("a"))
    for path in troubled.folder.glob("*.changes"):
        path.unlink()
    (tmp_path / "file").write_bytes(b"")

    def write_into_nothing() -> None:
        for path in troubled.folder.iterdir():
            path.unlink()
        troubled.folder.rmdir()
        spool.append(started("b"))

    cases: tuple[tuple[Callable[[], object], Path, str], ...] = (
        (lambda: spool.oldest(1 << 20, 10), troubled.folder, "No such file or directory"),
        (lambda: Spool(tmp_path / "file", "docker", "host", clock), tmp_path / "file", "File exists"),
        (write_into_nothing, troubled.folder, "No such file or directory"),
    )
    for act, folder, reason in cases:
        with pytest.raises(HullmarkError) as caught:
            act()
        assert str(caught.value) == f"reports cannot be kept in {folder}: {reason}"
        assert caught.value.advice == "check its rights and space, or --state"
