"""What a package declares, and what can be concluded from the texts of its files if the declaration leaves its licence open."""

from __future__ import annotations

from hullmark.model.licence_evidence import LicenceEvidence
from hullmark.model.licences.expressions import all_of, distinct, expression_of, spdx_expression
from hullmark.model.licences.terms import licences_of, read_terms
from hullmark.model.package import Package


def declared_by(package: Package) -> tuple[str, ...]:
    """The licences that a package's record declares, as it writes them, without those found only in a text."""
    if not any(evidence.kind == "found" for evidence in package.license_evidence):
        return distinct(package.licenses)
    told = {evidence.license for evidence in package.license_evidence if evidence.kind == "declared"}
    found = {evidence.license for evidence in found_in(package)} - told
    return distinct(licence for licence in package.licenses if licence not in found)


def found_in(package: Package) -> tuple[LicenceEvidence, ...]:
    """The evidence from texts."""
    return tuple(evidence for evidence in package.license_evidence if evidence.kind == "found")


def conclude_licences(package: Package) -> tuple[str, ...]:
    """The licences that apply together, if texts settle what the record leaves open (`BSD`, an unknown name, nothing at all).

    Empty if the record is already certain, or if it names something that no text settles, so that nothing can be concluded.
    """
    texts = declared_by(package)
    own: dict[str, list[str]] = {}
    free: dict[str, None] = {}
    for evidence in found_in(package):
        if evidence.field in texts:
            own.setdefault(evidence.field, []).append(evidence.license)
        else:
            free[evidence.license] = None
    if not (own or free) or expression_of(texts):
        return ()
    # A name with its own text means the licence of that text.
    certain = {text: spdx_expression(text) or all_of(dict.fromkeys(own.get(text, ()))) for text in texts}
    is_only = len(texts) == 1
    if all(expression or _is_told(text, tuple(free), is_only=is_only) for text, expression in certain.items()):
        return tuple(dict.fromkeys((*filter(None, certain.values()), *free)))
    return ()


def conclusion(package: Package) -> str:
    """The concluded licences as one SPDX expression; "" for none."""
    return all_of(conclude_licences(package))


def _is_told(name: str, found: tuple[str, ...], *, is_only: bool) -> bool:
    """Whether a text settles what a name leaves open: a text of the same family does; for a name without a known family any text does, if
    it is the only name.
    """
    loose = licences_of(read_terms(name))
    known = [licence for licence in loose if spdx_expression(licence.name)]
    if not known:
        return is_only
    return all(any(_family(licence.name) == _family(name) for name in found) for licence in known)


def _family(name: str) -> str:
    return name.partition("-")[0].lower()
