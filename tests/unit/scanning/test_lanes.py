"""Work beside each other: answers in order, faults in their place, no more threads than allowed."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from hullmark.scanning import cores
from hullmark.scanning.lanes import Lane, side_by_side


def test_answers_come_in_order_however_they_are_begun() -> None:
    works = [partial(lambda number, lane: number * number, number) for number in range(20)]
    for threads in (1, 2, 30):
        assert list(side_by_side(works, range(19, -1, -1), threads)) == [number * number for number in range(20)]


def test_the_first_fault_in_order_is_raised_and_the_rest_is_stopped() -> None:
    is_told, before = threading.Event(), threading.active_count()

    def wrong(reason: str, lane: Lane) -> int:
        is_told.set()
        raise ValueError(reason)

    def patient(lane: Lane) -> int:
        while not lane.is_stopped:
            is_told.wait(0.01)
        return 0

    works: list[Callable[[Lane], int]] = [lambda lane: 1, partial(wrong, "second"), partial(wrong, "third"), patient]
    found = side_by_side(works, (3, 2, 1, 0), 2)
    assert next(found) == 1
    with pytest.raises(ValueError, match="second"):
        next(found)
    assert threading.active_count() == before


def test_a_thread_is_spare_only_where_no_work_waits_for_it() -> None:
    both = threading.Barrier(2)

    def asks(lane: Lane) -> list[bool]:
        both.wait()
        answers = [lane.spare(), lane.spare()]
        both.wait()
        return answers

    assert list(side_by_side([asks, asks], (0, 1), 2)) == [[False, False]] * 2
    assert sorted(map(any, side_by_side([asks, asks], (0, 1), 3))) == [False, True]
    alone = [lambda lane: [lane.spare(), lane.spare()]]
    assert list(side_by_side(alone, (0,), 2)) == [[True, False]]
    assert list(side_by_side(alone, (0,), 1)) == [[False, False]]


def test_what_ended_leaves_its_thread_to_others() -> None:
    is_over = threading.Event()

    def last(lane: Lane) -> bool:
        is_over.wait()
        while not (spare := lane.spare()) and not lane.is_stopped:
            pass
        return spare

    def first(lane: Lane) -> bool:
        is_over.set()
        return True

    assert list(side_by_side([first, last], (1, 0), 2)) == [True, True]


@pytest.mark.parametrize(
    ("quota", "most"), [("100000 100000", 1), ("150000 100000", 2), ("max 100000", 8), ("", 8), ("0 0", 8)]
)
def test_a_containers_quota_counts(quota: str, most: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cpu.max").write_text(f"{quota}\n")
    monkeypatch.setattr(cores, "_QUOTA", tmp_path / "cpu.max")
    monkeypatch.setattr("os.sched_getaffinity", lambda process: set(range(64)), raising=False)
    assert cores.usable_cores() == most
    monkeypatch.setattr(cores, "_QUOTA", tmp_path / "none")
    assert cores.usable_cores() == 8
