"""Corrections over the packages of an image. What each one did is told, and which did nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from hullmark.catalog.corrections.identity import apply_identity, create_package
from hullmark.model.correction import CORRECTED, ROOM, Correction, Corrections, Identity, PatternTest
from hullmark.model.inventory import FileRecord, Inventory
from hullmark.model.limit import Limit
from hullmark.model.package import UNKNOWN_VERSION, Location, Package
from hullmark.model.problem import Problem
from hullmark.model.relation import Relation

_MOST_TOLD = Limit(1000, "packages that one correction lists (it applies to all that it fits)", "shortened")
_MOST_LINES = Limit(20, "corrections for other images that are named (all are counted)", "shortened")

Find = Callable[[str], Location | None]
"""An absolute path → its place in the image; None where nothing is there."""


class CorrectedPackages(NamedTuple):
    """Packages as corrections have them. `purls` are the new package URLs of those that were changed (none: it was removed), by the
    one that was found; `problems` are notes of what was done."""

    packages: tuple[Package, ...]
    purls: Mapping[str, tuple[str, ...]]
    problems: tuple[Problem, ...]


def correct(
    packages: Iterable[Package],
    corrections: Corrections,
    find: Find,
    merge: Callable[[list[Package]], tuple[Package, ...]],
) -> CorrectedPackages:
    """Correct what was found. Each place of a package follows the first correction that fits it; `merge` joins what is the same then."""
    tests = [(entry, PatternTest(entry.pattern)) for entry in corrections.entries if entry.pattern is not None]
    told = _AppliedCorrections()
    kept: list[Package] = []
    renamed: dict[str, dict[str, None]] = {}
    changed: set[str] = set()
    for package in packages:
        parts = list(_parts(package, tests, told))
        kept += parts
        renamed.setdefault(package.purl, {}).update(dict.fromkeys(part.purl for part in parts))
        if [part.purl for part in parts] != [package.purl]:
            changed.add(package.purl)
    for entry in corrections.entries:
        place = find(entry.at) if entry.at else None
        if place is not None and entry.identity is not None:
            kept.append(create_package(entry, entry.identity, place))
            told.add(entry, place, f"{_format_package(kept[-1])} was added")
    purls = {purl: tuple(sorted(filter(None, renamed[purl]))) for purl in changed - {""}}
    kept = [_with_new_owner(package, purls) for package in kept]
    return CorrectedPackages(
        _mark_corrections(merge(kept), kept), purls, tuple(sorted(set(told.problems(corrections))))
    )


def _parts(
    package: Package, tests: Sequence[tuple[Correction, PatternTest]], told: _AppliedCorrections
) -> Iterator[Package]:
    """What becomes of a package: a part for each correction that is about some of its places, and what is left."""
    left: Package | None = package
    for entry, test in tests:
        places = test.places(left) if left is not None else None
        if left is None or places is None:
            continue
        rest = tuple(place for place in left.locations if place not in places)
        part = replace(left, locations=places)
        left = replace(left, locations=rest) if rest else None
        place = places[0] if places else Location("", -1)
        more = f" and at {len(places) - 1:,} more place{'s' if len(places) > 2 else ''}" if len(places) > 1 else ""
        if entry.identity is None:
            told.add(entry, place, f"{_format_package(part)} was removed{more}")
            continue
        yield (corrected := apply_identity(part, entry, entry.identity))
        told.add(entry, place, f"{_format_package(part)} {_change(part, corrected, entry.identity)}{more}")
    if left is not None:
        yield left


def _format_package(package: Package) -> str:
    version = "" if package.version == UNKNOWN_VERSION else f" {package.version}"
    return f"{package.name}{version} ({package.type})"


def _change(before: Package, after: Package, identity: Identity) -> str:
    """What a package is taken for, or what is said of it."""
    if after.purl != before.purl or after.version != before.version:
        return f"is taken for {after.purl}"
    said = (("cpe", identity.cpe), ("licences", ", ".join(identity.licenses)), ("supplier", identity.supplier))
    return (
        f"has {', '.join(f'{name} {text}' for name, text in said if text)}"
        if any(text for _, text in said)
        else "is so"
    )


def _mark_corrections(merged: tuple[Package, ...], parts: Iterable[Package]) -> tuple[Package, ...]:
    """The packages, each with all the corrections of what was merged into it."""
    origins: dict[tuple[str, ...], dict[str, None]] = {}
    for part in parts:
        if CORRECTED in part.notes:
            origins.setdefault(_key(part), {})[part.notes[CORRECTED]] = None
    return tuple(
        replace(package, notes={**package.notes, CORRECTED: "; ".join(found)})
        if (found := origins.get(_key(package)))
        else package
        for package in merged
    )


def _key(package: Package) -> tuple[str, ...]:
    return (package.type, package.name, package.version, package.arch, package.purl, package.owned_by or "")


class _AppliedCorrections:
    """What each correction did."""

    def __init__(self) -> None:
        self._found: dict[Correction, list[tuple[Location, str]]] = {}

    def add(self, entry: Correction, place: Location, what: str) -> None:
        """One package that a correction was about."""
        self._found.setdefault(entry, []).append((place, what))

    def problems(self, corrections: Corrections) -> Iterator[Problem]:
        """A note for each package and correction, and for those that did nothing."""
        for entry in corrections.entries:
            found = self._found.get(entry, ())
            for place, what in found[:_MOST_TOLD]:
                yield Problem(place.path, place.layer, ROOM, f"{entry.origin}: {what}: {entry.reason}", "note")
            if len(found) > _MOST_TOLD:
                more = f"{entry.origin}: so with {len(found) - _MOST_TOLD:,} more packages: {entry.reason}"
                yield Problem("", -1, ROOM, more, "note")
            if not found:
                what = f"nothing is at {entry.at}" if entry.at else "no package here fits it"
                yield Problem("", -1, ROOM, f"{entry.origin} was not applied: {what}", "note")
        if corrections.elsewhere:
            lines = [f"{entry.file}:{entry.line}" for entry in corrections.elsewhere[:_MOST_LINES]]
            rest = len(corrections.elsewhere) - len(lines)
            named = ", ".join(lines) + (f" and {rest:,} more" if rest else "")
            yield Problem("", -1, ROOM, f"corrections for other images were not applied: {named}", "note")


def after(first: Mapping[str, tuple[str, ...]], then: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """What becomes of package URLs that change twice."""
    found = {
        purl: tuple(dict.fromkeys(last for purl in new for last in then.get(purl, (purl,))))
        for purl, new in first.items()
    }
    return {**then, **found}


def with_new_purls(relations: Iterable[Relation], purls: Mapping[str, tuple[str, ...]]) -> tuple[Relation, ...]:
    """The relations between the packages as they are now; what was removed needs nothing and is needed by nothing."""
    found = {
        Relation(dependent, dependency, relation.kind)
        for relation in relations
        for dependent in purls.get(relation.dependent, (relation.dependent,))
        for dependency in purls.get(relation.dependency, (relation.dependency,))
        if dependent != dependency
    }
    return tuple(sorted(found))


def _with_new_owner(package: Package, purls: Mapping[str, tuple[str, ...]]) -> Package:
    """The package, owned by what its owner is taken for, and built into what its programs are."""
    owner, mains = package.owned_by, package.mains
    if owner is not None and owner in purls:
        owner = renamed_owner(owner, purls)
    if not purls.keys().isdisjoint(mains):
        mains = tuple(sorted({purl for main in mains for purl in purls.get(main, (main,))}))
    is_same = owner == package.owned_by and mains == package.mains
    return package if is_same else replace(package, owned_by=owner, mains=mains)


def renamed_owner(owner: str, purls: Mapping[str, tuple[str, ...]]) -> str | None:
    """The package URL that an owner has now; None where it was removed."""
    found = purls.get(owner, (owner,))
    return owner if owner in found else next(iter(found), None)


def corrected_inventory(
    inventory: Inventory, corrections: Corrections, merge: Callable[[list[Package]], tuple[Package, ...]]
) -> Inventory:
    """An inventory that somebody wrote down, corrected. A path of one that lists no files is taken for there."""
    known = {record.path: record.layer for record in inventory.files or () if record.state not in ("ghost", "missing")}

    def find(path: str) -> Location | None:
        is_there = inventory.files is None or path in known
        return Location(path, known.get(path, -1)) if is_there else None

    found = correct(inventory.packages, corrections, find, merge)
    relations, files = inventory.relations, inventory.files
    return replace(
        inventory,
        packages=found.packages,
        problems=tuple(sorted({*inventory.problems, *found.problems})),
        relations=None if relations is None else with_new_purls(relations, found.purls),
        files=None if files is None else tuple(_with_owner(record, found.purls) for record in files),
    )


def _with_owner(record: FileRecord, purls: Mapping[str, tuple[str, ...]]) -> FileRecord:
    if record.owner is None or record.owner not in purls:
        return record
    owner = renamed_owner(record.owner, purls)
    return replace(record, owner=owner, state=record.state if owner is not None else "unowned")
