"""What becomes of a current verdict by changes of what is found in packages of its image: pure sums, and what is told of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from hullmark.model.advisory import SEVERITIES
from hullmark.policy.evaluate import MAX_FINDINGS
from hullmark.policy.recount import counted
from hullmark.store.rejudging import FindingChange, NewRow, Row

LONGEST = 200
"""Changes that a verdict may have had since its document was written; then it is judged as a whole."""

_MOST_EVIDENCE = 50
_RANK = {severity: rank for rank, severity in enumerate(SEVERITIES)}
_PASSES = ("go", "warn")


class News(NamedTuple):
    """A transition to be written down: of which cause (by key), what kind, from which verdict to which, and the evidence."""

    cause: str
    kind: str
    before: str
    after: str
    severity: int
    evidence: list[Any]


class Outcome(NamedTuple):
    """A verdict in place of the one before, without its number, and what is told. `news` are in the order in which it happened."""

    row: NewRow
    news: list[News]


class Judge(NamedTuple):
    """The image has to be judged as a whole."""


class Moment(NamedTuple):
    """Nothing changes but the moment at which time may change the verdict."""

    next_at: datetime


def outcome_of(row: Row, changes: Sequence[FindingChange], now: datetime) -> Outcome | Judge | Moment | None:
    """What becomes of a verdict; None: nothing. `changes` are in the order of their numbers."""
    if not _is_sum(row, changes, now):
        return Judge()
    told = [each for each in changes if _says(each)]
    next_at = min((moment for moment in (row.next_at, *(each.next_at for each in changes)) if moment), default=None)
    if not told:
        return Moment(next_at) if next_at is not None and next_at != row.next_at else None
    stops = row.stops + sum(each.stops for each in told)
    warns = row.warns + sum(each.warns for each in told)
    if stops < 0 or warns < 0 or (row.is_clouded and not _is_clear(row, stops)):
        return Judge()
    word = _word(row, stops, warns)
    made = NewRow(
        id=0,
        history_id=row.history_id,
        account_id=row.account_id,
        image_id=row.image_id,
        policy_id=row.policy_id,
        environment=row.environment,
        is_shadow=row.is_shadow,
        verdict=word,
        reason=_reason(row, word, stops, warns),
        stops=stops,
        warns=warns,
        finding_count=(row.finding_count or 0) + sum(each.findings for each in told),
        next_at=next_at,
        changes="[" + ",".join(str(each.id) for each in told) + "]",
    )
    return Outcome(made, [] if row.is_shadow else list(_news(row, told)))


def _is_sum(row: Row, changes: Sequence[FindingChange], now: datetime) -> bool:
    """Whether what comes of the changes can be told from the counts."""
    if row.finding_count is None or row.changes < 0 or row.changes + len(changes) > LONGEST:
        return False
    if any(each.is_doubtful for each in changes) or (row.next_at is not None and row.next_at <= now):
        return False
    gained = sum(max(each.findings, 0) for each in changes)
    if row.finding_count + gained >= MAX_FINDINGS:
        return False
    return row.is_clouded or row.verdict != "unknown"


def _is_clear(row: Row, stops: int) -> bool:
    """Whether the outcome is known in spite of what could not be judged."""
    # Where it passes, what could not be judged did not decide: rules that would, make it unknown.
    return row.verdict != "stop" or stops > 0


def _says(change: FindingChange) -> bool:
    return bool(change.lost or change.gained)


def _word(row: Row, stops: int, warns: int) -> str:
    if stops:
        return "stop"
    if row.verdict == "unknown":
        return "unknown"
    return "warn" if warns else "go"


def _reason(row: Row, word: str, stops: int, warns: int) -> str:
    """As the policy says it, without the names of the rules, which the verdict's findings tell."""
    if (word, stops, warns) == (row.verdict, row.stops, row.warns) or word == "unknown":
        return row.reason
    if word == "stop":
        return f"{counted(stops, 'finding')} to stop for"
    return counted(warns, "warning") if word == "warn" else "nothing to stop or warn for"


def _news(row: Row, changes: Sequence[FindingChange]) -> Iterator[News]:
    """What is told, cause by cause: what is worse first."""
    before, stops, warns = row.verdict, row.stops, row.warns
    for cause, group in _by_cause(changes):
        stops += sum(each.stops for each in group)
        warns += sum(each.warns for each in group)
        after = _word(row, stops, warns)
        told = [entry for each in group for entry in each.told if entry["cause"] == cause]
        for kind, entries in _kinds(before, after, told):
            evidence = [piece for entry in entries for piece in entry["evidence"]]
            severity = max((_RANK[entry["severity"]] for entry in entries), default=0)
            yield News(cause, kind, before, after, severity, evidence[:_MOST_EVIDENCE])
        before = after


def _by_cause(changes: Sequence[FindingChange]) -> list[tuple[str, list[FindingChange]]]:
    groups: dict[str, list[FindingChange]] = {}
    for each in changes:
        groups.setdefault(each.told[0]["cause"] if each.told else "", []).append(each)
    return sorted(groups.items(), key=_urgency)


def _urgency(item: tuple[str, list[FindingChange]]) -> tuple[bool, int, str]:
    cause, group = item
    severity = max((_RANK[entry["severity"]] for each in group for entry in each.told), default=0)
    return sum(each.stops for each in group) < 0, -severity, cause


def _kinds(before: str, after: str, told: list[dict[str, Any]]) -> Iterable[tuple[str, list[dict[str, Any]]]]:
    if (before in _PASSES) is not (after in _PASSES):
        return [("compliance.lost" if before in _PASSES else "compliance.regained", told)]
    if after in _PASSES:
        return []
    kinds: dict[str, list[dict[str, Any]]] = {}
    for entry in told:
        if entry["kind"]:
            kinds.setdefault(entry["kind"], []).append(entry)
    return sorted(kinds.items())
