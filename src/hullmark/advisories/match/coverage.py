"""What a snapshot cannot speak of for the packages at hand: namespaces without a feed, with a part of one, or with an old one.

That a namespace has a record says nothing: it is known where a whole and fresh feed stands behind it (`advisory_source.Extent`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from hullmark.advisories.match import coverage_words, epel, origin
from hullmark.advisories.match.advisory_source import AdvisorySource, Extent
from hullmark.advisories.match.distros import Plan
from hullmark.advisories.match.lookups import is_system, rule_for
from hullmark.model.advisory import EXPLOITED, Lifecycle
from hullmark.model.match import CoverageGap, SnapshotInfo
from hullmark.model.package import Package
from hullmark.model.problem import ProblemKind

_CPE = "cpe"
_NAMES = {
    _CPE: "programs that no package manager installed (NVD)",
    EXPLOITED: "known exploitation (KEV)",
    "oci:redhat": "Red Hat's container images",
}
"""What namespaces are called, where their own name tells people nothing."""


class Gap(NamedTuple):
    """Of which packages a namespace does not tell all, and why. `lasting` is the reason without words that change from day to day.

    `is_end`: because the release is past its end, whatever the namespace tells.
    """

    namespace: str
    reason: str
    lasting: str
    packages: tuple[Package, ...]
    is_end: bool = False


def summarise_gaps(gaps: Iterable[Gap]) -> tuple[CoverageGap, ...]:
    """The gaps as results show them: one for each namespace and cause, sorted."""
    found = (
        CoverageGap(
            namespace=gap.namespace,
            types=tuple(sorted({package.type for package in gap.packages})),
            packages=len(gap.packages),
            reason=gap.reason,
        )
        for gap in gaps
    )
    return tuple(sorted(found))


def kind_of(package: Package, namespaces: Collection[str]) -> ProblemKind:
    """What it means that nothing can be said of a package (`lookups.untold`): mostly that nobody records it."""
    rule = rule_for(package)
    return "unidentified" if rule is not None and rule.namespace in namespaces else "uncovered"


def gaps(packages: Sequence[Package], plan: Plan, advisories: AdvisorySource, at: str) -> list[Gap]:
    """What is not known of these packages on the day `at` (ISO 8601). A release past its end has a gap also without any package."""
    found: list[Gap] = []
    known = advisories.namespaces
    system = [package for package in packages if is_system(package)]
    own = [package for package in system if _is_own(package, plan, known)]
    if plan.reason and own:
        found.append(Gap(plan.namespace, *_explain_missing_plan(plan), tuple(own)))
    elif own:
        for namespace in plan.needs:
            found += (_of_rebuild(gap, plan) for gap in _gap(namespace, known.get(namespace), own, at))
    for namespace, members in sorted(_elsewhere(packages, system, plan, known).items()):
        found += _gap(namespace, known.get(namespace), members, at)
    ended = ended_since(plan, advisories, at)
    if ended is not None:
        found.append(Gap(plan.namespace, *_past_its_end(plan, ended), tuple(own), is_end=True))
    return found


def snapshot_info(advisories: AdvisorySource, at: str) -> SnapshotInfo:
    """What results say of the snapshot that they were made with, on the day `at` (ISO 8601)."""
    gap = next(_gap(EXPLOITED, advisories.namespaces.get(EXPLOITED), (), at), None)
    return SnapshotInfo(digest=advisories.digest, data_at=advisories.data_at, exploited_gap=gap.reason if gap else "")


def lasting_gap(namespace: str, extent: Extent | None, at: str) -> str:
    """Why a namespace does not tell all on the day `at` (ISO 8601), without words that change from day to day; "" where it does."""
    return next((gap.lasting for gap in _gap(namespace, extent, (), at)), "")


def ended_since(plan: Plan, advisories: AdvisorySource, at: str) -> str | None:
    """The last day on which the release was maintained, longer support included; "" where that is not known, None while it is."""
    found = lifecycles(plan, advisories)
    ends = [end for known in found if (end := known.extended or known.eol)]
    if max(ends) < at if ends else any(known.is_ended for known in found):
        return max(ends, default="")
    return None


def lifecycles(plan: Plan, advisories: AdvisorySource) -> tuple[Lifecycle, ...]:
    """What is known of the release, of its minor release if that has a life of its own."""
    parts = plan.release.split(".") if plan.product else [""]
    releases = [release for release in dict.fromkeys((".".join(parts[:2]), parts[0])) if release]
    return next((found for release in releases if (found := advisories.lifecycles(plan.product, release))), ())


def _is_own(package: Package, plan: Plan, known: Mapping[str, Extent]) -> bool:
    """Whether a system's package is one that the distribution's advisories speak of."""
    return not epel.spaces(package, plan, known) and not origin.other_vendor(package, plan)


def _of_rebuild(gap: Gap, plan: Plan) -> Gap:
    """A rebuild's own advisories tell of fixes alone."""
    if gap.namespace != plan.discloses:
        return gap
    note = "; issues that are not fixed yet are unknown"
    return gap._replace(reason=gap.reason + note, lasting=gap.lasting + note)


def _explain_missing_plan(plan: Plan) -> tuple[str, str]:
    reason = f"nothing can be said of the system's packages: {plan.reason}"
    return reason, reason


def _past_its_end(plan: Plan, since: str) -> tuple[str, str]:
    reason = coverage_words.past_its_end(plan.label, since)
    return reason, reason


def _elsewhere(
    packages: Iterable[Package], system: Iterable[Package], plan: Plan, known: Mapping[str, Extent]
) -> dict[str, list[Package]]:
    """The other packages, by the namespace that has to tell of them."""
    found: dict[str, list[Package]] = {}
    for package in system:
        spaces = epel.spaces(package, plan, known)
        if spaces:
            found.setdefault(spaces[-1], []).append(package)
    for package in packages:
        rule = rule_for(package)
        if rule is not None:
            found.setdefault(rule.namespace, []).append(package)
        elif package.type == "generic":
            found.setdefault(_CPE, []).append(package)
    return found


def _gap(namespace: str, extent: Extent | None, packages: Sequence[Package], at: str) -> Iterator[Gap]:
    """Why a namespace does not tell all of its packages, if it does not."""
    name = _NAMES.get(namespace, namespace)
    if extent is None:
        reason = coverage_words.none_for(name)
    elif not extent.whole_at:
        reason = coverage_words.part_for(name, is_given=extent.is_given)
    elif extent.is_known(at):
        return
    else:
        reason = coverage_words.until(name, extent.whole_at)
        days = f"{reason}, {extent.days_old(at)} days ago: what came since is not known"
        yield Gap(namespace, days, reason, tuple(packages))
        return
    yield Gap(namespace, reason, reason, tuple(packages))
