"""The table of what is reached fits a terminal of 80 columns, whatever the names are."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from hullmark.report import load
from hullmark.report.terminal import width_of
from tests.unit.report.reach_samples import MINIMALITIES
from tests.unit.report.samples import PLAIN


@pytest.mark.parametrize("case", MINIMALITIES)
def test_no_line_is_longer_than_the_terminal_is_wide(case: str) -> None:
    text = load("minimality", "table").render(MINIMALITIES[case], replace(PLAIN, width=80)).decode()
    assert [line for line in text.splitlines() if width_of(line) > 80] == []
