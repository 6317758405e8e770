"""What the original's rules did not know: it changes no verdict of theirs, and stands beside it."""

from __future__ import annotations

import pytest
from msgspec import structs

from hullmark.model.match import CoverageGap, SnapshotInfo, UnknownPackage
from hullmark.model.problem import OPEN, Problem, ProblemKind
from hullmark.model.verdict import Outcome
from hullmark.policy.anchore.unknowns import with_unknowns
from hullmark.policy.facts import Facts
from tests.unit.policy.anchore.building import bundle, facts, package, rule
from tests.unit.policy.anchore.test_as_the_original import judged

CUT = Problem("/var/lib/dpkg/status", 0, "catalog", "it is cut short", "unseen")
NOTE = Problem("/x", 0, "catalog", "it is a link", "note")
NPM = CoverageGap(namespace="npm", types=("npm",), packages=2, reason="there are no advisories for npm")
FOREIGN = "it was built by somebody else"


def known(
    *uncovered: CoverageGap,
    unknown: tuple[UnknownPackage, ...] = (),
    problems: tuple[Problem, ...] = (),
    of_image: tuple[Problem, ...] = (CUT, NOTE),
) -> Facts:
    """Matches with these gaps, of an image with these problems."""
    seen = facts()
    assert seen.matches is not None
    matches = structs.replace(seen.matches, uncovered=uncovered, unknown=unknown, problems=problems)
    return facts(matches=matches, inventory=structs.replace(seen.inventory, problems=of_image))


def untold(kind: str, name: str, reason: str, problem: ProblemKind = "uncovered") -> UnknownPackage:
    return UnknownPackage(package=package(kind, name, "1"), reason=reason, kind=problem)


QUESTION = bundle(rule("vulnerabilities", "package", {"package_type": "all"}), rule("always", "always", action="GO"))


def test_the_verdict_stays_the_original_s_and_its_problems_carry_what_was_not_known() -> None:
    verdict = judged(QUESTION, known(NPM))
    assert (verdict.verdict, verdict.reason) == (Outcome.GO, "policy_evaluation")
    assert verdict.problems == (Problem("", -1, "match", NPM.reason, "uncovered"), CUT, NOTE)


def test_what_is_wrong_with_the_policy_is_nothing_that_was_not_seen() -> None:
    verdict = judged(bundle(rule("files", "name_match", {"regex": "("})), facts())
    assert [problem.kind for problem in verdict.problems] == ["note"]


def test_the_same_reason_is_told_once() -> None:
    again = Problem("", -1, "match", NPM.reason, "unseen")
    found = with_unknowns(known(NPM, unknown=(untold("npm", "a", "no advisories"),), problems=(again,)))
    assert {problem.reason for problem in found if problem.kind in OPEN} == {CUT.reason, NPM.reason}


def test_that_it_is_not_known_what_is_exploited_is_told() -> None:
    seen = known()
    assert seen.matches is not None
    gap = "the snapshot has no advisories for known exploitation (KEV)"
    matches = structs.replace(seen.matches, snapshot=SnapshotInfo(digest="sha256:5a", exploited_gap=gap))
    assert with_unknowns(facts(matches=matches)) == {Problem("", -1, "match", gap, "uncovered")}


def test_packages_of_which_nothing_can_be_told_are_told_once_for_each_reason() -> None:
    found = with_unknowns(known(unknown=tuple(untold("rpm", name, FOREIGN) for name in ("a", "b", "c"))))
    (problem,) = found - {CUT, NOTE}
    assert problem == Problem("", -1, "match", f"pkg:rpm/a@1 and 2 more: {FOREIGN}", "uncovered")


@pytest.mark.parametrize(("kind", "count"), [("unseen", 1), ("uncovered", 1), ("unidentified", 0), ("note", 0)])
def test_only_what_leaves_something_open_is_told(kind: ProblemKind, count: int) -> None:
    found = with_unknowns(known(unknown=(untold("rpm", "a", FOREIGN, kind),)))
    assert len(found - {CUT, NOTE}) == count


def test_however_many_reasons_there_are_the_list_ends() -> None:
    found = with_unknowns(known(unknown=tuple(untold("rpm", f"a{n}", f"reason {n}", "unseen") for n in range(500))))
    assert len(found) == 2 + 100 + 1
    assert any(problem.reason == "400 further packages cannot be told of" for problem in found)
