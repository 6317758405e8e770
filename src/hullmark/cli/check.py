"""`hullmark check`: may this image be deployed?"""

from __future__ import annotations

import argparse
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

from hullmark.cli.output import add_output, wanted_outputs, write
from hullmark.cli.progress import progress
from hullmark.cli.settings import (
    SOURCES,
    Settings,
    add_advisory_options,
    add_source,
    add_source_options,
    moment,
    settings_of,
)

if TYPE_CHECKING:
    from hullmark.app.check import AnyPolicy, Asked

NAME = "check"
HELP = "judge an image by a policy: go, warn, stop or unknown"
EPILOG = SOURCES

_EXIT = {"go": 0, "warn": 0, "stop": 1, "unknown": 3}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    add_source(parser)
    parser.add_argument(
        "--policy", metavar="FILE|DIR", required=True, help="the policy, native or Anchore's, or a folder of them"
    )
    add_output(parser, "table, json, sarif, junit, html, markdown, github")
    parser.add_argument("--at", metavar="TIME", help="the moment that counts as now, as 2026-03-01T12:00:00Z")
    group = parser.add_argument_group("what is known besides the image")
    group.add_argument("--dockerfile", metavar="FILE", help="the Dockerfile that the image was built by")
    group.add_argument("--tag", metavar="REF", help="the reference it is judged under (default: its own)")
    group.add_argument(
        "--digest", metavar="DIGEST", default="", help="the digest it is judged under (default: its own)"
    )
    group.add_argument("--context", metavar="FILE", help="facts from outside the image, as JSON")
    group = parser.add_argument_group("Anchore policies")
    group.add_argument(
        "--profile",
        metavar="NAME",
        default="native",
        choices=("native", "compat"),
        help="native, or compat: as Anchore itself judges (default: native)",
    )
    group.add_argument(
        "--without-quirk",
        metavar="NAME",
        action="append",
        default=[],
        help="with compat: do one thing as native does, as Q7",
    )
    group.add_argument(
        "--unmapped",
        metavar="VERDICT",
        default="stop",
        choices=("stop", "unknown", "warn", "go"),
        help="what an image comes to that no mapping fits: stop, unknown, warn or go (default: stop)",
    )
    add_advisory_options(parser)
    add_source_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Judge each source; the exit status is that of the worst verdict: a stop, then what cannot be told."""
    from pathlib import Path

    from msgspec.structs import replace

    from hullmark.app.check import judge, load

    outputs = wanted_outputs("verdict", arguments.output)
    settings = settings_of(arguments)
    policy = load(Path(arguments.policy))
    asked = _asked(arguments)
    now = moment(arguments.at)
    options = settings.source_options()
    verdicts = []
    with _book(settings, policy, asked) as book:
        asked = replace(asked, book=book)
        for source in arguments.source:
            with progress(source, wanted=settings.wants_progress()) as watch:
                verdicts.append(judge(source, policy, now, settings.means(watch), options, asked).verdict)
    write(verdicts, outputs, settings)
    statuses = [_EXIT[verdict.verdict] for verdict in verdicts]
    return 1 if 1 in statuses else max(statuses)


def _asked(arguments: argparse.Namespace) -> Asked:
    from pathlib import Path

    from hullmark.app.check import Asked, load_context, load_dockerfile, profile_of
    from hullmark.model.verdict import Outcome
    from hullmark.policy.context import NO_CONTEXT

    without = tuple(arguments.without_quirk)
    profile_of(arguments.profile, without)
    return Asked(
        profile=arguments.profile,
        without_quirks=without,
        unmapped=Outcome(arguments.unmapped),
        context=load_context(Path(arguments.context)) if arguments.context else NO_CONTEXT,
        dockerfile=load_dockerfile(Path(arguments.dockerfile)) if arguments.dockerfile else "",
        tag=arguments.tag,
        digest=arguments.digest,
    )


def _book(settings: Settings, policy: AnyPolicy, asked: Asked) -> AbstractContextManager[object]:
    """The advisories: those that were named, else those that are kept if a rule asks for them; None where there are none."""
    from hullmark.app.check import needed, wants_advisories

    is_named = settings.get("snapshot") or settings.get("advisories")
    if is_named and needed(policy, asked.context).matches:
        return settings.book()
    if not is_named and wants_advisories(policy, asked.context) and settings.shelf().current() is not None:
        return settings.book()
    return nullcontext()
