"""`hullmark fix`: the smallest change that makes an image pass its policy."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from hullmark.cli.output import add_output, wanted_outputs, write
from hullmark.cli.progress import progress
from hullmark.cli.settings import (
    SOURCES,
    add_advisory_options,
    add_policy_options,
    add_source_options,
    moment,
    settings_of,
)

if TYPE_CHECKING:
    from hullmark.model.remedy import Remedy

NAME = "fix"
HELP = "find the smallest change that makes an image pass"
EPILOG = (
    """\
Thought of are updates from the image's own repositories, the removal of packages and files that nothing reaches, bits of files,
settings, a newer base, and a copy of all files into an empty image. Each set is judged by the policy itself, on the image as it would
be; the smallest that passes is printed, with a Dockerfile that makes it.

examples
  hullmark fix shop:1.4 --policy policy.yaml
                           what to change, and what remains
  hullmark fix shop:1.4 --policy policy.yaml -o dockerfile
                           the Dockerfile alone
  hullmark fix shop:1.4 --policy policy.yaml --set 'USER 10001'
                           with what only a person knows

exit status: 0 if the image passes, as it is or with the changes; 1 if it does not; 3 if that cannot be told

"""
    + SOURCES
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    from hullmark.cli.check import add_judging, add_policy
    from hullmark.cli.upkeep import add_lists

    parser.add_argument("image", metavar="SOURCE", help="image reference or file (see below)")
    add_policy(parser)
    add_output(parser, "table, json, markdown, dockerfile")
    group = parser.add_argument_group("what may be changed")
    group.add_argument(
        "--set",
        metavar="INSTRUCTION",
        action="append",
        default=[],
        help="an instruction that may be added: USER, HEALTHCHECK, LABEL or ENV with its words (may be repeated)",
    )
    group.add_argument(
        "--base",
        metavar="REF",
        action="append",
        default=[],
        help="a newer base image that it may be built on, of the same line; also the one that it is built on (may be repeated)",
    )
    group.add_argument(
        "--goal",
        metavar="VERDICT",
        default="go",
        choices=("go", "warn"),
        help="what the verdict is to be: go, or warn, which also passes (default: go)",
    )
    add_lists(parser)
    parser.add_argument(
        "--at", "--as-of", dest="at", metavar="TIME", help="the moment that counts as now, as 2026-03-01T12:00:00Z"
    )
    add_judging(parser)
    add_policy_options(parser)
    add_advisory_options(parser)
    add_source_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Find the changes; status 0 if the image passes with them, 1 if not, 3 if that cannot be told."""
    from msgspec.structs import replace

    from hullmark.app.fix import FixRequest, remedy_of
    from hullmark.app.virtual_image import JudgingContext
    from hullmark.cli.check import build_check_options, open_snapshot_for, policy_of
    from hullmark.cli.upkeep import lists_of

    settings = settings_of(arguments)
    outputs = wanted_outputs("remedy", arguments.output)
    policy, options = policy_of(settings, arguments.policy, None), build_check_options(arguments)
    now = moment(arguments.at)
    request = FixRequest(
        goal=arguments.goal,
        lists=lists_of(arguments, now.date().isoformat()),
        settings=tuple(arguments.set),
        bases=tuple(arguments.base),
    )
    with (
        open_snapshot_for(settings, policy, options, None) as advisories,
        progress(arguments.image, wanted=settings.wants_progress()) as watch,
    ):
        judging = JudgingContext(
            policy=policy, now=now, resources=settings.means(watch), options=replace(options, advisories=advisories)
        )
        found = remedy_of(arguments.image, request, judging, settings.source_options())
    write([found], outputs, settings)
    return _status(found)


def _status(remedy: Remedy) -> int:
    if remedy.is_reached:
        return 0
    return 3 if remedy.after.verdict == "unknown" else 1
