"""The processes of a gate: some answer, one keeps up and sees that they do.

The listening socket belongs to the one that supervises, so no connection is refused while another process takes over. SIGHUP replaces those
that answer, one after the other, by new ones; one that dies is replaced at once.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack

from hullmark.model.errors import HullmarkError

_START_SECONDS = 60.0
_END_SECONDS = 20.0
_PAUSE = 0.2
_SLOWEST_RESTART = 5.0


def listen(address: str) -> socket.socket:
    """A listening socket at HOST:PORT. Raises HullmarkError."""
    host, _, port = address.rpartition(":")
    host = host.strip("[]")
    try:
        with ExitStack() as opened:
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            listener = opened.enter_context(socket.socket(family, socket.SOCK_STREAM))
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((host, int(port)))
            listener.listen(1024)
            opened.pop_all()
    except (OSError, ValueError, OverflowError) as error:
        raise HullmarkError(f"cannot listen at {address}: {error}", advice="give --listen as HOST:PORT") from error
    return listener


class Worker:
    """A process that answers. It tells by a pipe that it does."""

    def __init__(self, command: Sequence[str], listener: socket.socket) -> None:
        self._ready, ready = os.pipe()
        environment = {
            **os.environ,
            "HULLMARK_GATE_READY": str(ready),
            "HULLMARK_GATE_LISTENER": str(listener.fileno()),
        }
        try:
            # Its input is a pipe of ours: when we are gone it ends, and so does the worker.
            self.process = subprocess.Popen(  # noqa: S603 - our own program
                list(command), env=environment, stdin=subprocess.PIPE, pass_fds=(ready, listener.fileno())
            )
        finally:
            os.close(ready)

    def wait_until_ready(self, seconds: float = _START_SECONDS) -> bool:
        """Wait until it answers; whether it does."""
        readable, _, _ = select.select([self._ready], [], [], seconds)
        is_ready = bool(readable) and os.read(self._ready, 1) == b"1"
        os.close(self._ready)
        return is_ready

    def end(self) -> None:
        """Have it answer what is asked, and end."""
        with self.process:  # its input is closed, and it is waited for
            self.process.terminate()
            try:
                self.process.wait(_END_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()


class Supervisor:
    """Keeps so many workers answering at one listening socket. `command` starts one; `say` is told what its owner should know."""

    def __init__(self, command: Sequence[str], listener: socket.socket, count: int, say: Callable[[str], None]) -> None:
        self._command = tuple(command)
        self._listener = listener
        self._count = count
        self._say = say
        self._workers: list[Worker] = []
        self._must_replace = (
            False  # no Event: a signal's handler could find this thread within one, and wait for its lock for ever
        )

    def replace_all(self) -> None:
        """Have all workers replaced by new ones. May be called by a handler of signals."""
        self._must_replace = True

    def run(self, stop: threading.Event) -> None:
        """Supervise until `stop` is set. Raises HullmarkError if workers cannot be started."""
        try:
            for _ in range(self._count):
                self._workers.append(self._start_worker())
            self._say(f"answering at {_name(self._listener)}")
            while not stop.is_set():
                if self._must_replace:
                    self._must_replace = False
                    self._renew()
                self._revive(stop)
                stop.wait(_PAUSE)
        finally:
            enders = [threading.Thread(target=worker.end) for worker in self._workers]
            for thread in enders:
                thread.start()
            for thread in enders:
                thread.join()

    def _start_worker(self) -> Worker:
        worker = Worker(self._command, self._listener)
        if not worker.wait_until_ready():
            worker.end()
            raise HullmarkError("a process that answers could not be started", advice="its own message stands above")
        return worker

    def _renew(self) -> None:
        for number, worker in enumerate(self._workers):
            try:
                fresh = self._start_worker()
            except HullmarkError as error:
                self._say(f"the workers stay as they are: {error}")
                return
            self._workers[number] = fresh
            worker.end()
        self._say("the workers were replaced")

    def _revive(self, stop: threading.Event) -> None:
        for number, worker in enumerate(self._workers):
            if worker.process.poll() is None:
                continue
            self._say(f"a worker ended with status {worker.process.returncode}, another one takes over")
            worker.end()  # its pipe is closed
            pause = _PAUSE
            while not stop.is_set():
                try:
                    self._workers[number] = self._start_worker()
                    break
                except HullmarkError as error:
                    self._say(str(error))
                    stop.wait(pause)
                    pause = min(pause * 2, _SLOWEST_RESTART)


def work_on(run: Callable[[socket.socket, Callable[[], None]], None]) -> None:
    """What a worker does: take the socket that it was handed, and run until it is told to end, or its supervisor is gone."""
    ready, number = int(os.environ.pop("HULLMARK_GATE_READY")), int(os.environ.pop("HULLMARK_GATE_LISTENER"))
    listener = socket.socket(fileno=number)

    def tell() -> None:
        os.write(ready, b"1")
        os.close(ready)

    threading.Thread(target=_end_with_supervisor, daemon=True).start()
    run(listener, tell)


def is_worker() -> bool:
    """Whether this process was started to answer."""
    return "HULLMARK_GATE_LISTENER" in os.environ


def _end_with_supervisor() -> None:
    while os.read(0, 1):
        time.sleep(_PAUSE)
    os.kill(os.getpid(), signal.SIGTERM)


def _name(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"{host}:{port}" if ":" not in host else f"[{host}]:{port}"
