"""`hullmark check`: may this image be deployed?"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from hullmark.cli.output import add_output, wanted_outputs, write
from hullmark.cli.progress import progress
from hullmark.cli.settings import SOURCES, add_source, add_source_options, settings_of

if TYPE_CHECKING:
    from datetime import datetime

NAME = "check"
HELP = "judge an image by a policy: go, warn, stop or unknown"
EPILOG = SOURCES

_EXIT = {"go": 0, "warn": 0, "stop": 1, "unknown": 3}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    add_source(parser)
    parser.add_argument("--policy", metavar="FILE|DIR", required=True, help="the policy, or a folder of them")
    add_output(parser, "table, json")
    parser.add_argument("--at", metavar="TIME", help="the moment that counts as now, as 2026-03-01T12:00:00Z")
    add_source_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Judge each source; the exit status is that of the worst verdict: a stop, then what cannot be told."""
    from pathlib import Path

    from hullmark.app.check import judge, load

    outputs = wanted_outputs("verdict", arguments.output)
    settings = settings_of(arguments)
    policy = load(Path(arguments.policy))
    now = _moment(arguments.at)
    options = settings.source_options()
    verdicts = []
    for source in arguments.source:
        with progress(source, wanted=settings.wants_progress()) as watch:
            verdicts.append(judge(source, policy, now, settings.means(watch), options).verdict)
    write(verdicts, outputs, settings)
    statuses = [_EXIT[verdict.verdict] for verdict in verdicts]
    return 1 if 1 in statuses else max(statuses)


def _moment(text: str | None) -> datetime:
    from datetime import UTC, datetime

    from hullmark.model.errors import HullmarkError

    if text is None:
        return datetime.now(UTC)
    try:
        moment = datetime.fromisoformat(text)
        return moment.astimezone(UTC) if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise HullmarkError(f"--at: {text!r} is no time", advice="write it as 2026-03-01T12:00:00Z") from None
