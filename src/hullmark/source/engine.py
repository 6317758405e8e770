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
            return kind == "tcp" or stat.S_ISSOCK(Path(path).stat().st_mode)
        except OSError:
            return False


def docker_engine(environment: Mapping[str, str]) -> Engine:
    """Docker, by DOCKER_HOST or at its usual socket. Raises HullmarkError for ways to it that are not supported."""
    address = environment.get("DOCKER_HOST") or f"unix://{_DOCKER_SOCKET}"
    kind = address.partition("://")[0]
    if kind not in ("unix", "tcp"):
        raise HullmarkError(
            f"DOCKER_HOST leads to docker by {kind[:20]!r}, which is not supported",
            advice="save the image there (docker save -o FILE IMAGE) and scan docker-archive:FILE",
        )
    if kind == "tcp" and environment.get("DOCKER_TLS_VERIFY"):
        raise HullmarkError(
            "DOCKER_HOST leads to docker by TLS, which is not supported",
            advice="save the image (docker save -o FILE IMAGE) and scan docker-archive:FILE",
        )
    return Engine("docker", address)


def podman_engine(environment: Mapping[str, str]) -> Engine:
    """Podman: CONTAINER_HOST if it names a socket, else the user's own socket if there is one, else root's."""
    if (host := environment.get("CONTAINER_HOST", "")).startswith("unix://"):
        return Engine("podman", host)
    if runtime := environment.get("XDG_RUNTIME_DIR"):
        own = Engine("podman", f"unix://{runtime}/podman/podman.sock")
        if own.is_there:
            return own
    return Engine("podman", f"unix://{_ROOT_PODMAN_SOCKET}")


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
