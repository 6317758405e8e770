"""`hullmark inventory`: what runs where, asked of a cluster, a service or a host."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from hullmark.cli.clouds import add_cloudrun_options, add_ecs_options, cloudrun_collectors, ecs_collectors
from hullmark.cli.help import HelpFormatter, add_example
from hullmark.cli.hosts import add_drift_option, add_host_options
from hullmark.cli.kubernetes import add_kubernetes_options, kubernetes_collectors
from hullmark.cli.output import add_output
from hullmark.cli.reporting import add_reporting_options
from hullmark.cli.settings import add_advisory_options, settings_of

if TYPE_CHECKING:
    from hullmark.cli.settings import Settings
    from hullmark.model.place import Places
    from hullmark.places.runtime.collector import Collector

NAME = "inventory"
HELP = "list what runs where, or report it to a server"
EPILOG = """\
`hullmark inventory PLATFORM --help` says what a platform takes. docs/how-to/watch-a-cluster.md, watch-a-host.md and
watch-ecs-and-cloud-run.md show them at work.
"""

Add = Callable[[argparse.ArgumentParser], None]


class Platform(NamedTuple):
    """What starts containers: its help, the options that say which of it is meant, and the collectors that these come to."""

    help: str
    add: Add
    collectors: Callable[[argparse.Namespace, Settings], list[Collector]]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    subs = parser.add_subparsers(dest="action", metavar="PLATFORM", required=True, help="what is asked")
    for name, platform in _PLATFORMS.items():
        text = platform.help[0].upper() + platform.help[1:] + "."
        sub = subs.add_parser(
            name, help=platform.help, description=text, formatter_class=HelpFormatter, allow_abbrev=False
        )
        platform.add(sub)
        add_output(sub, "table, json, csv")
        group = sub.add_argument_group("reporting")
        group.add_argument("--follow", action="store_true", help="report what runs, and what changes, to a server")
        add_reporting_options(sub)
        sub.add_argument("--config", metavar="FILE", default=argparse.SUPPRESS, help="settings")
        sub.add_argument("--debug", action="store_true", default=argparse.SUPPRESS, help="show where an error happened")
        add_example(sub, "-o json")


def run(arguments: argparse.Namespace) -> int:
    """List once, or report until told to stop."""
    from hullmark.cli.output import wanted_outputs, write
    from hullmark.cli.reporting import report

    settings = settings_of(arguments)
    platform = _PLATFORMS[arguments.action]
    if arguments.follow:
        return report(platform.collectors(arguments, settings), arguments, settings)
    outputs = wanted_outputs("places", arguments.output)
    write([_places(platform.collectors(arguments, settings))], outputs, settings)
    return 0


def _places(collectors: list[Collector]) -> Places:
    from hullmark.model.place import Places
    from hullmark.places.runtime.collector import GapReporting

    containers = tuple(container for collector in collectors for container in collector.containers())
    gaps = tuple(
        f"{collector.name}: {gap}"
        for collector in collectors
        if isinstance(collector, GapReporting)
        for gap in collector.gaps
    )
    return Places(containers=containers, gaps=gaps)


def _add_host(parser: argparse.ArgumentParser) -> None:
    add_host_options(parser)
    add_drift_option(parser)
    add_advisory_options(parser)


def _engine(name: str) -> Platform:
    def collectors(arguments: argparse.Namespace, settings: Settings) -> list[Collector]:
        from hullmark.cli.hosts import host_collectors

        return host_collectors([name], arguments, settings)

    return Platform(f"list what runs in {name} on this host", _add_host, collectors)


_PLATFORMS: Mapping[str, Platform] = {
    "kubernetes": Platform("list what runs in clusters of Kubernetes", add_kubernetes_options, kubernetes_collectors),
    "ecs": Platform("list what runs in Amazon ECS", add_ecs_options, ecs_collectors),
    "cloudrun": Platform("list what serves in Google Cloud Run", add_cloudrun_options, cloudrun_collectors),
    "docker": _engine("docker"),
    "podman": _engine("podman"),
    "containerd": _engine("containerd"),
}
