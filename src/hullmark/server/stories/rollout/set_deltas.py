"""What another version of a policy says differently of package sets: of each package once, added up for each set that holds it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from hullmark.server.stories.rollout.package_deltas import PackageDelta, Question, Think, deltas_of, join_deltas
from hullmark.server.stories.rollout.telling import Causes
from hullmark.server.tables.database import Connection
from hullmark.server.tables.rollout import policy_changes, waves
from hullmark.server.tables.rollout.policy_changes import ChangedBy, PolicySummary

_ASKED_AT_ONCE = 5000
"""Packages whose matches are in memory at once."""


class SetDelta(NamedTuple):
    """What is added to the verdicts of images that hold a package set: by the change of this number (0: none), of these packages.
    `twins`: packages in it of whose purl there is another package; `purls`: the first package of each of these purls."""

    number: int
    packages: tuple[int, ...]
    twins: frozenset[int]
    purls: frozenset[int]
    total: PackageDelta


NOTHING = SetDelta(0, (), frozenset(), frozenset(), PackageDelta())


class SetDeltas:
    """What is known of packages and sets, with the advisories that counted as they were asked about.

    `policy` is the newer version. `marker` is the number of a change without
    findings, which says only that the policy is another one.
    """

    def __init__(self, by: ChangedBy, policy: PolicySummary, causes: Causes) -> None:
        self.by = by
        self.causes = causes
        self.marker = 0
        self._policy = policy
        self._packages: dict[int, PackageDelta | None] = {}
        self._numbers: dict[int, int] = {}
        self._sets: dict[int, SetDelta] = {}
        self._twins: dict[int, set[int]] = {}

    async def learn(self, connection: Connection, image_ids: Sequence[int], question: Question, think: Think) -> None:
        """Ask about the packages of these images that are not known yet. Everything that is numbered is written down."""
        held = await policy_changes.sets_of(connection, image_ids)
        sets = {number for some in held.values() for number in some} - self._sets.keys()
        if not sets and self.marker:
            return
        members = await policy_changes.matched_members_of(connection, sets)
        new = {package for some in members.values() for package in some} - self._packages.keys()
        ordered = sorted(new)
        for start in range(0, len(ordered), _ASKED_AT_ONCE):
            await self._ask(connection, ordered[start : start + _ASKED_AT_ONCE], question, think)
        for package, twin in await waves.twins_of(connection, new) if new else ():
            self._twins.setdefault(package, set()).add(twin)
        await self._sum_up(connection, members, sets)

    async def _ask(self, connection: Connection, packages: Sequence[int], question: Question, think: Think) -> None:
        """Ask about some packages, and number what comes of it."""
        deltas = await deltas_of(connection, packages, question, self.causes.known, think)
        telling = [(package, delta) for package, delta in sorted(deltas.items()) if delta.lost or delta.gained]
        changes = [(package, delta.lost, delta.gained) for package, delta in telling]
        numbers = await policy_changes.keep_changes(connection, self.by, changes)
        self._numbers |= dict(zip((package for package, _ in telling), numbers, strict=True))
        for package in packages:
            delta = deltas.get(package)
            # The findings are in the database now.
            self._packages[package] = delta._replace(lost=(), gained=()) if delta is not None else None

    async def _sum_up(self, connection: Connection, members: dict[int, list[int]], sets: Iterable[int]) -> None:
        """Add up what package sets bring, and number those sums."""
        changed = {
            number: tuple(package for package in some if self._packages[package] is not None)
            for number, some in members.items()
        }
        parts = {
            number: [self._numbers[package] for package in some if package in self._numbers]
            for number, some in changed.items()
        }
        told = [number for number, some in parts.items() if some]
        kept = [parts[number] for number in told] + ([] if self.marker else [[]])
        numbers = await policy_changes.keep_sums(connection, self.by, self._policy, kept)
        self.marker = self.marker or numbers.pop()
        numbered = dict(zip(told, numbers, strict=True))
        for number in sets:
            packages = changed.get(number, ())
            twins = frozenset(self._twins.keys() & set(members.get(number, ()))) if self._twins else frozenset[int]()
            if packages or twins:
                total = self._join_packages(packages) if packages else NOTHING.total
                purls = frozenset([min(twin, *self._twins[twin]) for twin in twins])
                self._sets[number] = SetDelta(numbered.get(number, 0), packages, twins, purls, total)
            else:
                self._sets[number] = NOTHING

    def _join_packages(self, packages: Iterable[int]) -> PackageDelta:
        return join_deltas([delta for package in packages if (delta := self._packages[package]) is not None])

    def of(self, sets: Iterable[int]) -> list[SetDelta]:
        """The deltas of these sets, without those that change nothing."""
        return [delta for number in sets if (delta := self._sets[number]) is not NOTHING]

    def total(self, sets: Sequence[SetDelta]) -> PackageDelta | None:
        """What an image's sets bring together, a package that several hold once; None if two of its packages are one to the policy."""
        if not sets:
            return NOTHING.total
        packages = set[int]().union(*[delta.packages for delta in sets])
        twins = frozenset[int]().union(*[delta.twins for delta in sets])
        if self._hold_twins(sets, twins) and any(
            not twins.isdisjoint(self._twins[package]) for package in packages & twins
        ):
            return None
        if len(packages) == sum([len(delta.packages) for delta in sets]):
            return sets[0].total if len(sets) == 1 else join_deltas([delta.total for delta in sets])
        return self._join_packages(packages)

    def _hold_twins(self, sets: Sequence[SetDelta], twins: frozenset[int]) -> bool:
        """Whether a purl is in these sets more than once: mostly it is not, and then no package needs to be looked at."""
        return bool(twins) and len(twins) != len(frozenset[int]().union(*[delta.purls for delta in sets]))
