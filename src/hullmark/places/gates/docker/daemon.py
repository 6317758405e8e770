"""A client of dockerd for the gate. Its requests only read, so the front lets them pass."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from hullmark.places.runtime.engines.api import EngineApi, EngineRefused

_FRESH = 60.0
_NOT_FOUND = (400, 404)
"""400: what was asked for is not a valid name."""


class Daemon:
    """Asks dockerd, whose settings are asked for once a minute. Every method raises NetError."""

    def __init__(self, api: EngineApi, monotonic: Callable[[], float]) -> None:
        self._api, self._monotonic = api, monotonic
        self._info: tuple[float, Mapping[str, Any]] | None = None

    def info(self) -> Mapping[str, Any]:
        """How the engine is set up."""
        now = self._monotonic()
        if self._info is None or now - self._info[0] > _FRESH:
            self._info = (now, self._api.info())
        return self._info[1]

    def image(self, name: str) -> Mapping[str, Any] | None:
        """An image by name, id or the beginning of an id."""
        return _answer_or_none(lambda: self._api.image(name))

    def container(self, name: str) -> Mapping[str, Any] | None:
        """A container by name or id."""
        return _answer_or_none(lambda: self._api.inspect(name))

    def volume(self, name: str) -> Mapping[str, Any] | None:
        """A volume by name."""
        return _answer_or_none(lambda: self._api.volume(name))

    def running(self) -> tuple[str, ...]:
        """The ids of the images of containers that run."""
        found = {
            container.get("ImageID") for container in self._api.containers() if container.get("State") == "running"
        }
        return tuple(sorted(digest for digest in found if isinstance(digest, str)))


def _answer_or_none(ask: Callable[[], Mapping[str, Any]]) -> Mapping[str, Any] | None:
    try:
        return ask()
    except EngineRefused as error:
        if error.status not in _NOT_FOUND:
            raise
        return None
