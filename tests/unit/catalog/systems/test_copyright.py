"""Licences from Debian copyright files."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.catalog.systems.copyright import is_machine_readable, named_texts, open_texts, parse_copyright
from hullmark.model.licences.expressions import spdx_expression

FORMAT = "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n"


def licenses(text: str | bytes) -> tuple[str, ...]:
    problems: list[str] = []
    body = text.encode() if isinstance(text, str) else text
    found = parse_copyright("usr/share/doc/x/copyright", memoryview(body), problems.append)
    assert problems == []
    return found


@pytest.mark.parametrize(
    ("field", "names"),
    [
        ("License: GPL-2+", ("GPL-2+",)),
        ("License: GPL-2+ or Artistic", ("GPL-2+", "Artistic")),
        ("License: GPL-2+ and/or MIT, and Expat", ("GPL-2+", "MIT", "Expat")),
        ("License: GPL-3+ with Autoconf exception", ("GPL-3+ with Autoconf exception",)),
        ("license:MIT", ("MIT",)),
        ("Licence: MIT", ("MIT",)),
        ("License:\n text only", ()),
    ],
)
def test_a_machine_readable_file_names_its_licences(field: str, names: tuple[str, ...]) -> None:
    assert licenses(f"{FORMAT}\nFiles: *\nCopyright: me\n{field}\n") == names


def test_names_stand_in_the_order_of_the_file_and_once() -> None:
    text = FORMAT + "License: Zlib\n\nFiles: a\nLicense: MIT\n\nFiles: b\nLicense: Zlib\n text\n License: no field\n"
    assert licenses(text) == ("Zlib", "MIT")
    assert licenses(text.replace("\n", "\r\n")) == ("Zlib", "MIT")


@pytest.mark.parametrize("head", ["Format-Specification: http://dep.debian.net/deps/dep5\n", "\n# x\n" + FORMAT])
def test_the_format_field_makes_a_file_machine_readable(head: str) -> None:
    assert licenses(head + "Upstream-Name: x\n\nLicense: ISC\n") == ("ISC",)


def test_any_other_file_points_to_the_common_licences() -> None:
    text = (
        "License: free\nOn Debian systems, see `/usr/share/common-licenses/GPL-2'. Also\n"
        "/usr/share/common-licenses/LGPL-2.1. Or /usr/share/common-licenses/GPL-2, and /usr/share/common-licenses/ .\n"
    )
    assert licenses(text) == ("GPL-2", "LGPL-2.1")


def test_control_characters_are_left_out() -> None:
    assert licenses(FORMAT.encode() + b"License: M\x1b[2JIT\xff\n") == ("M[2JIT\ufffd",)


def test_more_names_than_anyone_reads_are_reported() -> None:
    problems: list[str] = []
    body = (FORMAT + "".join(f"License: L{i}\n" for i in range(600))).encode()
    assert len(parse_copyright("", memoryview(body), problems.append)) == 500
    assert len(problems) == 1


@given(st.binary(max_size=300))
def test_any_bytes_are_survived(body: bytes) -> None:
    licenses(FORMAT.encode() + b"License: " + body)
    licenses(body)


def test_what_names_leave_open_is_kept_with_its_text_on_its_lines() -> None:
    body = (
        FORMAT + "\nFiles: *\nLicense: MIT\n\nFiles: a\nLicense: BSD-3-clause-Regents and Odd\n both\n\n"
        "License: MIT\n known\n\nLicense: BSD-3-clause-Regents\n one\n .\n two\n"
    ).encode()
    kept = open_texts(body)
    assert is_machine_readable(kept)
    assert list(named_texts(kept)) == [("BSD-3-clause-Regents", 14, b" one\n .\n two")]
    assert body.split(b"\n")[13:16] == kept.split(b"\n")[13:16]
    assert open_texts(FORMAT.encode() + b"License: MIT\n known\n") == b""


WORDS = st.sampled_from([b"License:", b"\n", b" ", b"Odd", b"MIT", b"\r", b"\xff", b"\t", b"and", b"|"])


@given(st.one_of(st.binary(max_size=200), st.lists(WORDS, max_size=30).map(b"".join)))
def test_what_is_kept_of_any_file_names_the_same_texts(tail: bytes) -> None:
    body = FORMAT.encode() + tail
    open_names = [named for named in named_texts(body) if spdx_expression(named.name) is None]
    assert list(named_texts(open_texts(body))) == open_names
