"""`hullmark explain`: why a package or a file is in an image."""

from __future__ import annotations

import argparse

from hullmark.cli.output import add_output, wanted_outputs, write
from hullmark.cli.progress import progress
from hullmark.cli.settings import SOURCES, add_advisory_options, add_source_options, moment, settings_of

NAME = "explain"
HELP = "say why a package or a file is in an image"
EPILOG = (
    """\
Said are the path, the layer and the instruction that brought it, the package that owns it, the shortest chain of packages that need it,
what it needs itself, licences, and vulnerabilities where there are advisories.

"""
    + SOURCES
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument("image", metavar="SOURCE", help="image reference, file or folder (see below)")
    parser.add_argument(
        "subject",
        metavar="WHAT",
        help="a package URL, with or without version and qualifiers; a package's name; or an absolute path in the image",
    )
    add_output(parser, "table, json")
    add_advisory_options(parser)
    add_source_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Explain it."""
    from hullmark.app.explain import provenance_of

    settings = settings_of(arguments)
    outputs = wanted_outputs("provenance", arguments.output)
    today = moment(None).date().isoformat()
    options = settings.source_options()
    with (
        settings.open_snapshot_if_any() as advisories,
        progress(arguments.image, wanted=settings.wants_progress()) as watch,
    ):
        found = provenance_of(arguments.image, arguments.subject, advisories, today, settings.means(watch), options)
    write([found], outputs, settings)
    return 0
