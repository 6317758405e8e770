"""Work that is done beside each other on a few threads, and answered in its order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from threading import Event, Lock, Thread
from typing import Generic, TypeVar

T = TypeVar("T")


class Lane:
    """What one piece of work is told: whether to stop, and whether a thread is left over for a part of it."""

    def __init__(self, lanes: _Lanes) -> None:
        self._lanes = lanes
        self._has_more = False

    @property
    def is_stopped(self) -> bool:
        """Whether all is given up, and no answer is waited for."""
        return self._lanes.stop.is_set()

    def spare(self) -> bool:
        """Whether a second thread may be begun for this piece of work: at most one, and only if no other work waits for it."""
        self._has_more = not self._has_more and self._lanes.lend()
        return self._has_more

    def end(self) -> None:
        """The work is done."""
        self._lanes.end(has_more=self._has_more)


class _Lanes:
    """Counts threads: never more than `most` at a time."""

    def __init__(self, most: int, waiting: int) -> None:
        self.stop = Event()
        self._lock = Lock()
        self._left = most - waiting

    def lend(self) -> bool:
        with self._lock:
            is_there = self._left > 0
            self._left -= is_there
        return is_there

    def end(self, *, has_more: bool) -> None:
        with self._lock:
            self._left += 1 + has_more


class _Answer(Generic[T]):
    """What one piece of work comes to."""

    def __init__(self) -> None:
        self._is_there = Event()
        self._value: T | None = None
        self._error: BaseException | None = None

    def make(self, work: Callable[[], T]) -> None:
        try:
            self._value = work()
        except BaseException as error:  # noqa: BLE001 - raised for whoever waits for the answer
            self._error = error
        self._is_there.set()

    def wait(self) -> T:
        self._is_there.wait()
        if self._error is not None:
            raise self._error
        return self._value  # type: ignore[return-value]


def side_by_side(works: Sequence[Callable[[Lane], T]], order: Sequence[int], threads: int) -> Iterator[T]:
    """The answers in the order of `works`, which are begun in the other `order`. What one raises is raised in its place; then, or if
    no more is asked for, the rest is stopped.

    Whoever presses Ctrl-C does not wait for a connection that hangs: the threads end with the program.
    """
    lanes = _Lanes(threads, len(works))
    answers: list[_Answer[T]] = [_Answer() for _ in works]
    left = deque(order)

    def run() -> None:
        while not lanes.stop.is_set():
            try:
                number = left.popleft()
            except IndexError:
                return
            lane = Lane(lanes)
            answers[number].make(lambda: works[number](lane))  # noqa: B023 - called at once
            lane.end()

    pool = [Thread(target=run, name="layers", daemon=True) for _ in range(min(threads, len(works)))]
    for thread in pool:
        thread.start()
    is_interrupted = False
    try:
        yield from (answer.wait() for answer in answers)
    except KeyboardInterrupt:
        is_interrupted = True
        raise
    finally:
        lanes.stop.set()
        for thread in () if is_interrupted else pool:
            thread.join()
