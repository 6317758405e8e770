"""The server's first process: started, tied to our life, its words kept in a bounded file; and what an earlier one left."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from hullmark.model.limit import Limit
from hullmark.server.postgres.installation import Account, command

LOG_LIMIT = Limit(4 << 20, "bytes of a log file of the database, of which there are two", "shortened")
"""Bytes of a log file. When it is full it becomes NAME.1, so that there are two at most."""

_TAIL = 64
_PIECE = 1 << 14


class BoundedLog:
    """A file that what is written to is added to; and the last pieces of this run, for messages."""

    def __init__(self, path: Path, limit: int = LOG_LIMIT) -> None:
        self._path = path
        self._limit = limit
        self._tail: deque[bytes] = deque(maxlen=_TAIL)
        self._stream: BinaryIO | None = None

    def write(self, piece: bytes) -> None:
        """Add to it. If the disk is full the words are lost, without an error."""
        self._tail.append(piece)
        with suppress(OSError):
            if self._stream is None:
                descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o600)
                self._stream = os.fdopen(descriptor, "ab", buffering=0)
            if os.fstat(self._stream.fileno()).st_size + len(piece) > self._limit:
                self.close()
                self._path.replace(self._path.with_name(self._path.name + ".1"))
                return self.write(self._tail.pop())
            self._stream.write(piece)
        return None

    def tail(self) -> str:
        """The last words of this run."""
        return b"".join(tuple(self._tail))[-8000:].decode("utf-8", "replace")

    def close(self) -> None:
        """Close the file."""
        if self._stream is not None:
            self._stream.close()
            self._stream = None


class Postmaster:
    """A running server. It is started by a thread that lives as long as it does, since the kernel ends it with that thread.

    `lock` is a descriptor that it and all its processes inherit.
    """

    def __init__(self, who: Account, folder: Path, program: Sequence[str | Path], lock: int, log: BoundedLog) -> None:
        self.log = log
        started: queue.SimpleQueue[subprocess.Popen[bytes] | OSError] = queue.SimpleQueue()
        # The launcher is given SIGINT: the server's "fast" end, in which it writes what is to be written and goes.
        line = command(who, folder, program, signal.SIGINT)

        def keep() -> None:
            try:
                process = subprocess.Popen(  # noqa: S603
                    line,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    env={"LC_ALL": "C"},
                    pass_fds=(lock,),
                    process_group=0,
                )
            except OSError as error:
                started.put(error)
                return
            started.put(process)
            self._read(process)

        self._thread = threading.Thread(target=keep, name="postgres", daemon=True)
        self._thread.start()
        result = started.get()
        if isinstance(result, OSError):
            raise result
        self._process = result

    def _read(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout is not None  # noqa: S101  # a pipe was asked for
        with process.stdout as pipe:
            while piece := os.read(pipe.fileno(), _PIECE):
                self.log.write(piece)
        process.wait()
        self.log.close()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def poll(self) -> int | None:
        """Its exit status; None while it runs."""
        return self._process.poll()

    def last_words(self) -> str:
        """What it said last. Once it has ended, all of that: what lies in the pipe is read first."""
        if self.poll() is not None:
            self._thread.join(5)
        return self.log.tail()

    def end(self, steps: Sequence[tuple[signal.Signals, float]]) -> None:
        """Send each signal in turn, with this many seconds between them, until it has ended."""
        for number, seconds in steps:
            if self.poll() is None:
                self._process.send_signal(number)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(seconds)
                break
        self._thread.join(5)


def leftovers(data: Path) -> list[int]:
    """The processes of a server that work in this data folder: PostgreSQL's all have it as their current folder."""
    try:
        there = data.stat()
    except OSError:
        return []
    found = []
    for entry in os.scandir("/proc"):
        if not entry.name.isdecimal():
            continue
        with suppress(OSError):
            here = os.stat(f"/proc/{entry.name}/cwd")  # noqa: PTH116
            program = os.readlink(f"/proc/{entry.name}/exe").removesuffix(" (deleted)")  # noqa: PTH115
            if (here.st_dev, here.st_ino) == (there.st_dev, there.st_ino) and program.rpartition("/")[2] == "postgres":
                found.append(int(entry.name))
    return found


def end_leftovers(data: Path, patience: float) -> None:
    """Ask what still runs in this data folder to end; kill what has no first process above it, or has not ended in time.

    Waits no longer than `patience` seconds between asking and killing. A killed server loses nothing: it is fsync that counts.
    """
    deadline = time.monotonic() + patience
    first = _first_process(data)
    if first in leftovers(data):
        _signal(first, signal.SIGINT)
        while first in leftovers(data) and time.monotonic() < deadline:
            time.sleep(0.05)
    for process in leftovers(data):
        _signal(process, signal.SIGKILL)


def _signal(process: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.kill(process, number)


def _first_process(data: Path) -> int:
    try:
        with (data / "postmaster.pid").open("rb") as stream:
            return int(stream.readline(20))
    except (OSError, ValueError):
        return -1
