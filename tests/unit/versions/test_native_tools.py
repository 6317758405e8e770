"""The native tools and libraries as oracles, on versions that hypothesis thinks up."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.version import Version

from hullmark.versions import deb, pep440, rpm

PIECES = st.sampled_from(
    ["0", "00", "1", "9", "10", "2", "a", "b", "z", "rc", "~", "~~", "+", ".", "git", "bpo1", "el9"]
)
PART = st.lists(PIECES, min_size=0, max_size=6).map("".join)
EPOCH = st.sampled_from(["", "", "0:", "1:", "12:"])
DPKG = """
while read -r a b; do
    for order in lt eq gt; do
        if dpkg --compare-versions "$a" $order "$b"; then echo $order; fi
    done
done
"""
SIGNS = {"lt": -1, "eq": 0, "gt": 1}


def pairs_of(start: str, part: st.SearchStrategy[str]) -> st.SearchStrategy[list[tuple[str, str]]]:
    release = st.one_of(st.just(""), st.tuples(st.just("-"), PIECES, PART).map("".join))
    version = st.tuples(EPOCH, st.just(start), part, release).map("".join)
    return st.lists(st.tuples(version, version), min_size=1, max_size=12)


def run(command: list[str], lines: str = "") -> list[str]:
    return subprocess.run(command, input=lines, capture_output=True, text=True, check=True).stdout.split()


@pytest.mark.skipif(shutil.which("dpkg") is None, reason="dpkg is not installed")
@settings(max_examples=40, deadline=None)
@given(pairs_of("1", PART))
def test_debian_versions_are_ordered_as_dpkg_does(pairs: list[tuple[str, str]]) -> None:
    expected = run(["sh", "-c", DPKG], "".join(f"{a} {b}\n" for a, b in pairs))
    assert [deb.compare(a, b) for a, b in pairs] == [SIGNS[order] for order in expected]


@pytest.mark.skipif(shutil.which("rpm") is None, reason="rpm is not installed")
@settings(max_examples=100, deadline=None)
@given(pairs_of("1", st.one_of(PART, PART.map("^".__add__))))
def test_rpm_versions_are_ordered_as_rpm_does(pairs: list[tuple[str, str]]) -> None:
    calls = "".join(f'print(rpm.vercmp("{a}", "{b}") .. " ")\n' for a, b in pairs)
    expected = run(["rpm", "--eval", "%{lua:" + calls + "}"])
    assert [str(rpm.compare(a, b)) for a, b in pairs] == expected


NUMBER = st.integers(0, 12).map(str)


@st.composite
def python_version(draw: st.DrawFn) -> str:
    parts = [
        draw(st.sampled_from(["", "", "v", "1!"])),
        ".".join(draw(st.lists(NUMBER, min_size=1, max_size=4))),
        draw(st.sampled_from(["", "", "a1", ".b", "-rc2", "_preview3", "c4"])),
        draw(st.sampled_from(["", "", ".post1", "-2", "rev3", ".r"])),
        draw(st.sampled_from(["", "", ".dev", "dev1", "-dev2"])),
        draw(st.sampled_from(["", "", "+abc", "+1", "+1.abc", "+abc-2"])),
    ]
    return "".join(parts)


@given(python_version(), python_version())
def test_python_versions_are_ordered_as_the_packaging_library_does(a: str, b: str) -> None:
    x, y = Version(a), Version(b)
    assert pep440.compare(a, b) == (x > y) - (x < y)
