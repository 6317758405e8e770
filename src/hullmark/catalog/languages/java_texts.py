"""Licence files in Java archives: which members they are, and what they tell once somebody asks."""

from __future__ import annotations

from collections.abc import Iterator

from hullmark.catalog.languages.java import ARCHIVES
from hullmark.catalog.languages.java_archive import DamagedArchive, Member, unpack
from hullmark.catalog.languages.java_reading import JarFact, has_content
from hullmark.catalog.licences.texts import FoundLicence, licences_in
from hullmark.catalog.view import View


def texts_at(view: View, path: str) -> Iterator[tuple[str, tuple[FoundLicence, ...]]]:
    """Each licence file of the archive at a path (`app/shop.ear:lib/x.jar`), with the licences that its text tells."""
    outermost, *members = path.split(":")
    found = view.fact_at(ARCHIVES, outermost)
    fact: JarFact | None = found.fact if found is not None else None
    for member in members:
        fact = dict(fact.nested).get(member) if fact is not None else None
    # What is packed into an archive beside its own classes may have other licences.
    for text in fact.texts if fact is not None and len(list(filter(has_content, fact.poms))) < 2 else ():
        try:
            body = unpack(
                memoryview(text.packed), Member(0, text.name, text.method, 0, text.crc, len(text.packed), text.size)
            )
        except DamagedArchive:
            continue
        licences = licences_in(bytes(body))
        if licences:
            yield f"{path}:{text.name}", licences
