"""How tests run: where changes are judged, the same examples every time; elsewhere new ones with each run."""

from __future__ import annotations

import os

import pytest
from hypothesis import settings

from tests.support.database import database_server, database_url

__all__ = ["database_server", "database_url"]

settings.register_profile("judged", derandomize=True, deadline=None)
settings.register_profile("exploring", deadline=None)
settings.load_profile("judged" if os.environ.get("CI") else "exploring")


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """What asynchronous tests run on."""
    return "asyncio"
