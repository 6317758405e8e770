"""`hullmark check`: may this image be deployed?"""

from __future__ import annotations

import argparse

from hullmark.cli.output import add_output, wanted_outputs, write
from hullmark.cli.progress import progress
from hullmark.cli.settings import SOURCES, add_source, add_source_options, moment, settings_of

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
    now = moment(arguments.at)
    options = settings.source_options()
    verdicts = []
    for source in arguments.source:
        with progress(source, wanted=settings.wants_progress()) as watch:
            verdicts.append(judge(source, policy, now, settings.means(watch), options).verdict)
    write(verdicts, outputs, settings)
    statuses = [_EXIT[verdict.verdict] for verdict in verdicts]
    return 1 if 1 in statuses else max(statuses)
