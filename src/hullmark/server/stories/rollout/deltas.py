"""Updates a current verdict by the changed findings in packages of its image: pure sums, and their news."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from hullmark.model.advisory import SEVERITY_RANK
from hullmark.model.limit import Limit
from hullmark.model.verdict import PASSING
from hullmark.policy.evaluate import MAX_FINDINGS
from hullmark.policy.recount import format_count
from hullmark.server.tables.rollout.summed import NewRow, Row
from hullmark.server.tables.rollout.waves import FindingChange

LONGEST = 200
"""Changes that a verdict may have had since its document was written; then it is judged as a whole."""

_MOST_EVIDENCE = Limit(50, "pieces of evidence of a transition", "shortened")


class WorseningNotice(NamedTuple):
    """News about an image that stays out of compliance ("": none), and its cause (by key)."""

    cause: str
    kind: str
    severity: int
    evidence: list[Any]


class VerdictDelta(NamedTuple):
    """What is added to the verdicts of images that hold a package. `says`: findings come or go."""

    id: int
    is_doubtful: bool
    says: bool
    stops: int
    warns: int
    findings: int
    next_at: datetime | None
    cause: str
    severity: int
    told: tuple[WorseningNotice, ...]


def make_verdict_delta(change: FindingChange) -> VerdictDelta:
    """A change as it is added."""
    notices = tuple(
        WorseningNotice(entry["cause"], entry["kind"], SEVERITY_RANK[entry["severity"]], entry["evidence"])
        for entry in change.told
    )
    return VerdictDelta(
        change.id,
        change.is_doubtful,
        bool(change.lost or change.gained),
        change.stops,
        change.warns,
        change.findings,
        change.next_at,
        notices[0].cause if notices else "",
        max((entry.severity for entry in notices), default=0),
        notices,
    )


class News(NamedTuple):
    """A transition to store: its cause (by key), kind, verdicts before and after, and evidence."""

    cause: str
    kind: str
    before: str
    after: str
    severity: int
    evidence: list[Any]


class NextVerdict(NamedTuple):
    """A verdict that replaces the one before, and its news, in the order of events."""

    row: NewRow
    news: tuple[News, ...]


class Judge(NamedTuple):
    """The image has to be judged as a whole."""


JUDGE = Judge()


class Moment(NamedTuple):
    """Nothing changes but the moment at which time may change the verdict."""

    next_at: datetime


def outcome_of(row: Row, changes: Sequence[VerdictDelta], now: datetime) -> NextVerdict | Judge | Moment | None:
    """What becomes of a verdict; None: nothing. `changes` are in the order of their numbers."""
    if not _is_sum(row, changes, now):
        return JUDGE
    loud = [change for change in changes if change.says]
    next_at = min((moment for moment in (row.next_at, *(change.next_at for change in changes)) if moment), default=None)
    if not loud:
        return Moment(next_at) if next_at is not None and next_at != row.next_at else None
    stops = row.stops + sum([change.stops for change in loud])
    warns = row.warns + sum([change.warns for change in loud])
    if stops < 0 or warns < 0 or (row.has_unknowns and row.verdict == "stop" and not stops):
        return JUDGE
    word = _word(row, stops, warns)
    new_row = NewRow(
        row.history_id,
        word,
        _reason(row, word, stops, warns),
        stops,
        warns,
        (row.finding_count or 0) + sum([change.findings for change in loud]),
        next_at,
        tuple([change.id for change in loud]),
    )
    return NextVerdict(new_row, () if row.is_shadow else tuple(_news(row, loud)))


def _is_sum(row: Row, changes: Sequence[VerdictDelta], now: datetime) -> bool:
    """Whether the result follows from the counts."""
    if row.finding_count is None or row.changes < 0 or row.changes + len(changes) > LONGEST:
        return False
    if (row.next_at is not None and row.next_at <= now) or any(change.is_doubtful for change in changes):
        return False
    if row.finding_count + sum([change.findings for change in changes if change.findings > 0]) >= MAX_FINDINGS:
        return False
    return row.has_unknowns or row.verdict != "unknown"


def _word(row: Row, stops: int, warns: int) -> str:
    """The outcome. Where an image passes, what could not be judged did not decide: rules that do make it unknown."""
    if stops:
        return "stop"
    if row.verdict == "unknown":
        return "unknown"
    return "warn" if warns else "go"


def _reason(row: Row, word: str, stops: int, warns: int) -> str | None:
    """As the policy says it, without the names of the rules, which the verdict's findings tell; None: as it was."""
    if word == "stop":
        return f"{format_count(stops, 'finding')} to stop for"
    if word == "warn":
        return format_count(warns, "warning")
    return "nothing to stop or warn for" if word != row.verdict else None


def _news(row: Row, changes: Sequence[VerdictDelta]) -> Iterator[News]:
    """The news, cause by cause, worsening first."""
    before, stops, warns = row.verdict, row.stops, row.warns
    for cause, group in _by_cause(changes):
        stops += sum([change.stops for change in group])
        warns += sum([change.warns for change in group])
        after = _word(row, stops, warns)
        if cause:
            notices = [entry for change in group for entry in change.told if entry.cause == cause]
            for kind, entries in _kinds(before, after, notices):
                evidence = (
                    entries[0].evidence
                    if len(entries) == 1
                    else [one for entry in entries for one in entry.evidence][:_MOST_EVIDENCE]
                )
                severity = max([entry.severity for entry in entries], default=0)
                yield News(cause, kind, before, after, severity, evidence)
        before = after


def _by_cause(changes: Sequence[VerdictDelta]) -> list[tuple[str, list[VerdictDelta]]]:
    groups: dict[str, list[VerdictDelta]] = {}
    for change in changes:
        groups.setdefault(change.cause, []).append(change)
    return list(groups.items()) if len(groups) == 1 else sorted(groups.items(), key=_urgency)


def _urgency(item: tuple[str, list[VerdictDelta]]) -> tuple[bool, int, str]:
    cause, group = item
    return sum([change.stops for change in group]) < 0, -max([change.severity for change in group]), cause


def _kinds(before: str, after: str, notices: list[WorseningNotice]) -> Iterable[tuple[str, list[WorseningNotice]]]:
    if (before in PASSING) is not (after in PASSING):
        return [("compliance.lost" if before in PASSING else "compliance.regained", notices)]
    if after in PASSING:
        return []
    kinds: dict[str, list[WorseningNotice]] = {}
    for entry in notices:
        if entry.kind:
            kinds.setdefault(entry.kind, []).append(entry)
    return sorted(kinds.items()) if len(kinds) > 1 else list(kinds.items())
