"""`hullmark admit ecs`: tasks of Amazon ECS whose image or isolation does not pass; ECS has no place to refuse them, so they are found."""

from __future__ import annotations

import argparse
import threading
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from hullmark.cli.clouds import add_ecs_options, ecs_collectors
from hullmark.cli.host_gate import add_gate_options, gate_of, tell
from hullmark.cli.rows import add_output
from hullmark.cli.settings import settings_of
from hullmark.cli.signals import stop_on_signals

if TYPE_CHECKING:
    from hullmark.model.place import RunningContainer
    from hullmark.places.gates.host_gate import HostGate
    from hullmark.places.runtime.ecs.collector import EcsCollector

HELP = "find, and with --stop end, tasks of Amazon ECS that run an image which may not"
_COLUMNS = (
    ("CLUSTER", "cluster"),
    ("WORKLOAD", "workload"),
    ("CONTAINER", "container"),
    ("STOPPED", "stopped"),
    ("REASON", "reason"),
)
_GONE = ("InvalidParameterException", "ClusterNotFoundException")
"""Errors of StopTask for a task or a cluster that does not exist."""


class Offence(NamedTuple):
    """A container that runs and may not, and whether its task was told to stop."""

    cluster: str
    workload: str
    container: str
    stopped: bool
    reason: str


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The action's own arguments."""
    add_gate_options(parser)
    add_ecs_options(parser)
    parser.add_argument(
        "--stop", action="store_true", help="stop such tasks (needs ecs:StopTask: deploy/aws/stop.json)"
    )
    parser.add_argument("--follow", action="store_true", help="look at what starts, until told to stop")
    add_output(parser)


def run(arguments: argparse.Namespace) -> int:
    """Look once, and end with 1 where something runs that may not; with --follow as long as nobody says to end."""
    from hullmark.cli.remote.shown import show_list

    collectors: list[EcsCollector] = ecs_collectors(arguments, settings_of(arguments))  # type: ignore[assignment]
    gate = gate_of(arguments)
    if arguments.follow:
        return _follow(collectors, gate, stops=arguments.stop)
    found = [
        offence
        for collector in collectors
        for offence in offences(collector, collector.containers(), gate, stops=arguments.stop)
    ]
    show_list(arguments, [container._asdict() for container in found], _COLUMNS, "all that runs may run")
    return 1 if found else 0


def offences(
    collector: EcsCollector, running: Iterable[RunningContainer], gate: HostGate, *, stops: bool
) -> Iterator[Offence]:
    """Those that run and may not; with `stops` their tasks are told to stop, each once."""
    from hullmark.places.gates.docker.judge import Start

    stopped: set[str] = set()
    for container in running:
        image, place = container.image, container.place
        answer = gate.judge(
            Start(place.container, image.reference or "image", image.digest, container.isolation, is_to_start=True)
        )
        if answer.is_allowed:
            continue
        task = container.id.rsplit("/", 2)[1]
        if stops and task not in stopped and _stop(collector, container, task, answer.reason):
            stopped.add(task)
        yield Offence(place.cluster, place.workload, place.container, task in stopped, answer.reason)


def _stop(collector: EcsCollector, container: RunningContainer, task: str, reason: str) -> bool:
    """Stop a task, and return whether it was stopped. If it is gone already, say so and go on with the others."""
    from hullmark.net.aws import AwsRefused

    try:
        collector.stop(container.place.cluster, task, f"hullmark: {reason}")
    except AwsRefused as error:
        if error.code not in _GONE:
            raise
        tell(f"{container.place.workload} in {container.place.cluster} was not stopped: {error}")
        return False
    return True


def _follow(collectors: list[EcsCollector], gate: HostGate, *, stops: bool) -> int:
    from hullmark.model.errors import HullmarkError

    stop = threading.Event()
    errors: list[HullmarkError] = []

    def follow(collector: EcsCollector) -> None:
        try:
            for said in collector.follow(stop):
                for offence in offences(collector, said.running, gate, stops=stops):
                    tell(f"{offence.workload} in {offence.cluster}{': its task is stopped' if offence.stopped else ''}")
        except HullmarkError as error:
            errors.append(error)
            stop.set()

    threads = [threading.Thread(target=follow, args=(collector,), daemon=True) for collector in collectors]
    with stop_on_signals(stop):
        for thread in threads:
            thread.start()
        stop.wait()
        for thread in threads:
            thread.join(30)
    if errors:
        raise errors[0]
    return 0
