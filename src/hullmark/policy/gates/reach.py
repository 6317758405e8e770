"""Gate `reach`: which packages what the image starts can come to use."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from msgspec import Meta

from hullmark.policy.facts import Facts
from hullmark.policy.gate import Answer, CannotTell, Need, Params, Trigger, Violation
from hullmark.policy.values import NameGlob

_LACKING = "what the image starts and comes to use is not looked at yet"


class Unreachable(Params, frozen=True, kw_only=True):
    """Fires for each package that nothing which the image starts can come to use."""

    packages: Annotated[tuple[NameGlob, ...], Meta(description="Only these packages; none: all.")] = ()
    allow: Annotated[tuple[NameGlob, ...], Meta(description="Packages that may stay.")] = ()


class Vulnerable(Params, frozen=True, kw_only=True):
    """Fires for each vulnerable package that what the image starts can come to use."""

    allow: Annotated[tuple[NameGlob, ...], Meta(description="Packages that are left out.")] = ()


def unreachable(params: Unreachable, facts: Facts) -> Iterator[Answer]:
    """Look at each package."""
    if facts.reach is None:
        yield CannotTell(_LACKING)
        return
    for package in facts.inventory.packages:
        is_meant = not params.packages or any(glob.matches(package.name) for glob in params.packages)
        if not is_meant or any(glob.matches(package.name) for glob in params.allow):
            continue
        state = facts.reach.get(package.purl, "unknown")
        if state == "unreachable":
            message = f"Nothing that the image starts can come to use package {package.name} {package.version} ({package.type})."
            yield Violation(package.purl, message, facts.at_package(package))
        elif state == "unknown":
            yield CannotTell(
                f"whether anything comes to use package {package.name} is not known", facts.at_package(package)
            )


def vulnerable(params: Vulnerable, facts: Facts) -> Iterator[Answer]:
    """Look at each package that an advisory speaks of."""
    if facts.reach is None:
        yield CannotTell(_LACKING)
        return
    matches = facts.matches.matches if facts.matches is not None else ()
    affected = {match.package.purl: match for match in matches if match.suppressed is None and match.kind != "cpe"}
    for purl, match in affected.items():
        package = match.package
        if any(glob.matches(package.name) for glob in params.allow):
            continue
        state = facts.reach.get(purl, "unknown")
        if state == "reachable":
            message = (
                f"What the image starts can come to use package {package.name} {package.version}, which is vulnerable."
            )
            yield Violation(purl, message, facts.at_package(package))
        elif state == "unknown":
            yield CannotTell(
                f"whether anything comes to use package {package.name} is not known", facts.at_package(package)
            )


def _remove(params: Unreachable, subject: str) -> str:
    return f"remove package {subject.rpartition('/')[2].partition('@')[0]}"


TRIGGERS = (
    Trigger(
        gate="reach",
        name="unreachable",
        params=Unreachable,
        check=unreachable,
        looks_at=frozenset(("packages",)),
        advice=_remove,
    ),
    Trigger(gate="reach", name="vulnerable", params=Vulnerable, check=vulnerable, needs=frozenset((Need.MATCHES,))),
)
