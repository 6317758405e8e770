"""An inventory and a snapshot → what is wrong with its packages, and what cannot be told. Pure: equal inputs, equal matches."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator

import msgspec

from hullmark.advisories.match import cpes, image_names
from hullmark.advisories.match.advisory_source import AdvisorySource
from hullmark.advisories.match.answers import Question, answer_questions, split
from hullmark.advisories.match.coverage import gaps, kind_of, lifecycles, snapshot_info, summarise_gaps
from hullmark.advisories.match.distros import Plan, plan_for
from hullmark.advisories.match.lookups import is_guessed, is_system, lookups, untold
from hullmark.advisories.match.merge import AffectingAdvisory
from hullmark.advisories.match.overrule import overrule
from hullmark.advisories.match.resolve import elsewhere, find_cleared_ids, resolve, why_undecided
from hullmark.advisories.match.risk import sort_matches
from hullmark.advisories.match.streams import streams_of
from hullmark.advisories.match.write import Writer
from hullmark.model.inventory import Inventory
from hullmark.model.match import CoverageGap, Matches, UnknownPackage
from hullmark.model.package import UNKNOWN_VERSION, Package
from hullmark.model.problem import Problem, ProblemKind

ROOM = "match"

_NO_CHANNELS: tuple[str, ...] = ()


def find(
    inventory: Inventory,
    advisories: AdvisorySource,
    *,
    at: str,
    channels: Collection[str] = _NO_CHANNELS,
    cpe_for_ended: bool = False,
) -> Matches:
    """Every match of an inventory's packages, and every package that cannot be matched.

    `at` is the day that counts as today (ISO 8601). `channels`: `esm`, `eus` where that paid channel is in use; Ubuntu's
    counts as in use where a package from it is installed, Red Hat's where the image names a repository of it. `cpe_for_ended`: for a
    release whose regular maintenance is over, NVD is also asked by name.
    """
    plan = plan_for(inventory.distro, advisories.namespaces, {*channels, *channels_in_use(inventory)})
    plan = msgspec.structs.replace(plan, uses_cpe=cpe_for_ended and _is_unmaintained(plan, advisories, at))
    owners = {package.owned_by for package in inventory.packages if package.owned_by}
    covered, unknown, questions = _sorted_out(inventory.packages, plan, advisories.namespaces, owners)
    found: list[tuple[Package, AffectingAdvisory]] = []
    left_out: set[tuple[str, str, str]] = set()
    sound: dict[str, set[str]] = {}
    spoken_of: set[int] = set()
    for package, answers in answer_questions(advisories, questions):
        spoken_of.add(id(package))
        usable, reason = split(package, answers)
        unknown += _list_unknowns(package, reason, why_undecided(package, usable))
        left_out.update(elsewhere(package, usable))
        if package.purl in owners:
            sound[package.purl] = find_cleared_ids(package, usable)
        found += [(package, candidate) for candidate in resolve(package, usable, plan.release, plan.stays_at)]
    overrule(advisories, (candidate for _, candidate in found))
    unknown += [*_find_unsupported_packages(covered, plan, advisories, at), *_unheard(covered, spoken_of)]
    open_namespaces = summarise_gaps(gaps(inventory.packages, plan, advisories, at))
    return Matches(
        source=inventory.source,
        distro=inventory.distro,
        snapshot=snapshot_info(advisories, at),
        matches=sort_matches(Writer(advisories, plan, inventory.packages, found, sound).matches()),
        unknown=tuple(sorted(unknown, key=_by_package)),
        problems=(
            *(Problem("", -1, ROOM, gap.reason, "uncovered") for gap in open_namespaces),
            *_notes(left_out),
        ),
        lifecycles=lifecycles(plan, advisories),
        uncovered=open_namespaces,
    )


def uncovered_in(
    inventory: Inventory, advisories: AdvisorySource, *, at: str, channels: Collection[str] = _NO_CHANNELS
) -> tuple[CoverageGap, ...]:
    """What a snapshot cannot speak of for an inventory's packages (`Matches.uncovered`), without looking for matches."""
    plan = plan_for(inventory.distro, advisories.namespaces, {*channels, *channels_in_use(inventory)})
    return summarise_gaps(gaps(inventory.packages, plan, advisories, at))


def partly_told(
    inventory: Inventory, advisories: AdvisorySource, *, at: str, channels: Collection[str] = _NO_CHANNELS
) -> Iterator[tuple[Package, str]]:
    """The packages of an inventory that a snapshot covers in part, or whose data is too old, each with the reason, whatever day it is.

    The end of a release is not such a reason: it is reported once for the release (`Matches.problems`).
    """
    plan = plan_for(inventory.distro, advisories.namespaces, {*channels, *channels_in_use(inventory)})
    for gap in gaps(inventory.packages, plan, advisories, at):
        yield from ((package, gap.lasting) for package in gap.packages if not gap.is_end)


