"""`hullmark secrets`: passwords, tokens and keys in all layers and settings of an image."""

from __future__ import annotations

import argparse

from hullmark.cli.fail_on import add_fail_on, secrets_condition, worst
from hullmark.cli.output import add_output, wanted_outputs, write
from hullmark.cli.progress import progress
from hullmark.cli.settings import SOURCES, add_secret_options, add_source, add_source_options, settings_of

NAME = "secrets"
HELP = "find passwords, tokens and keys in all layers, masked"
EPILOG = SOURCES


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    add_source(parser)
    add_output(parser, "table, json")
    parser.add_argument("--show-allowed", action="store_true", help="also list what does not count, and why (table)")
    add_fail_on(parser, "a severity or worse; any; unknown (what could not be searched)")
    add_secret_options(parser)
    add_source_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Search each source: 1 if --fail-on is met by any, 3 if that cannot be told of any."""
    from hullmark.app.secrets import secrets_of

    outputs = wanted_outputs("secrets", arguments.output, len(arguments.source))
    status_of = secrets_condition(arguments.fail_on)
    settings = settings_of(arguments)
    options = settings.source_options()
    results = []
    for source in arguments.source:
        with progress(source, wanted=settings.wants_progress()) as watch:
            results.append(secrets_of(source, settings.means(watch), options))
    write(results, outputs, settings, shows_suppressed=arguments.show_allowed)
    return worst(status_of(result) for result in results)
