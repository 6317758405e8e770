"""What another version of a policy says differently of packages: each is asked about once, for all images that hold it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple, cast

import msgspec

from hullmark.model import notice
from hullmark.model.advisory import SEVERITY_RANK
from hullmark.model.match import Match
from hullmark.model.verdict import VerdictInputs
from hullmark.notify.causes import cause_of, severity_of
from hullmark.notify.evidence import evidence_of
from hullmark.notify.scene import Pair, Scene
from hullmark.notify.transitions import find_announcements
from hullmark.policy.verdict_diff import Change, compare
from hullmark.server.stories.rollout import sums
from hullmark.server.stories.rollout.announcements import pair_of
from hullmark.server.stories.rollout.finding_changes import match_of, matched_package
from hullmark.server.stories.rollout.rule_differences import RuleDifference
from hullmark.server.stories.rollout.sums import PackageFindings, Sum
from hullmark.server.stories.rollout.telling import CauseName, gather
from hullmark.server.tables.advisories import match_changes, matches
from hullmark.server.tables.advisories.match_changes import HeldPackage, Side
from hullmark.server.tables.database import Connection
from hullmark.server.tables.images import coordinates
from hullmark.server.tables.rollout import policy_changes

GRAVEST = 5
"""Pieces of evidence that an image is told with, the gravest of each kind; its verdict has all findings."""
_TOLD_TOGETHER = 200
"""Changes that are compared at once."""

Think = Callable[[Callable[[], Any]], Awaitable[Any]]
"""Does some work in a thread, and answers what comes of it."""


class Piece(NamedTuple):
    """A piece of evidence, as JSON, for news of a kind ("": only where compliance is lost or regained). Sorted, the gravest of a kind comes
    first: `lightness` is the severity below zero."""

    kind: str
    lightness: int
    evidence: bytes


class PackageDelta(NamedTuple):
    """What is added to the verdicts of images that hold a package. `pieces` are the gravest of each kind; `lost` and `gained` as
    Changes has them."""

    is_doubtful: bool = False
    stops: int = 0
    warns: int = 0
    findings: int = 0
    next_at: datetime | None = None
    pieces: tuple[Piece, ...] = ()
    lost: tuple[Any, ...] = ()
    gained: tuple[Any, ...] = ()


class Question(NamedTuple):
    """What packages are asked about: the rules that differ, the moment with its advisories, and as what it is told."""

    difference: RuleDifference
    at: sums.Moment
    scene: Scene
    inputs: tuple[VerdictInputs, VerdictInputs]


class _Case(NamedTuple):
    package_id: int
    matches: tuple[Match, ...]


async def deltas_of(
    connection: Connection,
    packages: Iterable[int],
    question: Question,
    causes: dict[CauseName, notice.Cause],
    think: Think,
) -> dict[int, PackageDelta]:
    """The deltas of the packages about which the advisories now say something else. `causes` gets what they are told with,
    `think` does what takes long."""
    cases = await _cases(connection, await policy_changes.packages_by_id(connection, packages), think)
    return cast("dict[int, PackageDelta]", await think(lambda: _deltas(cases, question, causes)))


async def _cases(connection: Connection, held: Sequence[HeldPackage], think: Think) -> list[_Case]:
    """The matches of each vulnerability in each package."""
    ids = sorted({package.coordinate_id for package in held})
    known = await coordinates.coordinates_by_id(connection, ids)
    rows: dict[int, list[matches.FoundRow]] = {}
    for row in await matches.rows_of(connection, ids):
        rows.setdefault(row.coordinate_id, []).append(row)
    advisories = {row.advisory_id for some in rows.values() for row in some}
    weights = await match_changes.weights_of(connection, advisories)
    bodies = await match_changes.bodies_of(connection, advisories)
    exempt = await match_changes.exempt_of(connection, [package.id for package in held if package.is_owned])

    def cases_of(package: HeldPackage) -> Iterable[_Case]:
        by_name: dict[str, list[Match]] = {}
        answered = exempt.get(package.id, {})
        matched = matched_package(package, known[package.coordinate_id])
        for row in sorted(rows.get(package.coordinate_id, ())):
            name, weight = weights[row.advisory_id]
            side = Side(row, weight, answered.get(row.advisory_id))
            by_name.setdefault(name, []).append(match_of(side, matched, bodies))
        return (_Case(package.id, tuple(by_name[name])) for name in sorted(by_name))

    return cast("list[_Case]", await think(lambda: [case for package in held for case in cases_of(package)]))


def _deltas(
    cases: Sequence[_Case], question: Question, causes: dict[CauseName, notice.Cause]
) -> dict[int, PackageDelta]:
    difference = question.difference
    asked = [case.matches for case in cases]
    before = sums.said_of(difference.before, asked, question.at)
    after = sums.said_of(difference.after, asked, question.at)
    totals = [sums.sum_of(difference.target, *pair) for pair in zip(before, after, strict=True)]
    loud = [number for number, total in enumerate(totals) if total is not None and not total.is_doubtful]
    pieces: dict[int, list[Piece]] = {}
    for places in sums.apart([asked[number] for number in loud], _TOLD_TOGETHER):
        some = [loud[place] for place in places]
        told = _list_pieces([(before[number], after[number]) for number in some], question, causes)
        pieces |= {number: told[place] for place, number in enumerate(some)}
    found: dict[int, PackageDelta] = {}
    for number, total in enumerate(totals):
        if total is not None:
            package = cases[number].package_id
            delta = _delta(total, pieces.get(number, ()))
            found[package] = _together(found[package], delta) if package in found else delta
    return found


def _delta(total: Sum, pieces: Sequence[Piece]) -> PackageDelta:
    if total.is_doubtful:
        return PackageDelta(is_doubtful=True)
    return PackageDelta(
        stops=total.stops,
        warns=total.warns,
        findings=total.findings,
        next_at=total.next_at,
        pieces=gravest(pieces if total.stops else [piece for piece in pieces if piece.kind]),
        lost=total.lost,
        gained=total.gained,
    )


def _list_pieces(
    some: Sequence[tuple[PackageFindings, PackageFindings]], question: Question, causes: dict[CauseName, notice.Cause]
) -> list[list[Piece]]:
    """What is told of each of these changes: that which is news where the image stays out of compliance, else its first change."""
    pair = Pair(*pair_of(some, question.inputs))
    difference = compare(pair.before, pair.after)
    places = {
        finding.subject: place
        for place, sides in enumerate(some)
        for side in sides
        for finding in side.findings.values()
    }
    pieces: list[list[Piece]] = [[] for _ in some]
    for change, kind in find_announcements(difference, pair):
        pieces[places[change.finding.subject]].append(_piece(change, kind, pair, question.scene))
    for change in difference.changes:
        if not (those := pieces[places[change.finding.subject]]):
            those.append(_piece(change, "", pair, question.scene))
    if difference.changes:
        first = difference.changes[0]
        cause = cause_of(first.cause, first.compared, difference.changes, pair, question.scene)
        gather(causes, question.difference.target.account_id, cause)
    return pieces


def _piece(change: Change, kind: str, pair: Pair, scene: Scene) -> Piece:
    evidence = msgspec.json.encode(evidence_of(change, pair, scene)).replace(b"\\u0000", "\ufffd".encode())
    return Piece(kind, -SEVERITY_RANK[severity_of((change,))], evidence)


def _together(first: PackageDelta, second: PackageDelta) -> PackageDelta:
    return PackageDelta(
        is_doubtful=first.is_doubtful or second.is_doubtful,
        stops=first.stops + second.stops,
        warns=first.warns + second.warns,
        findings=first.findings + second.findings,
        next_at=min((moment for moment in (first.next_at, second.next_at) if moment), default=None),
        pieces=gravest((*first.pieces, *second.pieces)),
        lost=(*first.lost, *second.lost),
        gained=(*first.gained, *second.gained),
    )


def gravest(pieces: Iterable[Piece]) -> tuple[Piece, ...]:
    """The gravest pieces of each kind, sorted."""
    ordered = sorted(pieces)
    # One whose kind is also that of the one so many places before it is not among the gravest.
    later = zip(ordered, ordered[GRAVEST:], strict=False)
    return (*ordered[:GRAVEST], *[piece for before, piece in later if before.kind != piece.kind])


def join_deltas(some: Sequence[PackageDelta]) -> PackageDelta:
    """What several deltas come to together, without the findings themselves."""
    moments = [delta.next_at for delta in some if delta.next_at]
    return PackageDelta(
        is_doubtful=True in [delta.is_doubtful for delta in some],
        stops=sum([delta.stops for delta in some]),
        warns=sum([delta.warns for delta in some]),
        findings=sum([delta.findings for delta in some]),
        next_at=min(moments) if moments else None,
        pieces=gravest([piece for delta in some for piece in delta.pieces]),
    )
