"""docker: and podman: an image that an engine on this machine holds. What talks to engines is loaded when one is asked."""

from __future__ import annotations

from hullmark.model.image import Image
from hullmark.source.source import Source, SourceOptions


def _open_docker(rest: str, reference: str, options: SourceOptions) -> Image:
    from hullmark.source import engine

    there = engine.require(engine.docker_engine(options.environment), rest, options.environment)
    return engine.open_from(there, rest, reference, options)


def _open_podman(rest: str, reference: str, options: SourceOptions) -> Image:
    from hullmark.source import engine

    there = engine.require(engine.podman_engine(options.environment), rest, options.environment)
    return engine.open_from(there, rest, reference, options)


DOCKER = Source(scheme="docker", open=_open_docker)
PODMAN = Source(scheme="podman", open=_open_podman)
SOURCES = (DOCKER, PODMAN)
