"""`hullmark upkeep`: what is newer than the packages of an image."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from hullmark.cli.fail_on import add_fail_on, upkeep_condition
from hullmark.cli.output import add_output, wanted_outputs, write
from hullmark.cli.progress import progress
from hullmark.cli.settings import SOURCES, add_advisory_options, add_source_options, moment, settings_of

if TYPE_CHECKING:
    from hullmark.app.upkeep import UpkeepRequest

NAME = "upkeep"
HELP = "list the updates that packages have, and what they fix"
EPILOG = (
    """\
The repositories that the image itself names (sources.list, /etc/apk/repositories, *.repo) are asked for their lists of packages, and each
package is compared as apt, apk or dnf would do. Where there are advisories, the vulnerabilities that all updates together would mend are
counted.
Signatures of lists are not verified. Addresses that an image names are not followed to this machine; a --mirror may be there.

exit status: 0, or by --fail-on 1; 3 if a list could not be read

"""
    + SOURCES
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument("image", metavar="SOURCE", help="image reference, file or folder (see below)")
    add_output(parser, "table, json")
    parser.add_argument(
        "--base",
        metavar="REF",
        action="append",
        default=[],
        help="an image that it may be built on: what came with that is counted (may be repeated)",
    )
    parser.add_argument(
        "--tags", action="store_true", help="ask the registry of its base how far the base's tag is behind others"
    )
    add_lists(parser)
    add_fail_on(parser, "updates, security (updates for security)")
    add_advisory_options(parser)
    add_source_options(parser)


def add_lists(parser: argparse.ArgumentParser) -> None:
    """The options that say where lists of packages are."""
    group = parser.add_argument_group("lists of packages")
    group.add_argument(
        "--repository",
        metavar="LINE",
        action="append",
        default=[],
        help="instead of those that the image names: 'deb URL SUITE COMPONENT', or a URL for apk and dnf (may be repeated)",
    )
    group.add_argument(
        "--mirror",
        metavar="URL=URL",
        action="append",
        default=[],
        help="ask the second where a list's address begins with the first (may be repeated)",
    )


def lists_of(arguments: argparse.Namespace, at: str) -> UpkeepRequest:
    """Where lists of packages are, as the options say, on a day. Raises HullmarkError."""
    from hullmark.app.upkeep import UpkeepRequest

    return UpkeepRequest(at=at, repositories=tuple(arguments.repository), mirrors=tuple(map(_mirror, arguments.mirror)))


def run(arguments: argparse.Namespace) -> int:
    """Look for updates; status 1 if --fail-on is met, 3 if that cannot be told."""
    from msgspec.structs import replace

    from hullmark.app.upkeep import upkeep_of

    settings = settings_of(arguments)
    outputs = wanted_outputs("upkeep", arguments.output)
    status_of = upkeep_condition(arguments.fail_on)
    request = replace(
        lists_of(arguments, moment(None).date().isoformat()), bases=tuple(arguments.base), tags=arguments.tags
    )
    options = settings.source_options()
    with (
        settings.open_snapshot_if_any() as advisories,
        progress(arguments.image, wanted=settings.wants_progress()) as watch,
    ):
        found = upkeep_of(arguments.image, request, advisories, settings.means(watch), options)
    write([found], outputs, settings)
    return status_of(found)


def _mirror(text: str) -> tuple[str, str]:
    """Raises HullmarkError for what is not two URLs."""
    begin, _, instead = text.partition("=")
    if not all(url.startswith(("http://", "https://")) for url in (begin, instead)):
        from hullmark.model.errors import HullmarkError

        raise HullmarkError(
            f"--mirror: {text[:200]!r} is not two addresses", advice="write it as http://ARCHIVE=http://MIRROR"
        )
    return begin, instead
