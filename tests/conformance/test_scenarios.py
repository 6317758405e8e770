"""Matching scenarios (../shared/conformance/matching/scenarios.jsonl), each with its own real advisories."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Iterable

import pytest

from hullmark.advisories.database.snapshot import Snapshot
from hullmark.advisories.match.distros import plan_for
from hullmark.advisories.match.find import find
from hullmark.advisories.match.lookups import RULES, lookups
from hullmark.model.match import Match
from tests.conformance.lost_scenarios import CONSTANTS, LOST, MENDED
from tests.conformance.scenarios import TYPES, Case, Row, cases, scenarios, stored, title
from tests.support.matching import TODAY, inventory

EXCEPTIONS = {
    "TestMatcher_SearchForStdlib": (
        "cpe enabled, no override",
        "cpe enabled, stdlib override on",
        "cpe disabled, stdlib override on",
        "package named go (not stdlib) with override on - cpe enabled",
    ),
    "TestMatcherJava_matchUpstreamMavenPackage": ("search maven - missing pom metadata, sha1 present",),
}
"""Rows that are not followed, by scenario; docs/conformance-notes.md has the reasons."""

UNSPOKEN = {"TestMatcherRpm_CPEFallbackWhenEOL_DistroNotEOL_FlagDisabled"}
"""Scenarios in whose advisories nothing is about their packages: they show only that another release's are left alone."""


@functools.cache
def asked() -> dict[str, tuple[Row, tuple[Case, ...]]]:
    return {title(scenario): (scenario, tuple(cases_of(scenario))) for scenario in scenarios()}


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


@pytest.mark.parametrize("name", [title(scenario) for scenario in scenarios()])
def test_a_scenario_finds_what_it_must_and_nothing_else(name: str) -> None:
    scenario, wanted = asked()[name]
    snapshot = stored(scenario)
    assert wanted
    for case in wanted:
        check(case, counting(case, snapshot))


def check(case: Case, found: list[Match]) -> None:
    assert case.packages, f"{case.name} has no packages: nothing can be found in it"
    told = Counter(name for match in found for name in names(match))
    assert {count: told[count] for count in case.counts} == dict.fromkeys(case.counts, 1), case.name
    assert not {*case.silent} & {*told}, case.name
    wanted = [match for match in found if names(match) & {*case.counts}]
    assert not case.is_all or found == wanted, case.name
    assert {match.kind for match in wanted} <= {case.kind or match.kind for match in wanted}, case.name
    if case.fixes:
        assert {(match.fix.state, match.fix.version) for match in wanted} == case.fixes, case.name


def test_a_case_without_packages_fails() -> None:
    with pytest.raises(AssertionError, match="has no packages"):
        check(Case("empty", ()), [])


def test_every_type_that_scenarios_name_is_looked_up() -> None:
    assert {*TYPES.values()} - {*RULES} == {"apk", "deb", "rpm"}


def test_each_scenario_is_told_from_the_others() -> None:
    assert len(asked()) == len(scenarios())
    assert {*LOST, *MENDED, *EXCEPTIONS} <= {*asked()} or not asked()


def test_what_is_not_followed_is_named_and_little() -> None:
    rows = {name: [row["name"] for row in scenario.get("table", ())] for name, (scenario, _) in asked().items()}
    left = {name: {*of_one} - {case.name for case in asked()[name][1]} for name, of_one in rows.items()}
    assert not rows or {name: names for name, names in left.items() if names} == {
        name: {*names} for name, names in EXCEPTIONS.items()
    }
    assert len(EXCEPTIONS) <= 3


def test_what_a_scenario_must_find_is_found_in_one_of_its_cases_however_they_came_about() -> None:
    for name, (scenario, wanted) in asked().items():
        counts = {count for case in wanted for count in case.counts}
        expected = {*scenario["expect"]["matches"]} if name not in EXCEPTIONS else set()
        assert expected <= counts, name


def test_no_scenario_is_silent_for_want_of_advisories() -> None:
    silent = {name: wanted for name, (_, wanted) in asked().items() if not any(case.counts for case in wanted)}
    unspoken = {name for name, wanted in silent.items() if not is_spoken_of(wanted, stored(asked()[name][0]))}
    assert unspoken == (UNSPOKEN if asked() else set())


def is_spoken_of(wanted: Iterable[Case], snapshot: Snapshot) -> bool:
    """Whether there is an advisory about one of the packages, whatever its version."""
    asks = []
    for case in wanted:
        plan = plan_for(inventory((), case.distro).distro, snapshot.namespaces, case.channels)
        every = (lookup.ask for package in case.packages for lookup in lookups(package, plan, snapshot.namespaces))
        asks += [ask._replace(is_whole=True) for ask in every]
    return bool(snapshot.hits(asks))
