"""Expressions whose process cannot be had, ends otherwise than it should, or would hand over too much."""

from __future__ import annotations

from pathlib import Path

import pytest

from hullmark.app.expression_child import CPU_SECONDS
from hullmark.app.expressions import Evaluator
from hullmark.policy.facts import ExpressionFailed
from hullmark.policy.values import Expression
from tests.unit.policy.test_gate_expression import SEEN


def failed(text: str = "1 + 1") -> tuple[str, float]:
    """Why an expression has no value, and what it counts as having taken."""
    evaluator = Evaluator()
    with pytest.raises(ExpressionFailed) as caught:
        evaluator(Expression(text), SEEN)
    return str(caught.value), evaluator.seconds


def test_a_process_that_cannot_be_started_has_taken_no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.executable", "/nowhere/python")
    assert failed() == ("no process for it could be started (No such file or directory)", 0.0)


def test_a_process_that_ends_by_itself_says_its_last_line_and_counts_whole(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    program = tmp_path / "python"
    program.write_text("#!/bin/sh\necho first >&2\necho the library is not there >&2\nexit 3\n")
    program.chmod(0o755)
    monkeypatch.setattr("sys.executable", str(program))
    assert failed() == ("its process ended with status 3 (the library is not there)", float(CPU_SECONDS))


def test_facts_and_values_that_are_too_large_are_not_handed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    message, seconds = failed("['0123456789']" + ".map(a, a+a+a+a+a+a+a+a+a+a)" * 6)
    assert message == "the value is larger than 4 MiB"
    assert 0 < seconds < CPU_SECONDS
    monkeypatch.setattr("hullmark.app.expressions.MAX_FACTS_BYTES", 10)
    assert failed("size(packages)") == ("the facts it asks for are larger than 0 MiB", 0.0)
