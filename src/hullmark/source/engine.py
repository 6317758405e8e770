"""Images that a container engine on this machine holds: Docker Engine API over its socket, which podman also provides.

The engine's export (`docker save`) is spooled into a file without a name, and read as an archive.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from hullmark.model.errors import HullmarkError
from hullmark.model.image import Image
from hullmark.model.limit import Limit
from hullmark.net.errors import NetError
from hullmark.net.unix import LocalAnswer, ask
from hullmark.source import docker_archive, oci_archive
from hullmark.source.archive import open_archive
from hullmark.source.files import HeldFile, LocalFile
from hullmark.source.image import ImageRequest
from hullmark.source.source import ImageNotFound, SourceOptions

_DOCKER_SOCKET = "/var/run/docker.sock"
_ROOT_PODMAN_SOCKET = "/run/podman/podman.sock"
_DESCRIPTION_LIMIT = Limit(8 << 20, "bytes of a container engine's description of an image", "refused")
_EXPORT_LIMIT = Limit(256 << 30, "bytes of an image that a container engine exports", "refused")
_CHUNK = 1 << 20
_UNIX = "unix://"
_START_PODMAN = "systemctl --user start podman.socket"


class NoEngine(HullmarkError):
    """There is no socket by which a container engine could be asked."""


@dataclass(frozen=True, slots=True)
class Engine:
    """A container engine: its scheme, and where it listens."""

    scheme: str
    address: str

    @property
    def is_there(self) -> bool:
        """Is there a socket? An address in the network is taken to be there."""
        kind, _, path = self.address.partition("://")
        try:
            return kind in ("tcp", "tls") or stat.S_ISSOCK(Path(path).stat().st_mode)
        except OSError:
            return False


def docker_engine(environment: Mapping[str, str]) -> Engine:
    """Docker, by DOCKER_HOST or at its usual socket. By TLS if DOCKER_TLS_VERIFY says so. Raises
    HullmarkError for ways to it that are not supported."""
    address = environment.get("DOCKER_HOST") or f"{_UNIX}{_DOCKER_SOCKET}"
    kind = address.partition("://")[0]
    if kind not in ("unix", "tcp"):
        raise HullmarkError(
            f"DOCKER_HOST leads to docker by {kind[:20]!r}, which is not supported",
            advice="save the image there (docker save -o FILE IMAGE) and scan docker-archive:FILE",
        )
    if kind == "tcp" and environment.get("DOCKER_TLS_VERIFY"):
        # As docker's own client: the certificates are where DOCKER_CERT_PATH says.
        folder = environment.get("DOCKER_CERT_PATH") or f"{environment.get('HOME', '')}/.docker"
        return Engine("docker", f"tls://{address.partition('://')[2]}#{folder}")
    return Engine("docker", address)


def podman_engine(environment: Mapping[str, str]) -> Engine:
    """Podman: the first of its sockets that is there, else the last."""
    engines = [Engine("podman", f"{_UNIX}{path}") for path in podman_sockets(environment)]
    return next((engine for engine in engines if engine.is_there), engines[-1])


def podman_sockets(environment: Mapping[str, str]) -> list[str]:
    """Where podman's socket is looked for: where CONTAINER_HOST says if it names one, else the user's own, then root's."""
    if (host := environment.get("CONTAINER_HOST", "")).startswith(_UNIX):
        return [host.removeprefix(_UNIX)]
    runtime = environment.get("XDG_RUNTIME_DIR") or f"/run/user/{os.getuid()}"
    return [f"{runtime}/podman/podman.sock", _ROOT_PODMAN_SOCKET]


def missing(environment: Mapping[str, str]) -> str:
    """Which sockets of engines were looked for, and how one comes to be there; "" if one is."""
    engines = (docker_engine(environment), podman_engine(environment))
    if any(engine.is_there for engine in engines):
        return ""
    tried = (engines[0].address.removeprefix(_UNIX), *podman_sockets(environment))
    return f"no Docker or podman was asked, there is no socket at {', '.join(tried)} ({_START_PODMAN} makes podman's)"


def require(engine: Engine, name: str, environment: Mapping[str, str]) -> Engine:
    """The engine. Raises NoEngine, with the sockets that were looked for and what to do, where none of them is there."""
    if engine.is_there:
        return engine
    if engine.scheme == "podman":
        where = " or ".join(podman_sockets(environment))
        raise NoEngine(
            f"podman has no socket at {where}",
            advice=f"start it: {_START_PODMAN} (root: systemctl start podman.socket)",
        )
    where = engine.address.removeprefix(_UNIX)
    advice = "start it (systemctl start docker), or name its socket in DOCKER_HOST"
    if podman_engine(environment).is_there:
        advice = f"podman has one: podman:{name}"
    raise NoEngine(f"Docker has no socket at {where}", advice=advice)


def open_from(engine: Engine, name: str, reference: str, options: SourceOptions) -> Image:
    """The image that an engine holds under a name or id. Raises ImageNotFound, NetError."""
    path = f"/images/{quote(name, safe='/:@._-')}"
    with closing(ask(engine.address, f"{path}/json", options.timeout)) as answer:
        _check(answer, engine, name)
        answer.body(_DESCRIPTION_LIMIT)
    with closing(ask(engine.address, f"{path}/get", options.timeout)) as answer:
        _check(answer, engine, name)
        held = _spool(answer, options.environment.get("TMPDIR"))
    archive = open_archive(LocalFile(f"the export of {name}", held))
    request = ImageRequest(kind=engine.scheme, reference=reference, options=options)
    read = oci_archive.read_archive if oci_archive.is_layout(archive) else docker_archive.read_archive
    return read(archive, "", request)


def _check(answer: LocalAnswer, engine: Engine, name: str) -> None:
    if answer.status == 404:
        raise ImageNotFound(
            f"{engine.scheme} has no image {name}", advice=f"{engine.scheme} pull it, or use registry:{name}"
        )
    if answer.status != 200:
        raise NetError(f"{engine.scheme} answered with status {answer.status}", advice=f"look at {engine.scheme}'s log")


def _spool(answer: LocalAnswer, folder: str | None) -> HeldFile:
    """All of the answer in a file that vanishes with its last user."""
    import tempfile

    try:
        with tempfile.TemporaryFile(dir=folder, buffering=0) as file:
            size, buffer = 0, memoryview(bytearray(_CHUNK))
            while n := answer.readinto(buffer):
                size += n
                if size > _EXPORT_LIMIT:
                    raise HullmarkError(f"the image has more than {_EXPORT_LIMIT} bytes", advice="scan a smaller one")
                rest = buffer[:n]
                while rest:
                    rest = rest[file.write(rest) :]
            return HeldFile(os.dup(file.fileno()))
    except OSError as error:
        raise HullmarkError(
            f"the image cannot be kept for reading ({error.strerror})", advice="set TMPDIR to a folder with more space"
        ) from error
