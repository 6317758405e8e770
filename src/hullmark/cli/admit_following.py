"""How gates keep up with a server: the options, and a thread that does."""

from __future__ import annotations

import argparse
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from hullmark.cli.host_gate import tell
from hullmark.cli.server_options import add_server_options
from hullmark.cli.settings import settings_of

if TYPE_CHECKING:
    from hullmark.net.api_client import ApiClient
    from hullmark.places.gates.follow import RunningImages, VerdictFollower


def add_following_options(parser: argparse.ArgumentParser) -> None:
    """Which server verdicts come from, with which key, and how often."""
    parser.add_argument("--key-file", metavar="FILE", help="a file with the API key (default: HULLMARK_API_KEY)")
    parser.add_argument(
        "--every",
        metavar="SECONDS",
        type=_pause,
        default=2.0,
        help="how often the server is asked for news (default: 2)",
    )
    add_server_options(parser, with_trust=True)


def _pause(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0.05 <= number <= 3600:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds, from 0.05 to 3600")
    return number


def api_of(arguments: argparse.Namespace, stop: threading.Event) -> ApiClient:
    """The server's client; none of its pauses outlasts `stop`. The verdicts of another server, or account, are forgotten."""
    from dataclasses import replace

    from hullmark.cli.reporting import api_for
    from hullmark.net.api_client import ApiClient
    from hullmark.places.gates.verdicts import LocalVerdicts

    api = api_for(arguments, settings_of(arguments))

    def sleep(seconds: float) -> None:
        stop.wait(seconds)

    verdicts = LocalVerdicts(Path(arguments.verdicts))
    verdicts.bind(f"{api.url} {api.login.account}")
    verdicts.close()
    return ApiClient(api.url, api.login, replace(api.settings, sleep=sleep))


def following_of(arguments: argparse.Namespace, remembered_days: float) -> VerdictFollower:
    """How the gate follows."""
    from datetime import UTC, datetime, timedelta

    from hullmark.places.gates.follow import VerdictFollower

    return VerdictFollower(
        path=Path(arguments.verdicts),
        clock=lambda: datetime.now(UTC),
        say=tell,
        seconds=arguments.every,
        remembered=timedelta(days=remembered_days),
    )


def start_following(
    api: ApiClient, following: VerdictFollower, running: RunningImages, stop: threading.Event
) -> threading.Thread:
    """Keep up with the server in a thread, until `stop` is set."""
    from hullmark.places.gates.follow import follow_server

    thread = threading.Thread(target=follow_server, args=(api, following, running, stop), daemon=True)
    thread.start()
    return thread
