"""From an image and a policy to the smallest set of changes that makes the image pass."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import msgspec

from hullmark.app.foundation import Foundation, as_it_is, on_other_bases
from hullmark.app.update_files import FetchedUpdates
from hullmark.app.upkeep import UPKEEP_READS, Mirrors, UpkeepRequest, newer, untold
from hullmark.app.virtual_image import JudgingContext, VirtualImage, dockerfile_for
from hullmark.app.vulns import MATCHING_READS
from hullmark.catalog.relations.dpkg import need_of
from hullmark.facets.configuration.facet import FACET as CONFIGURATION
from hullmark.facets.secrets.mask import masked_dockerfile
from hullmark.maintenance.remedy.candidates import Candidates, Situation
from hullmark.maintenance.remedy.contents import DPKG_SETTINGS
from hullmark.maintenance.remedy.dpkg_terms import DPKG_TERMS, DpkgTerms
from hullmark.maintenance.remedy.needs import OfferedName, can_be_together
from hullmark.maintenance.remedy.outcome import (
    PASSING_AT,
    Goal,
    findings_in_the_way,
    in_the_way,
    list_fixed_findings,
    remains,
)
from hullmark.maintenance.remedy.search import Blockers, ChangeSet, SmallestSet, smallest_set
from hullmark.maintenance.remedy.stack import UNSEEN
from hullmark.model.errors import HullmarkError
from hullmark.model.image import ImageConfig
from hullmark.model.problem import Problem
from hullmark.model.reach import Minimality
from hullmark.model.remedy import Change, PlannedChange, Proof, Remedy
from hullmark.model.upkeep import PackageUpdate
from hullmark.model.verdict import Verdict
from hullmark.policy.dockerfile.applied import apply_instruction, read_setting
from hullmark.reach.analysis import ReachRequest, minimality
from hullmark.reach.reads import REACH_READS, reach_facts
from hullmark.reach.recipe import reference_of
from hullmark.scanning.request import ScanRequest, ScanResult
from hullmark.scanning.scan import scan_records
from hullmark.scanning.take import SBOM
from hullmark.source import SourceOptions, classify, open_image

_PROOFS: tuple[Proof, ...] = ("judged", "cover", "greedy")
"""How sure it is that no set is smaller, the surest first."""

_READS = (*REACH_READS, *MATCHING_READS, *UPKEEP_READS, DPKG_SETTINGS, DPKG_TERMS)


class FixRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked: the verdict that is aimed at, where lists of packages are, the instructions that a person offers (`settings`, lines of
    a Dockerfile), and references of base images: newer ones, and the one that the image is built on."""

    goal: Goal = "go"
    lists: UpkeepRequest
    settings: tuple[str, ...] = ()
    bases: tuple[str, ...] = ()


def remedy_of(reference: str, request: FixRequest, judging: JudgingContext, options: SourceOptions) -> Remedy:
    """The smallest set of changes that makes the image pass, and what it comes to.

    Raises HullmarkError where the image cannot be read, or is not an image; BrokenImage where it contradicts itself.
    """
    if classify(reference)[0] in (SBOM, "dir"):
        raise HullmarkError(
            "only an image can be built anew, not a folder or a list of packages",
            advice="name an image, an archive or a layout",
        )
    # What is printed holds no secret: neither a person's own words, nor the Dockerfile that he hands over.
    settings = tuple(read_setting(masked_dockerfile(line)) for line in request.settings)
    mirrors = Mirrors(request.lists.mirrors, options)
    image = open_image(reference, options)
    own = _find_solution(as_it_is(image, judging.resources), request, settings, judging, mirrors)
    before = own.verdict(frozenset())
    if before.verdict in PASSING_AT[request.goal]:
        return _build_remedy(own, own, request, ())
    foundations, problems = on_other_bases(image, request.bases, judging.resources, options)
    others = [_find_solution(foundation, request, settings, judging, mirrors) for foundation in foundations]
    solutions = [own, *others]
    best = min(solutions, key=lambda solution: solution.rank)
    found = _build_remedy(best, own, request, problems)
    return msgspec.structs.replace(
        found,
        proof=max((solution.best.proof for solution in solutions), key=_PROOFS.index),
        candidates=sum(len(solution.trials.changes) for solution in solutions) + len(others),
        judged=sum(solution.best.judged for solution in solutions),
    )


def _find_solution(
    foundation: Foundation,
    request: FixRequest,
    settings: tuple[tuple[str, str], ...],
    judging: JudgingContext,
    mirrors: Mirrors,
) -> _Solution:
    """The smallest set of changes to an image on one base."""
    wide = ScanRequest(files=True, relations=True, reads=_READS, facets=(CONFIGURATION,))
    scanned = scan_records(foundation.image, foundation.records(wide), wide, judging.resources)
    found = newer(scanned, request.lists, mirrors)
    candidates = Candidates(_situation(scanned, found.updates, settings))
    contents = FetchedUpdates(foundation, scanned, mirrors, judging.resources)
    virtual = VirtualImage(foundation, judging, candidates.owned, contents)
    changes = candidates.of(findings_in_the_way(virtual.verdict(()), request.goal))
    trials = _Trials(virtual, changes, request.goal, judging.options.profile)
    best = smallest_set(changes, trials.judge, trials.possible)
    problems = (*untold(found.kind, scanned, request.lists, found.offered), *contents.problems)
    return _Solution(scanned, foundation.change, candidates, trials, best, problems, judging.options.dockerfile)


