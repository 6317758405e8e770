"""The processes of a server on one machine: a database that dies or is away, children that do not end, jobs whose end nobody hears."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest
from procrastinate import exceptions
from procrastinate.jobs import Job, Status
from procrastinate.testing import InMemoryConnector

from hullmark.model.errors import HullmarkError
from hullmark.server.process import process, supervisor
from hullmark.server.process.supervisor import Child, serve
from hullmark.server.process.worker import lasting
from hullmark.server.process.worker.lasting import LastingJobs
from hullmark.server.stories.settings import Settings
from hullmark.server.tables.database import DatabaseUnreachable

pytestmark = pytest.mark.anyio
ONE, TWO = "postgresql:///one", "postgresql:///two"
_AWAY = DatabaseUnreachable("the database does not answer", advice="is it running?")


class StartedRole:
    """A process in a role, which ends when it is told to, or only when it is killed."""

    def __init__(self, environment: Mapping[str, str], *, is_deaf: bool = False) -> None:
        self.url = environment.get("HULLMARK_DATABASE_URL", "")
        self.returncode: int | None = None
        self._is_deaf = is_deaf
        self._ended = asyncio.Event()

    def terminate(self) -> None:
        if not self._is_deaf:
            self._end(0)

    def kill(self) -> None:
        self._end(-9)

    async def wait(self) -> object:
        return await self._ended.wait()

    def _end(self, status: int) -> None:
        self.returncode = status
        self._ended.set()


@dataclass
class Machine:
    """What a supervisor starts and is told; `starts` are the outcomes of starting the database: its address, or why it does not."""

    starts: list[str | HullmarkError]
    begins: list[str | HullmarkError] = field(default_factory=lambda: [""])
    roles: dict[str, list[StartedRole]] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)
    log: list[str] = field(default_factory=list)
    status: int | None = None
    may_start: threading.Event = field(default_factory=threading.Event)
    tend: Callable[[], None] = lambda: None

    def start(self) -> str:
        self.log.append("start")
        assert self.may_start.wait(20)
        found = self.starts.pop(0)
        self.log.append(str(found))
        if isinstance(found, HullmarkError):
            raise found
        self.status = None
        return found

    def stop(self) -> None:
        self.log.append("stop")

    def poll(self) -> int | None:
        self.tend()
        return self.status

    async def first_start(self, services: object) -> str:
        found = self.begins.pop(0)
        if isinstance(found, HullmarkError):
            raise found
        return found

    async def start_role(self, role: str, environment: Mapping[str, str]) -> StartedRole:
        started = StartedRole(environment)
        self.roles.setdefault(role, []).append(started)
        return started

    def patch(self, patch: pytest.MonkeyPatch) -> Callable[[], None]:
        """Put it in the place of the real machine; what is returned tells the supervisor to end."""
        heard: dict[int, Callable[[], None]] = {}
        self.may_start.set()
        patch.setattr(asyncio.get_running_loop(), "add_signal_handler", heard.__setitem__)
        patch.setattr(supervisor, "EmbeddedPostgres", lambda folder: self)
        patch.setattr(supervisor, "migrate", lambda url: self.log.append(f"migrate {url}"))
        patch.setattr(supervisor, "first_start", self.first_start)
        patch.setattr(supervisor, "start_role", self.start_role)
        patch.setattr(supervisor, "_POLL", 0.002)
        sleep = asyncio.sleep
        patch.setattr(asyncio, "sleep", lambda seconds: sleep(min(seconds, 0.002)))
        return lambda: heard[signal.SIGTERM]()

    def urls(self) -> dict[str, list[str]]:
        """The addresses of the database that roles were started with."""
        return {role: [one.url for one in started] for role, started in self.roles.items()}


async def test_a_database_that_dies_is_started_again_and_all_follow_it_to_its_new_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = HullmarkError("the disk is full", advice="make room")
    machine = Machine([ONE, ONE, full, TWO], [_AWAY, "/data/password"])
    end = machine.patch(monkeypatch)

    def tend() -> None:
        if machine.urls() == {"api": [ONE], "scheduler": [ONE], "worker": [ONE]} and TWO not in machine.log:
            machine.status = 1
        elif machine.urls().get("worker") == [ONE, TWO]:
            end()

    machine.tend = tend
    await serve(Settings(data=tmp_path / "data", workers=1), machine.said.append)
    assert machine.said[0] == "the first person is admin; the password is in /data/password"
    assert machine.said[1].startswith("listening on http://")
    assert machine.log == [
        *("start", ONE, f"migrate {ONE}", "start", ONE, f"migrate {ONE}"),
        *("start", "the disk is full", "start", TWO, "stop"),
    ]
    assert machine.urls() == {role: [ONE, TWO] for role in ("api", "scheduler", "worker")}
    assert all(one.returncode == 0 for started in machine.roles.values() for one in started)


@pytest.mark.parametrize("outcome", [ONE, HullmarkError("the disk is full", advice="make room")])
async def test_an_end_while_the_database_starts_again_waits_for_that_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, outcome: str | HullmarkError
) -> None:
    machine = Machine([ONE, outcome])
    end = machine.patch(monkeypatch)

    def tend() -> None:
        if machine.log.count("start") == 1:
            machine.status = 1
            machine.may_start.clear()
        else:
            end()
            asyncio.get_running_loop().call_later(0.01, machine.may_start.set)

    machine.tend = tend
    await serve(Settings(data=tmp_path / "data", workers=1), machine.said.append)
    assert machine.log == ["start", ONE, f"migrate {ONE}", "start", str(outcome), "stop"]


@pytest.mark.parametrize("url", ["", "postgresql://elsewhere/hullmark"])
async def test_a_database_that_stays_away_ends_the_beginning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    machine = Machine([ONE] * 10, [_AWAY] * 10)
    machine.patch(monkeypatch)
    with pytest.raises(DatabaseUnreachable, match="does not answer"):
        await serve(Settings(data=tmp_path / "data", database_url=url), machine.said.append)
    assert machine.log.count("start") == (0 if url else 10)
    assert machine.said == []


async def test_a_process_that_does_not_end_is_killed_and_one_that_never_began_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    deaf = StartedRole({}, is_deaf=True)

    async def start_role(role: str, environment: Mapping[str, str]) -> StartedRole:
        return deaf

    monkeypatch.setattr(supervisor, "start_role", start_role)
    monkeypatch.setattr(supervisor, "_STOP_WAIT", 0.01)
    child = Child("api", "api", {})
    await child.stop()
    await child.tend()
    await child.stop()
    assert deaf.returncode == -9


# One role.


def settled(patch: pytest.MonkeyPatch, **variables: str) -> None:
    """Have only these settings in the environment, and the log as it is."""
    for name in [name for name in os.environ if name.startswith("HULLMARK_")]:
        patch.delenv(name)
    for name, text in variables.items():
        patch.setenv(f"HULLMARK_{name}", text)
    patch.setattr(process, "set_up", lambda level: None)


def test_a_role_without_a_database_says_what_to_set(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    settled(monkeypatch)
    assert process.main(["worker"]) == 2
    assert capsys.readouterr().err == (
        "hullmark: this role needs a database\n  set HULLMARK_DATABASE_URL=postgresql://…\n"
    )
    for words in ([], ["manager"], ["api", "worker"]):
        assert process.main(words) == 2
        assert capsys.readouterr().err == "a role is one of api, worker, scheduler\n"


def test_a_role_waits_for_the_database_but_not_for_one_of_another_form(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    settled(monkeypatch, DATABASE_URL="postgresql://nobody.invalid/hullmark")
    asked: list[str] = []

    def require_newest(url: str) -> None:
        asked.append(url)
        raise _AWAY if len(asked) < 3 else HullmarkError("the database is of a newer form", advice="update hullmark")

    monkeypatch.setattr(process, "require_newest", require_newest)
    monkeypatch.setattr(process, "_PAUSE", 0.001)
    assert process.main(["scheduler"]) == 2
    assert asked == ["postgresql://nobody.invalid/hullmark"] * 3
    assert "hullmark: the database is of a newer form\n  update hullmark\n" in capsys.readouterr().err


# Jobs of a worker.


class BrokenConnector(InMemoryConnector):
    """A database whose every answer is this error."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self._error = error

    async def _fail(self, *_: Any, **__: Any) -> Any:
        raise exceptions.ConnectorException from self._error

    execute_query_async = execute_query_one_async = execute_query_all_async = listen_notify = _fail


