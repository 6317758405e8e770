"""The processes of a gate: they are replaced when that is asked for and when they end, and what cannot be started is said."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hullmark.model.errors import HullmarkError
from hullmark.places.gates import supervision
from hullmark.places.gates.supervision import Supervisor, Worker, listen

_ANSWERS = 'test -e broken && exit 3; echo $$ >>pids; printf 1 >"/proc/self/fd/$HULLMARK_GATE_READY"; exec cat'
_NOT_STARTED = "a process that answers could not be started"


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with listen("127.0.0.1:0") as found:
        yield found


class Story(threading.Event):
    """Goes on by a step whenever the supervisor pauses, once what the step waits for was said; after the last one it has it stop."""

    def __init__(self, said: list[str], steps: list[tuple[str, Callable[[], None]]]) -> None:
        super().__init__()
        self._said, self._steps = said, steps

    def wait(self, timeout: float | None = None) -> bool:
        if self._steps and self._said[-1:] == [self._steps[0][0]]:
            self._steps.pop(0)[1]()
        if not self._steps:
            self.set()
        return super().wait(0.002)


def test_workers_are_replaced_and_those_that_end_are_followed_by_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, listener: socket.socket
) -> None:
    monkeypatch.chdir(tmp_path)
    said: list[str] = []
    supervisor = Supervisor(("sh", "-c", _ANSWERS), listener, 2, said.append)

    def pids() -> list[int]:
        return [int(line) for line in Path("pids").read_text().split()]

    def kill_last() -> None:
        os.kill(pids()[-1], signal.SIGKILL)

    def break_and_replace() -> None:
        Path("broken").touch()
        supervisor.replace_all()

    ended = "a worker ended with status -9, another one takes over"
    steps = [
        (f"answering at 127.0.0.1:{listener.getsockname()[1]}", supervisor.replace_all),
        ("the workers were replaced", break_and_replace),
        (f"the workers stay as they are: {_NOT_STARTED}", kill_last),
        (_NOT_STARTED, Path("broken").unlink),
        (_NOT_STARTED, supervisor.replace_all),
        ("the workers were replaced", kill_last),
        (ended, break_and_replace),
        (f"the workers stay as they are: {_NOT_STARTED}", kill_last),
        (_NOT_STARTED, lambda: None),
    ]
    told = [line for line, _ in steps]
    supervisor.run(Story(said, steps))
    assert said == [*told[:3], ended, *told[3:4], *told[5:8], ended, told[8]]
    assert len(pids()) == len(set(pids())) == 2 + 2 + 1 + 2 + 1
    assert not [pid for pid in pids() if Path(f"/proc/{pid}").exists()]


def test_a_gate_whose_processes_do_not_start_does_not_begin(listener: socket.socket) -> None:
    said: list[str] = []
    with pytest.raises(HullmarkError, match=_NOT_STARTED):
        Supervisor(("false",), listener, 2, said.append).run(threading.Event())
    assert said == []


def test_a_worker_that_does_not_hear_is_killed(monkeypatch: pytest.MonkeyPatch, listener: socket.socket) -> None:
    monkeypatch.setattr(supervision, "_END_SECONDS", 0.05)
    deaf = Worker(("sh", "-c", f"trap '' TERM; {_ANSWERS.replace('echo $$ >>pids;', '')}"), listener)
    assert deaf.wait_until_ready()
    deaf.end()
    assert deaf.process.returncode == -signal.SIGKILL


@pytest.mark.parametrize("address", ["127.0.0.1:https", "127.0.0.1:99999", "256.0.0.1:0", "127.0.0.1:TAKEN"])
def test_where_it_cannot_listen_it_says_so(listener: socket.socket, address: str) -> None:
    wanted = address.replace("TAKEN", str(listener.getsockname()[1]))
    with pytest.raises(HullmarkError, match=f"cannot listen at {wanted}: ") as refused:
        listen(wanted)
    assert refused.value.advice == "give --listen as HOST:PORT"
