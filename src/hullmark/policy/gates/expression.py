"""Gate `expression`: checks that no other gate offers, in CEL (https://cel.dev) over the facts as Hullmark publishes them.

The variables are the keys of the documents that `hullmark scan -o json --files` and `hullmark vulns -o json` write (`packages`, `files`,
`distro`, `source`, `problems`; `matches`, `unknown`, `snapshot`), the image's settings as `config`, and `reference` and `now` as texts.
`reach` is what the image's start reaches: `reach.packages` (by package URL: reachable, unknown or unreachable), `reach.programs` and
`reach.roots`. If an expression mentions reach, each of the `matches` has its `reach` too. Evaluating takes seconds at most: see
docs/adr/0006-expressions-are-evaluated-in-a-process-of-their-own.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any

from msgspec import Meta

from hullmark.model.advisory import EXPLOITED
from hullmark.model.problem import Fact
from hullmark.policy.days import TICK, moment_in, next_midnight
from hullmark.policy.exploitation import exploited_gap, may_be_exploited
from hullmark.policy.facts import ExpressionFailed, Facts
from hullmark.policy.gate import Answer, CannotTell, Need, Params, Trigger, Violation
from hullmark.policy.values import Expression

_NEEDS = {"files": Need.FILES, "config": Need.CONFIG} | dict.fromkeys(("matches", "unknown", "snapshot"), Need.MATCHES)
_LOOKS_AT: dict[str, tuple[Fact, ...]] = {
    "config": ("settings",),
    "distro": ("distro",),
    "files": ("files", "owners"),
    "matches": ("distro", "packages"),
    "packages": ("packages",),
    "unknown": ("distro", "packages"),
}
_OF_REACH = re.compile(r"\breach\b").search
_SAYS_UNKNOWN = re.compile(r"""["']unknown["']""").search
_OF_EXPLOITATION = re.compile(r"\b(?:kev|risk)\b").search
_LONGEST = 500
_TIMES = re.compile(r"\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?(?:Z|[+-]\d{2}:\d{2})?)?")


class Holds(Params, frozen=True, kw_only=True):
    """Fires if the expression is true, or for each element of the list that it returns.

    An element is the text of a subject, such as a purl or a path, or a map with the keys `subject` and `message`.
    """

    expression: Annotated[Expression, Meta(description="The expression, of at most 1000 characters.")]
    subject: Annotated[str, Meta(description="The subject of a finding if the expression is true.")] = "image"


def holds(params: Holds, facts: Facts) -> Iterator[Answer]:
    """Evaluate the expression."""
    if facts.evaluate is None:
        yield CannotTell("expressions are not evaluated here")
        return
    try:
        value = facts.evaluate(params.expression, facts)
    except ExpressionFailed as error:
        yield CannotTell(f"the expression has no value: {error}")
        return
    yield from _doubts(params, facts)
    if value is True:
        yield Violation(params.subject, f"The expression {params.expression.text[:_LONGEST]!r} holds.")
    elif isinstance(value, list):
        for element in value:
            yield _answer(element, params, facts)
    elif value is not False:
        yield CannotTell("the expression gives neither true or false nor a list")


def _doubts(params: Holds, facts: Facts) -> Iterator[CannotTell]:
    """Reports that it is not known what is exploited or reached, if the expression depends on that and some vulnerability, package or
    program is in doubt.
    """
    yield from _reach_doubts(params, facts)
    matches = facts.matches.matches if facts.matches is not None else ()
    if "matches" not in params.expression.variables or not _OF_EXPLOITATION(params.expression.text):
        return
    if any(may_be_exploited(match, facts) for match in matches):
        reason = f"what is known to be exploited cannot be told: {exploited_gap(facts)}"
        yield CannotTell(reason, subject=EXPLOITED, kind="uncovered")


def _reach_doubts(params: Holds, facts: Facts) -> Iterator[CannotTell]:
    """Reports that it is not known whether something is reached, unless the expression itself handles "unknown"."""
    if Need.REACH not in _list_needs(params) or facts.reach is None or _SAYS_UNKNOWN(params.expression.text):
        return
    if "reach" in params.expression.variables:
        unknown = [package.name for package in facts.reach.packages if package.reach == "unknown"]
        unknown += [program.path for program in facts.reach.programs if program.reach == "unknown" and program.kinds]
    else:
        matches = facts.matches.matches if facts.matches is not None else ()
        unknown = [match.package.name for match in matches if facts.reach_of(match.package.purl) == "unknown"]
    if unknown:
        more = f" and {len(unknown) - 1:,} more" if unknown[1:] else ""
        reason = f'whether the image\'s start reaches {unknown[0]}{more} is not known; say what becomes of "unknown"'
        yield CannotTell(reason, subject="reach")


def _answer(element: Any, params: Holds, facts: Facts) -> Answer:
    result = element if isinstance(element, dict) else {"subject": element}
    subject, message = result.get("subject"), result.get("message", "")
    if not isinstance(subject, str) or not isinstance(message, str) or not subject:
        return CannotTell("the expression gives a list with something else than subjects and messages")
    package = facts.packages_by_purl.get(subject)
    evidence = facts.at_package(package) if package is not None else ()
    shown = message[:_LONGEST] or f"The expression {params.expression.text[:_LONGEST]!r} names {subject[:_LONGEST]}."
    return Violation(subject[:_LONGEST], shown, evidence)


def _list_needs(params: Holds) -> frozenset[Need]:
    names = params.expression.variables
    asks = "reach" in names or ("matches" in names and _OF_REACH(params.expression.text))
    wanted = {_NEEDS[name] for name in names if name in _NEEDS}
    return frozenset(wanted | {Need.REACH} if asks else wanted)


def _looks_at(params: Holds) -> frozenset[Fact]:
    found = {fact for name in params.expression.variables for fact in _LOOKS_AT.get(name, ())}
    return frozenset(found | {"reach"} if Need.REACH in _list_needs(params) else found)


def _deadlines(params: Holds, facts: Facts) -> Iterator[datetime]:
    """Each midnight, and the times that the expression names, because how the expression uses `now` is not known."""
    if "now" not in params.expression.variables:
        return
    yield from next_midnight(facts.now)
    for text in _TIMES.findall(params.expression.text):
        moment = moment_in(text)
        if moment is not None:
            yield from (moment, moment + TICK)


TRIGGERS = (
    Trigger(
        gate="expression",
        name="holds",
        params=Holds,
        check=holds,
        looks_at=_looks_at,
        also_needs=_list_needs,
        deadlines=_deadlines,
    ),
)
