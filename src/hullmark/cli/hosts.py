"""The engines of this host, and collectors that ask them."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import TYPE_CHECKING

from hullmark.cli.extras import containerd_extra

if TYPE_CHECKING:
    from hullmark.cli.settings import Settings
    from hullmark.places.runtime.collector import Collector
    from hullmark.places.runtime.containerd.collector import LocalDrift
    from hullmark.places.runtime.host import Look

ENGINES = ("docker", "podman", "containerd")
_DRIFT = 60.0
_LONGEST_PAUSE = 86_400.0
_CONTAINERD = ("/run/containerd/containerd.sock", "/run/k3s/containerd/containerd.sock", "/run/crio/crio.sock")


def add_host_options(parser: argparse.ArgumentParser) -> None:
    """How this host is called, and where it is."""
    parser.add_argument("--name", metavar="NAME", help="what the host is called among places (default: its own name)")
    parser.add_argument(
        "--host-root",
        metavar="DIR",
        default="/",
        help="where the host's file system is, for its databases of packages (default: /; empty: not looked at)",
    )
    parser.add_argument(
        "--address",
        metavar="URL",
        help="where the engine listens, as unix:///PATH (default: DOCKER_HOST, CONTAINER_HOST, "
        "CONTAINER_RUNTIME_ENDPOINT, or where it usually is)",
    )


def add_drift_option(parser: argparse.ArgumentParser) -> None:
    """Whether changed files of containers are told of."""
    parser.add_argument(
        "--drift",
        metavar="SECONDS",
        nargs="?",
        type=_pause,
        const=_DRIFT,
        default=0.0,
        help="tell which programs in containers are not their image's; look every so many seconds (default: 60)",
    )


def _pause(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 < number <= _LONGEST_PAUSE:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds, up to {_LONGEST_PAUSE:.0f}")
    return number


def addresses(chosen: list[str], address: str | None, environment: Mapping[str, str]) -> dict[str, str]:
    """The engines that are asked for, else all that are there, each with where it listens. Raises HullmarkError for none."""
    from hullmark.model.errors import HullmarkError

    if address:
        if len(chosen) != 1:
            raise HullmarkError("--address is of one engine", advice=f"name it: --engine {'|'.join(ENGINES)}")
        return {chosen[0]: address}
    if chosen:
        return {name: _address(name, environment) for name in dict.fromkeys(chosen)}
    found = {name: where for name in ENGINES if _is_there(where := _address(name, environment))}
    if len({_resolve_address(where) for name, where in found.items() if name != "containerd"}) < len(
        found.keys() - {"containerd"}
    ):
        del found["docker"]  # podman answers in its place
    if not found:
        tried = ", ".join(_address(name, environment).removeprefix("unix://") for name in ENGINES)
        raise HullmarkError(
            f"there is no container engine: no socket at {tried}",
            advice="start it, or name it by --engine and --address",
        )
    return found


def _resolve_address(address: str) -> str:
    """Where an address leads: the package podman-docker makes Docker's socket a link to podman's."""
    from pathlib import Path

    path = address.removeprefix("unix://")
    return str(Path(path).resolve()) if path != address else address


def _address(name: str, environment: Mapping[str, str]) -> str:
    from hullmark.source.engine import docker_engine, podman_engine

    if name == "docker":
        return docker_engine(environment).address
    if name == "podman":
        return podman_engine(environment).address
    if told := environment.get("CONTAINER_RUNTIME_ENDPOINT"):
        return told
    return next((where for path in _CONTAINERD if _is_there(where := f"unix://{path}")), f"unix://{_CONTAINERD[0]}")


def _is_there(address: str) -> bool:
    from hullmark.source.engine import Engine

    return Engine("", address).is_there


def host_collectors(engines: list[str], arguments: argparse.Namespace, settings: Settings) -> list[Collector]:
    """Collectors of this host's engines: those named, or all that are there. Raises HullmarkError where there is none."""
    from hullmark.cli.reporting import host_name

    found = addresses(engines, arguments.address, settings.environment)
    if "containerd" in found and not engines and len(found) > 1 and not _serves_cri(found["containerd"]):
        del found["containerd"]  # Docker's own, which does nothing else
    name = arguments.name or host_name()
    return [
        _collector(engine, where, name, arguments, _look(where, arguments, settings)) for engine, where in found.items()
    ]


def _serves_cri(address: str) -> bool:
    from hullmark.net.errors import NetError

    try:
        from hullmark.places.runtime.containerd.api import CriApi

        api = CriApi(address, timeout=5.0)
        try:
            api.version()
        finally:
            api.close()
    except (ModuleNotFoundError, NetError):
        return False
    return True


def _collector(engine: str, address: str, name: str, arguments: argparse.Namespace, look: Look) -> Collector:
    drift = float(getattr(arguments, "drift", 0.0))
    if engine == "containerd":
        with containerd_extra():
            from hullmark.places.runtime.containerd.collector import CriCollector, connect
        return CriCollector(connect(address), name, look=look, drift=_local_drift(drift, arguments.host_root))
    from hullmark.places.runtime.engines.api import EngineApi
    from hullmark.places.runtime.engines.collector import EngineCollector, Intervals

    return EngineCollector(
        "docker" if engine == "docker" else "podman",
        EngineApi(engine, address),
        name,
        Intervals(drift=drift),
        look=look,
    )


def _local_drift(seconds: float, host_root: str) -> LocalDrift | None:
    """How files of containerd's containers are looked at. Raises HullmarkError where they are wanted and cannot be."""
    from pathlib import Path

    from hullmark.model.errors import HullmarkError
    from hullmark.places.runtime.containerd.collector import LocalDrift

    if not seconds:
        return None
    if not host_root:
        raise HullmarkError(
            "containerd does not tell which files changed: they are read on the host",
            advice="say where it is: --host-root",
        )
    return LocalDrift(seconds, Path(host_root))


def _look(address: str, arguments: argparse.Namespace, settings: Settings) -> Look:
    """How the host below an engine is looked at: not at all if the engine is on another machine."""
    from collections.abc import Mapping as Said
    from datetime import UTC, datetime
    from pathlib import Path
    from typing import Any

    from hullmark.app.host import HostLook
    from hullmark.places.runtime.host import HostState, RememberedLook

    root = Path(arguments.host_root) if arguments.host_root and address.startswith("unix:") else None

    def look(version: Said[str, Any], info: Said[str, Any]) -> HostState:
        # Advisories are opened each time: what `hullmark db update` brings counts from the next list on.
        with settings.open_snapshot_if_any() as advisories:
            return HostLook(root, advisories, datetime.now(UTC))(version, info)

    return RememberedLook(look, lambda: datetime.now(UTC))
