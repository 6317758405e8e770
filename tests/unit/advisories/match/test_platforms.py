"""Which of the platforms that advisories want beside a package a container has."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.advisories.match.platforms import hold, spoken_of, title
from tests.support.matching import advisory, affected, counted, matched, package, snapshot_of

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


@pytest.mark.parametrize(
    ("platforms", "expected"),
    [
        ((WINDOWS,), "Windows"),
        (("cpe:2.3:o:apple:macos:*:*:*:*:*:*:*:*", WINDOWS), "Windows or macOS"),
        ((made_for("node.js"),), "node.js"),
        (("cpe:2.3:a:wordpress:wordpress:-:*:*:*:*:*:*:*",), "WordPress"),
        (("cpe:2.3:*:*",), "another platform"),
    ],
)
def test_platforms_have_names_for_people(platforms: tuple[str, ...], expected: str) -> None:
    assert title(platforms) == expected


WORDS = [
    ("Path traversal via Clean on Windows in path/filepath", "", "Windows"),
    ("Path Traversal (Windows only)", "", "Windows"),
    ("RCE affecting Windows hosts via UNC paths", "", "Windows"),
    ("Command injection on Windows and Linux", "", ""),
    ("Insecure parsing of Windows paths", "", ""),
    ("A heap-based overflow on 32-bit platforms", "", "32-bit systems"),
    ("A heap-based overflow on 32-bit platforms", "amd64", "32-bit systems"),
    ("A heap-based overflow on 32-bit platforms", "i386", ""),
    ("An overflow on 32-bit and 64-bit platforms", "", ""),
    ("CVE-2032-1 in glass windows", "", ""),
]


@pytest.mark.parametrize(("text", "arch", "expected"), WORDS)
def test_words_tell_of_a_platform_that_is_not_there(text: str, arch: str, expected: str) -> None:
    assert spoken_of(text, arch) == expected


@given(st.text(), st.text(max_size=8))
def test_any_words_are_read(text: str, arch: str) -> None:
    assert spoken_of(text, arch) in ("", "Windows", "32-bit systems")


def test_what_its_words_alone_confine_to_another_platform_is_told_weakly_and_says_so() -> None:
    part = affected("composer", "x/y", "packagist", "2")
    snapshot = snapshot_of(advisory("GHSA-1", part, summary="Improper escaping of command arguments on Windows"))
    (match,) = matched(snapshot, [package("composer", "y", "1", space="x")]).matches
    assert (match.confidence, match.suppressed) == (0.6, None)
    assert match.why.endswith("; it speaks of Windows only")


def test_a_distribution_knows_what_it_ships_whatever_the_words_are() -> None:
    snapshot = snapshot_of(
        advisory("CVE-1-1", affected("debian:12", "perl", "deb", "9"), summary="Overflow on 32-bit platforms")
    )
    (match,) = matched(snapshot, [package("deb", "perl", "5.36", arch="amd64")], "debian:12").matches
    assert match.confidence == 1.0


def test_what_is_left_out_is_counted_by_platform() -> None:
    elsewhere = [advisory(f"GHSA-{n}", affected("npm", "x", "npm", "2.0.0", platforms=(WINDOWS,))) for n in range(3)]
    other = advisory("GHSA-9", affected("npm", "x", "npm", "2.0.0", platforms=(made_for("wordpress"),)))
    past = advisory("GHSA-8", affected("npm", "x", "npm", "0.5.0", platforms=(WINDOWS,)))
    result = matched(snapshot_of(*elsewhere, other, past), [package("npm", "x", "1.0.0")])
    assert counted(result) == {}
    assert [(problem.reason, problem.kind) for problem in result.problems] == [
        ("3 rows that speak of Windows only were left out", "note"),
        ("1 row that speaks of WordPress only was left out", "note"),
    ]
