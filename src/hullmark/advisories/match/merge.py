"""One vulnerability in one package is told by several sources, under several names: they become one, and bundles announcements."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from hullmark.advisories.match.fixes import nearest
from hullmark.advisories.match.lookups import Lookup
from hullmark.advisories.match.ranking import rank
from hullmark.model.advisory import Advisory, AffectedPackage, Range
from hullmark.model.match import Fix


class AffectingAdvisory(msgspec.Struct, kw_only=True):
    """An advisory that affects a package: by which look-up, which part and range. `others` say the same elsewhere.

    `vetoed` is why it does not count. `alone` names the database on whose word it rests, if none that maintains the package's ecosystem
    says it; `unlisted_by` those that do and are silent, for people. `beyond`: the fixed version that there is, where it is of a later
    release than the one that the image stays at.
    """

    lookup: Lookup
    advisory: Advisory
    affected: AffectedPackage
    range: Range
    fix: Fix
    vetoed: str = ""
    alone: str = ""
    unlisted_by: str = ""
    others: list[Advisory] = []
    vendor_ids: tuple[str, ...] = ()
    beyond: str = ""


def ids_of(advisory: Advisory) -> set[str]:
    """Its id and its aliases."""
    return {advisory.id, *advisory.aliases}


def cves_of(advisory: Advisory) -> set[str]:
    """The CVEs that it is about; its own id if there is none."""
    return {name for name in (advisory.id, *advisory.aliases) if name.startswith("CVE-")} or {advisory.id}


def merge_advisories(found: list[AffectingAdvisory]) -> list[AffectingAdvisory]:
    """One for each vulnerability of a package."""
    if len(found) < 2:
        return found
    single: list[AffectingAdvisory] = []
    bundles: list[AffectingAdvisory] = []
    for candidate in found:
        (single if len(cves_of(candidate.advisory)) == 1 else bundles).append(candidate)
    out = [_spoken_for(group) for group in _group_by_id(single)]
    return [*out, *_collect_announcements(out, bundles)] if bundles else out


def _collect_announcements(
    out: Iterable[AffectingAdvisory], bundles: Iterable[AffectingAdvisory]
) -> list[AffectingAdvisory]:
    """The bundles with something that the others do not say; the rest become announcements."""
    by_cve: dict[str, list[AffectingAdvisory]] = {}
    by_id: dict[str, AffectingAdvisory] = {}
    for candidate in out:
        by_id.setdefault(candidate.advisory.id, candidate)
        for cve in cves_of(candidate.advisory):
            by_cve.setdefault(cve, []).append(candidate)
    left: dict[str, list[AffectingAdvisory]] = {}
    for bundle in bundles:
        cves = cves_of(bundle.advisory)
        same = _same(by_id, bundle)
        if cves <= by_cve.keys():
            for cve in cves:
                _announce(by_cve[cve], bundle.advisory.id)
        elif same is not None:
            same.others.append(bundle.advisory)
        else:
            left.setdefault(bundle.advisory.id, []).append(bundle)
    return [_spoken_for(group) for group in left.values()]


def _announce(candidates: Iterable[AffectingAdvisory], bundle: str) -> None:
    """Name the bundle as an announcement of what it is about."""
    for candidate in candidates:
        if bundle not in candidate.vendor_ids:
            candidate.vendor_ids = (*candidate.vendor_ids, bundle)


def _same(by_id: dict[str, AffectingAdvisory], bundle: AffectingAdvisory) -> AffectingAdvisory | None:
    """The record that a bundle says itself to be the same as. Announcements of distributions bundle what is not."""
    if ":" in bundle.affected.namespace:
        return None
    return next((by_id[alias] for alias in bundle.advisory.aliases if alias in by_id), None)


def _group_by_id(single: Iterable[AffectingAdvisory]) -> list[list[AffectingAdvisory]]:
    """Those that share an id, directly or through others, together."""
    groups: list[list[AffectingAdvisory]] = []
    where: dict[str, list[AffectingAdvisory]] = {}
    for candidate in single:
        names = sorted(ids_of(candidate.advisory))
        joined = [where[name] for name in names if name in where]
        group = joined[0] if joined else []
        if not joined:
            groups.append(group)
        for other in joined[1:]:
            if other is not group and other:
                group.extend(other)
                for member in other:
                    where.update(dict.fromkeys(ids_of(member.advisory), group))
                other.clear()
        group.append(candidate)
        where.update(dict.fromkeys(names, group))
    return [group for group in groups if group]


def _spoken_for(group: list[AffectingAdvisory]) -> AffectingAdvisory:
    """The one that speaks for a group, with what the others know."""
    if len(group) == 1:
        return group[0]
    first, *others = sorted(group, key=_precedence)
    _take_nearest(first, others)
    for other in others:
        if other.advisory is not first.advisory and other.advisory not in first.others:
            first.others.append(other.advisory)
        if first.fix.state != "fixed" and other.fix.state == "fixed":
            first.fix, first.range, first.beyond = other.fix, other.range, ""
    return first


def _take_nearest(first: AffectingAdvisory, others: Iterable[AffectingAdvisory]) -> None:
    """Of several ranges that one record of a language has for a version, take the one with the nearest fix."""
    if ":" in first.affected.namespace or first.fix.state != "fixed":
        return
    record = (first.advisory.source, first.advisory.id)
    same = [other for other in others if (other.advisory.source, other.advisory.id) == record and other.fix.version]
    fixes = {candidate.fix.version: candidate for candidate in (*same, first)}
    ask = first.lookup.ask
    best = fixes.get(nearest(ask.version, ask.scheme, fixes)) if len(fixes) > 1 else None
    if best is not None:
        first.fix, first.range = best.fix, best.range


def _precedence(candidate: AffectingAdvisory) -> tuple[int, int, int, str, str]:
    source, speaker = candidate.advisory.source, rank(candidate.affected.namespace, candidate.advisory)
    kinds = ("direct", "source", "cpe")
    return (kinds.index(candidate.lookup.kind), speaker, candidate.fix.state != "fixed", source, candidate.advisory.id)
