"""The accounts of Amazon's and projects of Google's that options name, and collectors that ask them."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from hullmark.cli.settings import Settings
    from hullmark.places.runtime.collector import Collector
    from hullmark.source import SourceOptions

_LONGEST_PAUSE = 86_400.0
_QUEUE = "hullmark-ecs-tasks"


def add_ecs_options(parser: argparse.ArgumentParser) -> None:
    """Which accounts and regions, by which roles, and how changes are followed."""
    parser.add_argument(
        "--region",
        metavar="NAME",
        action="append",
        default=[],
        help="a region of Amazon's; may be given several times (default: the one that is configured for boto3)",
    )
    parser.add_argument(
        "--role",
        metavar="ARN",
        action="append",
        default=[],
        help="a role to assume, one for each account; may be given several times (default: ask as who boto3 finds)",
    )
    parser.add_argument("--external-id", metavar="TEXT", default="", help="what the roles' trust demands")
    parser.add_argument(
        "--queue",
        metavar="NAME",
        default=_QUEUE,
        help=f"the queue of events in each region, for --follow (default: {_QUEUE}; empty: list again and again)",
    )
    _add_interval(parser)


def add_cloudrun_options(parser: argparse.ArgumentParser) -> None:
    """Which projects and regions."""
    parser.add_argument(
        "--project",
        metavar="ID",
        action="append",
        default=[],
        help="a project of Google's; may be given several times (default: GOOGLE_CLOUD_PROJECT)",
    )
    parser.add_argument(
        "--region", metavar="NAME", action="append", default=[], help="only this region; may be given several times"
    )
    _add_interval(parser)


def _add_interval(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--interval",
        metavar="SECONDS",
        type=_pause,
        default=60.0,
        help="with --follow: seconds between two lists where there are no events (default: 60)",
    )


def _pause(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 1 <= number <= _LONGEST_PAUSE:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds, from 1 to {_LONGEST_PAUSE:.0f}")
    return number


def ecs_collectors(arguments: argparse.Namespace, settings: Settings) -> list[Collector]:
    """One collector for each account and region. Raises HullmarkError where Amazon cannot be asked."""
    from hullmark.model.errors import HullmarkError
    from hullmark.net.aws import AwsSession, AwsSettings
    from hullmark.places.runtime.ecs.collector import EcsCollector, FollowSettings

    follow = FollowSettings(queue=arguments.queue, interval=arguments.interval)
    found: dict[str, Collector] = {}
    for role in arguments.role or [""]:
        session = AwsSession(AwsSettings(role=role, external_id=arguments.external_id))
        for region in arguments.region or [session.region(settings.environment)]:
            collector = EcsCollector(session, region, follow)
            if collector.name in found:
                raise HullmarkError(
                    f"{collector.name} is named twice",
                    advice="give one --role for each account, and each --region once",
                )
            found[collector.name] = collector
    return list(found.values())


def cloudrun_collectors(arguments: argparse.Namespace, settings: Settings) -> list[Collector]:
    """One collector for each project. Raises HullmarkError for what is not a project's name."""
    from hullmark.model.errors import HullmarkError
    from hullmark.net.google import GoogleTokens
    from hullmark.net.http import Client
    from hullmark.places.runtime.cloudrun.api import CloudRunApi
    from hullmark.places.runtime.cloudrun.collector import CloudRunCollector
    from hullmark.source.distribution import http_settings

    own = settings.environment.get("GOOGLE_CLOUD_PROJECT", "")
    projects = arguments.project or ([own] if own else [])
    if not projects:
        raise HullmarkError("which project?", advice="name it by --project ID or GOOGLE_CLOUD_PROJECT")
    options = settings.source_options()
    http = http_settings(options)
    client, tokens, endpoint = Client(http), GoogleTokens(http), _endpoint(settings)
    look = _tag_look(options)
    return [
        CloudRunCollector(
            CloudRunApi(project, client, tokens, endpoint), look, sorted(set(arguments.region)), arguments.interval
        )
        for project in dict.fromkeys(projects)
    ]


def _endpoint(settings: Settings) -> str:
    """Where Cloud Run's API is: Google's address, or another that gcloud would take as well. Raises HullmarkError for plain HTTP to it."""
    from hullmark.model.errors import HullmarkError
    from hullmark.net.proxies import is_loopback
    from hullmark.places.runtime.cloudrun.api import ENDPOINT

    variable = "CLOUDSDK_API_ENDPOINT_OVERRIDES_RUN"
    given = settings.environment.get(variable, "").rstrip("/")
    if not given:
        return ENDPOINT
    parts = urlsplit(given)
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(parts.hostname or "")):
        raise HullmarkError(f"{variable} is not an address to send a token to", advice="begin it with https://")
    return given


def _tag_look(options: SourceOptions) -> Callable[[str], str]:
    """How the digest of a tag is asked for at its registry; "" where it is not known."""
    from hullmark.model.errors import HullmarkError
    from hullmark.model.reference import parse_reference
    from hullmark.source.distribution import first_answer, sessions_for
    from hullmark.source.tag_look import look_at_tag

    def look(reference: str) -> str:
        try:
            named = parse_reference(reference)
            _, sessions = sessions_for(named, options)
            return first_answer(sessions, lambda session: look_at_tag(session, named.version).digest)[1]
        except HullmarkError:
            return ""

    return look
