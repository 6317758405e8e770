"""Licences recognised by their words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.catalog.licence_text import licences_of_text

MIT_TEXT = """Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated
documentation files (the "Software"), to deal … The above copyright notice and this permission notice shall be included in all
copies or substantial portions of the Software."""
BSD_TEXT = """Redistributions in binary form must reproduce the above copyright notice, … Neither the name of X nor the names of its
contributors may be used to endorse or promote products derived from this software …"""


@pytest.mark.parametrize(
    ("text", "licences"),
    [
        (MIT_TEXT, ("MIT",)),
        (BSD_TEXT, ("BSD-3-Clause",)),
        (BSD_TEXT.split(" Neither")[0], ("BSD-2-Clause",)),
        (BSD_TEXT + "All advertising materials mentioning features", ()),
        ("Apache License\n   Version 2.0, January 2004", ("Apache-2.0",)),
        ("all rights reserved", ()),
    ],
)
def test_well_known_licences_are_known_by_their_words(text: str, licences: tuple[str, ...]) -> None:
    assert licences_of_text(text.encode()) == licences


@given(st.binary())
def test_any_bytes_around_a_licence_do_not_hide_it(text: bytes) -> None:
    assert licences_of_text(text) == ()
    assert licences_of_text(text + b"\n" + MIT_TEXT.encode()) == ("MIT",)
