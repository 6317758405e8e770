"""SIGINT and SIGTERM for verbs that run until they are stopped."""

from __future__ import annotations

import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_ENDING = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def stop_on_signals(stop: threading.Event) -> Iterator[None]:
    """Set `stop` when SIGINT or SIGTERM arrives, as long as this context lasts. For the main thread."""
    # A Python handler runs in the main thread. If that thread is inside of `Event.wait`, setting the Event takes its lock twice; and a
    # handler that is due just before the thread blocks does not wake it. So the interpreter writes the signals into a socket, and another
    # thread reads it.
    reader, writer = socket.socketpair()
    writer.setblocking(False)

    def listen() -> None:
        while numbers := reader.recv(64):
            if not set(_ENDING).isdisjoint(numbers):
                stop.set()

    listener = threading.Thread(target=listen, daemon=True)
    before = {number: signal.signal(number, _ignore) for number in _ENDING}
    descriptor = signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
    listener.start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(descriptor)
        for number, handler in before.items():
            signal.signal(number, handler)
        writer.close()
        listener.join()
        reader.close()


def _ignore(*_: object) -> None:
    # Without a handler of Python's own the interpreter would not see the signal.
    pass