JOB = Job(id=7, queue="q", lock=None, queueing_lock=None, task_name="t")


async def test_a_refusal_of_the_database_is_an_error_and_its_absence_is_not() -> None:
    away, refused = (LastingJobs(BrokenConnector(error)) for error in (psycopg.OperationalError(), psycopg.DataError()))
    await away.update_heartbeat(1)
    await away.unregister_worker(1)
    for ask in (refused.update_heartbeat, refused.unregister_worker):
        with pytest.raises(exceptions.ConnectorException):
            await ask(1)
    with pytest.raises(exceptions.ConnectorException):
        await refused.listen_for_jobs(on_notification=lambda **_: None)  # type: ignore[arg-type]


async def test_a_worker_whose_job_cannot_be_ended_in_time_comes_back_as_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lasting, "_INSISTS", 0.0)
    monkeypatch.setattr(lasting, "_PAUSE", 0.001)
    lost: list[str] = []
    for error in (psycopg.OperationalError(), psycopg.DataError()):
        jobs = LastingJobs(BrokenConnector(error))
        jobs.lost = lambda error=error: lost.append(type(error).__name__)  # type: ignore[misc]
        await jobs.finish_job(JOB, Status.SUCCEEDED, delete_job=True)
    assert lost == ["OperationalError"]
