"""Shells as people sit before them: on a terminal, one key after another."""

from __future__ import annotations

import contextlib
import os
import pty
import select
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path


class Shell:
    """A shell on a terminal; what it shows is gathered."""

    def __init__(self, terminal: int) -> None:
        self._terminal = terminal
        self.shown = ""

    def type(self, text: str) -> None:
        """Press these keys."""
        os.write(self._terminal, text.encode())

    def wait_for(self, wanted: Callable[[str], bool], seconds: float = 60) -> bool:
        """Whether what is shown, from now on, comes to be what is wanted before the shell ends or the time is up."""
        self.shown = ""
        end = time.monotonic() + seconds
        while not wanted(self.shown):
            ready, _, _ = select.select([self._terminal], [], [], max(0.0, end - time.monotonic()))
            try:
                piece = os.read(self._terminal, 65536) if ready else b""
            except OSError:
                piece = b""
            if not piece:
                return False
            self.shown += piece.decode("utf-8", "replace")
        return True


@contextlib.contextmanager
def shell(command: list[str], folder: Path, environment: Mapping[str, str]) -> Iterator[Shell]:
    """A shell in a folder, which is killed at the end."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(folder)
        os.execvpe(command[0], command, dict(environment))  # noqa: S606 - it is a shell of this machine
    try:
        yield Shell(terminal)
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(terminal)
