"""What a Go program was linked with, against the functions that the Go vulnerability database names.

A package's `symbols` note holds the functions of its module that the program has: lines `PATH: F T.M …`, in the words of the database.
Under `main` stand those of the program's own package, under `*` the functions, types and methods that are somewhere in the program.
Functions may also stand alone, with their path and as the linker names them (`net/http.(*Server).Serve`), separated by spaces. A
package without the note may have any.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from hullmark.model.advisory import GoImport
from hullmark.model.package import Package

Functions = Mapping[str, str]
"""Functions as advisories write them (`Server.Serve`), separated by spaces, by the import path of their package."""

_NOTE = "symbols"
_MAIN = "main"
_ANYWHERE = "*"


def symbols_of(package: Package) -> Functions:
    """The functions of the package's module; none where they are not known."""
    text = package.notes.get(_NOTE, "") if package.type == "golang" else ""
    found: dict[str, str] = {}
    for line in text.split("\n"):
        path, separator, names = line.partition(": ")
        if separator:
            found[path] = f"{found[path]} {names}" if path in found else names
            continue
        for symbol in line.replace("(*", "").replace(")", "").split():
            dot = symbol.find(".", symbol.rfind("/") + 1)
            path, name = symbol[:dot], symbol[dot + 1 :]
            found[path] = f"{found[path]} {name}" if path in found else name
    return found


def has_one_of(functions: Functions, imports: Iterable[GoImport]) -> bool:
    """Whether one of the vulnerable functions is there; where a Go package as a whole is vulnerable, anything of it."""
    return any(_has(functions, imported) for imported in imports)


def _has(functions: Functions, vulnerable: GoImport) -> bool:
    # What is linked under no path of its own may be the program itself.
    there = functions.get(vulnerable.path) or functions.get(_MAIN, "")
    if not vulnerable.symbols:
        return bool(there)
    if not frozenset(there.split(" ")).isdisjoint(vulnerable.symbols):
        return True
    anywhere = frozenset(functions.get(_ANYWHERE, "").split(" "))
    return any(anywhere.issuperset(symbol.split(".")) for symbol in vulnerable.symbols)
