"""`hullmark policy` on a server: versions are added, put in force, tried; beside the actions that work on this machine."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hullmark.cli.remote.actions import Action, add_limit, api_of
from hullmark.cli.remote.noun import OUTPUT, add_fields, at, field, listing, name_field, removing, sending
from hullmark.cli.remote.shown import Column, show, show_list, time_of
from hullmark.cli.rows import add_output

if TYPE_CHECKING:
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


_ALL, _ONE, _POLICY = "/policies", "/policies/{name}", name_field("the policy")


def _cost(policy: dict[str, Any]) -> str:
    """The processor time that judging one image takes, as measured."""
    seconds = policy["seconds_each"]
    return "" if seconds is None else f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


_LISTED: tuple[Column, ...] = (*_HEADS[:3], ("ACTIVE", "is_active"), ("EACH", _cost), *_HEADS[3:])
_VERSIONS: tuple[Column, ...] = (*_HEADS, ("BY", "created_by"), ("AT", time_of("created_at")), ("NOTE", "note"))
_ACTIVE = (
    ("ID", "id"),
    ("POLICY", "policy"),
    ("VERSION", "version"),
    ("ENVIRONMENT", "environment"),
    ("SELECTOR", "selector"),
    ("SHADOW", "shadow"),
)
_VERSION = field(
    "--version",
    "which version (default: the newest)",
    sent="version",
    dest="version_number",
    metavar="N",
    type=int,
)
_ACTIVATING = (
    field("name", "the policy", sent="policy", metavar="NAME"),
    OUTPUT,
    _VERSION,
    field("--environment", "where (default: anywhere)", metavar="NAME", default=""),
    field(
        "--selector",
        "for which references, as registry.example/team/* (default: all)",
        metavar="PATTERN",
        default="*",
    ),
    field("--shadow", "it judges too, and counts for nothing", action="store_true"),
)
_ACTIVATION = name_field("the activation, as `policy active` lists it", "ID", type=int)


def _adding(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("policy", metavar="FILE", help="the policy, native or Anchore's")
    parser.add_argument("--name", metavar="NAME", default="", help="what to keep it under (default: its own name)")
    parser.add_argument("--note", metavar="TEXT", default="", help="what is new about it")
    parser.add_argument("--draft", action="store_true", help="it cannot be put in force but as a shadow")
    add_output(parser)


def _getting(parser: argparse.ArgumentParser) -> None:
    add_fields(parser, (_POLICY, OUTPUT, _VERSION))


def _listing_versions(parser: argparse.ArgumentParser) -> None:
    add_fields(parser, (_POLICY,))
    add_limit(parser)


def add(arguments: argparse.Namespace) -> int:
    """Keep a file as the next version."""
    from hullmark.cli.remote.image_add import text_of

    request = {
        "text": text_of(arguments.policy, _MOST_TEXT, "policy"),
        "name": arguments.name,
        "note": arguments.note,
        "draft": arguments.draft,
    }
    kept = api_of(arguments).json("POST", _ALL, document=request)
    return show(
        arguments, kept, lambda policy: f"policy {policy['name']}, version {policy['version']}, {policy['digest']}"
    )


def get(arguments: argparse.Namespace) -> int:
    """A version's text."""
    import sys

    from hullmark.cli.rows import print_json

    found = api_of(arguments).get(at(_ONE, arguments), {"version": arguments.version_number})
    if arguments.output == "json":
        print_json(found)
    else:
        # As it was added, to be written into a file again.
        sys.stdout.buffer.write(found["text"].encode("utf-8", "surrogatepass"))
    return 0


def versions(arguments: argparse.Namespace) -> int:
    """All versions, the newest first."""
    path = at(f"{_ONE}/versions", arguments)
    found = api_of(arguments).pages(path, most=arguments.limit, size=_VERSIONS_A_PAGE)
    return show_list(arguments, found, _VERSIONS, "no version")


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

    from hullmark.cli.rows import print_json
    from hullmark.model.plural import plural

    flips = api.pages(f"{path}/flips")
    if arguments.output == "json":
        print_json({**trial, "flips": list(flips)})
        return 0
    show_list(arguments, flips, _FLIPS, "nothing would change")
    sys.stdout.write(f"of {plural(trial['total'], 'image')}\n")
    return 0


ACTIONS = {
    "add": Action("add a version of a policy to the server", _adding, add),
    "list": listing("list the server's policies", _ALL, _LISTED, "no policy"),
    "show": Action("print a policy's text as the server has it", _getting, get),
    "versions": Action("list what a policy ever said, the newest first", _listing_versions, versions),
    "active": listing("list which policies are in force on the server", "/activations", _ACTIVE, "none is in force"),
    "activate": sending(
        "put a policy in force on the server",
        *("POST", "/activations", _ACTIVATING, "activation {id}: {policy}, version {version}"),
    ),
    "deactivate": removing(
        "take a policy out of force on the server",
        *("/activations/{name}", _ACTIVATION, "ended", "activation {ended} ended"),
    ),
    "delete": removing(
        "delete a policy that is nowhere in force from the server",
        *(_ONE, _POLICY, "deleted", "policy {deleted} deleted"),
    ),
}
"""What is added to `hullmark policy`; its own actions are validate, test, simulate, keep, kept, convert, gates, describe, schema."""
