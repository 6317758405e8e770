"""`hullmark secrets`: passwords, tokens and keys in all layers and settings of an image."""

from __future__ import annotations

import argparse

from hullmark.cli.output import add_output, wanted_outputs, write
from hullmark.cli.progress import progress
from hullmark.cli.settings import SOURCES, add_secret_options, add_source, add_source_options, settings_of

NAME = "secrets"
HELP = "find passwords, tokens and keys in all layers and settings of an image; their values are never shown"
EPILOG = SOURCES


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    add_source(parser)
    add_output(parser, "table, json")
    parser.add_argument("--show-allowed", action="store_true", help="also list what does not count, and why (table)")
    add_secret_options(parser)
    add_source_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Search each source: 1 if a secret was found that counts."""
    from hullmark.app.secrets import secrets_of

    outputs = wanted_outputs("secrets", arguments.output)
    settings = settings_of(arguments)
    options = settings.source_options()
    results = []
    for source in arguments.source:
        with progress(source, wanted=settings.wants_progress()) as watch:
            results.append(secrets_of(source, settings.means(watch), options))
    write(results, outputs, settings, shows_suppressed=arguments.show_allowed)
    return int(any(not secret.allowed for result in results for secret in result.secrets))
