"""Well-known permissive licences, recognised by their own words; SPDX identifiers as in the SPDX licence list."""

from __future__ import annotations

from hullmark.model.late import late
from hullmark.model.limit import Limit

MAX_TEXT = Limit(256 * 1024, "bytes of a licence's text that are compared with known ones", "shortened")
"""As many bytes of a text are looked at."""

_WORDS = late(rb"[a-z0-9]+").findall

# What only this licence's text says: words that must be there, and words that must not.
_LICENCE_TEXTS: tuple[tuple[str, tuple[bytes, ...], tuple[bytes, ...]], ...] = (
    ("Apache-2.0", (b"apache license version 2 0",), ()),
    (
        "MIT",
        (
            b"permission is hereby granted free of charge to any person obtaining a copy of this software and associated",
            b"the above copyright notice and this permission notice shall be included in all copies",
        ),
        (),
    ),
    (
        "ISC",
        (
            b"permission to use copy modify and or distribute this software for any purpose with or without fee is hereby",
            b"provided that the above copyright notice and this permission notice appear in all copies",
        ),
        (),
    ),
    (
        "BSD-3-Clause",
        (b"redistributions in binary form must reproduce the above copyright notice", b"be used to endorse or promote"),
        (b"all advertising materials mentioning features", b"apache software"),
    ),
    (
        "BSD-2-Clause",
        (b"redistributions in binary form must reproduce the above copyright notice",),
        (b"all advertising materials mentioning features", b"be used to endorse or promote", b"apache software"),
    ),
    ("MPL-2.0", (b"mozilla public license version 2 0", b"covered software"), ()),
    ("Unlicense", (b"this is free and unencumbered software released into the public domain",), ()),
)


def licences_of_text(text: bytes) -> tuple[str, ...]:
    """SPDX identifiers of the well-known permissive licences whose words are in the text."""
    words = b" ".join(_WORDS(text[:MAX_TEXT].lower()))
    return tuple(
        spdx
        for spdx, needed, excluded in _LICENCE_TEXTS
        if all(word in words for word in needed) and not any(word in words for word in excluded)
    )
