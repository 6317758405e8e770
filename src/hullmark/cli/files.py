"""`hullmark files`: every file of an image, its owner and its state."""

from __future__ import annotations

import argparse

from hullmark.cli.output import add_output, wanted_outputs, write
from hullmark.cli.progress import progress
from hullmark.cli.settings import SOURCES, add_source, add_source_options, settings_of

NAME = "files"
HELP = "list every file of an image with owner and state"
EPILOG = SOURCES


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    add_source(parser)
    add_output(parser, "table, json")
    parser.add_argument(
        "--state",
        action="append",
        choices=("ok", "changed", "config-changed", "missing", "unowned", "unverified", "ghost"),
        help="only files in this state; may be given several times",
    )
    parser.add_argument("--all-layers", action="store_true", help="also show what later layers deleted or replaced")
    add_source_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """List the files of each source."""
    import msgspec

    from hullmark.app.take import take
    from hullmark.app.wish import Wish

    outputs = wanted_outputs("files", arguments.output)
    settings = settings_of(arguments)
    options = settings.source_options()
    ghosts = "ghost" in (arguments.state or ())
    wish = Wish(files=True, digests=True, ghosts=ghosts, all_layers=arguments.all_layers)
    inventories = []
    for source in arguments.source:
        with progress(source, wanted=settings.wants_progress()) as watch:
            inventory = take(source, wish, settings.means(watch), options).inventory
        if arguments.state:
            files = tuple(file for file in inventory.files or () if file.state in arguments.state)
            inventory = msgspec.structs.replace(inventory, files=files)
        inventories.append(inventory)
    write(inventories, outputs, settings)
    return 0
