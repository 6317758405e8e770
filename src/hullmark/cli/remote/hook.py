"""`hullmark hook`: registries that may say by themselves that something was pushed."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any

from hullmark.cli.remote.actions import Action, add_actions, add_limit, api_of
from hullmark.cli.rows import add_output

if TYPE_CHECKING:
    from hullmark.net.api_client import ApiClient

NAME = "hook"
HELP = "list, add and remove the hooks by which registries say that something was pushed"
EPILOG = "`hullmark hook ACTION --help` says more of each. docs/how-to/watch-registries.md shows them at work."

_KINDS = "dockerhub, harbor, ghcr, quay, ecr, distribution"


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
    parser.add_argument("name", metavar="NAME", help="what the hook is called")
    parser.add_argument("--kind", metavar="KIND", required=True, help=_KINDS)
    parser.add_argument("--registry", metavar="HOST", default="", help="the registry, where the kind does not say it")
    parser.add_argument("--adds", action="store_true", help="also add tags that nobody watches yet")
    add_output(parser)


def _naming(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="ID|NAME", help="the hook")
    add_output(parser)


def _list(arguments: argparse.Namespace) -> int:
    from hullmark.cli.remote.shown import show_list, time_of

    columns = [("ID", "id"), ("NAME", "name"), ("KIND", "kind"), ("REGISTRY", "registry"), ("ADDS", "adds")]
    found = api_of(arguments).pages("/hooks", most=arguments.limit)
    return show_list(arguments, found, [*columns, ("USED", time_of("last_used_at"))], "no hook")


def _add(arguments: argparse.Namespace) -> int:
    wish = {name: getattr(arguments, name) for name in ("name", "kind", "registry", "adds")}
    return _told(arguments, api_of(arguments).json("POST", "/hooks", document=wish))


def _rotate(arguments: argparse.Namespace) -> int:
    api = api_of(arguments)
    return _told(arguments, api.json("POST", f"/hooks/{_key(api, arguments.name)}/rotate"))


def _told(arguments: argparse.Namespace, made: Any) -> int:
    """What is to be entered at the registry, shown this once."""
    from hullmark.cli.rows import print_json
    from hullmark.report.terminal import safe

    if arguments.output == "json":
        print_json(made)
        return 0
    sys.stdout.write(safe(f"hook {made['id']} ({made['name']}) of {made['registry']}") + "\n")
    sys.stdout.write(safe(f"URL:    {made['url']}") + "\n" + safe(f"secret: {made['secret']}") + "\n")
    sys.stdout.write(safe(f"{made['advice'].capitalize()}. It is not shown again.") + "\n")
    return 0


def _remove(arguments: argparse.Namespace) -> int:
    from hullmark.cli.remote.shown import show

    api = api_of(arguments)
    api.json("DELETE", f"/hooks/{_key(api, arguments.name)}")
    return show(arguments, {"removed": arguments.name}, lambda each: f"hook {each['removed']} is removed")


def _key(api: ApiClient, name: str) -> str:
    """The id of a hook that goes by its id or its name. Raises HullmarkError where there is none."""
    from hullmark.model.errors import HullmarkError

    for each in api.pages("/hooks"):
        if name in (each["id"], each["name"]):
            return str(each["id"])
    raise HullmarkError(f"there is no hook {name}", advice="list them: hullmark hook list")


_ACTIONS = {
    "list": Action("list the hooks", _listing, _list),
    "add": Action("make a hook, and the secret that the registry proves itself by", _adding, _add),
    "rotate": Action("give a hook another secret", _naming, _rotate),
    "remove": Action("listen to a registry no longer", _naming, _remove),
}
