"""Licences told by texts."""

from __future__ import annotations

from hashlib import sha256
from pkgutil import get_data

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.catalog.licences.texts import PRINTS, PRINTS_SHA256, _load_texts, licence_of, licences_in
from hullmark.model.licences.expressions import spdx_id

# Written anew from the words that everybody has, each in an own layout.
MIT = """The MIT Licence

Copyright (c) 2019 Someone & friends

# Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated documentation
# files (the "Software"), to deal in the Software without restriction, including without limitation the rights to use, copy,
# modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit persons to whom the Software
# is furnished to do so, subject to the following conditions:
#
# The above copyright notice and this permission notice shall be included in all copies or substantial portions of the Software.
#
# THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES
# OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE
# LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN
# CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
"""
_BSD_HEAD = """Copyright 2001-2020 Example Corp. All rights reserved.
Redistribution and use in source and binary forms, with or without modification, are permitted provided that the following
conditions are met:
  1. Redistributions of source code must retain the above copyright notice, this list of conditions and the following disclaimer.
  2. Redistributions in binary form must reproduce the above copyright notice, this list of conditions and the following disclaimer
     in the documentation and/or other materials provided with the distribution.
"""
_NAMES = """  3. Neither the name of Example Corp. nor the names of its contributors may be used to endorse or promote products derived from
     this software without specific prior written permission.
"""
_BSD_END = """THIS SOFTWARE IS PROVIDED BY THE COPYRIGHT HOLDERS AND CONTRIBUTORS "AS IS" AND ANY EXPRESS OR IMPLIED WARRANTIES, INCLUDING,
BUT NOT LIMITED TO, THE IMPLIED WARRANTIES OF MERCHANTABILITY AND FITNESS FOR A PARTICULAR PURPOSE ARE DISCLAIMED. IN NO EVENT SHALL
EXAMPLE CORP. OR CONTRIBUTORS BE LIABLE FOR ANY DIRECT, INDIRECT, INCIDENTAL, SPECIAL, EXEMPLARY, OR CONSEQUENTIAL DAMAGES
(INCLUDING, BUT NOT LIMITED TO, PROCUREMENT OF SUBSTITUTE GOODS OR SERVICES; LOSS OF USE, DATA, OR PROFITS; OR BUSINESS INTERRUPTION)
HOWEVER CAUSED AND ON ANY THEORY OF LIABILITY, WHETHER IN CONTRACT, STRICT LIABILITY, OR TORT (INCLUDING NEGLIGENCE OR OTHERWISE)
ARISING IN ANY WAY OUT OF THE USE OF THIS SOFTWARE, EVEN IF ADVISED OF THE POSSIBILITY OF SUCH DAMAGE.
"""
BSD_2, BSD_3 = _BSD_HEAD + _BSD_END, _BSD_HEAD + _NAMES + _BSD_END
GPL_NOTICE = """This package is free software; you can redistribute it and/or modify it under the terms of the GNU General Public License
as published by the Free Software Foundation; either version 2 of the License, or (at your option) any later version."""


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (MIT, ["MIT"]),
        (BSD_2, ["BSD-2-Clause"]),
        (BSD_3, ["BSD-3-Clause"]),
        (f"{BSD_3}\n\nParts of it:\n\n{MIT}", ["BSD-3-Clause", "MIT"]),
        (GPL_NOTICE, ["GPL-2.0-or-later"]),
        (GPL_NOTICE.replace("2 of", "3 of"), ["GPL-3.0-or-later"]),
        ("All rights reserved. Nobody may copy this.", []),
        (MIT[: len(MIT) // 2], []),
    ],
)
def test_a_text_tells_the_licences_that_are_in_it(text: str, names: list[str]) -> None:
    assert [each.name for each in licences_in(text.encode())] == names


def test_it_is_told_in_which_lines_a_licence_stands_and_how_much_of_it() -> None:
    (found,) = licences_in(f"one\ntwo\nthree\n{MIT}the end\n".encode())
    assert (found.first, found.last) == (4, 19)  # from its title on
    assert found.share > 95


def test_case_space_spelling_and_bullets_do_not_count() -> None:
    odd = MIT.upper().replace(" ", "  \t").replace("LICENSE", "LICENCE").replace("\n#", "\n *")
    assert [each.name for each in licences_in(odd.encode())] == ["MIT"]


@pytest.mark.parametrize(
    "notice", ["Portions Copyright (c) 2001 Others", "Portions (c) 2001 Others", "(c) 2001 Others"]
)
def test_a_notice_of_copyright_amid_a_text_takes_nothing_from_it(notice: str) -> None:
    middle = MIT.replace("# The above", f"{notice}\n# The above")
    assert [(each.name, each.share) for each in licences_in(middle.encode())] == [
        (each.name, each.share) for each in licences_in(MIT.encode())
    ]


def test_texts_are_told_however_many_were_looked_at_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hullmark.catalog.licences.texts._MEMORY", 2)
    monkeypatch.setattr("hullmark.catalog.licences.words._MOST_WORDS_KEPT", 50)
    for number in range(4):
        for text, name in ((MIT, "MIT"), (BSD_2, "BSD-2-Clause")):
            assert [each.name for each in licences_in(f"Text number {number * 7}\n{text}".encode())] == [name]


def test_every_known_text_has_an_identifier_of_the_list() -> None:
    texts, _ = _load_texts()
    assert len(texts) > 600
    assert all(spdx_id(text.name) for text in texts)


def test_the_fingerprint_is_that_of_the_prints() -> None:
    assert sha256(get_data("hullmark.catalog.licences", PRINTS) or b"").hexdigest() == PRINTS_SHA256


@given(st.binary())
def test_no_bytes_around_a_text_hide_it(noise: bytes) -> None:
    licences_in(noise)
    assert "MIT" in [each.name for each in licences_in(noise + b"\n" + MIT.encode() + b"\n" + noise)]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (MIT, "MIT"),
        (BSD_3, "BSD-3-Clause"),
        (f"{GPL_NOTICE}\nThe whole text is in /usr/share/common-licenses/GPL-2.", "GPL-2.0-or-later"),
        (f"{GPL_NOTICE}\nAs a special exception, what it writes is yours.", None),
        (f"{BSD_3}\n\nParts of it:\n\n{MIT}", None),
        (
            f"{MIT}\nNobody may use it to harm anybody, nor sell it, nor speak of it to those who might. "
            + "More. " * 9,
            None,
        ),
        ("free", None),
        ("", None),
    ],
)
def test_a_text_is_a_licence_if_nothing_else_is_in_it(text: str, name: str | None) -> None:
    found = licence_of(text.encode())
    assert (found.name if found is not None else None) == name
