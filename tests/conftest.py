"""How tests run: where changes are judged, the same examples every time; elsewhere new ones with each run."""

from __future__ import annotations

import os

import pytest
from hypothesis import settings

from tests.support.database import database_server, database_url
from tests.support.examples import EXAMPLES

__all__ = ["database_server", "database_url"]

settings.register_profile("judged", derandomize=True, deadline=None, max_examples=EXAMPLES)
settings.register_profile("exploring", deadline=None, max_examples=EXAMPLES)
settings.load_profile("judged" if os.environ.get("CI") else "exploring")

_LONGEST = (
    "tests/oracle/test_configuration_postfix.py",  # its program sleeps a second before each fatal end
    "tests/flow/test_stored_matches.py",
    "tests/service/test_backup.py",
    "tests/service/test_authorisation.py",
    "tests/flow/test_db.py",
    "tests/service/test_serve.py",
    "tests/service/test_rejudge.py",
)
_FIRST = ("tests/service", "tests/flow", "tests/walk", "tests/oracle", "tests/conformance", "tests/contract")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest: a file runs in one process, and at the end none is to be left alone with a long one."""
    order = {name: number for number, name in enumerate((*_LONGEST, *_FIRST))}
    items.sort(
        key=lambda item: min((at for name, at in order.items() if item.nodeid.startswith(name)), default=len(order))
    )


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """What asynchronous tests run on."""
    return "asyncio"
