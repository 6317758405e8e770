"""`hullmark advisories`: what a server matches with, sent in or fetched."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any

from hullmark.cli.remote.actions import Action
from hullmark.cli.remote.noun import Noun
from hullmark.cli.remote.shown import show, show_fields, show_list
from hullmark.cli.rows import add_output
from hullmark.cli.server_options import add_timeout

if TYPE_CHECKING:
    from hullmark.net.api_client import ApiClient

_UPDATING, _ADOPTING = ("update_advisories", "adopt"), ("adopt",)
_HEAD = ("digest", "data_at", "day", "rematching", "feeds")
_SNAPSHOT = ("application/octet-stream", "a snapshot, or a bundle that `hullmark db export` wrote")


def _sending(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help=_SNAPSHOT[1])
    _waiting(parser)


def _updating(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--accept-shrinking", action="store_true", help="take what feeds give, though it is much less than before"
    )
    parser.add_argument("--anew", action="store_true", help="fetch and read everything, also what did not change")
    _waiting(parser)


def _waiting(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--wait", action="store_true", help="until everything is matched with what came")
    add_timeout(parser)
    add_output(parser)


def _status(arguments: argparse.Namespace) -> int:
    from hullmark.cli.remote.connection import connect

    return _show(arguments, connect(arguments).get("/advisories"))


def _send(arguments: argparse.Namespace) -> int:
    from hullmark.cli.remote.connection import connect
    from hullmark.cli.remote.sending import send_file

    api = connect(arguments)
    taken = send_file(api, "/advisories", {}, arguments.file, _SNAPSHOT)
    if arguments.wait:
        return _show(arguments, _when_done(api, _ADOPTING, arguments.timeout))
    by = f", signed by {taken['signed_by']}" if taken["signed_by"] else ""
    return show(arguments, taken, lambda snapshot: f"taken: {snapshot['digest']}{by}")


def _update(arguments: argparse.Namespace) -> int:
    from hullmark.cli.remote.connection import connect
    from hullmark.model.errors import HullmarkError

    api = connect(arguments)
    request = {"accept_shrinking": arguments.accept_shrinking, "anew": arguments.anew}
    started = api.json("POST", "/advisories/update", document=request)
    if not arguments.wait:
        lines = {"asked": "asked for", "waiting": "is waiting already"}
        return show(arguments, started, lambda answer: f"an update {lines.get(answer['state'], answer['state'])}")
    status = _when_done(api, _UPDATING, arguments.timeout)
    if (last := status["last_update"]) and last["reason"]:
        raise HullmarkError(f"the update came to nothing: {last['reason']}", advice="see: hullmark advisories status")
    return _show(arguments, status)


def _when_done(api: ApiClient, tasks: tuple[str, ...], timeout: float) -> dict[str, Any]:
    """How the advisories stand once none of these jobs waits or runs, and nothing is left to be matched."""
    from hullmark.cli.remote.waiting import wait_until

    def look() -> dict[str, Any] | None:
        if any(name.partition(":")[0] in tasks for name in api.get("/system")["jobs"]):
            return None
        status: dict[str, Any] = api.get("/advisories")
        return None if status["rematching"] else status

    return wait_until(look, timeout, "the advisories are not matched with")


def _show(arguments: argparse.Namespace, status: dict[str, Any]) -> int:
    if arguments.output == "json":
        return show_fields(arguments, status)
    if not status["digest"]:
        sys.stdout.write("the server has no advisories\n")
    shown = {name: status[name] for name in _HEAD if status[name] not in ("", None)}
    show_fields(arguments, shown | _last(status["last_update"]))
    if status["namespaces"]:
        sys.stdout.write("\n")
        columns = (("OF", "namespace"), ("ADVISORIES", "count"), ("DATA OF", "data_at"), ("DAYS OLD", "age_days"))
        show_list(arguments, status["namespaces"], columns, "")
    return 0


def _last(update: dict[str, Any] | None) -> dict[str, Any]:
    """What came of the feeds last: when it ended, and which feeds gave nothing."""
    if update is None:
        return {}
    failed = [
        f"{outcome['feed']} ({outcome['status']})" for outcome in update["outcomes"] if outcome["status"] in _NOT_TAKEN
    ]
    found = {"updated": update["ended_at"] or "not yet", "not_taken": failed, "reason": update["reason"]}
    return {name: value for name, value in found.items() if value}


_NOT_TAKEN = ("failed", "held")

VERBS = (
    Noun(
        "advisories",
        "show and update the advisories that the server uses",
        {
            "status": Action("show what everything is matched with, and what came of the feeds", add_output, _status),
            "send": Action("send in a snapshot or a bundle (operators)", _sending, _send),
            "update": Action("have the feeds fetched now (operators)", _updating, _update),
        },
    ),
)
