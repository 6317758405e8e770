"""What a rule looks at, and so which gaps in what is known of an image keep it from telling. Only the native profile asks.

The original takes what nobody saw for what is not there; under `compat` the verdict stays so and `unknowns` says what it was.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from hullmark.model.match import Matches, Untold
from hullmark.policy.anchore.facts import AnchoreFacts
from hullmark.policy.anchore.params import Values
from hullmark.policy.anchore.trigger import Scope, Trigger
from hullmark.policy.context import Context
from hullmark.policy.gate import CannotTell, Need

_NEEDED: Mapping[Need, frozenset[str]] = {
    Need.FILES: frozenset(("files",)),
    Need.DIGESTS: frozenset(("files", "owners")),
    Need.CONFIG: frozenset(("settings",)),
    Need.MATCHES: frozenset(("distro", "packages")),
    Need.MALWARE: frozenset(("malware",)),
}
_SHOWN = 3


def scope_of(trigger: Trigger, values: Values, context: Context) -> Scope:
    """What a rule looks at: what its trigger says, else what its needs stand for."""
    if trigger.scope is not None:
        return trigger.scope(values)
    needs = trigger.needs - ({Need.MALWARE} if context.malware is not None else set())
    facts = {fact for need in needs for fact in _NEEDED[need]}
    paths: tuple[str, ...] = ()
    if trigger.search:
        facts.add("contents")
    if trigger.contents is not None:
        facts.add("contents")
        paths = tuple(sorted(trigger.contents(values, context)))
    return Scope(facts=frozenset(facts), paths=paths)


def untold(trigger: Trigger, values: Values, facts: AnchoreFacts) -> Iterator[CannotTell]:
    """What a rule cannot tell since something was not known that it looks at, whatever it found; once for each cause."""
    matches = facts.facts.matches
    if Need.MATCHES not in trigger.needs or matches is None:
        return
    scope = scope_of(trigger, values, facts.context)
    yield from _uncovered(matches, scope)
    yield from _unmatched([each for each in matches.unknown if each.kind == "unseen" and _asks(scope, each)], facts)


def _uncovered(matches: Matches, scope: Scope) -> Iterator[CannotTell]:
    reasons = (each.reason for each in matches.uncovered if not each.types or scope.asks_for(each.types))
    for reason in dict.fromkeys(reasons):
        yield CannotTell(f"not everything is covered by advisories: {reason}")


def _asks(scope: Scope, each: Untold) -> bool:
    return scope.asks_for((each.package.type,))


def _unmatched(unknown: Iterable[Untold], facts: AnchoreFacts) -> Iterator[CannotTell]:
    """Packages of a version that cannot be compared, in one answer for each reason."""
    by_reason: dict[str, list[Untold]] = {}
    for each in unknown:
        by_reason.setdefault(each.reason, []).append(each)
    for reason, about in sorted(by_reason.items()):
        names = ", ".join(f"{each.package.name} {each.package.version}" for each in about[:_SHOWN])
        more = f" and {len(about) - _SHOWN:,} more" if len(about) > _SHOWN else ""
        evidence = tuple(place for each in about[:_SHOWN] for place in facts.facts.at_package(each.package))
        yield CannotTell(f"not everything could be matched with advisories: {names}{more}: {reason}", evidence)
