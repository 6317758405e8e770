"""`hullmark admit`: gates that say whether a container may start."""

from __future__ import annotations

import argparse
from types import ModuleType

from hullmark.cli import (
    admit_certificate,
    admit_check,
    admit_containerd,
    admit_docker,
    admit_ecs,
    admit_export,
    admit_kubernetes,
    admit_podman,
    admit_sync,
)
from hullmark.cli.help import HelpFormatter, add_example

NAME = "admit"
HELP = "gate what starts: refuse containers that do not pass"
EPILOG = "`hullmark admit GATE --help` says what a gate takes. docs/how-to/gate-a-docker-host.md shows one at work."

_GATES: dict[str, ModuleType] = {
    "kubernetes": admit_kubernetes,
    "docker": admit_docker,
    "podman": admit_podman,
    "containerd": admit_containerd,
    "ecs": admit_ecs,
    "check": admit_check,
    "sync": admit_sync,
    "certificate": admit_certificate,
    "export": admit_export,
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    subs = parser.add_subparsers(dest="action", metavar="GATE", required=True, help="where containers start")
    for name, gate in _GATES.items():
        text = gate.HELP[0].upper() + gate.HELP[1:] + "."
        sub = subs.add_parser(name, help=gate.HELP, description=text, formatter_class=HelpFormatter, allow_abbrev=False)
        gate.add_arguments(sub)
        sub.add_argument("--config", metavar="FILE", default=argparse.SUPPRESS, help="settings of hullmark")
        sub.add_argument("--debug", action="store_true", default=argparse.SUPPRESS, help="show where an error happened")
        add_example(sub, getattr(gate, "EXAMPLE", ""))


def run(arguments: argparse.Namespace) -> int:
    """Run the gate that was named."""
    return int(_GATES[arguments.action].run(arguments))
