"""Transitions: what happened to images, why, and who was told or why nobody was."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, QueryParameter

from hullmark.model.advisory import SEVERITIES, Severity
from hullmark.model.limit import Limit as Bound
from hullmark.server.api.caller import Caller
from hullmark.server.api.paging import Cursor, Limit, Page, page, values_in
from hullmark.server.api.problems import not_found
from hullmark.server.api.resources.images import moment
from hullmark.server.stories.services import Services
from hullmark.server.tables.database import Connection
from hullmark.server.tables.notice import transition_lists, transitions
from hullmark.server.tables.notice.transition_lists import PENDING, CauseMessage, TransitionFilter
from hullmark.server.tables.notice.transitions import CauseRow, TransitionRow

_READ: dict[str, Any] = {"permission": "notices:read"}
_HIGHEST = (1 << 62) - 1
_MOST_MESSAGES = Bound(100, "messages shown of a cause", "shortened")

Outcome = Literal["told", "suppressed", "pending"]
Word = Annotated[str, QueryParameter(max_length=1000)]
Number = Annotated[int | None, QueryParameter(ge=1, le=_HIGHEST)]


class CauseBrief(msgspec.Struct, kw_only=True):
    """The one thing that brought transitions about."""

    id: int
    kind: str
    subject: str
    sentence: str
    severity: Severity


class TransitionView(msgspec.Struct, kw_only=True):
    """What became of an image, or of something else that people are told of. `verdict` is the number of the verdict that it came with.

    `outcome` is pending until it is decided who hears of it; `why` says why nobody did; `messages` are those that tell of it.
    """

    id: int
    kind: str
    at: datetime
    cause: CauseBrief
    image: str
    reference: str
    policy: str
    environment: str
    before: str
    after: str
    severity: Severity
    is_certified: bool
    is_deployed: bool
    verdict: int | None
    evidence: list[dict[str, Any]]
    outcome: Outcome
    why: str
    messages: list[int]


class CauseView(CauseBrief, kw_only=True):
    """A cause, what came of it, and page by page its transitions, the newest first.

    `before` and `after` are what was compared, in words. `is_complete`: no more is to come of it. `messages`: the first hundred.
    """

    before: str
    after: str
    evidence: list[dict[str, Any]]
    seen_at: datetime
    is_complete: bool
    count: int
    by_kind: dict[str, int]
    told: int
    suppressed: dict[str, int]
    pending: int
    messages: list[CauseMessage]
    items: list[TransitionView]
    next: str | None


def _brief(cause: CauseRow) -> dict[str, Any]:
    severity = SEVERITIES[cause.severity]
    return {
        "id": cause.id,
        "kind": cause.kind,
        "subject": cause.subject,
        "sentence": cause.sentence,
        "severity": severity,
    }


async def make_transition_views(
    connection: Connection, account_id: int, rows: Sequence[TransitionRow]
) -> list[TransitionView]:
    """Transitions as they are answered, with their causes and messages."""
    causes = await transitions.causes(connection, account_id, sorted({row.cause_id for row in rows}))
    messages = await transition_lists.messages_with(connection, account_id, [row.id for row in rows])
    return [
        TransitionView(
            id=row.id,
            kind=row.kind,
            at=row.at,
            cause=CauseBrief(**_brief(causes[row.cause_id])),
            image=row.image_digest,
            reference=row.reference,
            policy=row.policy,
            environment=row.environment,
            before=row.before,
            after=row.after,
            severity=SEVERITIES[row.severity],  # type: ignore[arg-type]
            is_certified=row.is_certified,
            is_deployed=row.is_deployed,
            verdict=row.history_id,
            evidence=row.evidence,
            outcome=row.outcome or PENDING,  # type: ignore[arg-type]
            why=row.why,
            messages=messages.get(row.id, []),
        )
        for row in rows
    ]


@get("/transitions", opt=_READ, summary="What became of images, the newest first")
async def list_transitions(  # noqa: PLR0913 - one parameter a filter
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    kind: Annotated[str, QueryParameter(max_length=200, description="As compliance.lost, or compliance.*")] = "",
    image: Word = "",
    reference: Annotated[
        str, QueryParameter(max_length=1000, description="HOST/REPOSITORY:TAG; * and ? are wild.")
    ] = "",
    environment: Word = "",
    cause: Number = None,
    outcome: FromQuery[Outcome | None] = None,
    since: FromQuery[datetime | None] = None,
    before: FromQuery[datetime | None] = None,
    limit: Limit = 50,
    cursor: Cursor = "",
) -> Page[TransitionView]:
    """Every transition of the account, each with its cause, and with the messages that tell of it or the reason why none does.

    All of them as lines of JSON: GET /export/transitions."""
    wanted = TransitionFilter(
        kind=kind,
        image=image,
        reference=reference,
        environment=environment,
        cause=cause,
        outcome=outcome or "",
        since=moment(since),
        before=moment(before),
    )
    async with services.database.tenant(caller.account_id) as connection:
        return await _page(connection, caller.account_id, wanted, limit, cursor)


async def _page(
    connection: Connection, account_id: int, wanted: TransitionFilter, limit: int, cursor: str
) -> Page[TransitionView]:
    below = values_in(cursor, Annotated[int, msgspec.Meta(ge=0, le=_HIGHEST)])  # type: ignore[arg-type]
    rows = await transition_lists.list_transitions(connection, account_id, wanted, below=below, limit=limit + 1)
    found = page(rows, limit, lambda row: row.id)
    return Page(items=await make_transition_views(connection, account_id, found.items), next=found.next)


@get("/transitions/causes/{number:int}", opt=_READ, summary="A cause, and all that came of it")
async def get_cause(
    number: FromPath[int],
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    limit: Limit = 50,
    cursor: Cursor = "",
) -> CauseView:
    """The one thing that brought transitions about, how many, who was told, and page by page the transitions themselves."""
    account_id = caller.account_id
    async with services.database.tenant(account_id) as connection:
        rows = await transitions.causes(connection, account_id, [number]) if 0 < number <= _HIGHEST else {}
        if number not in rows:
            raise not_found(f"cause {number}")
        counts = await transition_lists.count_cause(connection, account_id, number)
        messages = await transition_lists.messages_of_cause(connection, account_id, number, _MOST_MESSAGES)
        found = await _page(connection, account_id, TransitionFilter(cause=number), limit, cursor)
    cause = rows[number]
    by_kind: dict[str, int] = {}
    suppressed: dict[str, int] = {}
    for count in counts:
        by_kind[count.kind] = by_kind.get(count.kind, 0) + count.count
        if count.outcome == "suppressed":
            suppressed[count.why] = suppressed.get(count.why, 0) + count.count
    return CauseView(
        **_brief(cause),
        before=cause.before,
        after=cause.after,
        evidence=cause.evidence,
        seen_at=cause.seen_at,
        is_complete=cause.is_complete,
        count=sum(count.count for count in counts),
        by_kind=by_kind,
        told=sum(count.count for count in counts if count.outcome == "told"),
        suppressed=suppressed,
        pending=sum(count.count for count in counts if not count.outcome),
        messages=messages,
        items=found.items,
        next=found.next,
    )


ROUTES = [list_transitions, get_cause]
