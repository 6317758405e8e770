"""`hullmark key`: API keys of an account."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from hullmark.cli.remote.actions import EPILOG as _EPILOG
from hullmark.cli.remote.actions import Action, add_actions, add_limit, api_of
from hullmark.cli.rows import add_output

NAME = "key"
HELP = "list, add, rotate and delete API keys on the server"
EPILOG = _EPILOG % NAME


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    add_actions(parser, _ACTIONS)


def run(arguments: argparse.Namespace) -> int:
    """Do the action."""
    return _ACTIONS[arguments.action].run(arguments)


def _listing(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--revoked", action="store_true", help="also those that are worth nothing any more")
    add_limit(parser)
    add_output(parser)


def _adding(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="what to call it")
    parser.add_argument("--role", metavar="ROLE", required=True, help="viewer, ci, analyst, editor, auditor or admin")
    parser.add_argument(
        "--scope", metavar="PERMISSION", action="append", default=[], help="narrow the role to this (may be repeated)"
    )
    parser.add_argument("--person", metavar="NAME", default="", help="the person that it acts for")
    parser.add_argument("--expires", metavar="TIME", help="until when it is good, as 2026-12-31 (default: no end)")
    add_output(parser)


def _naming(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="the key")
    add_output(parser)


def _list(arguments: argparse.Namespace) -> int:
    from hullmark.cli.remote.shown import show_list, time_of

    columns = [("KEY", "name"), ("BEGINS", "prefix"), ("ROLE", "role"), ("PERSON", "person")]
    times = [("EXPIRES", time_of("expires_at")), ("USED", time_of("last_used_at")), ("REVOKED", time_of("revoked_at"))]
    found = api_of(arguments).pages("/keys", {"revoked": arguments.revoked or None}, arguments.limit)
    return show_list(arguments, found, [*columns, *(times if arguments.revoked else times[:2])], "no key")


def _add(arguments: argparse.Namespace) -> int:
    wish: dict[str, Any] = {
        "name": arguments.name,
        "role": arguments.role,
        "scopes": arguments.scope,
        "person": arguments.person,
    }
    if arguments.expires:
        from hullmark.cli.settings import moment

        wish["expires_at"] = moment(arguments.expires, "--expires").isoformat()
    return _secret(arguments, api_of(arguments).json("POST", "/keys", document=wish))


def _rotate(arguments: argparse.Namespace) -> int:
    from hullmark.net.api_client import segment

    return _secret(arguments, api_of(arguments).json("POST", f"/keys/{segment(arguments.name)}/rotate"))


def _secret(arguments: argparse.Namespace, made: dict[str, Any]) -> int:
    """The key alone on standard output, so that it can be piped into where secrets are kept."""
    from hullmark.cli.remote.shown import show

    if arguments.output == "table":
        sys.stderr.write("the key is shown this once:\n")
    return show(arguments, made, lambda each: str(each["key"]))


def _delete(arguments: argparse.Namespace) -> int:
    from hullmark.cli.remote.shown import show
    from hullmark.net.api_client import segment

    api_of(arguments).json("DELETE", f"/keys/{segment(arguments.name)}")
    return show(arguments, {"revoked": arguments.name}, lambda each: f"key {each['revoked']} revoked")


_ACTIONS = {
    "list": Action("list the keys of the account", _listing, _list),
    "add": Action("make a key, and show it this once", _adding, _add),
    "rotate": Action("give a key a new secret; the old one is worth nothing any more", _naming, _rotate),
    "delete": Action("revoke a key", _naming, _delete),
}
