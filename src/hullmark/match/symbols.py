"""What a Go program was linked with, against the functions that the Go vulnerability database names.

A package's `symbols` note holds the functions of its module that the program has, as the linker names them
(`net/http.(*Server).Serve`), separated by spaces. A package without the note may have any.
"""

from __future__ import annotations

from collections.abc import Iterable

from hullmark.model.advisory import GoImport
from hullmark.model.package import Package

_NOTE = "symbols"


def symbols_of(package: Package) -> frozenset[str]:
    """The functions as advisories write them (`net/http.Server.Serve`); none where they are not known."""
    text = package.notes.get(_NOTE, "") if package.type == "golang" else ""
    return frozenset(text.replace("(*", "").replace(")", "").split())


def has_one_of(symbols: frozenset[str], imports: Iterable[GoImport]) -> bool:
    """Whether one of the vulnerable functions is there; where a Go package as a whole is vulnerable, anything of it."""
    return any(_has(symbols, each) for each in imports)


def _has(symbols: frozenset[str], vulnerable: GoImport) -> bool:
    start = f"{vulnerable.path}."
    if not vulnerable.symbols:
        return any(symbol.startswith(start) for symbol in symbols)
    return any(start + name in symbols for name in vulnerable.symbols)
