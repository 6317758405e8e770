"""Gate `licences`: what packages are licensed under, by SPDX identifier or by what the licence asks for.

If a package offers a choice (`MIT OR GPL-2.0-only`), the alternative that passes counts.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from msgspec import Meta

from hullmark.model.licences.categories import Category
from hullmark.model.licences.terms import Licence, Terms, holds, licences_of, terms_of
from hullmark.model.package import Package
from hullmark.model.problem import Fact
from hullmark.policy.facts import Facts
from hullmark.policy.gate import Answer, Params, Trigger, Violation
from hullmark.policy.licence_denials import is_denied
from hullmark.policy.values import NameGlob

_SHOWN = 5
_LONGEST = 60

Categories = Annotated[tuple[Category, ...], Meta(description="Categories of licences, by what they require.")]
Packages = Annotated[tuple[NameGlob, ...], Meta(description="Only these packages; none: all.")]
AllowPackages = Annotated[tuple[NameGlob, ...], Meta(description="Packages that are left out.")]
Types = Annotated[
    tuple[str, ...], Meta(description="Only packages of these purl types (deb, pypi …); none: all types.")
]


class _About(Params, frozen=True, kw_only=True):
    packages: Packages = ()
    allow: AllowPackages = ()
    types: Types = ()


class ForbiddenLicences(_About, frozen=True, kw_only=True):
    """Fires for each package that cannot be used without a forbidden licence. Packages that name no licence are left out. A licence that is
    not recognised is forbidden only if `names` or the category unknown covers it.
    """

    names: Annotated[tuple[NameGlob, ...], Meta(description="SPDX identifiers that are forbidden.")] = ()
    categories: Categories = ()
    except_names: Annotated[
        tuple[NameGlob, ...], Meta(description="Licences that are allowed even if a name or a category matches them.")
    ] = ()

    def __post_init__(self) -> None:
        if not self.names and not self.categories:
            raise ValueError("expected names or categories: without one of them it never fires")


class AllowedLicences(_About, frozen=True, kw_only=True):
    """Fires for each package that cannot be used under allowed licences alone. Packages that name no licence are left out."""

    names: Annotated[tuple[NameGlob, ...], Meta(description="SPDX identifiers that are allowed.")] = ()
    categories: Categories = ()

    def __post_init__(self) -> None:
        if not self.names and not self.categories:
            raise ValueError("expected names or categories: without one of them it fires on everything")


class NotKnown(_About, frozen=True, kw_only=True):
    """Fires for each package that names no licence, or names one that is not recognised."""

    missing: Annotated[bool, Meta(description="Whether packages without a licence count.")] = True
    unrecognised: Annotated[bool, Meta(description="Whether licences that are not recognised count.")] = True

    def __post_init__(self) -> None:
        if not self.missing and not self.unrecognised:
            raise ValueError("expected missing or unrecognised to count: without one of them it never fires")


class WrittenLicences(_About, frozen=True, kw_only=True):
    """Fires for each package with a forbidden licence, compared exactly as the package itself writes it. Packages without a written licence
    are left out.
    """

    names: Annotated[
        tuple[str, ...],
        Meta(
            description="Licences, spelled exactly so. Each part of a choice (MIT OR GPL-2.0-only) must be one of them."
        ),
    ] = ()
    containing: Annotated[
        tuple[str, ...], Meta(description="Texts that no licence may contain, spelled exactly so.")
    ] = ()

    def __post_init__(self) -> None:
        if not any(self.names) and not any(self.containing):
            raise ValueError("expected names or containing: without one of them it never fires")


def forbidden(params: ForbiddenLicences, facts: Facts) -> Iterator[Answer]:
    """Look for an alternative without forbidden licences."""

    def is_fit(licence: Licence) -> bool:
        is_named = _fits(params.names, licence.names) or licence.category in params.categories
        return not is_named or _fits(params.except_names, licence.names)

    for package, terms in _list_package_terms(params, facts):
        if terms is not None and not holds(terms, is_fit):
            wrong = _format_licences(licence for licence in licences_of(terms) if not is_fit(licence))
            message = f"{_format_package(package)} is licensed under {wrong}, which is forbidden."
            yield Violation(package.purl, message, facts.at_package(package))


def check_allowed_licences(params: AllowedLicences, facts: Facts) -> Iterator[Answer]:
    """Look for an alternative with allowed licences only."""

    def is_fit(licence: Licence) -> bool:
        return _fits(params.names, licence.choices) or licence.category in params.categories

    for package, terms in _list_package_terms(params, facts):
        if terms is not None and not holds(terms, is_fit):
            wrong = _format_licences(licence for licence in licences_of(terms) if not is_fit(licence))
            message = f"{_format_package(package)} is licensed under {wrong}, which is not among the allowed licences."
            yield Violation(package.purl, message, facts.at_package(package))


def check_unknown_licences(params: NotKnown, facts: Facts) -> Iterator[Answer]:
    """Look for licences without a known category."""
    for package, terms in _list_package_terms(params, facts):
        if terms is None:
            if params.missing:
                message = f"{_format_package(package)} does not say what it is licensed under."
                yield Violation(package.purl, message, facts.at_package(package))
        elif params.unrecognised:
            odd = [licence for licence in licences_of(terms) if licence.category == "unknown"]
            if odd:
                message = f"{_format_package(package)} names licences that are not known: {_format_licences(odd)}."
                yield Violation(package.purl, message, facts.at_package(package))


def check_written_licences(params: WrittenLicences, facts: Facts) -> Iterator[Answer]:
    """Compare the texts themselves."""
    containing = tuple(filter(None, params.containing))
    for package in _about(params, facts):
        wrong = [
            text
            for text in dict.fromkeys(package.licenses)
            if any(part in text for part in containing) or is_denied(text, params.names.__contains__)
        ]
        if wrong:
            shown = ", ".join(text[:_LONGEST] for text in wrong[:_SHOWN])
            more = f" and {len(wrong) - _SHOWN} more" if len(wrong) > _SHOWN else ""
            message = f"{_format_package(package)} says that its licence is {shown}{more}, which is forbidden."
            yield Violation(package.purl, message, facts.at_package(package))


def _list_package_terms(params: _About, facts: Facts) -> Iterator[tuple[Package, Terms | None]]:
    for package in _about(params, facts):
        yield package, terms_of(package.licenses)


def _about(params: _About, facts: Facts) -> Iterator[Package]:
    for package in facts.inventory.packages:
        is_meant = not params.packages or _fits(params.packages, (package.name,))
        is_of_type = not params.types or package.type in params.types
        if is_meant and is_of_type and not _fits(params.allow, (package.name,)):
            yield package


def _fits(globs: tuple[NameGlob, ...], names: tuple[str, ...]) -> bool:
    return any(glob.matches(name) for glob in globs for name in names)


def _format_package(package: Package) -> str:
    return f"Package {package.name} {package.version} ({package.type})"


def _format_licences(licences: Iterator[Licence] | list[Licence]) -> str:
    names = sorted({str(licence) for licence in licences})
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def _replace(params: _About, subject: str) -> str:
    name = subject.rpartition("/")[2].partition("?")[0].partition("@")[0]
    return f"remove package {name}, or except it with the reason why its licence is acceptable"


_LOOKS_AT: frozenset[Fact] = frozenset(("packages",))

TRIGGERS = (
    Trigger(
        gate="licences",
        name="forbidden",
        params=ForbiddenLicences,
        check=forbidden,
        looks_at=_LOOKS_AT,
        advice=_replace,
    ),
    Trigger(
        gate="licences",
        name="allowed",
        params=AllowedLicences,
        check=check_allowed_licences,
        looks_at=_LOOKS_AT,
        advice=_replace,
    ),
    Trigger(gate="licences", name="unknown", params=NotKnown, check=check_unknown_licences, looks_at=_LOOKS_AT),
    Trigger(
        gate="licences",
        name="written",
        params=WrittenLicences,
        check=check_written_licences,
        looks_at=_LOOKS_AT,
        advice=_replace,
    ),
)
