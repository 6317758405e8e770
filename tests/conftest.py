"""How tests run: where changes are judged, the same examples every time; elsewhere new ones with each run."""

from __future__ import annotations

import gc
import os
from collections.abc import Generator
from functools import cache
from pathlib import Path

import pytest
from hypothesis import settings

from tests.support.collecting import build_grammars_late, has_none_of
from tests.support.company import company
from tests.support.database import database_server, database_url
from tests.support.dealing import pytest_xdist_make_scheduler
from tests.support.examples import EXAMPLES, have_fewer

__all__ = ["company", "database_server", "database_url", "pytest_xdist_make_scheduler"]

settings.register_profile("judged", derandomize=True, deadline=None, max_examples=EXAMPLES)
settings.register_profile("exploring", deadline=None, max_examples=EXAMPLES)
settings.load_profile("judged" if os.environ.get("CI") else "exploring")

build_grammars_late()

_LONGEST = (
    # of `make test-slow`
    "tests/service/test_container.py",
    "tests/service/test_schema.py",
    "tests/flow/test_hostile.py",
    "tests/service/test_outage.py",
    "tests/service/test_namespaces.py",
    "tests/flow/test_configured_image.py",
    "tests/service/test_notice.py",
    "tests/flow/test_stored_matches.py",
    # of both: one process has all of them, and those that look at the company as it was made come before those that add to it
    "tests/browser/test_alerts.py",
    "tests/service/test_console_alerts.py",
    "tests/browser",
    # of `make test`
    "tests/service/test_rejudge.py",
    "tests/service/test_policy_change.py",
    "tests/contract/test_catalogers.py",
    "tests/service/test_uploads.py",
    "tests/service/test_remote_cli.py",
    "tests/service/test_authorisation.py",
    "tests/flow/test_db.py",
    "tests/flow/test_stored_matches.py",
    "tests/service/test_serve.py",
    "tests/service/test_backup.py",
    "tests/flow/test_hostile_facets.py",
)
_SHORT = 60
_FIRST = ("tests/service", "tests/flow", "tests/walk", "tests/oracle", "tests/conformance", "tests/contract")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave a file unread whose tests would all be left out, unless it is named."""
    named = {Path(argument.partition("::")[0]).resolve() for argument in config.args}
    if collection_path.is_dir() or collection_path in named:
        return None
    return has_none_of(config.getoption("markexpr"), collection_path) or None


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Look for no garbage meanwhile, nor among what was collected later: it stays until the end. Look seldom afterwards."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.set_threshold(20_000, 20, 50)
        gc.enable()


def pytest_make_parametrize_id(val: object) -> str | None:
    """Name bytes by their number only unless they are short text: what is compressed holds the time, and all processes must agree."""
    return f"{len(val)}-bytes" if isinstance(val, bytes) and not (val.isascii() and len(val) <= _SHORT) else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest: a file runs in one process, and at the end none is to be left alone with a long one."""
    order = {name: number for number, name in enumerate((*_LONGEST, *_FIRST))}

    @cache
    def place(file: str) -> int:
        return min((at for name, at in order.items() if file.startswith(name)), default=len(order))

    items.sort(key=lambda item: place(item.nodeid.partition("::")[0]))
    functions = [item for item in items if isinstance(item, pytest.Function)]
    slow = {item.function for item in functions if item.get_closest_marker("slow") is not None}
    for test in {item.function for item in functions} - slow:
        have_fewer(test)


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """What asynchronous tests run on."""
    return "asyncio"
