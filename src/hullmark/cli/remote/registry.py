"""`hullmark registry`: the logins for registries that the server uses."""

from __future__ import annotations

import argparse

from hullmark.cli.remote.actions import EPILOG as _EPILOG
from hullmark.cli.remote.actions import Action, add_actions, add_limit, api_of
from hullmark.cli.rows import add_output
from hullmark.cli.settings import settings_of

NAME = "registry"
HELP = "list, add, test and delete the registries that the server has logins for"
EPILOG = _EPILOG % NAME


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
    parser.add_argument("name", metavar="HOST[/PREFIX]", help="the registry, or what begins so")
    parser.add_argument(
        "--username",
        metavar="NAME",
        default="",
        help="the login; its password is HULLMARK_REGISTRY_PASSWORD, or asked for, or read from standard input",
    )
    parser.add_argument("--kind", metavar="KIND", default="docker_v2", help="docker_v2 or awsecr (default: docker_v2)")
    parser.add_argument("--no-verify", action="store_true", help="the server may use plain HTTP and any certificate")
    parser.add_argument(
        "--parallel", metavar="N", type=int, default=3, help="images read at the same time (default: 3)"
    )
    add_output(parser)


def _naming(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="HOST[/PREFIX]", help="the registry as it is listed")
    add_output(parser)


def _list(arguments: argparse.Namespace) -> int:
    from hullmark.cli.remote.shown import show_list, time_of

    columns = [("REGISTRY", "pattern"), ("USER", "username"), ("KIND", "kind"), ("VERIFY", "verify")]
    found = api_of(arguments).pages("/registries", most=arguments.limit)
    return show_list(arguments, found, [*columns, ("CHANGED", time_of("updated_at"))], "no registry")


def _add(arguments: argparse.Namespace) -> int:
    from hullmark.cli.remote.asking import asked
    from hullmark.cli.remote.connection import connect
    from hullmark.cli.remote.shown import show

    settings = settings_of(arguments)
    password = settings.environment.get("HULLMARK_REGISTRY_PASSWORD", "")
    if arguments.username and not password:
        password = asked(f"password of {arguments.username}")
    wish = {
        "username": arguments.username,
        "password": password if arguments.username else "",
        "kind": arguments.kind,
        "verify": not arguments.no_verify,
        "parallel": arguments.parallel,
    }
    kept = connect(arguments, settings).json("PUT", f"/registries/{_name(arguments)}", document=wish)
    return show(arguments, kept, lambda each: f"registry {each['pattern']} kept")


def _test(arguments: argparse.Namespace) -> int:
    from hullmark.cli.remote.shown import show

    told = api_of(arguments).json("POST", f"/registry-tests/{_name(arguments)}")
    show(arguments, told, lambda each: f"{arguments.name}: {each['status']} {each['detail']}".rstrip())
    return 0 if told["status"] == "ok" else 1


def _delete(arguments: argparse.Namespace) -> int:
    from hullmark.cli.remote.shown import show

    api_of(arguments).json("DELETE", f"/registries/{_name(arguments)}")
    return show(arguments, {"deleted": arguments.name}, lambda each: f"registry {each['deleted']} forgotten")


def _name(arguments: argparse.Namespace) -> str:
    from hullmark.net.api_client import segment

    return segment(arguments.name, safe="/:*")


_ACTIONS = {
    "list": Action("list the registries", _listing, _list),
    "add": Action("keep a login for a registry, or change it", _adding, _add),
    "test": Action("try whether a registry lets the server in (exit status 1: it does not)", _naming, _test),
    "delete": Action("forget a login", _naming, _delete),
}
