"""The answer to "is it reached, and why?" for one file or package."""

from __future__ import annotations

from collections.abc import Sequence

from hullmark.catalog.relations.provenance import packages_named
from hullmark.model.errors import HullmarkError
from hullmark.model.inventory import Inventory
from hullmark.model.reach import PackageReach, ReachAnswer
from hullmark.reach.verdicts import Verdicts


def answers(
    inventory: Inventory, verdicts: Verdicts, packages: Sequence[PackageReach], subjects: Sequence[str]
) -> tuple[ReachAnswer, ...]:
    """The answers, in the order of what was asked. Raises HullmarkError for what is not there."""
    return tuple(answer for subject in subjects for answer in _answers(inventory, verdicts, packages, subject))


def _answers(
    inventory: Inventory, verdicts: Verdicts, packages: Sequence[PackageReach], subject: str
) -> list[ReachAnswer]:
    if subject.startswith("/"):
        place = verdicts.scene.tree.find(subject)
        if not place.real:
            raise HullmarkError(f"there is no file {subject[:200]}", advice="hullmark files SOURCE lists what there is")
        return [_of_file(inventory, verdicts, place.real)]
    purls = {package.purl for package in packages_named(inventory, subject)}
    found = [package for package in packages if package.purl in purls]
    if found:
        return [_of_package(inventory, package) for package in found]
    program = verdicts.scene.program(subject)
    if not program:
        raise HullmarkError(
            f"there is no package or program {subject[:200]}",
            advice="name a package, a program of PATH, or an absolute path",
        )
    return [_of_file(inventory, verdicts, verdicts.scene.tree.find(program).real)]


def _of_file(inventory: Inventory, verdicts: Verdicts, real: str) -> ReachAnswer:
    record = verdicts.scene.tree.files.get(real)
    owner = record.owner if record is not None else None
    reason = verdicts.reason(real)
    return ReachAnswer(
        subject=real,
        reach=verdicts.of(real),
        witness=verdicts.witness(real),
        reason=reason,
        needed_by=_needed_by(inventory, owner) if owner else (),
    )


def _of_package(inventory: Inventory, package: PackageReach) -> ReachAnswer:
    return ReachAnswer(
        subject=package.purl,
        reach=package.reach,
        witness=package.witness,
        reason=package.reason,
        needed_by=_needed_by(inventory, package.purl),
    )


def _needed_by(inventory: Inventory, purl: str) -> tuple[str, ...]:
    """The packages that say that they need it."""
    found = {
        relation.dependent
        for relation in inventory.relations or ()
        if relation.dependency == purl and relation.kind == "depends-on"
    }
    return tuple(sorted(found))
