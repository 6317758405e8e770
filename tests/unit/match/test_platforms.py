"""Which of the platforms that advisories want beside a package a container has."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.match.platforms import hold

LINUX = "cpe:2.3:o:linux:linux_kernel:-:*:*:*:*:*:*:*"
WINDOWS = "cpe:2.3:o:microsoft:windows:-:*:*:*:*:*:*:*"


def made_for(target: str) -> str:
    return f"cpe:2.3:*:*:*:*:*:*:*:*:*:{target}:*:*"


@pytest.mark.parametrize(
    ("platforms", "expected"),
    [
        ((), True),
        ((LINUX,), True),
        ((WINDOWS, LINUX), True),
        ((LINUX.upper(),), True),
        (("cpe:2.3:o:linux:linux_kernel:*:*:*:*:*:*:*:*",), True),
        (("cpe:2.3:o:linux:linux_kernel:2.6.32:*:*:*:*:*:*:*",), False),
        ((WINDOWS,), False),
        (("cpe:2.3:o:microsoft:windows:*",), False),
        (("cpe:2.3:a:wordpress:wordpress:-:*:*:*:*:*:*:*",), False),
        (("cpe:2.3:o:debian:debian_linux:10.0:*:*:*:*:*:*:*",), False),
        ((made_for("linux"),), True),
        ((made_for("unix"),), True),
        ((made_for("wordpress"),), False),
        ((made_for("node.js"),), False),
        (("",), False),
        (("cpe:2.3:*:*",), False),
    ],
)
def test_linux_is_there_and_nothing_else(platforms: tuple[str, ...], expected: bool) -> None:
    assert hold(platforms) is expected


@given(st.lists(st.text(alphabet="cpe:.23*-linux_k", max_size=40), max_size=4), st.randoms(use_true_random=False))
def test_any_text_is_judged_and_order_decides_nothing(platforms: list[str], random: object) -> None:
    assert hold(platforms) is hold(platforms[::-1])
    assert hold([*platforms, LINUX])
