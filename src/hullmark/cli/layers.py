"""`hullmark layers`: what each layer of an image adds, changes, hides and wastes."""

from __future__ import annotations

import argparse

from hullmark.cli.output import add_output, wanted_outputs, write
from hullmark.cli.progress import progress
from hullmark.cli.settings import SOURCES, add_source, add_source_options, settings_of

NAME = "layers"
HELP = "say what each layer adds, changes, hides and wastes"
EPILOG = (
    """\
Bytes are those of the layer as it is stored, those of the files in it, and those of files that a later layer hides or replaces: these
are wasted, as they lie in the image and no container sees them. -o json names all files.

"""
    + SOURCES
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    add_source(parser)
    add_output(parser, "table, json, markdown")
    add_source_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Show the layers of each source."""
    from hullmark.app.images import layers_of

    outputs = wanted_outputs("layers", arguments.output, len(arguments.source))
    settings = settings_of(arguments)
    options = settings.source_options()
    results = []
    for source in arguments.source:
        with progress(source, wanted=settings.wants_progress()) as watch:
            results.append(layers_of(source, settings.means(watch), options))
    write(results, outputs, settings)
    return 0
