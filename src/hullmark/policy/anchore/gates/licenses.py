"""Gate `licenses`: packages with denied licences."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from hullmark.policy.anchore.facts import AnchoreFacts
from hullmark.policy.anchore.params import Kind, Parameter, Values
from hullmark.policy.anchore.rows import PackageRow
from hullmark.policy.anchore.trigger import PACKAGES, Answer, Scope, Trigger, TriggerMatch, legacy_id
from hullmark.policy.licence_denials import is_denied

_WORDS = {
    "blacklist_exact_match": "LICFULLMATCH Packages are installed that have blacklisted licenses: ",
    "blacklist_partial_match": "LICSUBMATCH Packages are installed that have blacklisted licenses: ",
}


def exact_match(values: Values, facts: AnchoreFacts) -> Iterator[Answer]:
    """Compare each complete licence."""
    yield from _matching(values, facts, "blacklist_exact_match", lambda listed, name: listed == name)


def partial_match(values: Values, facts: AnchoreFacts) -> Iterator[Answer]:
    """Look for the listed texts within each licence."""
    yield from _matching(values, facts, "blacklist_partial_match", lambda listed, name: listed in name)


def _matching(values: Values, facts: AnchoreFacts, trigger: str, fits: Callable[[str, str], bool]) -> Iterator[Answer]:
    listed = values.texts("licenses")
    # The original tries each listed text on each word of each package's licences.
    words = [(row, word) for row in facts.packages for word in (row.licence or "").split()]
    together = [f"{row.name}({word})" for row, word in words for text in listed if fits(text, word)]
    whole = _WORDS[trigger] + ", ".join(together)
    if facts.keeps("Q19"):
        if together:
            yield TriggerMatch(message=whole, subject="licences")
        return
    shared = legacy_id("licenses", trigger, whole) if together else ""
    for row in facts.packages:
        for licence in _find_denied_licences(row, listed, fits, is_partial=trigger == "blacklist_partial_match"):
            yield TriggerMatch(
                message=f"{_WORDS[trigger]}{row.name}({licence})",
                subject=f"{row.subject} {licence}",
                legacy_id=shared,
                evidence=facts.at_row(row, licence),
            )


def _find_denied_licences(
    row: PackageRow, listed: tuple[str, ...], fits: Callable[[str, str], bool], *, is_partial: bool
) -> Iterator[str]:
    """The package's licences that cannot be complied with; an expression that offers a choice is denied if each alternative is."""

    def is_listed(name: str) -> bool:
        return any(fits(text, name) for text in listed)

    for licence in dict.fromkeys(row.package.licenses or (("Unknown",) if row.package.type == "deb" else ())):
        if is_partial:
            if is_listed(licence):
                yield licence
        elif is_denied(licence, is_listed):
            yield licence


def _packages(values: Values) -> Scope:
    return Scope(PACKAGES)


_LICENCES = (Parameter(name="licenses", kind=Kind.TEXTS, is_required=True),)

TRIGGERS = (
    Trigger(
        gate="licenses",
        name="blacklist_exact_match",
        check=exact_match,
        scope=_packages,
        parameters=_LICENCES,
        about="Fires for packages with a licence of exactly one of these names.",
    ),
    Trigger(
        gate="licenses",
        name="blacklist_partial_match",
        check=partial_match,
        scope=_packages,
        parameters=_LICENCES,
        about="Fires for packages with a licence that one of these texts stands in.",
    ),
)
