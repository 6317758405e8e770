"""`hullmark config`: what the configuration files of an image make its programs do."""

from __future__ import annotations

import argparse

from hullmark.cli.output import add_output, wanted_outputs, write
from hullmark.cli.progress import progress
from hullmark.cli.settings import SOURCES, add_source, add_source_options, settings_of

NAME = "config"
HELP = "list the settings in effect, and where each is written"
EPILOG = SOURCES


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    add_source(parser)
    add_output(parser, "table, json")
    parser.add_argument(
        "--key",
        metavar="GLOB",
        action="append",
        default=[],
        help="only these settings, as sshd.* or nginx.http.server[*].listen; may be given several times",
    )
    parser.add_argument("--defaults", action="store_true", help="also what nothing sets, where the default is known")
    add_source_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Read the configuration of each source."""
    from hullmark.app.configuration import configuration_of

    outputs = wanted_outputs("configuration", arguments.output, len(arguments.source))
    settings = settings_of(arguments)
    options = settings.source_options()
    results = []
    for source in arguments.source:
        with progress(source, wanted=settings.wants_progress()) as watch:
            found = configuration_of(
                source, settings.means(watch), options, keys=tuple(arguments.key), defaults=arguments.defaults
            )
            results.append(found)
    write(results, outputs, settings)
    return 0
