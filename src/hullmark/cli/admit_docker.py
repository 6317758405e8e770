"""`hullmark admit docker`: dockerd's authorisation plugin, which refuses what may not start."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from hullmark.cli.host_gate import add_gate_options, gate_of, gate_settings, tell
from hullmark.cli.settings import settings_of

if TYPE_CHECKING:
    from hullmark.places.gates.settings import GateSettings

HELP = "be the authorisation plugin of dockerd: refuse containers whose image or isolation does not pass"
SOCKET = "/run/docker/plugins/hullmark.sock"
CALLS = ("build", "commit", "import", "load", "swarm", "plugins")
"""Those that cannot be judged (gates/docker/call_kinds)."""
_PROGRAM = "from hullmark.cli import program; program()"
_ADDRESS = "unix:///var/run/docker.sock"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The action's own arguments."""
    add_gate_options(parser)
    parser.add_argument(
        "--socket", metavar="PATH", default=SOCKET, help=f"where dockerd finds the plugin (default: {SOCKET})"
    )
    parser.add_argument(
        "--address", metavar="URL", help="where dockerd listens (default: DOCKER_HOST, or its usual place)"
    )
    parser.add_argument(
        "--allow",
        metavar="CALL",
        action="append",
        default=[],
        choices=CALLS,
        help=f"let calls pass that cannot be judged: {', '.join(CALLS)}; may be given several times",
    )
    parser.add_argument(
        "--timeout",
        metavar="SECONDS",
        type=float,
        default=5.0,
        help="how long the front waits for a decision before it answers by the fail mode (default: 5)",
    )
    parser.add_argument("--decide", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--fd", metavar="N", type=int, default=-1, help=argparse.SUPPRESS)


def run(arguments: argparse.Namespace) -> int:
    """Become the front, or decide for one."""
    settings = gate_settings(arguments)
    return _decide(arguments, settings) if arguments.decide else _front(arguments, settings)


def _front(arguments: argparse.Namespace, settings: GateSettings) -> int:
    """Put the front, which imports nothing of ours, in this process's place."""
    import os

    from hullmark.places.gates.docker import front

    decider = [sys.executable, "-c", _PROGRAM, *sys.argv[1:], "--decide"]
    program = [sys.executable, "-I", "-S", str(front.__file__)]
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(sys.executable, [*program, arguments.socket, settings.fail, str(arguments.timeout), *decider])  # noqa: S606


def _decide(arguments: argparse.Namespace, settings: GateSettings) -> int:
    import socket
    import threading
    import time
    from datetime import UTC, datetime
    from pathlib import Path

    from hullmark.places.gates.docker.daemon import Daemon
    from hullmark.places.gates.docker.decider import MessageServer, note_running, wait_for_front
    from hullmark.places.gates.docker.judge import CallJudge
    from hullmark.places.runtime.engines.api import EngineApi

    address = arguments.address or settings_of(arguments).environment.get("DOCKER_HOST") or _ADDRESS
    daemon = Daemon(EngineApi("docker", address, arguments.timeout), time.monotonic)
    judge = CallJudge(daemon, gate_of(arguments), arguments.allow)
    listener = socket.socket(fileno=arguments.fd)
    MessageServer(listener, judge, settings.fail == "open", tell).start()
    noting = (daemon, Path(arguments.verdicts), lambda: datetime.now(UTC))
    threading.Thread(target=note_running, args=noting, daemon=True).start()
    wait_for_front()
