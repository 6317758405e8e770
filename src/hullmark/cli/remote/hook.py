"""`hullmark hook`: registries that may say by themselves that something was pushed."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from hullmark.cli.remote.actions import api_of
from hullmark.cli.remote.noun import Noun, acting, field, listing, name_field, removing
from hullmark.cli.remote.shown import time_of

_HOOK = name_field("the hook", "ID|NAME")
_NEW = (
    field("name", "what the hook is called", metavar="NAME"),
    field("--kind", "dockerhub, harbor, ghcr, quay, ecr, distribution", metavar="KIND", required=True),
    field("--registry", "the registry, where the kind does not say it", metavar="HOST", default=""),
    field("--adds", "also add tags that nobody watches yet", action="store_true"),
)
_COLUMNS = (
    ("ID", "id"),
    ("NAME", "name"),
    ("KIND", "kind"),
    ("REGISTRY", "registry"),
    ("ADDS", "adds"),
    ("USED", time_of("last_used_at")),
)


def _add(arguments: argparse.Namespace) -> int:
    request = {argument.sent: getattr(arguments, argument.dest) for argument in _NEW}
    return _print_hook(arguments, api_of(arguments).json("POST", "/hooks", document=request))


def _rotate(arguments: argparse.Namespace) -> int:
    return _print_hook(arguments, api_of(arguments).json("POST", f"{_path(arguments)}/rotate"))


def _print_hook(arguments: argparse.Namespace, made: Any) -> int:
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


def _path(arguments: argparse.Namespace) -> str:
    """The path of a hook that goes by its id or its name. Raises HullmarkError where there is none."""
    from hullmark.model.errors import HullmarkError

    for hook in api_of(arguments).pages("/hooks"):
        if arguments.name in (hook["id"], hook["name"]):
            return f"/hooks/{hook['id']}"
    raise HullmarkError(f"there is no hook {arguments.name}", advice="list them: hullmark hook list")


VERBS = (
    Noun(
        "hook",
        "list, add and remove the webhooks of registries",
        {
            "list": listing("list the hooks", "/hooks", _COLUMNS, "no hook"),
            "add": acting("make a hook, and the secret that the registry proves itself by", _NEW, _add),
            "rotate": acting("give a hook another secret", (_HOOK,), _rotate),
            "delete": removing("listen to a registry no longer", _path, _HOOK, "removed", "hook {removed} is removed"),
        },
        guide="watch-registries",
    ),
)
