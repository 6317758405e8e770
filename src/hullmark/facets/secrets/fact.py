"""A secret of a file as it is kept with the layer."""

from __future__ import annotations

import msgspec

CLASSES, PAGES = "classes", "pages"
"""What is left unopened on purpose."""


class SecretFact(msgspec.Struct, frozen=True, array_like=True):
    """One secret of a file, as it is kept with the layer. `met`: names of the allowances whose conditions its value meets.

    `inner`: the path in the archive that the file is (`lib/a.zip!/b.txt`); "": the file itself. With `kind` "" the fact is that something
    in the file was left unopened on purpose, which `inner` names: CLASSES or PAGES.
    """

    kind: str
    line: int
    digest: str
    met: tuple[str, ...] = ()
    inner: str = ""


def make_unopened_fact(what: str) -> SecretFact:
    """The fact that something in a file is not opened on purpose."""
    return SecretFact("", 0, "", (), what)
