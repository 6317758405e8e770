"""`hullmark whoami`: who the server takes one for."""

from __future__ import annotations

import argparse

from hullmark.cli.remote.shown import show_fields
from hullmark.cli.rows import add_output
from hullmark.cli.server_options import add_server_options

NAME = "whoami"
HELP = "say who you are on the server, and what you may do"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    add_output(parser)
    add_server_options(parser, with_trust=True)


def run(arguments: argparse.Namespace) -> int:
    """Ask, and show."""
    from hullmark.cli.remote.connection import connect

    api = connect(arguments)
    myself = api.get("/whoami")
    if arguments.output == "json":
        return show_fields(arguments, myself)
    accounts = [f"{membership['account']} ({membership['role']})" for membership in myself["accounts"]]
    return show_fields(arguments, {"server": api.url, **myself, "accounts": accounts})
