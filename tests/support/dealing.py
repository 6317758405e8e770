"""How files of tests are dealt to the processes of a run: each file to one of them, and files that share the company to the same one."""

from __future__ import annotations

from typing import Any

import pytest
from xdist.scheduler import LoadFileScheduling  # type: ignore[import-untyped]

_WITH_COMPANY = ("tests/browser/", "tests/service/test_console_alerts.py")
_ON_SOURCE = (
    "tests/unit/test_rooms.py",
    "tests/unit/test_guard.py",
    "tests/unit/test_words.py",
    "tests/unit/policy/test_languages.py",
)


class FileScheduling(LoadFileScheduling):  # type: ignore[misc]
    """`--dist loadfile`, but for files that share what a process makes once."""

    def _split_scope(self, nodeid: str) -> str:
        return scope_of(nodeid)


def scope_of(nodeid: str) -> str:
    """What a test is dealt with: the company takes longer to make than most files that look at it, and a process that got one of them
    would make it. So does a process parse our own source that gets one of those that ask for it."""
    file = nodeid.partition("::")[0]
    if file.startswith(_ON_SOURCE):
        return "the source"
    return "the company" if file.startswith(_WITH_COMPANY) else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> FileScheduling | None:
    """Deals the tests of `--dist loadfile`; all others as xdist does."""
    return FileScheduling(config, log) if config.getoption("dist") == "loadfile" else None
