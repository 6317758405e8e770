"""Verdicts that were written many at a time are announced: events for changed outcomes, transitions with their causes, certifications."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import msgspec

from hullmark.model import notice
from hullmark.model.advisory import SEVERITY_RANK
from hullmark.model.limit import Limit
from hullmark.model.verdict import PASSING
from hullmark.server.stories.rollout.deltas import NextVerdict
from hullmark.server.stories.services import Services
from hullmark.server.tables import events
from hullmark.server.tables.database import Connection
from hullmark.server.tables.events import NewEvent
from hullmark.server.tables.notice import transitions
from hullmark.server.tables.rollout import summed
from hullmark.server.tables.rollout.summed import NewTransition, Row

MOST_EVIDENCE = Limit(50, "pieces of evidence of a cause", "shortened")

CauseName = tuple[int, str]
"""An account, and the key of a cause."""


class Causes:
    """The causes that verdicts are announced with. `numbers` are those that are written down, `told` the accounts that hear already."""

    def __init__(self, known: dict[CauseName, notice.Cause]) -> None:
        self.known = known
        self.numbers: dict[CauseName, int] = {}
        self.told: set[int] = set()
        self._lock = asyncio.Lock()

    @property
    def first(self) -> str:
        """The key of the first that became known; "" while there is none."""
        return next((key for _, key in self.known), "")

    async def numbers_of(self, services: Services, names: Iterable[CauseName]) -> dict[CauseName, int]:
        """The numbers of causes. Those that are new are written at once: other parts need not wait for this one's end."""
        wanted = set(names)
        if wanted - self.numbers.keys():
            async with self._lock, services.database.system() as connection:
                for name in sorted(wanted - self.numbers.keys()):
                    self.numbers[name] = await transitions.keep_cause(
                        connection, name[0], self.known[name], is_complete=False
                    )
        return {name: self.numbers[name] for name in wanted}


def gather(causes: dict[CauseName, notice.Cause], account_id: int, cause: notice.Cause) -> None:
    """Put together what all changes say of a cause: the gravest severity, and evidence of each."""
    name = (account_id, cause.key)
    known = causes.get(name)
    if known is not None:
        evidence = known.evidence
        if len(evidence) < MOST_EVIDENCE:
            evidence = (*evidence, *(item for item in cause.evidence if item not in evidence))[:MOST_EVIDENCE]
        graver = known if SEVERITY_RANK[known.severity] >= SEVERITY_RANK[cause.severity] else cause
        cause = msgspec.structs.replace(graver, evidence=evidence)
    causes[name] = cause


WrittenVerdict = tuple[Row, NextVerdict, int]
"""A verdict as it was, what took its place, and the number of that."""


async def tell(
    connection: Connection,
    services: Services,
    causes: Causes,
    written: Sequence[WrittenVerdict],
    cause: str,
    now: datetime,
) -> None:
    """Store the news of verdicts. `cause`: what they were made for, in a word."""
    news_rows = [(row.account_id, number, news) for row, outcome, number in written for news in outcome.news]
    names = {(account_id, news.cause) for account_id, _, news in news_rows}
    numbers = await causes.numbers_of(services, names)
    shown: dict[int, str] = {}
    rows = [
        NewTransition(
            number,
            numbers[(account_id, news.cause)],
            news.kind,
            news.before,
            news.after,
            news.severity,
            _encode_evidence(shown, news.evidence),
        )
        for account_id, number, news in news_rows
    ]
    await summed.add_transitions(connection, rows, now)
    flipped = {
        number: row for row, outcome, number in written if row.verdict != outcome.row.verdict and not row.is_shadow
    }
    flips = await summed.flips_of(connection, list(flipped)) if flipped else []
    await summed.certify(connection, [flipped[flip.history_id][:2] for flip in flips if flip.after in PASSING], now)
    for account_id in sorted({flip.account_id for flip in flips}):
        flip_events = [
            _event(flip, flipped[flip.history_id].verdict, cause) for flip in flips if flip.account_id == account_id
        ]
        await events.tell_all(connection, account_id, flip_events)
    # People hear of the first images at once, and of all others together in the end.
    for account_id in sorted({account_id for account_id, _ in names} - causes.told):
        causes.told.add(account_id)
        await transitions.want_routing(connection, account_id)


def _encode_evidence(known: dict[int, str], evidence: list[Any]) -> str:
    """Evidence as JSON. Most of it is one object that many images share."""
    text = known.get(id(evidence))
    if text is None:
        text = known[id(evidence)] = msgspec.json.encode(evidence).decode().replace("\\u0000", "\ufffd")
    return text


def _event(flip: summed.Flip, before: str, cause: str) -> NewEvent:
    body = {
        "digest": flip.digest,
        "policy": flip.policy,
        "environment": flip.environment,
        "reference": flip.reference,
        "before": before,
        "after": flip.after,
        "reason": flip.reason,
        "cause": cause,
    }
    return NewEvent(kind="verdict.changed", resource=("image", flip.digest), body=body)
