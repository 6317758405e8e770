"""Pages of what gates go by: a whole list, then changes, by one cursor."""

from __future__ import annotations

from datetime import timedelta
from typing import NamedTuple

from hullmark.model.admission import AdmissionPage
from hullmark.server.stories.services import Services
from hullmark.server.tables.database import Connection
from hullmark.server.tables.judging import admission
from hullmark.server.tables.judging.admission import AdmissionRow, GateState

_KEPT = timedelta(days=30)
_NOTED_EVERY = timedelta(hours=1)


class Position(NamedTuple):
    """Where a page begins: in which asking; the transaction before which all that changed is in the list, or was handed out; the last image
    handed out; and whether the list is not at its end yet."""

    gate: str
    transaction: int
    image_id: int
    is_listing: bool


class NextPage(NamedTuple):
    """A page, and the position of the one that follows; None: begin again."""

    page: AdmissionPage
    position: Position | None


async def page_after(services: Services, account_id: int, position: Position | None, limit: int) -> NextPage:
    """What follows a position (None: the beginning). Where the position is of an earlier asking, the list begins anew."""
    await _note(services, account_id)
    async with services.database.tenant(account_id) as connection:
        gate = await admission.gate_of(connection, account_id)
        if gate is None or gate.settled <= gate.since:  # somebody is at work who may not know yet that there is a gate
            return NextPage(AdmissionPage(images=(), cursor="", is_last=False), None)
        if position is None or position.gate != gate.id or position.transaction > gate.settled:
            return await _list(connection, account_id, Position(gate.id, gate.settled, 0, True), limit)
        if position.is_listing:
            return await _list(connection, account_id, position, limit)
        return await _changes(connection, account_id, position, gate, limit)


async def _note(services: Services, account_id: int) -> None:
    """Note that a gate asks, by a transaction of its own: changes are noted from its end on."""
    async with services.database.tenant(account_id) as connection:
        gate = await admission.gate_of(connection, account_id)
        if gate is None or gate.asked_at < services.clock() - _NOTED_EVERY:
            await admission.note_gate(connection, account_id, services.clock())


async def _list(connection: Connection, account_id: int, position: Position, limit: int) -> NextPage:
    rows = await admission.list_images(connection, account_id, position.image_id, limit + 1)
    is_last, shown = len(rows) <= limit, rows[:limit]
    if is_last:  # what changed while the list was handed out follows
        following = Position(position.gate, position.transaction - 1, 1 << 62, False)
    else:
        following = position._replace(image_id=shown[-1].image_id)
    return NextPage(_page(shown, is_last=is_last, begins=position.image_id == 0), following)


async def _changes(
    connection: Connection, account_id: int, position: Position, gate: GateState, limit: int
) -> NextPage:
    after = (position.transaction, position.image_id)
    rows = await admission.list_changed_images(connection, account_id, after, gate.settled, limit + 1)
    is_last, shown = len(rows) <= limit, rows[:limit]
    following = position
    if shown:
        following = position._replace(transaction=shown[-1].changed_by, image_id=shown[-1].image_id)
    return NextPage(_page(shown, is_last=is_last), following)


def _page(rows: list[AdmissionRow], *, is_last: bool, begins: bool = False) -> AdmissionPage:
    return AdmissionPage(images=tuple(row.image() for row in rows), cursor="", is_last=is_last, begins=begins)


async def forget_gates(services: Services) -> None:
    """Note no more changes for accounts in which no gate has asked for a month."""
    async with services.database.system() as connection:
        await admission.forget_gates(connection, services.clock() - _KEPT)
