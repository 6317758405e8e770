"""Desks that are furnished once for a file of tests; each test has a copy of its own, in which it may do what it likes.

What is copied: the database, the data folder, what the registry holds (its address is the same for all), the clock and the count of
images that were judged.
"""

from __future__ import annotations

import copy
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, fields
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.support.database import clean_database, drop_template, fresh_database, memory
from tests.support.desk import Desk, begin, desk_over, shop_registry
from tests.support.images import Blobs
from tests.support.registry import FakeRegistry

Furnish = Callable[..., Coroutine[Any, Any, Any]]
"""Furnishes a desk that is fresh, and may answer something: the `found` of each copy."""


@dataclass(frozen=True)
class _Original:
    """A desk that was furnished, and closed: its database, its data folder, its registry as it was, and what is said of it."""

    database_url: str
    data: Path
    registry: dict[str, Any]
    now: datetime
    judged: int
    found: Any

    @property
    def template(self) -> str:
        """The name of its database."""
        return urlsplit(self.database_url).path[1:]


class DeskCopies:
    """Hands out copies, of an original that is made when it is first wanted. One copy of a file lives at a time: they share a registry."""

    def __init__(self, server: str, folder: Path, registry: FakeRegistry) -> None:
        self._server = server
        self._folder = folder
        self._registry = registry
        self._empty = _held_by(registry)
        self._originals: dict[tuple[Any, ...], _Original] = {}

    @asynccontextmanager
    async def desk(self, folder: Path, furnish: Furnish, *said: Any, **changes: Any) -> AsyncIterator[Desk]:
        """A copy of a desk that `furnish` was let at with what is `said`. `folder`: where its data lies; `changes`: settings."""
        key = (furnish, *said, *sorted(changes.items()))
        original = self._originals.get(key)
        if original is None:
            original = self._originals[key] = await self._made(furnish, said, changes)
        folder.mkdir(exist_ok=True)
        shutil.copytree(original.data, folder / "data", symlinks=True)
        with clean_database(self._server, original.template) as url:
            _put_back(self._registry, original.registry)
            async with desk_over(url, folder, self._registry, **changes) as found:
                found.now, found.judged, found.found = original.now, original.judged, original.found
                yield found

    async def _made(self, furnish: Furnish, said: tuple[Any, ...], changes: dict[str, Any]) -> _Original:
        folder = self._folder / str(len(self._originals))
        (folder / "data").mkdir(parents=True)
        url = fresh_database(self._server)
        _put_back(self._registry, self._empty)
        async with desk_over(url, folder, self._registry, **changes) as at:
            await begin(at)
            answered = await furnish(at, *said)
            held = _held_by(self._registry)
        return _Original(url, folder / "data", held, at.now, at.judged, answered)

    def end(self) -> None:
        """Let go of the originals' databases."""
        for original in self._originals.values():
            drop_template(self._server, original.template)


def furnished_by(furnish: Furnish, *said: Any) -> pytest.MarkDecorator:
    """A test whose desk `at` is a copy of one that `furnish` was let at, with what is `said`; what it answered is the desk's `found`."""
    return pytest.mark.parametrize("at", [(furnish, *said)], indirect=True, ids=[furnish.__name__])


@contextmanager
def desk_copies(server: str) -> Iterator[DeskCopies]:
    """Desks on the server of `database_server`, for a fixture of a module."""
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="hm-desks-", dir=memory()))
        registry = stack.enter_context(shop_registry().running())
        made = DeskCopies(server, Path(folder), registry)
        stack.callback(made.end)
        yield made


def _held_by(registry: FakeRegistry) -> dict[str, Any]:
    """How a registry is now."""
    return {field.name: _copy_of(getattr(registry, field.name)) for field in fields(registry) if field.name != "tls"}


def _put_back(registry: FakeRegistry, held: dict[str, Any]) -> None:
    """Have it be as it was."""
    for name, value in held.items():
        setattr(registry, name, _copy_of(value))


def _copy_of(value: Any) -> Any:
    """A copy down to where nothing changes: blobs are bytes, and many."""
    return Blobs(dict(value.held)) if isinstance(value, Blobs) else copy.deepcopy(value)
