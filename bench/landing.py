"""From an advisory to the people: `python -m bench.landing` writes its section of `bench/places.md`.

A whole server, a real dockerd with the agent, a fake cluster and moto's ECS with theirs run one image. An advisory about it is published,
and it is measured how long the notice takes that names all three places with their grades; then it is withdrawn, and so on. Needs root.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.markdown import table
from bench.needed import demand_engine
from bench.sections import replace_section
from bench.speed import machine
from hullmark.model.advisory import Record
from tests.flow.test_where_it_runs import (
    GRADES,
    PATIENCE,
    World,
    begin,
    pulled_and_passed,
    started_everywhere,
    whole_world,
)
from tests.service.test_verdicts import LIBC
from tests.support.matching import advisory, affected
from tests.support.processes import until

PAGE = Path(__file__).parent / "places.md"
BOUND = 3.0
"""Seconds, for the longest of all."""


def main() -> None:
    """Build the world, measure, write."""
    parser = argparse.ArgumentParser(prog="python -m bench.landing", description=__doc__)
    parser.add_argument("--rounds", type=int, default=20)
    rounds = parser.parse_args().rounds
    demand_engine("skopeo", "docker-registry", "openssl", "perl", "unshare", "mount")
    with (
        TemporaryDirectory(prefix="hm-landing-") as folder,
        TemporaryDirectory(prefix="hm-landing-docker-") as docker,
        whole_world(Path(folder), Path(docker)) as world,
    ):
        begin(world)
        started_everywhere(world, pulled_and_passed(world))
        taken = [_round(world, number) for number in range(1, rounds + 1)]
    text = _page(sorted(published for published, _ in taken), sorted(told for _, told in taken))
    replace_section(PAGE, "From an advisory to the people", text)
    print(text)


def _round(world: World, number: int) -> tuple[float, float]:
    """Seconds that the server took to take the snapshot, and from then until the notice was there with all places."""
    world.receiver.received.clear()
    began = time.perf_counter()
    world.advise(LIBC, _other(2 * number))
    published = time.perf_counter()
    _heard(world, "compliance.lost")
    told = time.perf_counter()
    (item,) = world.told("compliance.lost")
    assert {(place["name"], place["grade"]) for place in item["places"]} == GRADES, item["places"]
    world.receiver.received.clear()
    world.advise(_other(2 * number + 1))
    _heard(world, "compliance.regained")
    return published - began, told - published


def _other(number: int) -> Record:
    """An advisory that concerns nothing here: no snapshot comes twice."""
    return advisory(f"CVE-2026-{number + 1000}", affected("debian:13", "nothing", "deb", "2"))


def _heard(world: World, kind: str) -> None:
    until(lambda: bool(world.told(kind)), PATIENCE, f"{kind}\n{world.logs()}", 0.01)


def _page(published: list[float], told: list[float]) -> str:
    is_kept = "is kept" if told[-1] <= BOUND else "is not kept"
    rows = [
        (name, f"{taken[len(taken) // 2]:.2f}", f"{taken[-1]:.2f}")
        for name, taken in (
            ("a snapshot is sent and taken", published),
            ("from then until the notice is received", told),
        )
    ]
    return (
        "`make prove-landing`: an image that passes runs in a real dockerd, in a pod and in a task of Fargate, each told of by its agent;"
        f" {len(told)} times an advisory about it lands, and is withdrawn ({machine()}). Every notice named the three workloads, their"
        f" places and grades (`default`, `default`, `vm`). The bound of {BOUND:.0f} s for the longest {is_kept}.\n\n"
        + table(("step", "median s", "longest s"), rows)
    )


if __name__ == "__main__":
    main()
