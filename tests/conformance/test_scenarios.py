"""Matching scenarios (../shared/conformance/matching/scenarios.jsonl), each with its own real advisories."""

from __future__ import annotations

import functools
from collections import Counter

import pytest

from hullmark.advisorydb.snapshot import Snapshot
from hullmark.match.find import find
from hullmark.model.match import Match
from tests.conformance.lost_scenarios import CONSTANTS, LOST, MENDED
from tests.conformance.scenarios import Case, Row, book, cases, scenarios, title
from tests.support.books import TODAY, inventory

EXCEPTIONS = {
    "TestMatcher_SearchForStdlib": 4,
    "TestMatcherJava_matchUpstreamMavenPackage": 1,
}
"""Rows that are not followed, by scenario; docs/conformance-notes.md has the reasons."""


@functools.cache
def asked() -> dict[str, tuple[Row, tuple[Case, ...]]]:
    return {title(each): (each, tuple(cases_of(each))) for each in scenarios()}


def cases_of(scenario: Row) -> list[Case]:
    name = title(scenario)
    if name in LOST:
        return list(LOST[name](scenario))
    return list(cases(MENDED[name](scenario) if name in MENDED else scenario, CONSTANTS))


def counting(case: Case, snapshot: Snapshot) -> list[Match]:
    result = find(
        inventory(case.packages, case.distro),
        snapshot,
        at=TODAY,
        channels=case.channels,
        cpe_for_ended=case.cpe_for_ended,
    )
    return [match for match in result.matches if match.suppressed is None]


def names(match: Match) -> set[str]:
    return {match.advisory.id, *match.advisory.aliases}


@pytest.mark.parametrize("name", [title(each) for each in scenarios()])
def test_a_scenario_finds_what_it_must_and_nothing_else(name: str) -> None:
    scenario, wanted = asked()[name]
    snapshot = book(scenario)
    assert wanted
    for case in wanted:
        check(case, counting(case, snapshot))


def check(case: Case, found: list[Match]) -> None:
    told = Counter(each for match in found for each in names(match))
    assert {each: told[each] for each in case.counts} == dict.fromkeys(case.counts, 1), case.name
    assert not {*case.silent} & {*told}, case.name
    wanted = [match for match in found if names(match) & {*case.counts}]
    assert not case.is_all or found == wanted, case.name
    assert {match.kind for match in wanted} <= {case.kind or match.kind for match in wanted}, case.name
    if case.fixes:
        assert {(match.fix.state, match.fix.version) for match in wanted} == case.fixes, case.name


def test_each_scenario_is_told_from_the_others() -> None:
    assert len(asked()) == len(scenarios())
    assert {*LOST, *MENDED, *EXCEPTIONS} <= {*asked()} or not asked()


def test_what_is_not_followed_is_named_and_little() -> None:
    rows = {name: len(scenario["table"]) for name, (scenario, _) in asked().items() if "table" in scenario}
    left = {name: count - len(asked()[name][1]) for name, count in rows.items()}
    assert not rows or {name: count for name, count in left.items() if count} == EXCEPTIONS
    assert len(EXCEPTIONS) <= 3
