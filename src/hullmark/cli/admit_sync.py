"""`hullmark admit sync`: fills the local verdicts that the gates of a host go by."""

from __future__ import annotations

import argparse
import threading
from pathlib import Path

from hullmark.cli.admit_following import add_following_options, api_of, following_of, start_following
from hullmark.cli.host_gate import VERDICTS, tell
from hullmark.cli.signals import stop_on_signals

EXAMPLE = "--follow"
HELP = "fetch the verdicts that gates on this host go by, once or for as long as it runs"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The action's own arguments."""
    parser.add_argument(
        "--verdicts", metavar="FILE", default=VERDICTS, help=f"the local verdicts (default: {VERDICTS})"
    )
    parser.add_argument("--follow", action="store_true", help="keep up with the server until told to stop")
    add_following_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Fetch what is new; with --follow until a signal says to end."""
    from hullmark.places.gates.follow import RunningImages, sync, tell_unknown
    from hullmark.places.gates.verdicts import LocalVerdicts

    stop = threading.Event()
    api, following = api_of(arguments, stop), following_of(arguments, 7.0)
    if arguments.follow:
        with stop_on_signals(stop):
            thread = start_following(api, following, RunningImages(), stop)
            stop.wait()
            thread.join(10)
        return 0
    verdicts = LocalVerdicts(Path(arguments.verdicts))
    count = sync(api, verdicts, following.clock())
    tell_unknown(api, verdicts, following.clock(), following.say)
    tell(f"{count} new, {verdicts.count()} in all")
    verdicts.close()
    return 0
