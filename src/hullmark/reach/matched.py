"""What is known of the reach of packages, laid upon their matches with advisories."""

from __future__ import annotations

from collections.abc import Collection

from msgspec.structs import replace

from hullmark.model.match import Match, Matches, Suppression
from hullmark.model.reach import ImageReach, MatchReach, PackageReach, Reach

_MANY_ROOTS = 5
_LONG = 200


class ReachIndex:
    """What is known of the reach of packages, by package URL."""

    def __init__(self, reach: ImageReach) -> None:
        self._known = reach.by_purl()
        self._roots = _roots(reach.roots)

    def packages_that_are(self, states: Collection[Reach]) -> tuple[str, ...]:
        """The package URLs of the packages whose reach is one of these."""
        return tuple(purl for purl, found in self._known.items() if found.reach in states)

    def of(self, purl: str) -> MatchReach:
        """What is known of a package; of one that is not there, that nobody can tell."""
        found = self._known.get(purl)
        if found is None:
            return MatchReach(reach="unknown", reason="no record says which files are its own")
        evidence = _evidence(found, self._roots) if found.reach == "unreachable" else ""
        return MatchReach(reach=found.reach, reason=found.reason, witness=found.witness, evidence=evidence)


def with_reach(matches: Matches, reach: ImageReach) -> Matches:
    """The matches, each with what is known of its package's reach."""
    index = ReachIndex(reach)
    reached = tuple(replace(match, reach=index.of(match.package.purl)) for match in matches.matches)
    return replace(matches, matches=reached, roots=reach.roots, unfollowed=reach.unseen)


def without_unreachable(matches: Matches) -> Matches:
    """The matches; those in packages that the start does not reach are set aside. What is unknown counts."""

    def suppress_unreachable(match: Match) -> Match:
        if match.suppressed is not None or match.reach is None or match.reach.reach != "unreachable":
            return match
        return replace(match, suppressed=Suppression(by="reach", reason=match.reach.evidence))

    return replace(matches, matches=tuple(map(suppress_unreachable, matches.matches)))


def _roots(roots: tuple[str, ...]) -> str:
    more = f" and {len(roots) - _MANY_ROOTS} more" if len(roots) > _MANY_ROOTS else ""
    return ", ".join(root[:_LONG] for root in roots[:_MANY_ROOTS]) + more


def _evidence(package: PackageReach, roots: str) -> str:
    """Why the package's code is not in an execute path: from where it was followed, through what, and which of its files none of that
    is."""
    named = f" ({', '.join(path[:_LONG] for path in package.examples)})" if package.examples else ""
    return (
        f"Nothing that the image starts can come to use {package.name}. Followed to the end were {roots}, with all programs, libraries, "
        f"scripts, modules and configuration that these lead to: {package.reason.partition(':')[0]}{named}."
    )
