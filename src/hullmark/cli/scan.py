"""`hullmark scan`: what is inside an image."""

from __future__ import annotations

import argparse

from hullmark.cli.output import add_output, wanted_outputs, write
from hullmark.cli.progress import progress
from hullmark.cli.settings import SOURCES, add_source, add_source_options, settings_of

NAME = "scan"
HELP = "say what is inside an image: packages, and with --files every file"
EPILOG = SOURCES


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    add_source(parser)
    add_output(parser, "table, json, purls, cyclonedx-json, spdx-json, syft-json")
    parser.add_argument("--files", action="store_true", help="also list every file with owner and state")
    parser.add_argument("--all-layers", action="store_true", help="also show what later layers deleted or replaced")
    add_source_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Scan each source and write the inventories."""
    from hullmark.app.take import take
    from hullmark.app.wish import Wish

    outputs = wanted_outputs("inventory", arguments.output)
    settings = settings_of(arguments)
    wish = Wish(files=arguments.files, digests=arguments.files, all_layers=arguments.all_layers)
    options = settings.source_options()
    inventories = []
    for source in arguments.source:
        with progress(source, wanted=settings.wants_progress()) as watch:
            inventories.append(take(source, wish, settings.means(watch), options).inventory)
    write(inventories, outputs, settings)
    return 0
