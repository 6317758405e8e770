"""`hullmark scan`: what is inside an image."""

from __future__ import annotations

import argparse

from hullmark.cli.output import BILLS, add_bill_options, add_output, template_of, wanted_outputs, write
from hullmark.cli.progress import progress
from hullmark.cli.server_options import add_server_options
from hullmark.cli.settings import (
    SOURCES,
    Settings,
    add_scanner_options,
    add_secret_options,
    add_source,
    add_source_options,
    settings_of,
)

NAME = "scan"
HELP = "list what is inside an image: packages; --files adds files"
EPILOG = (
    """\
examples
  hullmark scan nginx:1.27
  hullmark scan -o cyclonedx-json=sbom.json nginx:1.27
  hullmark scan --files oci-archive:image.tar

"""
    + SOURCES
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    add_source(parser)
    add_output(parser, BILLS)
    add_bill_options(parser)
    parser.add_argument("--files", action="store_true", help="also list every file with owner and state")
    parser.add_argument(
        "--for-policies",
        action="store_true",
        help="with all that policies may ask for (files, settings, configuration, certificates, secrets masked); json only",
    )
    parser.add_argument("--all-layers", action="store_true", help="also show what later layers deleted or replaced")
    parser.add_argument(
        "--catalogers",
        metavar="WORDS",
        default="",
        help="which catalogers look for packages, by name, purl type or tag (image, directory, os, all), separated by commas: `python,deb` "
        "alone, `+directory` what lock files name as well, `-npm` not these; `hullmark catalogers` lists them",
    )
    add_secret_options(parser)
    add_scanner_options(parser)
    add_source_options(parser)
    add_server_options(parser, with_waiting=True)


def run(arguments: argparse.Namespace) -> int:
    """Scan each source and write the inventories."""
    settings = settings_of(arguments)
    if settings.server():
        from hullmark.cli.remote import source as remote

        return remote.scan(arguments, settings)
    return _for_policies(arguments, settings) if arguments.for_policies else _scan(arguments, settings)


def _for_policies(arguments: argparse.Namespace, settings: Settings) -> int:
    from hullmark.model.errors import HullmarkError
    from hullmark.scanning.known import known_image

    if arguments.catalogers:
        raise HullmarkError("policies are told of all packages", advice="leave out --catalogers or --for-policies")
    outputs = wanted_outputs("known", arguments.output or ["json"], len(arguments.source))
    options = settings.source_options()
    known = []
    for source in arguments.source:
        with progress(source, wanted=settings.wants_progress()) as watch:
            known.append(known_image(source, settings.means(watch), options))
    write(known, outputs, settings)
    return 0


def _scan(arguments: argparse.Namespace, settings: Settings) -> int:
    from hullmark.scanning.request import ScanRequest
    from hullmark.scanning.take import take

    outputs = wanted_outputs("inventory", arguments.output, len(arguments.source), arguments.spec_version)
    template = template_of(arguments.template)
    request = ScanRequest(
        files=arguments.files,
        digests=arguments.files,
        all_layers=arguments.all_layers,
        relations=any(output.format.tells_relations for output in outputs),
        licences=any(output.format.tells_licences for output in outputs),
        catalogers=tuple(filter(None, (word.strip() for word in arguments.catalogers.split(",")))),
    )
    options = settings.source_options()
    inventories = []
    for source in arguments.source:
        with progress(source, wanted=settings.wants_progress()) as watch:
            inventories.append(take(source, request, settings.means(watch), options).inventory)
    write(
        inventories, outputs, settings, spec_version=arguments.spec_version, template=template, author=arguments.author
    )
    return 0
