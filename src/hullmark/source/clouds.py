"""Which clouds' registries are logged in to, and logins that are only made when a registry asks for one.

What finds them (`cloud_logins`) brings the HTTP client along: whoever reads an image from disk does not import it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

from hullmark.model.errors import HullmarkError

if TYPE_CHECKING:
    from hullmark.source.credentials import Credentials

VARIABLE = "HULLMARK_CLOUD_LOGINS"
CLOUDS = ("ecr", "google")


class LoginFinder(Protocol):
    """Finds a login where no file of logins has one."""

    def find(self, host: str) -> Credentials:
        """The login for a registry; NOBODY for one that it does not know. Raises HullmarkError where nobody is let in without."""


class LaterLogins:
    """A finder of logins that `make` makes when the first login is asked for."""

    def __init__(self, make: Callable[[], LoginFinder]) -> None:
        self._make = make

    @cached_property
    def _finder(self) -> LoginFinder:
        return self._make()

    def find(self, host: str) -> Credentials:
        """What the finder answers."""
        return self._finder.find(host)


def clouds_of(text: str, variable: str = VARIABLE) -> tuple[str, ...]:
    """The clouds of a list such as `ecr,google`. Raises HullmarkError for another name."""
    names = tuple(name for name in re.split(r"[,\s]+", text.strip().lower()) if name)
    if unknown := [name for name in names if name not in CLOUDS]:
        raise HullmarkError(f"{variable}: {unknown[0][:50]!r} is not a cloud", advice=f"known are {', '.join(CLOUDS)}")
    return names
