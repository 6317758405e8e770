"""`hullmark registry`: the logins for registries that the server uses."""

from __future__ import annotations

import argparse

from hullmark.cli.remote.actions import Action, api_of
from hullmark.cli.remote.noun import Noun, acting, listing, name_field, removing
from hullmark.cli.remote.shown import show, time_of
from hullmark.cli.rows import add_output
from hullmark.cli.setting_names import REGISTRY_PASSWORD
from hullmark.cli.settings import settings_of


def _adding(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="HOST[/PREFIX]", help="the registry, or what begins so")
    parser.add_argument(
        "--username",
        metavar="NAME",
        default="",
        help="the login; its password is HULLMARK_REGISTRY_PASSWORD, or asked for, or read from standard input",
    )
    parser.add_argument("--kind", metavar="KIND", default="docker_v2", help="docker_v2 or awsecr (default: docker_v2)")
    parser.add_argument(
        "--publish", action="store_true", help="put signed verdicts beside images there (the login may push)"
    )
    parser.add_argument("--no-verify", action="store_true", help="the server may use plain HTTP and any certificate")
    parser.add_argument(
        "--parallel", metavar="N", type=int, default=3, help="images read at the same time (default: 3)"
    )
    add_output(parser)


_REGISTRY = name_field("the registry as it is listed", "HOST[/PREFIX]")
_COLUMNS = (
    ("REGISTRY", "pattern"),
    ("USER", "username"),
    ("KIND", "kind"),
    ("VERIFY", "verify"),
    ("CHANGED", time_of("updated_at")),
)


def _add(arguments: argparse.Namespace) -> int:
    from hullmark.cli.remote.asking import prompt_value
    from hullmark.cli.remote.connection import connect

    settings = settings_of(arguments)
    password = settings.environment.get(REGISTRY_PASSWORD.variable, "")
    if arguments.username and not password:
        password = prompt_value(f"password of {arguments.username}")
    request = {
        "username": arguments.username,
        "password": password if arguments.username else "",
        "kind": arguments.kind,
        "verify": not arguments.no_verify,
        "parallel": arguments.parallel,
        "publishes": arguments.publish,
    }
    kept = connect(arguments, settings).json("PUT", _path(arguments), document=request)
    return show(arguments, kept, lambda registry: f"registry {registry['pattern']} kept")


def _test(arguments: argparse.Namespace) -> int:
    result = api_of(arguments).json("POST", _path(arguments, "/registry-tests"))
    show(arguments, result, lambda outcome: f"{arguments.name}: {outcome['status']} {outcome['detail']}".rstrip())
    return 0 if result["status"] == "ok" else 1


def _path(arguments: argparse.Namespace, place: str = "/registries") -> str:
    from hullmark.net.api_client import segment

    return f"{place}/{segment(arguments.name, safe='/:*')}"


VERBS = (
    Noun(
        "registry",
        "list, add, test and delete logins for registries",
        {
            "list": listing("list the registries", "/registries", _COLUMNS, "no registry"),
            "add": Action("keep a login for a registry, or change it", _adding, _add),
            "test": acting(
                "try whether a registry lets the server in (exit status 1: it does not)", (_REGISTRY,), _test
            ),
            "delete": removing("forget a login", _path, _REGISTRY, "deleted", "registry {deleted} forgotten"),
        },
    ),
)
