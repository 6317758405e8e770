"""Which extractor wants a file by its name: the tables answer as the globs' own expressions do."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.rootfs.dispatch import Dispatch, compile_globs
from hullmark.rootfs.reads import Read

GLOBS = (
    "etc/os-release",
    "**/METADATA",
    "**/*.jar",
    "**/*.tar.gz",
    "**/*requirements*.txt",
    "**/status.d/*",
    "**/dpkg/info/*.list",
    "**/info/x*",
    "**/dpkg/*/*",
    "dpkg/*/*",
    "**/*/info/*/*",
    "**/META-INF/maven/*/*/pom.properties",
    "lib/*/x[0-9].so",
    "**/a{b,c}d",
    "**/*",
    "*",
    "opt/**",
)
SEGMENTS = st.sampled_from(
    [
        "etc",
        "os-release",
        "METADATA",
        "a.jar",
        ".jar",
        "x.tar.gz",
        "dev-requirements.txt",
        "requirements.txt",
        "status.d",
        "dpkg",
        "info",
        "x.list",
        "META-INF",
        "maven",
        "g",
        "pom.properties",
        "lib",
        "x1.so",
        "abd",
        "acd",
        "opt",
        "\xff",
        "[",
    ]
)


def read(glob: str) -> Read[bytes]:
    """An extractor for one glob."""
    return Read(name=glob, fact=bytes, extract=lambda path, body, report: None, globs=(glob,))


DISPATCH = Dispatch([read(glob) for glob in GLOBS])
EXPRESSIONS = [compile_globs((glob,)) for glob in GLOBS]


@given(st.lists(SEGMENTS, min_size=1, max_size=6).map("/".join))
def test_the_tables_and_the_globs_agree(path: str) -> None:
    raw = path.encode("utf-8")
    expected = {GLOBS[i] for i, expression in enumerate(EXPRESSIONS) if expression.fullmatch(raw)}
    assert {GLOBS[i] for i in DISPATCH.wanted(raw)} == expected


@pytest.mark.parametrize(
    ("glob", "wanted", "unwanted"),
    [
        ("**/*requirements*.txt", b"app/dev-requirements.txt", b"etc/os-release"),
        ("**/*.tar.gz", b"x.tar.gz", b"x.gz"),
        ("**/METADATA", b"METADATA", b"x/METADATA/y"),
        ("**/share/licenses/*/*", b"usr/share/licenses/zlib/COPYING", b"usr/share/licenses/COPYING"),
        ("**/share/licenses/*/*", b"share/licenses/zlib/COPYING", b"usr/share/licenses/zlib/more/COPYING"),
        ("**/status.d/*", b"var/lib/dpkg/status.d/base", b"var/lib/dpkg/status.d/base/x"),
    ],
)
def test_a_glob_wants_what_it_says_and_nothing_else(glob: str, wanted: bytes, unwanted: bytes) -> None:
    dispatch = Dispatch([read(glob)])
    assert dispatch.wanted(wanted) == (0,)
    assert dispatch.wanted(unwanted) == ()
