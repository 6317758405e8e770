"""`hullmark admit kubernetes`: the webhook of a cluster."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from hullmark.cli.admit_following import add_following_options, api_of, following_of, start_following
from hullmark.cli.host_gate import SETTINGS, tell
from hullmark.cli.settings import settings_of
from hullmark.cli.signals import stop_on_signals

if TYPE_CHECKING:
    import socket

    from hullmark.places.gates.follow import RunningImages, VerdictFollower
    from hullmark.places.gates.settings import GateSettings

EXAMPLE = "--server https://hullmark.example --key-file key"
HELP = "be the admission webhook of a cluster: refuse pods whose image or isolation does not pass"
VERDICTS = "/var/lib/hullmark/gate/verdicts.db"
_PROGRAM = "from hullmark.cli import program; program()"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The action's own arguments."""
    parser.add_argument(
        "--settings", metavar="FILE", help=f"the gate's settings in YAML (default: {SETTINGS}, where it is there)"
    )
    parser.add_argument(
        "--verdicts", metavar="FILE", default=VERDICTS, help=f"the local verdicts (default: {VERDICTS})"
    )
    parser.add_argument(
        "--listen", metavar="HOST:PORT", default="0.0.0.0:8443", help="where to answer (default: 0.0.0.0:8443)"
    )
    parser.add_argument(
        "--certificate", metavar="FILE", default="/etc/hullmark/tls/tls.crt", help="the certificate, which may change"
    )
    parser.add_argument("--key", metavar="FILE", default="/etc/hullmark/tls/tls.key", help="its key")
    parser.add_argument("--workers", metavar="N", type=_count, default=2, help="processes that answer (default: 2)")
    parser.add_argument(
        "--grandfather",
        choices=("cluster", "none"),
        default="cluster",
        help="from where it is known what ran before: cluster (its API is watched), or none",
    )
    parser.add_argument(
        "--kubeconfig", metavar="FILE", help="how the cluster is reached (default: its service account)"
    )
    parser.add_argument("--context", metavar="NAME", action="append", default=[], help="a context of the kubeconfig")
    add_following_options(parser)


def _count(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= 4) or not 0 < int(text) <= 64:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of processes, from 1 to 64")
    return int(text)


def run(arguments: argparse.Namespace) -> int:
    """Keep up with the server and the cluster, and have workers answer; or be one of these."""
    import gc

    from hullmark.cli.extras import server_extra
    from hullmark.places.gates.supervision import is_worker

    gc.enable()
    settings = webhook_settings(arguments)
    if not is_worker():
        return _supervise(arguments, settings)
    with server_extra():
        import uvicorn  # noqa: F401 - said well if it is missing
    return _answer(arguments, settings)


def webhook_settings(arguments: argparse.Namespace) -> GateSettings:
    """The settings. Raises HullmarkError."""
    from hullmark.model.errors import HullmarkError
    from hullmark.places.gates.settings import LARGEST_SETTINGS, GateSettings, read_settings

    path = Path(arguments.settings or SETTINGS)
    if not arguments.settings and not path.exists():
        return GateSettings()
    try:
        with path.open("rb") as file:
            return read_settings(file.read(LARGEST_SETTINGS + 1), str(path))
    except OSError as error:
        raise HullmarkError(f"cannot read {path}: {error.strerror}", advice="check the path") from error


def _supervise(arguments: argparse.Namespace, settings: GateSettings) -> int:
    import os
    import tempfile

    from hullmark.places.gates.follow import RunningImages
    from hullmark.places.gates.serving import Certificate
    from hullmark.places.gates.supervision import Supervisor, listen

    Certificate(Path(arguments.certificate), Path(arguments.key), tell)  # said at once if it cannot be used
    stop = threading.Event()
    api, following, running = (
        api_of(arguments, stop),
        following_of(arguments, settings.remembered_days),
        RunningImages(),
    )
    with listen(arguments.listen) as listener, tempfile.TemporaryDirectory(prefix="hullmark-gate-") as folder:
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
        command = [sys.executable, "-c", _PROGRAM, *sys.argv[1:]]
        supervisor = Supervisor(command, listener, arguments.workers, tell)
        signal.signal(signal.SIGHUP, lambda *_: supervisor.replace_all())
        with stop_on_signals(stop):
            threads = [start_following(api, following, running, stop)]
            if arguments.grandfather == "cluster":
                threads.append(_watch(arguments, following, running, stop))
            supervisor.run(stop)
            stop.set()
            for thread in threads:
                thread.join(10)
    return 0


def _watch(
    arguments: argparse.Namespace, following: VerdictFollower, running: RunningImages, stop: threading.Event
) -> threading.Thread:
    """Keep up with what runs in the cluster, in a thread. Where that cannot be, nothing is taken to be a restart."""
    from hullmark.cli.kubernetes import kubernetes_collectors
    from hullmark.model.errors import HullmarkError
    from hullmark.places.gates.follow import follow_cluster

    values = {**vars(arguments), "namespace": "", "selector": "", "name": "gate", "follow": True}
    (collector,) = kubernetes_collectors(argparse.Namespace(**values), settings_of(arguments))

    def watch() -> None:
        try:
            follow_cluster(collector, following, running, stop)
        except HullmarkError as error:
            tell(f"what runs cannot be watched, so no image has grace: {error}")

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    return thread


def _answer(arguments: argparse.Namespace, settings: GateSettings) -> int:
    import asyncio
    import gc
    from datetime import UTC, datetime

    from hullmark.places.gates.kubernetes.webhook import Webhook
    from hullmark.places.gates.meters import Meters
    from hullmark.places.gates.serving import Certificate, ending_by_signals, serve
    from hullmark.places.gates.supervision import work_on
    from hullmark.places.gates.verdicts import LocalVerdicts

    verdicts = LocalVerdicts(Path(arguments.verdicts))

    def clock() -> datetime:
        return datetime.now(UTC)

    webhook = Webhook(verdicts, settings, clock, Meters(lambda: verdicts.age_seconds(clock())), tell)
    certificate = Certificate(Path(arguments.certificate), Path(arguments.key), tell)
    # What was imported stays: looking through it again and again for garbage would hold up answers for milliseconds.
    gc.collect()
    gc.freeze()

    async def answer(listener: socket.socket, ready: Callable[[], None]) -> None:
        await serve(webhook, listener, certificate, ready, ending_by_signals())

    work_on(lambda listener, ready: asyncio.run(answer(listener, ready)))
    verdicts.close()
    return 0
