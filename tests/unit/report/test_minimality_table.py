"""The table of what is reached: it fits a terminal of 80 columns, whatever the names are, and counts what it leaves out."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from hullmark.model.reach import Minimality, ObservedUse, OpenEnd
from hullmark.model.seccomp import SyscallDoubt
from hullmark.report import load
from hullmark.report.terminal import width_of
from tests.unit.report.reach_samples import MINIMALITIES
from tests.unit.report.samples import PLAIN


def shown(found: Minimality) -> list[str]:
    """The lines of the table."""
    return load("minimality", "table").render(found, PLAIN).decode().splitlines()


@pytest.mark.parametrize("case", MINIMALITIES)
def test_no_line_is_longer_than_the_terminal_is_wide(case: str) -> None:
    text = load("minimality", "table").render(MINIMALITIES[case], replace(PLAIN, width=80)).decode()
    assert [line for line in text.splitlines() if width_of(line) > 80] == []


def test_each_list_names_twenty_five_and_counts_the_others() -> None:
    base = MINIMALITIES["unsure"]
    assert base.syscalls is not None
    doubt = SyscallDoubt("", "its code could not be read")
    unknown = replace(base.packages[0], reach="unknown", reason="it may be started")
    found = replace(
        base,
        packages=tuple(replace(unknown, name=f"p{number:02}") for number in range(26)),
        open_ends=tuple(OpenEnd("", f"reason {number:02}") for number in range(27)),
        observed=ObservedUse(opened=28, missed=tuple(f"/m{number:02}" for number in range(28))),
        syscalls=replace(base.syscalls, unsure=(doubt,) * 1029),
    )
    lines = shown(found)
    for last, more in (
        ("  p24: it may be started", "1"),
        ("  image: reason 24", "2"),
        ("  opened, but called unreachable: /m24", "3"),
    ):
        assert lines[lines.index(last) + 1] == f"  and {more} more, all of them in the JSON"
    at = lines.index("  image: its code could not be read")
    assert lines[at : at + 26] == ["  image: its code could not be read"] * 25 + [
        "  and 1,004 more, all of them in the JSON"
    ]
