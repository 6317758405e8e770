"""What rests on the word of a lesser database: overruled where a better one speaks of the same, marked where all better ones are silent."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain

from hullmark.match.advisory_source import AdvisorySource, Ask, Claim, ClaimAnswer
from hullmark.match.merge import AffectingAdvisory, cves_of, ids_of
from hullmark.match.named import shown_id
from hullmark.match.ranking import can_be_overruled, database_of, decides, is_maintained_by, maintainers, rank
from hullmark.model.advisory import AffectedPackage, Range
from hullmark.versions.ranges import contains


def overrule(book: AdvisorySource, found: Iterable[AffectingAdvisory]) -> None:
    """Say of what is found who overrules it (`vetoed`), or which databases do not list it (`unlisted_by`).

    Of the better databases that speak of it, the best decides.
    """
    doubted = [(each, _claims(each)) for each in found if _is_doubted(each)]
    claims = list(dict.fromkeys(chain.from_iterable(names for _, names in doubted)))
    said: dict[Claim, list[ClaimAnswer]] = {}
    for spoken in book.spoken(claims):
        said.setdefault(claims[spoken.claim], []).append(spoken)
    silent: dict[str, str] = {}
    for each, names in doubted:
        namespace = each.affected.namespace
        better = [spoken for claim in names if claim in said for spoken in said[claim] if _is_better(spoken, each)]
        is_lesser = not is_maintained_by(namespace, each.advisory)
        each.alone = database_of(each.advisory) if is_lesser else ""
        if better:
            each.vetoed = each.vetoed or _against(each, better)
        elif is_lesser:
            if namespace not in silent:
                silent[namespace] = " and ".join(maintainers(namespace, book.licences))
            each.unlisted_by = silent[namespace]


def _is_doubted(each: AffectingAdvisory) -> bool:
    return each.lookup.kind != "cpe" and can_be_overruled(each.affected.namespace, each.advisory)


def _claims(each: AffectingAdvisory) -> list[Claim]:
    """The package's name in advisories, with each name of the vulnerability."""
    ids = sorted(ids_of(each.advisory).union(*map(ids_of, each.others)))
    namespace, name, feed = each.affected.namespace, each.affected.name, each.advisory.source
    return [Claim(namespace, name, id, feed) for id in ids]


def _is_better(spoken: ClaimAnswer, each: AffectingAdvisory) -> bool:
    namespace = each.affected.namespace
    return rank(namespace, spoken.advisory) < rank(namespace, each.advisory) and decides(spoken.affected)


def _against(each: AffectingAdvisory, better: Sequence[ClaimAnswer]) -> str:
    """The word of the best database against what is found, "" if there is none. A bundle is overruled only as a whole."""
    best = min((rank(each.affected.namespace, spoken.advisory) for spoken in better), default=0)
    told = [spoken for spoken in better if rank(each.affected.namespace, spoken.advisory) == best]
    cves = cves_of(each.advisory)
    # What covers the version and is about the same alone has been merged with it, and speaks for it.
    bundles = told if len(cves) > 1 else [spoken for spoken in told if len(cves_of(spoken.advisory)) > 1]
    if not told or any(_covers(spoken.affected, each.lookup.ask) for spoken in bundles):
        return ""
    if len(cves) > 1 and not cves <= {name for spoken in told for name in ids_of(spoken.advisory)}:
        return ""
    first = min(told, key=lambda spoken: spoken.advisory.id)
    return f"{shown_id(first.advisory)} says that {each.lookup.ask.version} is not affected"


def _covers(affected: AffectedPackage, ask: Ask) -> bool:
    if affected.kind == "unaffected":
        return False
    spans = (*affected.ranges, *(Range(low=each, high=each, high_open=False) for each in affected.versions))
    return any(contains(span, ask.version, ask.scheme) for span in spans)
