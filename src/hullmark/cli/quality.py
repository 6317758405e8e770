"""`hullmark quality`: how much a bill of materials says, by what is wanted of one."""

from __future__ import annotations

import argparse

from hullmark.cli.output import add_author, add_output, timestamp, wanted_outputs, write
from hullmark.cli.progress import progress
from hullmark.cli.settings import SOURCES, add_source, add_source_options, settings_of

NAME = "quality"
HELP = "measure a bill of materials by what NTIA and BSI want"
EPILOG = (
    """\
A document (sbom:FILE) is measured as it stands; of an image, what `hullmark scan -o cyclonedx-json` would write. A score is the mean of the
shares of components that have each required element, from 0 to 100.

"""
    + SOURCES
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    add_source(parser)
    add_output(parser, "table, json")
    add_author(parser)
    add_source_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Measure each source."""
    from hullmark.app.quality import measure_quality

    settings = settings_of(arguments)
    outputs = wanted_outputs("quality", arguments.output, len(arguments.source))
    options = settings.source_options()
    found = []
    for source in arguments.source:
        with progress(source, wanted=settings.wants_progress()) as watch:
            resources = settings.means(watch)
            found.append(measure_quality(source, resources, options, timestamp=timestamp(), author=arguments.author))
    write(found, outputs, settings)
    return 0
