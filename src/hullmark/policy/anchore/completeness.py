"""What a rule looks at, and therefore which gaps in what is known of an image leave the rule undecided. Used by the native profile only.

The original treats anything that was not seen as absent. Under `compat` the verdict stays that way, and `unknowns` reports the gaps.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from hullmark.model.problem import Fact
from hullmark.policy.anchore.facts import AnchoreFacts
from hullmark.policy.anchore.needs import as_glob
from hullmark.policy.anchore.params import Values
from hullmark.policy.anchore.trigger import Scope, Trigger
from hullmark.policy.completeness import answers, gaps
from hullmark.policy.context import Context
from hullmark.policy.gate import CannotTell, Need, Params
from hullmark.policy.gate import Trigger as NativeTrigger
from hullmark.policy.globs import PathGlob

_NEEDED: Mapping[Need, frozenset[Fact]] = {
    Need.FILES: frozenset(("files",)),
    Need.DIGESTS: frozenset(("files", "owners")),
    Need.CONFIG: frozenset(("settings",)),
    Need.MATCHES: frozenset(("distro", "packages")),
    Need.MALWARE: frozenset(("malware",)),
}


def scope_of(trigger: Trigger, values: Values, context: Context) -> Scope:
    """What a rule looks at: the scope its trigger declares, or else the facts its needs imply."""
    if trigger.scope is not None:
        return trigger.scope(values)
    needs = trigger.needs - ({Need.MALWARE} if context.malware is not None else set())
    facts: set[Fact] = {fact for need in needs for fact in _NEEDED[need]}
    paths: tuple[str, ...] = ()
    if trigger.search:
        facts.add("contents")
    if trigger.contents is not None:
        facts.add("contents")
        paths = tuple(sorted(trigger.contents(values, context)))
    return Scope(facts=frozenset(facts), paths=paths)


class ScopeParams(Params, frozen=True, kw_only=True):
    """What a rule of Anchore's language looks at, in the form of a native rule's parameters."""

    types: tuple[str, ...] = ()
    except_types: tuple[str, ...] = ()
    paths: tuple[PathGlob, ...] = ()


def untold(trigger: Trigger, values: Values, facts: AnchoreFacts) -> Iterator[CannotTell]:
    """What a rule cannot decide because something it looks at was not seen or is not covered by advisories, whatever else it found; one
    item for each cause.
    """
    scope = scope_of(trigger, values, facts.context)
    native = NativeTrigger(
        gate=trigger.gate,
        name=trigger.name,
        params=ScopeParams,
        check=lambda _params, _facts: iter(()),
        looks_at=scope.facts,
        needs=trigger.needs,
    )
    paths = tuple(globs for path in scope.paths if (globs := as_glob(path)) is not None)
    params = ScopeParams(types=tuple(sorted(scope.types)), except_types=tuple(sorted(scope.left_out)), paths=paths)
    yield from answers(gaps(native, params, facts.facts))
