"""What a rule looks at, and so which gaps in what is known of an image keep it from telling. Only the native profile asks.

The original takes what nobody saw for what is not there; under `compat` the verdict stays so and `unknowns` says what it was.
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
    """What a rule looks at: what its trigger says, else what its needs stand for."""
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
    """What a rule of Anchore's language asks for, in the words of native rules."""

    types: tuple[str, ...] = ()
    except_types: tuple[str, ...] = ()
    paths: tuple[PathGlob, ...] = ()


def untold(trigger: Trigger, values: Values, facts: AnchoreFacts) -> Iterator[CannotTell]:
    """What a rule cannot tell since something was not seen or not covered that it looks at, whatever it found; once for each cause."""
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
