"""VEX per place: what the containers that run an image limit of its vulnerabilities, as statements about these places and nothing else.

The product is the place, named by a URN of its own; the image is not among its identifiers, so that whoever does not know the place takes
nothing from the statement. The status stays as it is for the image: a limit bounds an attack, it does not prevent one.
"""

from __future__ import annotations

from collections.abc import Iterator

from hullmark.isolation.mitigations import mitigations
from hullmark.model.isolation import PlacedContainer
from hullmark.model.match import Match, Matches
from hullmark.model.purl import quote
from hullmark.report.vex_words import Position, position

_OPEN = ("affected", "under_investigation")


def place_urn(placed: PlacedContainer) -> str:
    """`urn:hullmark:place:FORMAT:NAMESPACE:WORKLOAD:CONTAINER`, each part as URNs have it (RFC 8141)."""
    parts = (placed.workload.format, placed.workload.namespace, placed.workload.name, placed.container.name)
    return "urn:hullmark:place:" + ":".join(quote(part).replace(":", "%3A") for part in parts)


def list_limits(matches: Matches) -> Iterator[tuple[PlacedContainer, str, Position, list[Match]]]:
    """For each place, what it limits of a vulnerability, in words, with the position and the matches that this is about."""
    for placed in matches.places or ():
        groups: dict[tuple[str, Position, tuple[str, ...]], list[Match]] = {}
        for match in matches.matches:
            stance = position(match)
            found = mitigations(placed.container.isolation, match.advisory.cwes)
            if found and stance.status in _OPEN:
                groups.setdefault((match.advisory.id, stance, found), []).append(match)
        for (_, stance, found), about in groups.items():
            words = f"{placed.name} limits what an attack comes to, and is no less affected. {'; '.join(found)}."
            yield placed, words, stance, about
