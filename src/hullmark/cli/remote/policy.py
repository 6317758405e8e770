"""`hullmark policy` on a server: versions are added, put in force, tried; beside the actions that work on this machine."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hullmark.cli.remote.actions import Action, add_limit, api_of
from hullmark.cli.rows import add_output

if TYPE_CHECKING:
    from hullmark.cli.remote.shown import Column
    from hullmark.net.api_client import ApiClient

_MOST_TEXT = 2 << 20
_VERSIONS_A_PAGE = 10

_HEADS: tuple[Column, ...] = (
    ("POLICY", "name"),
    ("VERSION", "version"),
    ("KIND", "kind"),
    ("DRAFT", "is_draft"),
    ("DIGEST", lambda policy: policy["digest"][:19]),
)
_FLIPS: tuple[Column, ...] = (
    ("IMAGE", lambda flip: flip["reference"] or flip["image"]),
    ("NOW", "before"),
    ("DRAFT", "after"),
    ("WHY", lambda flip: "; ".join(flip["reasons"][:2])),
)


def _adding(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("policy", metavar="FILE", help="the policy, native or Anchore's")
    parser.add_argument("--name", metavar="NAME", default="", help="what to keep it under (default: its own name)")
    parser.add_argument("--note", metavar="TEXT", default="", help="what is new about it")
    parser.add_argument("--draft", action="store_true", help="it cannot be put in force but as a shadow")
    add_output(parser)


def _listing(parser: argparse.ArgumentParser) -> None:
    add_limit(parser)
    add_output(parser)


def _getting(parser: argparse.ArgumentParser) -> None:
    _naming(parser)
    parser.add_argument(
        "--version", dest="version_number", metavar="N", type=int, help="which version (default: the newest)"
    )


def _naming(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="the policy")
    add_output(parser)


def _versions(parser: argparse.ArgumentParser) -> None:
    _naming(parser)
    add_limit(parser)


def _activating(parser: argparse.ArgumentParser) -> None:
    _getting(parser)
    parser.add_argument("--environment", metavar="NAME", default="", help="where (default: anywhere)")
    parser.add_argument(
        "--selector",
        metavar="PATTERN",
        default="*",
        help="for which references, as registry.example/team/* (default: all)",
    )
    parser.add_argument("--shadow", action="store_true", help="it judges too, and counts for nothing")


def _deactivating(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("number", metavar="ID", type=int, help="the activation, as `policy active` lists it")
    add_output(parser)


def add(arguments: argparse.Namespace) -> int:
    """Keep a file as the next version."""
    from hullmark.cli.remote.image_add import text_of
    from hullmark.cli.remote.shown import show

    wish = {
        "text": text_of(arguments.policy, _MOST_TEXT, "policy"),
        "name": arguments.name,
        "note": arguments.note,
        "draft": arguments.draft,
    }
    kept = api_of(arguments).json("POST", "/policies", document=wish)
    return show(arguments, kept, lambda each: f"policy {each['name']}, version {each['version']}, {each['digest']}")


def list_policies(arguments: argparse.Namespace) -> int:
    """Policies by name."""
    from hullmark.cli.remote.shown import show_list

    found = api_of(arguments).pages("/policies", most=arguments.limit)
    return show_list(arguments, found, [*_HEADS[:3], ("ACTIVE", "is_active"), *_HEADS[3:]], "no policy")


def get(arguments: argparse.Namespace) -> int:
    """A version's text."""
    import sys

    from hullmark.cli.rows import print_json

    found = api_of(arguments).get(_path(arguments), {"version": arguments.version_number})
    if arguments.output == "json":
        print_json(found)
    else:
        # As it was added, to be written into a file again.
        sys.stdout.buffer.write(found["text"].encode("utf-8", "surrogatepass"))
    return 0


def versions(arguments: argparse.Namespace) -> int:
    """All versions, the newest first."""
    from hullmark.cli.remote.shown import show_list, time_of

    found = api_of(arguments).pages(f"{_path(arguments)}/versions", most=arguments.limit, size=_VERSIONS_A_PAGE)
    columns = [*_HEADS, ("BY", "created_by"), ("AT", time_of("created_at")), ("NOTE", "note")]
    return show_list(arguments, found, columns, "no version")


