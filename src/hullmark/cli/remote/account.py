"""`hullmark account`: accounts of a server."""

from __future__ import annotations

from hullmark.cli.remote.noun import Noun, field, listing, name_field, sending, showing
from hullmark.cli.remote.shown import time_of

_ALL, _ONE, _ACCOUNT = "/accounts", "/accounts/{name}", name_field("the account")
_STATE = "account {name} is {state}"

_COLUMNS = (
    ("ACCOUNT", "name"),
    ("STATE", "state"),
    ("ROLE", "role"),
    ("EMAIL", "email"),
    ("CREATED", time_of("created_at")),
)
_NEW = (
    field("name", "lower-case letters, digits, dots, dashes", metavar="NAME"),
    field("--email", "where its admins are reached", metavar="ADDRESS", default=""),
)

VERBS = (
    Noun(
        "account",
        "list, add, change and delete accounts on the server",
        {
            "list": listing("list the accounts that you may see", _ALL, _COLUMNS, "no account"),
            "add": sending("make an account (operators)", "POST", _ALL, _NEW, "account {name} added"),
            "show": showing("show one account", _ONE, _ACCOUNT),
            "enable": sending(
                "open a disabled account again (operators)", "PATCH", _ONE, (_ACCOUNT,), _STATE, {"state": "enabled"}
            ),
            "disable": sending(
                "close an account: it answers nobody, and keeps all that it has (operators)",
                *("PATCH", _ONE, (_ACCOUNT,), _STATE, {"state": "disabled"}),
            ),
            "delete": sending(
                "delete a disabled account with all that it has (operators)", "DELETE", _ONE, (_ACCOUNT,), _STATE
            ),
        },
    ),
)
