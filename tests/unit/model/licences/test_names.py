"""Licences by whatever they are called, with license-expression as oracle for what they come to."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from license_expression import get_spdx_licensing  # type: ignore[import-untyped]

from hullmark.model.licences import names
from hullmark.model.licences.expressions import spdx_expression
from hullmark.model.licences.names import exception_named, licence_named

ORACLE = get_spdx_licensing()
TOLD = {
    "GPL-2": "GPL-2.0-only",
    "GPL-2+": "GPL-2.0-or-later",
    "GPL-2.0": "GPL-2.0-only",
    "gpl v3 or later": "GPL-3.0-or-later",
    "LGPLv2+": "LGPL-2.0-or-later",
    "GFDL-NIV-1.3+": "GFDL-1.3-no-invariants-or-later",
    "GFDL-1.3+-no-invariant": "GFDL-1.3-no-invariants-or-later",
    "GNU General Public License v2 (GPLv2)": "GPL-2.0-only",
    "GNU Lesser General Public License v3 or later (LGPLv3+)": "LGPL-3.0-or-later",
    "GNU Lesser General Public License, Version 2.1": "LGPL-2.1-only",
    "License :: OSI Approved :: GNU Affero General Public License v3": "AGPL-3.0-only",
    "GPL-2.0-with-classpath-exception": "GPL-2.0-only WITH Classpath-exception-2.0",
    "GPL-3.0-with-autoconf-exception": "GPL-3.0-only WITH Autoconf-exception-3.0",
    "The Apache Software License, Version 2.0": "Apache-2.0",
    "Apache License (v2.0)": "Apache-2.0",
    "ASL 2.0": "Apache-2.0",
    "http://www.apache.org/licenses/LICENSE-2.0.txt": "Apache-2.0",
    "https://opensource.org/licenses/MIT": "MIT",
    "http://creativecommons.org/licenses/by-sa/3.0/": "CC-BY-SA-3.0",
    "https://glassfish.java.net/public/CDDL+GPL_1_1.html": "CDDL-1.1 OR GPL-2.0-only WITH Classpath-exception-2.0",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "EPL-1": "EPL-1.0",
    "Eclipse Public License - v 2.0": "EPL-2.0",
    "3-Clause BSD License": "BSD-3-Clause",
    "BSD-3": "BSD-3-Clause",
    "Expat": "MIT",
    "MIT/X11": "MIT",
    "ISC License (ISCL)": "ISC",
    "CC0": "CC0-1.0",
    "Public Domain": "LicenseRef-public-domain",
}
OPEN = (
    "",
    "BSD",
    "GPL",
    "LGPL",
    "Apache License",
    "Apache Software License",
    "Artistic",
    "GPL-9",
    "GPL-2-no-invariants",
    "GPL-2+-with-link-exception",
    "http://www.apache.org/licenses/",
    "https://example.org/LICENSE",
    "see LICENSE",
)


@pytest.mark.parametrize("text", TOLD)
def test_a_name_tells_a_licence(text: str) -> None:
    assert licence_named(text) == TOLD[text]


def test_a_name_that_leaves_open_what_is_meant_tells_none() -> None:
    assert [text for text in OPEN if licence_named(text) is not None] == []
    assert licence_named("BSD", loosely=True) == "BSD-3-Clause"
    assert licence_named("GPL", loosely=True) == "GPL-1.0-or-later"


@pytest.mark.parametrize(
    ("text", "licence", "expected"),
    [
        ("Bison exception", "GPL-3.0-or-later", "Bison-exception-2.2"),
        ("Bison exception", "GPL-2.0-or-later", None),
        ("Classpath-exception-2.0", "GPL-2.0-only", "Classpath-exception-2.0"),
        ("the Linux-syscall-note", "GPL-2.0-only", "Linux-syscall-note"),
        ("distribution exception", "GPL-2.0-only", None),
    ],
)
def test_exceptions(text: str, licence: str, expected: str | None) -> None:
    assert exception_named(text, licence) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("LGPLv2+ and MIT", "LGPL-2.0-or-later AND MIT"),
        ("(GPL-2+ or Artistic-2) and Expat", "(GPL-2.0-or-later OR Artistic-2.0) AND MIT"),
        ("MIT/Apache-2.0", "MIT OR Apache-2.0"),
        ("GPL-3+ with Bison exception", "GPL-3.0-or-later WITH Bison-exception-2.2"),
        ("gfdl-1.3+", "GFDL-1.3-or-later"),
        ("MIT and Python", None),
    ],
)
def test_expressions_of_names(text: str, expected: str | None) -> None:
    assert spdx_expression(text) == expected


def test_what_the_tables_name_is_known_to_the_oracle_and_can_be_reached() -> None:
    for value in (*names._NAMES.values(), *names._LOOSE.values(), *names._ADDRESSES.values()):
        if value and not value.startswith("LicenseRef-"):
            ORACLE.parse(value, validate=True, strict=True)
    for name, exception in names._EXCEPTIONS.items():
        ORACLE.parse(f"GPL-3.0-only WITH {exception}", validate=True, strict=True)
        assert exception_named(name, "GPL-3.0-only") == exception
    for name, value in names._NAMES.items():
        assert licence_named(name.upper()) is not None, name
        assert licence_named(f"the {name} License") in (value, licence_named(name)), name


@given(
    st.lists(
        st.sampled_from(
            [*TOLD, *OPEN, " and ", " or ", " with ", "(", ")", "/", ", ", "exception", "+", "v2", "::", "http://"]
        ),
        max_size=6,
    ).map(" ".join)
    | st.text(max_size=60)
)
def test_whatever_is_told_is_an_expression(text: str) -> None:
    licence_named(text, loosely=True)
    found = spdx_expression(text)
    if found is not None and "LicenseRef-" not in found and "-with-" not in found and "+" not in found:
        ORACLE.parse(found, validate=True, strict=True)
