"""`hullmark report`: everything that is to be said of an image, as one document to print, sign off or file."""

from __future__ import annotations

import argparse
import sys

from hullmark.cli.output import wanted_outputs, write
from hullmark.cli.progress import progress
from hullmark.cli.settings import (
    SOURCES,
    add_advisory_options,
    add_moments,
    add_policy_options,
    add_scanner_options,
    add_source_options,
    known_moment,
    moment,
    settings_of,
)

NAME = "report"
HELP = "write a PDF report: verdict, vulnerabilities, unknowns"
EPILOG = (
    """\
examples
  hullmark report nginx:1.27 -o pdf=nginx.pdf
  hullmark report nginx:1.27 --policy policy.yaml -o pdf=nginx.pdf

Pages for a browser: hullmark check -o html, hullmark vulns -o html.

"""
    + SOURCES
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument("image", metavar="SOURCE", help="image reference, file or folder (see below)")
    parser.add_argument(
        "--policy",
        metavar="FILE|DIR",
        help="judge the image by this policy, too: native or Anchore's, or kept:NAME, one that `hullmark policy keep` keeps",
    )
    parser.add_argument(
        "-o",
        "--output",
        metavar="FORMAT[=FILE]",
        action="append",
        default=[],
        help="pdf=FILE; without FILE to standard output, if that is not a terminal (default: pdf)",
    )
    add_moments(parser, "by the advisories in use then, and with kept:NAME by the version of the policy in force then")
    add_policy_options(parser)
    add_advisory_options(parser)
    add_scanner_options(parser)
    add_source_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Write the report. The verdict does not change the exit status: that is what `check` is for."""
    from hullmark.app.image_report import report_on
    from hullmark.cli.check import policy_of
    from hullmark.report.report_pdf import require

    settings = settings_of(arguments)
    outputs = wanted_outputs("report", arguments.output or ["pdf"])
    require()
    _refuse_terminal(any(not output.file for output in outputs))
    known_at = known_moment(arguments.known_at)
    policy = policy_of(settings, arguments.policy, known_at) if arguments.policy else None
    with (
        settings.open_snapshot(known_at) as snapshot,
        progress(arguments.image, wanted=settings.wants_progress()) as watch,
    ):
        resources = settings.means(watch)
        found = report_on(arguments.image, snapshot, policy, moment(arguments.at), resources, settings.source_options())
    write([found], outputs, settings)
    return 0


def _refuse_terminal(is_printed: bool) -> None:
    from hullmark.model.errors import HullmarkError

    if is_printed and sys.stdout.isatty():
        raise HullmarkError("a PDF document cannot be shown on a terminal", advice="give it a file: -o pdf=report.pdf")
