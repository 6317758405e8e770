"""An image's config in JSON → its settings. Follows OCI image specification 1.1 and Docker's image specification v1.2, in which null and
missing mean the same. Reports and bills of materials contain it, too.
"""

from __future__ import annotations

import msgspec

from hullmark.model.image import HealthCheck, HistoryEntry, ImageConfig

_Words = tuple[str, ...] | str | None


class _Health(msgspec.Struct, frozen=True, rename="pascal"):
    test: tuple[str, ...] | None = None
    interval: int | None = None
    timeout: int | None = None
    retries: int | None = None


class _Settings(msgspec.Struct, frozen=True, rename="pascal"):
    user: str | None = None
    env: tuple[str, ...] | None = None
    entrypoint: _Words = None
    cmd: _Words = None
    working_dir: str | None = None
    exposed_ports: dict[str, msgspec.Raw] | None = None
    volumes: dict[str, msgspec.Raw] | None = None
    labels: dict[str, str | None] | None = None
    stop_signal: str | None = None
    shell: _Words = None
    on_build: tuple[str, ...] | None = None
    healthcheck: _Health | None = None


class _History(msgspec.Struct, frozen=True):
    created_by: str | None = None
    created: str | None = None
    comment: str | None = None
    empty_layer: bool | None = None


class _RootFs(msgspec.Struct, frozen=True):
    diff_ids: tuple[str, ...] | None = None


class ImageConfigJson(msgspec.Struct, frozen=True):
    """The parts of an image's config that are read, in the form they are written."""

    os: str | None = None
    architecture: str | None = None
    variant: str | None = None
    created: str | None = None
    author: str | None = None
    config: _Settings | None = None
    rootfs: _RootFs | None = None
    history: tuple[_History, ...] | None = None


def image_config(wire: ImageConfigJson) -> ImageConfig:
    """The settings, with every missing value empty. Digests of layers are kept as written."""
    settings = wire.config or _Settings()
    return ImageConfig(
        os=wire.os or "",
        architecture=wire.architecture or "",
        variant=wire.variant or "",
        created=wire.created or "",
        author=wire.author or "",
        user=settings.user or "",
        env=settings.env or (),
        entrypoint=_words(settings.entrypoint),
        cmd=_words(settings.cmd),
        working_dir=settings.working_dir or "",
        exposed_ports=tuple(sorted(settings.exposed_ports or ())),
        volumes=tuple(sorted(settings.volumes or ())),
        labels={key: value or "" for key, value in sorted((settings.labels or {}).items())},
        stop_signal=settings.stop_signal or "",
        shell=_words(settings.shell),
        on_build=settings.on_build or (),
        healthcheck=_health(settings.healthcheck),
        diff_ids=(wire.rootfs.diff_ids if wire.rootfs else None) or (),
        history=tuple(
            HistoryEntry(step.created_by or "", step.created or "", step.comment or "", bool(step.empty_layer))
            for step in wire.history or ()
        ),
    )


def _words(value: _Words) -> tuple[str, ...]:
    if not value:
        return ()
    return (value,) if isinstance(value, str) else value


def _health(wire: _Health | None) -> HealthCheck | None:
    if wire is None:
        return None
    return HealthCheck(wire.test or (), wire.interval or 0, wire.timeout or 0, wire.retries or 0)
