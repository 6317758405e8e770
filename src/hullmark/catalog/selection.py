"""Which catalogers run: the usual ones, or those that a list of words chooses.

A word is a cataloger's name, else a purl type or a tag: `image` (what is installed), `directory` (that, and what projects name), `os` (what
may own other packages), `all`. Plain words make a choice that replaces the usual one; then `+word` adds, and last `-word` takes away.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from hullmark.catalog.cataloger import Cataloger
from hullmark.model.errors import HullmarkError


def tags_of(cataloger: Cataloger, installed: Iterable[Cataloger]) -> tuple[str, ...]:
    """The tags of a cataloger."""
    is_installed = any(cataloger is one for one in installed)
    return (*(("image",) if is_installed else ()), "directory", *(("os",) if cataloger.system else ()))


def select(
    words: Sequence[str], usual: Sequence[Cataloger], installed: Sequence[Cataloger], declared: Sequence[Cataloger]
) -> tuple[Cataloger, ...]:
    """The catalogers that the words choose, in the order of the lists. Raises HullmarkError for a word that none answers to."""
    known = (*installed, *declared)
    plain = [word for word in words if word[:1] not in ("+", "-")]
    chosen = {cataloger.name for cataloger in usual}
    if plain:
        chosen = {cataloger.name for word in plain for cataloger in _select_catalogers(word, known, installed)}
    added = [word[1:] for word in words if word[:1] == "+"]
    taken = [word[1:] for word in words if word[:1] == "-"]
    chosen |= {cataloger.name for word in added for cataloger in _select_catalogers(word, known, installed)}
    chosen -= {cataloger.name for word in taken for cataloger in _select_catalogers(word, known, installed)}
    return tuple(cataloger for cataloger in known if cataloger.name in chosen)


def _select_catalogers(word: str, known: Sequence[Cataloger], installed: Sequence[Cataloger]) -> list[Cataloger]:
    found = [cataloger for cataloger in known if cataloger.name == word] or [
        cataloger for cataloger in known if _answers(word, cataloger, installed)
    ]
    if not found:
        raise HullmarkError(
            f"no cataloger answers to {word!r}",
            advice="`hullmark catalogers` lists their names; the words image, directory, os, all and purl types are understood too",
        )
    return found


def _answers(word: str, cataloger: Cataloger, installed: Sequence[Cataloger]) -> bool:
    return word == "all" or word in cataloger.types or word in tags_of(cataloger, installed)


def left_out(chosen: Sequence[Cataloger], usual: Sequence[Cataloger]) -> tuple[str, tuple[str, ...]]:
    """The names of usual catalogers that do not run, and the purl types whose packages may be missing for that."""
    names = {cataloger.name for cataloger in chosen}
    missing = [cataloger for cataloger in usual if cataloger.name not in names]
    types = {kind for cataloger in missing for kind in cataloger.types}
    return ", ".join(sorted(cataloger.name for cataloger in missing)), tuple(sorted(types))
