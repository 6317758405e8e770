"""`hullmark agent`: tells a server what runs on this host."""

from __future__ import annotations

import argparse

from hullmark.cli.hosts import ENGINES, add_drift_option, add_host_options
from hullmark.cli.reporting import add_reporting_options
from hullmark.cli.settings import add_advisory_options, settings_of

NAME = "agent"
HELP = "report what runs on this host, and what drifts"
EPILOG = """\
it needs an API key that may tell of places: hullmark key add NAME --role agent
reports are kept while the server is away; docs/how-to/watch-a-host.md shows how to run it as a service
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument(
        "--engine",
        metavar="NAME",
        action="append",
        default=[],
        choices=ENGINES,
        help=f"{', '.join(ENGINES)}; may be given several times (default: those that are there)",
    )
    add_host_options(parser)
    add_drift_option(parser)
    parser.add_argument("--once", action="store_true", help="tell what runs now, and end")
    add_reporting_options(parser)
    add_advisory_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Report until told to stop."""
    from hullmark.cli.hosts import host_collectors
    from hullmark.cli.reporting import report

    settings = settings_of(arguments)
    collectors = host_collectors(arguments.engine, arguments, settings)
    return report(collectors, arguments, settings, once=arguments.once)
