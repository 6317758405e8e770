"""The deciding process of the authorisation plugin: takes messages of the front, and answers them.

It may be killed at any time: the front answers by its fail mode, and starts another one.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import threading
from collections.abc import Callable
from contextlib import closing, suppress
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, NoReturn

from hullmark.model.errors import HullmarkError
from hullmark.model.limit import Limit
from hullmark.net.errors import NetError
from hullmark.places.gates.docker.daemon import Daemon
from hullmark.places.gates.docker.judge import CallJudge, GateAnswer
from hullmark.places.gates.host_gate import PLACE
from hullmark.places.gates.verdicts import LocalVerdicts

_LARGEST_MESSAGE = Limit(16 << 20, "bytes of a message of dockerd to its plugin", "refused")
_SILENCE = 30.0
_NOTED_EVERY = 60.0
_THREADS = 16


class MessageServer:
    """Answers messages on a listening socket with several threads, each of which takes one connection after the other."""

    def __init__(
        self, listener: socket.socket, judge: CallJudge, is_fail_open: bool, tell: Callable[[str], None]
    ) -> None:
        self._listener, self._judge, self._is_fail_open, self._tell = listener, judge, is_fail_open, tell

    def start(self) -> None:
        """Begin to answer."""
        for _ in range(_THREADS):
            threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> NoReturn:
        while True:
            connection, _ = self._listener.accept()
            with closing(connection), suppress(OSError):
                connection.settimeout(_SILENCE)
                self._answer(connection)

    def _answer(self, connection: socket.socket) -> None:
        with connection.makefile("rb") as stream:
            message = _message(stream)
        if message is None:
            return
        allowed, reason = self._judge_message(message)
        body = json.dumps({"Allow": allowed, "Msg": reason}).encode()
        connection.sendall(len(body).to_bytes(4, "big") + body)

    def _judge_message(self, message: bytes) -> GateAnswer:
        try:
            return self._judge.judge(message)
        except NetError as error:
            mode = "open" if self._is_fail_open else "closed"
            self._tell(f"dockerd cannot be asked ({error}); the gate fails {mode}")
            return GateAnswer(self._is_fail_open, f"hullmark cannot ask dockerd ({error}), and fails {mode}")


def _message(stream: BinaryIO) -> bytes | None:
    """A message; None where the front hung up."""
    size = int.from_bytes(stream.read(4), "big")
    if not 0 < size <= _LARGEST_MESSAGE:
        return None
    message = stream.read(size)
    return message if len(message) == size else None


def note_running(daemon: Daemon, verdicts: Path, clock: Callable[[], datetime]) -> NoReturn:
    """Note what runs, every minute: it may start again while grace is granted, even if its verdict changes."""
    while True:
        with suppress(HullmarkError):
            running = daemon.running()
            kept = LocalVerdicts(verdicts)
            try:
                kept.note_running(((PLACE, digest) for digest in running), clock())
            finally:
                kept.close()
        threading.Event().wait(_NOTED_EVERY)


def wait_for_front() -> NoReturn:
    """Wait until the front is gone, whose end closes standard input, and end the process."""
    while os.read(0, 1 << 12):
        pass
    sys.stderr.flush()
    os._exit(0)
