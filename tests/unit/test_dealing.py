"""Which tests share a process."""

from __future__ import annotations

import re

from tests.support.dealing import scope_of
from tests.support.places import REPOSITORY
from tests.support.sources import source_paths

_ASKS = re.compile(r"def \w+\([^)]*\bcompany: ")


def test_all_who_look_at_the_company_share_a_process() -> None:
    """Another process would make a second one."""
    asking = {
        str(path.relative_to(REPOSITORY))
        for path in source_paths("tests")
        if path.name.startswith("test_") and _ASKS.search(path.read_text(encoding="utf-8"))
    }
    assert "tests/service/test_console_alerts.py" in asking
    assert {scope_of(f"{name}::test_it") for name in asking} == {"the company"}


def test_other_files_are_dealt_one_by_one() -> None:
    assert scope_of("tests/unit/test_dealing.py::test_it[a::b]") == "tests/unit/test_dealing.py"
