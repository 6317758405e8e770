"""The options that say how an image is to run."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hullmark.app.workloads import WorkloadFile


def add_workload_options(group: argparse._ArgumentGroup) -> None:
    """Workloads, and what their files may not tell."""
    group.add_argument(
        "--workload",
        metavar="FILE",
        action="append",
        default=[],
        help="how it is to run: a Kubernetes manifest, a compose file, an ECS task definition, or what docker inspect prints",
    )
    group.add_argument(
        "--container", metavar="NAME", default="", help="the container to judge (default: those that run the image)"
    )
    group.add_argument(
        "--runtime-class",
        metavar="NAME=HANDLER",
        action="append",
        default=[],
        help="the handler of a RuntimeClass that no manifest tells, as kata=kata-qemu",
    )
    group.add_argument(
        "--launch-type",
        metavar="TYPE",
        default="",
        type=str.upper,
        choices=("FARGATE", "EC2", "EXTERNAL"),
        help="what starts an ECS task: FARGATE, EC2 or EXTERNAL (default: the only one that its definition allows)",
    )


def refuse_workload(arguments: argparse.Namespace) -> None:
    """Raises HullmarkError if a workload is handed over, for servers do not take any that way."""
    from hullmark.model.errors import HullmarkError

    if arguments.workload:
        raise HullmarkError(
            "a server does not judge workloads that are handed over", advice="leave out --server, or --workload"
        )


def workloads_of(arguments: argparse.Namespace) -> tuple[WorkloadFile, ...]:
    """The files that say how the image is to run. Raises HullmarkError."""
    from pathlib import Path

    from hullmark.app.workloads import load_workloads
    from hullmark.model.errors import HullmarkError

    handlers = {}
    for text in getattr(arguments, "runtime_class", ()):
        name, equals, handler = text.partition("=")
        if not equals or not name:
            raise HullmarkError(
                f"--runtime-class {text[:100]!r} is not NAME=HANDLER", advice="write it as kata=kata-qemu"
            )
        handlers[name] = handler
    launch_type = getattr(arguments, "launch_type", "")
    return tuple(load_workloads(Path(name), handlers, launch_type) for name in getattr(arguments, "workload", ()))
