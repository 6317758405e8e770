"""`hullmark system`: how the server itself is."""

from __future__ import annotations

import argparse

from hullmark.cli.remote.actions import Action, api_of
from hullmark.cli.remote.noun import Noun
from hullmark.cli.remote.shown import show, show_fields
from hullmark.cli.rows import add_output


def _status(arguments: argparse.Namespace) -> int:
    from hullmark.cli.remote.connection import connect

    found = connect(arguments).get("/system")
    if arguments.output == "json":
        return show_fields(arguments, found)
    jobs = [f"{count} {name}" for name, count in found["jobs"].items()]
    muted = found["muted"]
    shown = {**found, "jobs": jobs or "none", "muted": f"since {muted['since']}: {muted['reason']}" if muted else "no"}
    return show_fields(arguments, shown)


def _ready(arguments: argparse.Namespace) -> int:
    from hullmark.cli.remote.connection import connect

    api = connect(arguments)
    answer = api.public("/readyz")
    found = api.decode_answer(answer)
    if answer.status not in (200, 503) or not isinstance(found, dict):
        from hullmark.model.errors import HullmarkError

        raise HullmarkError(f"{api.url} answers with status {answer.status}", advice="check the address")
    show_fields(arguments, found)
    return 0 if answer.status == 200 else 1


def _muting(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--reason", metavar="TEXT", default="an operator muted it", help="why, for whoever looks")
    add_output(parser)


def _mute(arguments: argparse.Namespace) -> int:
    kept = api_of(arguments).json("PUT", "/system/mute", document={"reason": arguments.reason})
    return show(arguments, kept, lambda muted: f"muted since {muted['since']}: {muted['reason']}")


def _unmuting(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--discard", action="store_true", help="do not send what waits: another server sent it")
    add_output(parser)


def _unmute(arguments: argparse.Namespace) -> int:
    query = {"discard": "true"} if arguments.discard else {}
    done = api_of(arguments).json("DELETE", "/system/mute", query)
    return show(arguments, done, lambda found: f"unmuted; {found['discarded']} messages were discarded")


VERBS = (
    Noun(
        "system",
        "show the server's version, jobs and readiness; mute it",
        {
            "status": Action("show versions, the snapshot of advisories in use, and jobs", add_output, _status),
            "mute": Action("have the server send, watch and fetch nothing (operators)", _muting, _mute),
            "unmute": Action("have the server speak again, as after a restore (operators)", _unmuting, _unmute),
            "ready": Action("say whether requests can be served (exit status 1: not now)", add_output, _ready),
        },
    ),
)
