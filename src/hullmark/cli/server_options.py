"""The options of verbs that a server can be asked for."""

from __future__ import annotations

import argparse

from hullmark.cli.setting_names import SERVER_VALUES

_LONGEST_WAIT = 7 * 24 * 3600.0


def add_server_options(
    parser: argparse.ArgumentParser, *, again: bool = False, with_trust: bool = False, with_waiting: bool = False
) -> None:
    """Which server. `again`: the options stand before the action, too. `with_trust`: and whom to believe. `with_waiting`: for how long."""
    group = parser.add_argument_group("the server")
    missing = argparse.SUPPRESS if again else None
    for option in SERVER_VALUES:
        shown = f"{option.help} [{option.variable}]"
        group.add_argument(option.flag, metavar=option.metavar, default=missing, help=shown)
    if with_waiting:
        add_timeout(group)
    if with_trust:
        shown = "certificates to trust besides the system's [HULLMARK_CACERT]"
        group.add_argument("--cacert", metavar="FILE", default=missing, help=shown)
        shown = "accept plain HTTP and unverified certificates [HULLMARK_INSECURE]"
        group.add_argument("--insecure", action="store_const", const="true", default=missing, help=shown)


def add_timeout(parser: argparse._ActionsContainer) -> None:
    """How long to wait for what a server does."""
    shown = "how long to wait for the server at most (default: 600)"
    parser.add_argument("--timeout", metavar="SECONDS", type=seconds, default=600.0, help=shown)


def seconds(text: str) -> float:
    """A time to wait, as an option says it."""
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number <= _LONGEST_WAIT:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds, up to {_LONGEST_WAIT:.0f}")
    return number