def channels_in_use(inventory: Inventory) -> set[str]:
    """The paid channels that packages of an inventory, or the repositories it names, show to be in use."""
    has_esm = any(package.type == "deb" and "+esm" in package.version for package in inventory.packages)
    return {*streams_of(inventory.distro), *(("esm",) if has_esm else ())}


def _by_package(unknown: UnknownPackage) -> tuple[str, str, str, str]:
    package = unknown.package
    return (package.type, package.name, package.purl, unknown.reason)


def _sorted_out(
    packages: Iterable[Package], plan: Plan, namespaces: Collection[str], owners: Collection[str]
) -> tuple[list[Package], list[UnknownPackage], list[Question]]:
    """Splits packages into those that can be matched and those that cannot, with their look-ups."""
    covered: list[Package] = []
    unknown: list[UnknownPackage] = []
    questions: list[Question] = []
    for package in packages:
        reason = untold(package, plan, namespaces)
        if reason:
            unknown.append(UnknownPackage(package=package, reason=reason, kind=kind_of(package, namespaces)))
        else:
            covered.append(package)
        if not reason or is_guessed(package, plan):
            questions.append((package, lookups(package, plan, namespaces, is_owner=package.purl in owners)))
    return covered, unknown, questions


def _list_unknowns(package: Package, *reasons: str) -> Iterator[UnknownPackage]:
    """The package for each reason that there is why advisories of it cannot be judged."""
    kind: ProblemKind = "unidentified" if package.version == UNKNOWN_VERSION else "unseen"
    yield from (UnknownPackage(package=package, reason=reason, kind=kind) for reason in reasons if reason)


def _find_unsupported_packages(
    packages: Iterable[Package], plan: Plan, source: AdvisorySource, at: str
) -> Iterator[UnknownPackage]:
    """Packages that the distribution itself no longer maintains."""
    known = source.support(plan.tiers) if plan.tiers else {}
    if not known:
        return
    patterns = [(_pattern(name), support) for name, support in known.items() if "*" in name]
    for package in packages:
        if not is_system(package):
            continue
        name = package.source.name if package.source else package.name
        support = known.get(name) or next((support for matches, support in patterns if matches(name)), None)
        if support is not None and (not support.since or support.since <= at):
            is_over = support.level == "ended"
            note = f" ({support.note})" if support.note else ""
            reason = f"{plan.label}'s security support of {name} {'has ended' if is_over else 'is limited'}{note}"
            yield UnknownPackage(package=package, reason=reason, kind="uncovered" if is_over else "note")


def _unheard(packages: Iterable[Package], spoken_of: Collection[int]) -> Iterator[UnknownPackage]:
    """Packages to which what advisories say may not have been matched, by names. `spoken_of`: ids of those that some are about."""
    for package in packages:
        if package.type == image_names.TYPE and id(package) not in spoken_of:
            reason = "Red Hat's advisories do not name its repository, or name it otherwise than its build does"
            yield UnknownPackage(package=package, reason=reason, kind="uncovered")
        elif cpes.has_too_many(package):
            reason = f"it has more than {cpes.MOST_GIVEN} names in CPE: the rest was not asked about"
            yield UnknownPackage(package=package, reason=reason, kind="unseen")


def _pattern(text: str) -> Callable[[str], object]:
    """A name in which `.*` stands for anything, which is all of regular expressions that such lists use."""
    return re.compile(".*".join(re.escape(part) for part in text.split(".*"))).fullmatch


def _notes(left_out: Iterable[tuple[str, str, str]]) -> Iterator[Problem]:
    """How many advisories were left out for the platform that alone they are about, by that platform."""
    counts = Counter(platform for platform, _, _ in left_out)
    for platform, count in sorted(counts.items()):
        rows = "1 row that speaks" if count == 1 else f"{count:,} rows that speak"
        were = "was" if count == 1 else "were"
        yield Problem(path="", layer=-1, room=ROOM, reason=f"{rows} of {platform} only {were} left out", kind="note")


def _is_unmaintained(plan: Plan, source: AdvisorySource, at: str) -> bool:
    """Whether the release is past its regular end of life, whatever longer support can be bought."""
    found = lifecycles(plan, source)
    ends = [known.eol for known in found if known.eol]
    return max(ends) < at if ends else any(known.is_ended for known in found)
