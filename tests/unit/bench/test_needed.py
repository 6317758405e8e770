"""A measurement that lacks a program says so before it begins."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.needed import demand


def test_what_is_missing_is_named_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as refused:
        demand("sh", "no-such-program", "no-such-program|nor-this", files=(Path("/"), tmp_path / "busybox"))
    said = str(refused.value)
    assert said.startswith(f"not installed: no-such-program, no-such-program|nor-this, {tmp_path}/busybox (")
    assert "make test-packages" in said


def test_of_several_programs_one_will_do() -> None:
    demand("sh", "no-such-program|sh", files=(Path("/"),))
