"""`hullmark sbom`: bills of materials in other formats."""

from __future__ import annotations

import argparse
from pathlib import Path

from hullmark.cli.help import HelpFormatter
from hullmark.cli.output import BILLS, add_bill_options, add_output, template_of, wanted_outputs, write
from hullmark.cli.settings import add_corrections, settings_of

NAME = "sbom"
HELP = "write a bill of materials in another format"
EPILOG = """\
FILE may be CycloneDX (JSON, XML), SPDX 2 (JSON, tag-value) or 3 (JSON), syft's or Trivy's JSON, or ours; its content says which it is.
`hullmark vulns sbom:FILE` and `hullmark check sbom:FILE` judge it as they judge an image.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True, help="what to do")
    convert = actions.add_parser(
        "convert", help=HELP, description=f"{HELP[0].upper()}{HELP[1:]}.", epilog=EPILOG, allow_abbrev=False
    )
    convert.formatter_class = HelpFormatter
    convert.add_argument("file", metavar="FILE", help="the bill of materials")
    add_output(convert, BILLS)
    add_bill_options(convert)
    add_corrections(convert)
    # Both are the verb's own too; here they may also stand after the action, and do not undo what stands before.
    convert.add_argument("--config", metavar="FILE", default=argparse.SUPPRESS, help="settings")
    convert.add_argument("--debug", action="store_true", default=argparse.SUPPRESS, help="show where an error happened")


def run(arguments: argparse.Namespace) -> int:
    """Read it, and write it in every format that was asked for."""
    from hullmark.scanning.sbom import sbom_at

    outputs = wanted_outputs("inventory", arguments.output, spec_version=arguments.spec_version)
    template = template_of(arguments.template)
    settings = settings_of(arguments)
    inventory = sbom_at(str(Path(arguments.file)), settings.means())
    write(
        [inventory], outputs, settings, spec_version=arguments.spec_version, template=template, author=arguments.author
    )
    return 0
