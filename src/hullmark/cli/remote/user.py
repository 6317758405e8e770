"""`hullmark user`: the persons of an account."""

from __future__ import annotations

import argparse
from typing import Any

from hullmark.cli.remote.actions import Action, api_of
from hullmark.cli.remote.noun import Noun, add_fields, at, listing, name_field, removing
from hullmark.cli.remote.shown import show, time_of
from hullmark.cli.rows import add_output

_PERSON = name_field("the person")
_COLUMNS = (
    ("PERSON", "name"),
    ("ROLE", "role"),
    ("STATE", "state"),
    ("OPERATOR", "is_operator"),
    ("ADDED", time_of("created_at")),
)
_ROLES = ("admin", "editor", "analyst", "viewer", "auditor", "ci", "agent", "gate")


def _adding(parser: argparse.ArgumentParser) -> None:
    add_fields(parser, (_PERSON,))
    _role(parser, "--role")
    parser.add_argument("--subject", metavar="ID", default="", help="how the identity provider knows a new person")
    parser.add_argument("--operator", action="store_true", help="may everything, in all accounts")
    parser.add_argument(
        "--existing", action="store_true", help="a person of another account; no password is asked for (operators)"
    )


def _role(parser: argparse.ArgumentParser, name: str) -> None:
    needs = {"required": True, "choices": _ROLES} if name.startswith("-") else {"choices": _ROLES}
    parser.add_argument(name, metavar="ROLE", help=", ".join(_ROLES), **needs)


def _setting_role(parser: argparse.ArgumentParser) -> None:
    add_fields(parser, (_PERSON,))
    _role(parser, "role")


def _setting_password(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", nargs="?", default="", help="the person (default: yourself)")
    add_output(parser)


def _add(arguments: argparse.Namespace) -> int:
    from hullmark.cli.remote.asking import prompt_value

    request: dict[str, Any] = {"name": arguments.name, "role": arguments.role, "is_operator": arguments.operator}
    if arguments.subject:
        request["subject"] = arguments.subject
    elif not arguments.existing:
        request["password"] = prompt_value(f"password of {arguments.name}")
    made = api_of(arguments).json("POST", _persons(arguments), document=request)
    return show(arguments, made, lambda user: f"{user['name']} added as {user['role']}")


def _set_role(arguments: argparse.Namespace) -> int:
    after = _change(arguments, {"role": arguments.role})
    return show(arguments, after, lambda user: f"{user['name']} is {user['role']} now")


def _set_password(arguments: argparse.Namespace) -> int:
    from hullmark.cli.remote.asking import prompt_value

    if not arguments.name:
        api = api_of(arguments)
        change = {"old": prompt_value("old password"), "new": prompt_value("new password")}
        api.json("PUT", "/password", document=change)
        return show(arguments, {"changed": True}, "your password is changed")
    after = _change(arguments, {"password": prompt_value(f"new password of {arguments.name}")})
    return show(arguments, after, lambda user: f"{user['name']} has another password now")


def _change(arguments: argparse.Namespace, change: dict[str, Any]) -> Any:
    return api_of(arguments).json("PATCH", _person(arguments), document=change)


def _person(arguments: argparse.Namespace) -> str:
    return at(f"{_persons(arguments)}/{{name}}", arguments)


def _persons(arguments: argparse.Namespace) -> str:
    """The path of the persons of the account that is acted in."""
    from hullmark.net.api_client import segment

    api = api_of(arguments)
    account = api.login.account or str(api.get("/whoami")["account"])
    return f"/accounts/{segment(account)}/persons"


VERBS = (
    Noun(
        "user",
        "list, add, change and remove the people of an account",
        {
            "list": listing("list the persons of the account", _persons, _COLUMNS, "nobody belongs to the account"),
            "add": Action("add a person; the password is asked for, or read from standard input", _adding, _add),
            "set-role": Action("give a person another role in the account", _setting_role, _set_role),
            "set-password": Action(
                "give a person, or yourself, another password, asked for or read from standard input",
                _setting_password,
                _set_password,
            ),
            "delete": removing(
                "remove a person from the account; its keys there are revoked",
                *(_person, _PERSON, "removed", "{removed} removed"),
            ),
        },
    ),
)