def delete(arguments: argparse.Namespace) -> int:
    """Remove a policy."""
    from hullmark.cli.remote.shown import show

    api_of(arguments).json("DELETE", _path(arguments))
    return show(arguments, {"deleted": arguments.name}, lambda each: f"policy {each['deleted']} deleted")


def activate(arguments: argparse.Namespace) -> int:
    """Put a version in force."""
    from hullmark.cli.remote.shown import show

    wish = {
        "policy": arguments.name,
        "version": arguments.version_number,
        "environment": arguments.environment,
        "selector": arguments.selector,
        "shadow": arguments.shadow,
    }
    made = api_of(arguments).json("POST", "/activations", document=wish)
    return show(arguments, made, lambda each: f"activation {each['id']}: {each['policy']}, version {each['version']}")


def deactivate(arguments: argparse.Namespace) -> int:
    """Take a policy out of force."""
    from hullmark.cli.remote.shown import show

    api_of(arguments).json("DELETE", f"/activations/{arguments.number}")
    return show(arguments, {"ended": arguments.number}, lambda each: f"activation {each['ended']} ended")


def active(arguments: argparse.Namespace) -> int:
    """What is in force."""
    from hullmark.cli.remote.shown import show_list

    columns = [("ID", "id"), ("POLICY", "policy"), ("VERSION", "version"), ("ENVIRONMENT", "environment")]
    found = api_of(arguments).pages("/activations", most=arguments.limit)
    return show_list(arguments, found, [*columns, ("SELECTOR", "selector"), ("SHADOW", "shadow")], "none is in force")


def simulate(arguments: argparse.Namespace) -> int:
    """Try a draft on all images of the account: a file, or a policy that the server keeps."""
    from hullmark.cli.remote.image_add import text_of
    from hullmark.cli.remote.waiting import wait_until

    api = api_of(arguments)
    is_file = Path(arguments.policy).is_file()
    draft = {"text": text_of(arguments.policy, _MOST_TEXT, "policy")} if is_file else {"policy": arguments.policy}
    begun = api.json("POST", "/simulations", document={**draft, "environment": arguments.environment})
    path = f"/simulations/{begun['id']}"

    def look() -> dict[str, Any] | None:
        trial: dict[str, Any] = api.get(path)
        return trial if trial["state"] in ("done", "failed", "cancelled") else None

    trial = wait_until(look, arguments.timeout, f"the simulation {begun['id']} is not over")
    if trial["state"] != "done":
        from hullmark.model.errors import HullmarkError

        raise HullmarkError(f"the simulation is {trial['state']}: {trial['reason']}", advice="correct the draft")
    return _show_trial(arguments, api, path, trial)


def _show_trial(arguments: argparse.Namespace, api: ApiClient, path: str, trial: dict[str, Any]) -> int:
    import sys

    from hullmark.cli.remote.shown import show_list
    from hullmark.cli.rows import print_json

    flips = api.pages(f"{path}/flips")
    if arguments.output == "json":
        print_json({**trial, "flips": list(flips)})
        return 0
    show_list(arguments, flips, _FLIPS, "nothing would change")
    sys.stdout.write(f"of {trial['total']} images\n")
    return 0


def _path(arguments: argparse.Namespace) -> str:
    from hullmark.net.api_client import segment

    return f"/policies/{segment(arguments.name)}"


ACTIONS = {
    "add": Action("add a version of a policy to the server", _adding, add),
    "list": Action("list the server's policies", _listing, list_policies),
    "get": Action("print a policy's text as the server has it", _getting, get),
    "versions": Action("list what a policy ever said, the newest first", _versions, versions),
    "active": Action("list which policies are in force on the server", _listing, active),
    "activate": Action("put a policy in force on the server", _activating, activate),
    "deactivate": Action("take a policy out of force on the server", _deactivating, deactivate),
    "delete": Action("delete a policy that is nowhere in force from the server", _naming, delete),
}
"""What is added to `hullmark policy`; its own actions are validate, test, simulate, keep, kept, convert, gates, describe, schema."""
