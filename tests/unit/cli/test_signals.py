"""SIGINT and SIGTERM: they stop a verb from another thread, so that they neither find a lock taken nor come too early to wake it."""

from __future__ import annotations

import signal
import threading

import pytest

from hullmark.cli.signals import stop_on_signals


class WatchedEvent(threading.Event):
    """Knows the threads that set it."""

    def __init__(self) -> None:
        super().__init__()
        self.setters: list[threading.Thread] = []

    def set(self) -> None:
        self.setters.append(threading.current_thread())
        super().set()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_from_another_thread(number: signal.Signals) -> None:
    """In the main thread it could come within the very `wait` that it is to end, which then never ends."""
    stop = WatchedEvent()
    with stop_on_signals(stop):
        signal.raise_signal(number)
        assert stop.wait(20)
    assert threading.main_thread() not in stop.setters


def test_other_signals_do_not_stop() -> None:
    stop, heard = WatchedEvent(), []
    before = signal.signal(signal.SIGHUP, lambda number, _: heard.append(number))
    try:
        with stop_on_signals(stop):
            signal.raise_signal(signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)
    assert (heard, stop.is_set()) == ([signal.SIGHUP], False)


def test_the_handlers_of_before_come_back() -> None:
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.getsignal(number) for number in numbers]
    threads = threading.active_count()
    with stop_on_signals(threading.Event()):
        assert [signal.getsignal(number) for number in numbers] != before
    assert [signal.getsignal(number) for number in numbers] == before
    assert (signal.set_wakeup_fd(-1), threading.active_count()) == (-1, threads)
