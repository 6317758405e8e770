"""From an image and a policy to the smallest set of changes that makes the image pass."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from hullmark.app.update_files import FetchedUpdates
from hullmark.app.upkeep import UPKEEP_READS, Mirrors, UpkeepRequest, newer, untold
from hullmark.app.virtual_image import Court, VirtualImage
from hullmark.app.vulns import MATCHING_READS
from hullmark.facets.configuration.facet import FACET as CONFIGURATION
from hullmark.model.errors import HullmarkError
from hullmark.model.image import ImageConfig
from hullmark.model.problem import Problem
from hullmark.model.reach import Minimality
from hullmark.model.remedy import Change, PlannedChange, Remedy
from hullmark.model.upkeep import PackageUpdate
from hullmark.model.verdict import Verdict
from hullmark.policy.dockerfile.applied import applied, read_setting
from hullmark.reach.analysis import ReachRequest, minimality
from hullmark.reach.reads import REACH_READS, reach_facts
from hullmark.reach.recipe import reference_of
from hullmark.relations.dpkg import need_of
from hullmark.remedy.candidates import Candidates, Situation
from hullmark.remedy.contents import DPKG_SETTINGS
from hullmark.remedy.dpkg_terms import DPKG_TERMS, DpkgTerms
from hullmark.remedy.instructions import dockerfile_of, instructions_of
from hullmark.remedy.needs import Offered
from hullmark.remedy.outcome import Goal, findings_in_the_way, in_the_way, mended, remains
from hullmark.remedy.search import Chosen, SmallestSet, Trial, smallest_set
from hullmark.scanning.request import ScanRequest, ScanResult
from hullmark.scanning.scan import scan_image
from hullmark.scanning.take import SBOM
from hullmark.source import SourceOptions, classify, open_image

_READS = (*REACH_READS, *MATCHING_READS, *UPKEEP_READS, DPKG_SETTINGS, DPKG_TERMS)


class FixRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked: the verdict that is aimed at, where lists of packages are, and the instructions that a person offers (`settings`,
    lines of a Dockerfile)."""

    goal: Goal = "go"
    lists: UpkeepRequest
    settings: tuple[str, ...] = ()


def remedy_of(reference: str, request: FixRequest, court: Court, options: SourceOptions) -> Remedy:
    """The smallest set of changes that makes the image pass, and what it comes to.

    Raises HullmarkError where the image cannot be read, or is not an image; BrokenImage where it contradicts itself.
    """
    if classify(reference)[0] in (SBOM, "dir"):
        raise HullmarkError(
            "only of an image can be said how to build it anew", advice="name an image, an archive or a layout"
        )
    settings = tuple(map(read_setting, request.settings))
    image = open_image(reference, options)
    scanned = scan_image(
        image, ScanRequest(files=True, relations=True, reads=_READS, facets=(CONFIGURATION,)), court.resources
    )
    mirrors = Mirrors(request.lists.mirrors, options)
    found = newer(scanned, request.lists, mirrors)
    situation = _situation(scanned, found.updates, settings)
    candidates = Candidates(situation)
    contents = FetchedUpdates(image, scanned, mirrors, court.resources)
    virtual = VirtualImage(image, court, candidates.owned, contents)
    before = virtual.verdict(())
    changes = candidates.of(findings_in_the_way(before, request.goal))
    trials = _Trials(virtual, changes, request.goal)
    best = smallest_set(changes, trials.judge)
    return _told(scanned, request, trials, best, candidates, (
        *untold(found.kind, scanned, request.lists, found.offered), *contents.problems,
    ))  # fmt: skip


class _Trials:
    """The verdicts on the image with each set of changes that was tried."""

    def __init__(self, virtual: VirtualImage, changes: Sequence[Change], goal: Goal) -> None:
        self._virtual = virtual
        self.changes = changes
        self.goal = goal
        self._verdicts: dict[Chosen, Verdict] = {}

    def of(self, chosen: Chosen) -> Verdict:
        if chosen not in self._verdicts:
            self._verdicts[chosen] = self._virtual.verdict(self.chosen(chosen))
        return self._verdicts[chosen]

    def chosen(self, chosen: Chosen) -> list[Change]:
        return [self.changes[place] for place in sorted(chosen)]

    def judge(self, chosen: Chosen) -> Trial:
        """What is in the way of passing, with these changes."""
        return Trial(in_the_way(self.of(chosen), self.goal), _is_possible(self.chosen(chosen)))


def _is_possible(changes: Sequence[Change]) -> bool:
    """Whether the changes can be made together: one base, one user, and nothing that an update needs goes."""
    keywords = [change.setting[0] for change in changes if change.setting is not None]
    if (
        sum(change.kind == "base" for change in changes) > 1
        or keywords.count("USER") > 1
        or keywords.count("HEALTHCHECK") > 1
    ):
        return False
    removed = {package.name for change in changes for package in change.removed if package.type == "deb"}
    updates = [update for change in changes for update in change.updates if update.installed.name not in removed]
    needed = {
        need.name
        for update in updates
        for text in update.depends.replace("|", ",").split(",")
        if (need := need_of(text))
    }
    return not removed & needed


def _situation(
    scanned: ScanResult, updates: tuple[PackageUpdate, ...], settings: tuple[tuple[str, str], ...]
) -> Situation:
    reached = _reached(scanned, settings)
    terms: list[DpkgTerms] = list(scanned.found.get(DPKG_TERMS.name, {}).values())
    provided = (need_of(text) for each in terms for provides in each.provides for text in provides.split(","))
    return Situation(
        inventory=scanned.inventory,
        updates=updates,
        provided=tuple(Offered(need.name, need.version) for need in provided if need is not None),
        essential=frozenset(name for each in terms for name in each.essential),
        reach={package.purl: package for package in reached.packages},
        kept=frozenset(reached.kept),
        settings=settings,
    )


def _reached(scanned: ScanResult, settings: Sequence[tuple[str, str]]) -> Minimality:
    """What the image starts can come to use, with the health check and the variables that it would have."""
    config = scanned.inventory.config
    for keyword, words in settings:
        config = applied(config or ImageConfig(), f"{keyword} {words}")
    configuration = scanned.facets[CONFIGURATION.name]
    facts = reach_facts(scanned.found, configuration.settings, config)
    return minimality(scanned.inventory, facts, ReachRequest())


def _told(
    scanned: ScanResult,
    request: FixRequest,
    trials: _Trials,
    best: SmallestSet,
    candidates: Candidates,
    problems: Iterable[Problem],
) -> Remedy:
    after, config = trials.of(best.chosen), scanned.inventory.config
    made = trials.chosen(best.chosen)
    instructions = instructions_of(made, config)
    return Remedy(
        source=scanned.inventory.source,
        goal=request.goal,
        before=trials.of(frozenset()),
        after=after,
        changes=tuple(
            PlannedChange(trials.changes[place], mended(trials.of(best.chosen - {place}), after, request.goal))
            for place in sorted(best.chosen)
        ),
        remains=tuple(remains(after, request.goal, candidates, made)),
        proof=best.proof,
        candidates=len(trials.changes),
        judged=best.judged,
        dockerfile=dockerfile_of(reference_of(scanned.inventory), instructions) if instructions else "",
        assumed=tuple(_assumed(made)),
        problems=tuple(problems),
    )


def _assumed(changes: Sequence[Change]) -> Iterator[str]:
    if any(change.updates for change in changes):
        yield "The build finds the versions that the lists of packages name; scripts of packages change nothing that the policy looks at."
    if any(change.removed for change in changes):
        yield "What packages left beside their own files stays."
