"""The clusters of Kubernetes that options name, and collectors that ask them."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from hullmark.cli.settings import add_advisory_options

if TYPE_CHECKING:
    from hullmark.cli.settings import Settings
    from hullmark.places.runtime.collector import Collector
    from hullmark.places.runtime.host import Look
    from hullmark.places.runtime.kubernetes.access import ClusterAccess


def add_kubernetes_options(parser: argparse.ArgumentParser) -> None:
    """Which clusters, and what of them."""
    parser.add_argument(
        "--kubeconfig",
        metavar="FILE",
        help="how clusters are reached (default: KUBECONFIG, else ~/.kube/config; in a pod its service account)",
    )
    parser.add_argument(
        "--context",
        metavar="NAME",
        action="append",
        default=[],
        help="a context of the kubeconfig; may be given several times (default: the current one)",
    )
    parser.add_argument("--namespace", "-n", metavar="NAME", default="", help="only this namespace")
    parser.add_argument(
        "--selector", "-l", metavar="LABELS", default="", help="only pods with these labels, as app=web,tier!=test"
    )
    parser.add_argument(
        "--name", metavar="NAME", help="what the cluster is called among places (default: the context's name)"
    )
    add_advisory_options(parser)


def kubernetes_collectors(arguments: argparse.Namespace, settings: Settings) -> list[Collector]:
    """A collector for each context. Raises HullmarkError for clusters that are not named well, and for what cannot be followed."""
    import time
    from datetime import UTC, datetime

    from hullmark.cli.remote.connection import http_settings
    from hullmark.places.runtime.kubernetes.api import KubernetesApi, Scope
    from hullmark.places.runtime.kubernetes.collector import KubernetesCollector

    accesses = _accesses(arguments, settings)
    _check(arguments, accesses)
    scope = Scope(arguments.namespace, arguments.selector)
    return [
        KubernetesCollector(
            KubernetesApi(access, http_settings(settings)),
            _name(arguments, access),
            scope,
            lambda: datetime.now(UTC),
            time.monotonic,
            _look(settings),
        )
        for access in accesses
    ]


def _look(settings: Settings) -> Look:
    """How nodes are looked at: by the versions that the API tells, since nobody reads their packages."""
    from collections.abc import Mapping
    from datetime import UTC, datetime
    from typing import Any

    from hullmark.app.host import HostLook
    from hullmark.places.runtime.host import HostState

    def look(version: Mapping[str, Any], info: Mapping[str, Any]) -> HostState:
        # Advisories are opened each time: what `hullmark db update` brings counts from the next look on.
        with settings.open_snapshot_if_any() as advisories:
            return HostLook(None, advisories, datetime.now(UTC))(version, info)

    return look


def _accesses(arguments: argparse.Namespace, settings: Settings) -> list[ClusterAccess]:
    from hullmark.model.errors import HullmarkError
    from hullmark.places.runtime.kubernetes.access import in_cluster, is_in_cluster
    from hullmark.places.runtime.kubernetes.kubeconfig import Kubeconfig, kubeconfig_files

    environment = settings.environment
    files = [path for path in kubeconfig_files(arguments.kubeconfig, environment) if path.exists()]
    if files:
        config = Kubeconfig(files)
        return [config.access(context) for context in dict.fromkeys(arguments.context or [""])]
    if arguments.context or not is_in_cluster(environment):
        raise HullmarkError("there is no kubeconfig", advice="name one with --kubeconfig, or set KUBECONFIG")
    return [in_cluster(environment)]


def _check(arguments: argparse.Namespace, accesses: list[ClusterAccess]) -> None:
    from hullmark.model.errors import HullmarkError

    if arguments.name and len(accesses) > 1:
        raise HullmarkError("--name is for one cluster", advice="name one --context, or rename contexts")
    if not arguments.follow:
        return
    if arguments.selector:
        # Whatever a collector does not list has ended, as the server sees it.
        raise HullmarkError("--follow reports all pods", advice="leave --selector out; choose by labels on the server")
    if not arguments.name and any(access.name == "in-cluster" for access in accesses):
        raise HullmarkError("the cluster needs a name", advice="add --name: it tells its places from other clusters'")


def _name(arguments: argparse.Namespace, access: ClusterAccess) -> str:
    """What places call the cluster. A part of one that is followed is a collector of its own, and must not end what others told."""
    name = str(arguments.name or access.name)
    return f"{name}/{arguments.namespace}" if arguments.follow and arguments.namespace else name
