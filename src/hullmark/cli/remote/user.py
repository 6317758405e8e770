"""`hullmark user`: the persons of an account."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from hullmark.cli.remote.actions import EPILOG as _EPILOG
from hullmark.cli.remote.actions import Action, add_actions, add_limit, api_of
from hullmark.cli.rows import add_output

if TYPE_CHECKING:
    from hullmark.net.api_client import ApiClient

NAME = "user"
HELP = "list, add, change and remove the persons of an account on the server"
EPILOG = _EPILOG % NAME

_ROLES = ("admin", "editor", "analyst", "viewer", "auditor", "ci")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    add_actions(parser, _ACTIONS)


def run(arguments: argparse.Namespace) -> int:
    """Do the action."""
    return _ACTIONS[arguments.action].run(arguments)


def _listing(parser: argparse.ArgumentParser) -> None:
    add_limit(parser)
    add_output(parser)


def _adding(parser: argparse.ArgumentParser) -> None:
    _naming(parser)
    _role(parser, "--role")
    parser.add_argument("--subject", metavar="ID", default="", help="how the identity provider knows a new person")
    parser.add_argument("--operator", action="store_true", help="may everything, in all accounts")
    parser.add_argument(
        "--existing", action="store_true", help="a person of another account; no password is asked for (operators)"
    )


def _naming(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="the person")
    add_output(parser)


def _role(parser: argparse.ArgumentParser, name: str) -> None:
    needs = {"required": True, "choices": _ROLES} if name.startswith("-") else {"choices": _ROLES}
    parser.add_argument(name, metavar="ROLE", help=", ".join(_ROLES), **needs)


def _setting_role(parser: argparse.ArgumentParser) -> None:
    _naming(parser)
    _role(parser, "role")


def _setting_password(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", nargs="?", default="", help="the person (default: yourself)")
    add_output(parser)


def _list(arguments: argparse.Namespace) -> int:
    from hullmark.cli.remote.shown import show_list, time_of

    columns = [("PERSON", "name"), ("ROLE", "role"), ("STATE", "state"), ("OPERATOR", "is_operator")]
    api = api_of(arguments)
    found = api.pages(_persons(api), most=arguments.limit)
    return show_list(arguments, found, [*columns, ("ADDED", time_of("created_at"))], "nobody belongs to the account")


def _add(arguments: argparse.Namespace) -> int:
    from hullmark.cli.remote.asking import asked
    from hullmark.cli.remote.shown import show

    wish: dict[str, Any] = {"name": arguments.name, "role": arguments.role, "is_operator": arguments.operator}
    if arguments.subject:
        wish["subject"] = arguments.subject
    elif not arguments.existing:
        wish["password"] = asked(f"password of {arguments.name}")
    api = api_of(arguments)
    made = api.json("POST", _persons(api), document=wish)
    return show(arguments, made, lambda each: f"{each['name']} added as {each['role']}")


def _set_role(arguments: argparse.Namespace) -> int:
    from hullmark.cli.remote.shown import show

    after = _change(arguments, {"role": arguments.role})
    return show(arguments, after, lambda each: f"{each['name']} is {each['role']} now")


def _set_password(arguments: argparse.Namespace) -> int:
    from hullmark.cli.remote.asking import asked
    from hullmark.cli.remote.shown import show

    if not arguments.name:
        api = api_of(arguments)
        change = {"old": asked("old password"), "new": asked("new password")}
        api.json("PUT", "/password", document=change)
        return show(arguments, {"changed": True}, "your password is changed")
    after = _change(arguments, {"password": asked(f"new password of {arguments.name}")})
    return show(arguments, after, lambda each: f"{each['name']} has another password now")


def _delete(arguments: argparse.Namespace) -> int:
    from hullmark.cli.remote.shown import show
    from hullmark.net.api_client import segment

    api = api_of(arguments)
    api.json("DELETE", f"{_persons(api)}/{segment(arguments.name)}")
    return show(arguments, {"removed": arguments.name}, lambda each: f"{each['removed']} removed")


def _change(arguments: argparse.Namespace, change: dict[str, Any]) -> Any:
    from hullmark.net.api_client import segment

    api = api_of(arguments)
    return api.json("PATCH", f"{_persons(api)}/{segment(arguments.name)}", document=change)


def _persons(api: ApiClient) -> str:
    """The path of the persons of the account that is acted in."""
    from hullmark.net.api_client import segment

    account = api.login.account or str(api.get("/whoami")["account"])
    return f"/accounts/{segment(account)}/persons"


_ACTIONS = {
    "list": Action("list the persons of the account", _listing, _list),
    "add": Action("add a person; the password is asked for, or read from standard input", _adding, _add),
    "set-role": Action("give a person another role in the account", _setting_role, _set_role),
    "set-password": Action(
        "give a person, or yourself, another password, asked for or read from standard input",
        _setting_password,
        _set_password,
    ),
    "delete": Action("remove a person from the account; its keys there are revoked", _naming, _delete),
}
