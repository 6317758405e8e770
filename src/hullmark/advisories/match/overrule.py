"""What rests on the word of a lesser database: overruled where a better one speaks of the same, marked where all better ones are silent."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain

from hullmark.advisories.match.advisory_source import AdvisorySource, Ask, Claim, ClaimAnswer
from hullmark.advisories.match.merge import AffectingAdvisory, cves_of, ids_of
from hullmark.advisories.match.named import shown_id
from hullmark.advisories.match.ranking import (
    can_be_overruled,
    database_of,
    decides,
    is_maintained_by,
    maintainers,
    rank,
)
from hullmark.model.advisory import AffectedPackage, Range
from hullmark.versions.ranges import contains


def overrule(advisories: AdvisorySource, found: Iterable[AffectingAdvisory]) -> None:
    """Say of what is found who overrules it (`vetoed`), or which databases do not list it (`unlisted_by`).

    Of the better databases that speak of it, the best decides.
    """
    doubted = [(candidate, _claims(candidate)) for candidate in found if _is_doubted(candidate)]
    claims = list(dict.fromkeys(chain.from_iterable(names for _, names in doubted)))
    answers: dict[Claim, list[ClaimAnswer]] = {}
    for spoken in advisories.spoken(claims):
        answers.setdefault(claims[spoken.claim], []).append(spoken)
    silent: dict[str, str] = {}
    for candidate, names in doubted:
        namespace = candidate.affected.namespace
        better = [
            spoken for claim in names if claim in answers for spoken in answers[claim] if _is_better(spoken, candidate)
        ]
        is_lesser = not is_maintained_by(namespace, candidate.advisory)
        candidate.alone = database_of(candidate.advisory) if is_lesser else ""
        if better:
            candidate.vetoed = candidate.vetoed or _against(candidate, better)
        elif is_lesser:
            if namespace not in silent:
                silent[namespace] = " and ".join(maintainers(namespace, advisories.licences))
            candidate.unlisted_by = silent[namespace]


def _is_doubted(candidate: AffectingAdvisory) -> bool:
    return candidate.lookup.kind != "cpe" and can_be_overruled(candidate.affected.namespace, candidate.advisory)


def _claims(candidate: AffectingAdvisory) -> list[Claim]:
    """The package's name in advisories, with each name of the vulnerability."""
    ids = sorted(ids_of(candidate.advisory).union(*map(ids_of, candidate.others)))
    namespace, name, feed = candidate.affected.namespace, candidate.affected.name, candidate.advisory.source
    return [Claim(namespace, name, id, feed) for id in ids]


def _is_better(spoken: ClaimAnswer, candidate: AffectingAdvisory) -> bool:
    namespace = candidate.affected.namespace
    return rank(namespace, spoken.advisory) < rank(namespace, candidate.advisory) and decides(spoken.affected)


def _against(candidate: AffectingAdvisory, better: Sequence[ClaimAnswer]) -> str:
    """The word of the best database against what is found, "" if there is none. A bundle is overruled only as a whole."""
    ask = candidate.lookup.ask
    # A record that lists unaffected versions says nothing about other versions.
    telling = [spoken for spoken in better if _tells_affected(spoken.affected) or _covers(spoken.affected, ask)]
    best = min((rank(candidate.affected.namespace, spoken.advisory) for spoken in telling), default=0)
    deciding = [spoken for spoken in telling if rank(candidate.affected.namespace, spoken.advisory) == best]
    cves = cves_of(candidate.advisory)
    # What covers the version and is about the same alone has been merged with it, and speaks for it.
    bundles = deciding if len(cves) > 1 else [spoken for spoken in deciding if len(cves_of(spoken.advisory)) > 1]
    if not deciding or any(_tells_affected(spoken.affected) and _covers(spoken.affected, ask) for spoken in bundles):
        return ""
    if len(cves) > 1 and not cves <= {name for spoken in deciding for name in ids_of(spoken.advisory)}:
        return ""
    first = min(deciding, key=lambda spoken: spoken.advisory.id)
    return f"{shown_id(first.advisory)} says that {ask.version} is not affected"


def _tells_affected(affected: AffectedPackage) -> bool:
    """Whether it tells which versions are affected, and so which are not."""
    return affected.kind != "unaffected"


def _covers(affected: AffectedPackage, ask: Ask) -> bool:
    spans = (*affected.ranges, *(Range(low=version, high=version, high_open=False) for version in affected.versions))
    return any(contains(span, ask.version, ask.scheme) for span in spans)
