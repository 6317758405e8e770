"""`hullmark system`: how the server itself is."""

from __future__ import annotations

import argparse

from hullmark.cli.remote.actions import Action
from hullmark.cli.remote.noun import Noun
from hullmark.cli.remote.shown import show_fields
from hullmark.cli.rows import add_output


def _status(arguments: argparse.Namespace) -> int:
    from hullmark.cli.remote.connection import connect

    found = connect(arguments).get("/system")
    if arguments.output == "json":
        return show_fields(arguments, found)
    jobs = [f"{count} {name}" for name, count in found["jobs"].items()]
    return show_fields(arguments, {**found, "jobs": jobs or "none"})


def _ready(arguments: argparse.Namespace) -> int:
    from hullmark.cli.remote.connection import connect

    api = connect(arguments)
    answer = api.public("/readyz")
    found = api.decoded(answer)
    if answer.status not in (200, 503) or not isinstance(found, dict):
        from hullmark.model.errors import HullmarkError

        raise HullmarkError(f"{api.url} answers with status {answer.status}", advice="check the address")
    show_fields(arguments, found)
    return 0 if answer.status == 200 else 1


VERBS = (
    Noun(
        "system",
        "say how the server itself is: versions, jobs, readiness",
        {
            "status": Action("show versions, the snapshot of advisories in use, and jobs", add_output, _status),
            "ready": Action("say whether requests can be served (exit status 1: not now)", add_output, _ready),
        },
    ),
)
