"""`hullmark key`: API keys of an account."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from hullmark.cli.remote.actions import Action, api_of
from hullmark.cli.remote.noun import Noun, acting, at, field, listing, name_field, removing
from hullmark.cli.remote.shown import show, time_of
from hullmark.cli.rows import add_output

_KEY = name_field("the key")
_REVOKED = field("--revoked", "also those that are worth nothing any more", action="store_true")
_COLUMNS = (
    ("KEY", "name"),
    ("BEGINS", "prefix"),
    ("ROLE", "role"),
    ("PERSON", "person"),
    ("EXPIRES", time_of("expires_at")),
    ("USED", time_of("last_used_at")),
)
_MORE = {"revoked": ("REVOKED", time_of("revoked_at"))}


def _adding(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="what to call it")
    parser.add_argument(
        "--role", metavar="ROLE", required=True, help="viewer, ci, agent, analyst, editor, auditor or admin"
    )
    parser.add_argument(
        "--scope", metavar="PERMISSION", action="append", default=[], help="narrow the role to this (may be repeated)"
    )
    parser.add_argument("--person", metavar="NAME", default="", help="the person that it acts for")
    parser.add_argument("--expires", metavar="TIME", help="until when it is good, as 2026-12-31 (default: no end)")
    add_output(parser)


def _add(arguments: argparse.Namespace) -> int:
    request: dict[str, Any] = {
        "name": arguments.name,
        "role": arguments.role,
        "scopes": arguments.scope,
        "person": arguments.person,
    }
    if arguments.expires:
        from hullmark.cli.settings import moment

        request["expires_at"] = moment(arguments.expires, "--expires").isoformat()
    return _secret(arguments, api_of(arguments).json("POST", "/keys", document=request))


def _rotate(arguments: argparse.Namespace) -> int:
    return _secret(arguments, api_of(arguments).json("POST", at("/keys/{name}/rotate", arguments)))


def _secret(arguments: argparse.Namespace, made: dict[str, Any]) -> int:
    """The key alone on standard output, so that it can be piped into where secrets are kept."""
    if arguments.output == "table":
        sys.stderr.write("the key is shown this once:\n")
    return show(arguments, made, lambda key: str(key["key"]))


VERBS = (
    Noun(
        "key",
        "list, add, rotate and delete API keys on the server",
        {
            "list": listing("list the keys of the account", "/keys", _COLUMNS, "no key", (_REVOKED,), _MORE),
            "add": Action("make a key, and show it this once", _adding, _add),
            "rotate": acting("give a key a new secret; the old one is worth nothing any more", (_KEY,), _rotate),
            "delete": removing("revoke a key", "/keys/{name}", _KEY, "revoked", "key {revoked} revoked"),
        },
    ),
)