class _Trials:
    """The verdicts on the image with each set of changes that was tried."""

    def __init__(self, virtual: VirtualImage, changes: Sequence[Change], goal: Goal, profile: str) -> None:
        self._is_blind = profile == "compat"
        self._virtual = virtual
        self.changes = changes
        self.goal = goal
        self._verdicts: dict[ChangeSet, Verdict] = {}

    def of(self, chosen: ChangeSet) -> Verdict:
        if chosen not in self._verdicts:
            self._verdicts[chosen] = self._virtual.verdict(self.chosen(chosen))
        return self._verdicts[chosen]

    def chosen(self, chosen: ChangeSet) -> list[Change]:
        return [self.changes[place] for place in sorted(chosen)]

    def judge(self, chosen: ChangeSet) -> Blockers:
        """What is in the way of passing, with these changes."""
        verdict = self.of(chosen)
        # The original's rules take what nobody saw for what is not there: here it is in the way all the same.
        unseen = (problem.reason for problem in verdict.problems if problem.room == UNSEEN and problem.is_open)
        return in_the_way(verdict, self.goal).union(unseen if self._is_blind else ())

    def possible(self, chosen: ChangeSet) -> bool:
        """Whether these changes can be made together."""
        return can_be_together(self.chosen(chosen))


def _situation(
    scanned: ScanResult, updates: tuple[PackageUpdate, ...], settings: tuple[tuple[str, str], ...]
) -> Situation:
    reached = _analyse_reach(scanned, settings)
    terms: list[DpkgTerms] = list(scanned.found.get(DPKG_TERMS.name, {}).values())
    provided = (need_of(text) for term in terms for provides in term.provides for text in provides.split(","))
    return Situation(
        inventory=scanned.inventory,
        updates=updates,
        provided=tuple(OfferedName(need.name, need.version) for need in provided if need is not None),
        essential=frozenset(name for term in terms for name in term.essential) if terms else None,
        reach={package.purl: package for package in reached.packages},
        kept=frozenset(reached.kept),
        settings=settings,
    )


def _analyse_reach(scanned: ScanResult, settings: Sequence[tuple[str, str]]) -> Minimality:
    """What the image starts can come to use, with the health check and the variables that it would have."""
    config = scanned.inventory.config
    for keyword, words in settings:
        config = apply_instruction(config or ImageConfig(), f"{keyword} {words}")
    configuration = scanned.facets[CONFIGURATION.name]
    facts = reach_facts(scanned.found, configuration.settings, config)
    return minimality(scanned.inventory, facts, ReachRequest())


class _Solution(NamedTuple):
    """What was found for an image on one base: `base` is the change to it, None for its own."""

    scanned: ScanResult
    base: Change | None
    candidates: Candidates
    trials: _Trials
    best: SmallestSet
    problems: tuple[Problem, ...]
    dockerfile: str

    def verdict(self, chosen: ChangeSet) -> Verdict:
        return self.trials.of(chosen)

    @property
    def rank(self) -> tuple[int, int, bool]:
        """How much is left, then how many changes there are."""
        left = in_the_way(self.verdict(self.best.chosen), self.trials.goal)
        return len(left), len(self.best.chosen) + (self.base is not None), self.base is not None


def _build_remedy(solution: _Solution, own: _Solution, request: FixRequest, problems: Iterable[Problem]) -> Remedy:
    trials, best, base = solution.trials, solution.best, solution.base
    before, after, made = own.verdict(frozenset()), trials.of(best.chosen), trials.chosen(best.chosen)
    planned = [
        PlannedChange(trials.changes[place], list_fixed_findings(trials.of(best.chosen - {place}), after, request.goal))
        for place in sorted(best.chosen)
    ]
    if base is not None:
        planned.insert(0, PlannedChange(base, list_fixed_findings(before, trials.of(frozenset()), request.goal)))
    return Remedy(
        source=own.scanned.inventory.source,
        goal=request.goal,
        before=before,
        after=after,
        changes=tuple(planned),
        remains=tuple(remains(after, request.goal, solution.candidates, made)),
        proof=best.proof,
        candidates=len(trials.changes),
        judged=best.judged,
        dockerfile=_dockerfile(solution, made),
        assumed=tuple(_list_assumptions(made)),
        problems=(*problems, *solution.problems),
    )


def _dockerfile(solution: _Solution, made: Sequence[Change]) -> str:
    """The Dockerfile: the person's own with more at its end, else one over the image itself."""
    base, config = solution.base, solution.scanned.inventory.config
    if base is None and not made:
        return ""
    if solution.dockerfile.strip():
        return masked_dockerfile(dockerfile_for(solution.dockerfile, base, made, config))
    own = f"FROM {reference_of(solution.scanned.inventory)}\n"
    if base is None:
        return dockerfile_for(own, None, made, config)
    head = f"""\
# The image's own Dockerfile, its last FROM changed to
# FROM {base.base}
# and this at its end; --dockerfile FILE writes it as a whole.
"""
    return head + dockerfile_for(own, None, made, config).removeprefix(own)


def _list_assumptions(changes: Sequence[Change]) -> Iterator[str]:
    if any(change.updates for change in changes):
        yield "The build finds the versions that the lists of packages name; scripts of packages change nothing that the policy looks at."
    kinds = {update.installed.type for change in changes for update in change.updates}
    for kind in sorted(kinds & {"apk", "rpm"}):
        yield f"Newer {kind}s bring no packages of languages."
    if "rpm" in kinds:
        yield "What newer rpms need besides is installed, or brought with them."
    if any(change.removed for change in changes):
        yield "What packages left beside their own files stays."
