"""From a stored message to the notice or the digest that goes out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import cast

import msgspec

from hullmark.model.advisory import SEVERITIES, Severity
from hullmark.model.limit import Limit
from hullmark.model.notice import TRANSITION_KINDS, Cause, Digest, Evidence, Item, Notice
from hullmark.server.stories.notice.links import account_link, cause_link, image_link, message_page_link, verdict_link
from hullmark.server.stories.settings import Settings
from hullmark.server.tables.database import Connection
from hullmark.server.tables.notice import messages, transitions
from hullmark.server.tables.notice.messages import Group, MessageRow
from hullmark.server.tables.notice.transitions import CauseRow, TransitionRow

MOST_ITEMS = Limit(50, "transitions that a notice tells one by one; all are counted", "shortened")
MOST_GROUPS = Limit(25, "causes that a notice tells one by one; all are counted", "shortened")
ITEMS_OF_GROUP = 10
_KINDS: list[str] = list(TRANSITION_KINDS)


async def notice_of(connection: Connection, settings: Settings, message: MessageRow, now: datetime) -> Notice | Digest:
    """The content of a message: its most urgent items, and the number of all."""
    account = await _account(connection, message.account_id)
    groups = await messages.groups(connection, message.id)
    if message.form == "test":
        return sample_notice(settings, account, message.sealed_at or now, str(message.key))
    if message.form == "digest":
        return await _digest(connection, settings, message, account, groups)
    rows = await messages.most_urgent(connection, message.id, _KINDS, MOST_ITEMS)
    number = message.cause_id or 0
    causes = await transitions.causes(connection, message.account_id, [number])
    return _notice(settings, message, account, causes[number], groups, rows)


async def _digest(
    connection: Connection, settings: Settings, message: MessageRow, account: str, groups: Sequence[Group]
) -> Digest:
    numbers = list(dict.fromkeys(group.cause_id for group in groups))
    causes = await transitions.causes(connection, message.account_id, numbers[:MOST_GROUPS])
    shown: list[Notice] = []
    for number in numbers[:MOST_GROUPS]:
        rows = await messages.most_urgent(connection, message.id, _KINDS, ITEMS_OF_GROUP, number)
        some = [group for group in groups if group.cause_id == number]
        shown.append(_notice(settings, message, account, causes[number], some, rows))
    return Digest(
        id=str(message.key),
        account=account,
        subscription=message.subscription,
        groups=tuple(shown),
        count=len(numbers),
        since=message.opened_at,
        until=message.sealed_at or message.due_at,
        link=message_page_link(settings, account, message.id),
        is_replay=message.resent_at is not None,
    )


def _notice(
    settings: Settings,
    message: MessageRow,
    account: str,
    cause: CauseRow,
    groups: Sequence[Group],
    rows: Sequence[TransitionRow],
) -> Notice:
    kinds: dict[str, int] = {}
    for group in groups:
        kinds[group.kind] = kinds.get(group.kind, 0) + group.count
    items = _told_once(item_of(settings, account, row) for row in rows)
    return Notice(
        id=str(message.key),
        account=account,
        cause=cause_of(cause),
        items=items,
        count=sum(kinds.values()),
        kinds={kind: kinds[kind] for kind in _KINDS if kind in kinds},
        at=message.sealed_at or message.due_at,
        severity=severity_of(max((group.severity for group in groups), default=cause.severity)),
        link=cause_link(settings, account, cause.id),
        part=message.part,
        is_replay=message.resent_at is not None,
    )


def _told_once(items: Iterable[Item]) -> tuple[Item, ...]:
    """The items; that a tag moved is left out where what it leads to is told."""
    listed = tuple(items)
    judged = {item.reference for item in listed if item.kind == "tag.moved" and item.policy}
    return tuple(item for item in listed if item.kind != "tag.moved" or item.policy or item.reference not in judged)


def severity_of(rank: int) -> Severity:
    """A severity by its place in the database."""
    return cast("Severity", SEVERITIES[rank])


def cause_of(row: CauseRow) -> Cause:
    """A cause as messages show it."""
    known = {name: getattr(row, name) for name in ("kind", "key", "subject", "sentence", "seen_at", "before", "after")}
    return msgspec.convert(
        {**known, "severity": SEVERITIES[row.severity], "evidence": row.evidence}, Cause, from_attributes=True
    )


def item_of(settings: Settings, account: str, row: TransitionRow) -> Item:
    """A transition as messages show it."""
    return Item(
        id=row.id,
        kind=row.kind,
        at=row.at,
        image=row.image_digest,
        reference=row.reference,
        policy=row.policy,
        environment=row.environment,
        before=row.before,
        after=row.after,
        severity=severity_of(row.severity),
        is_deployed=row.is_deployed,
        history_id=row.history_id,
        evidence=msgspec.convert(row.evidence, tuple[Evidence, ...]),
        link=_link(settings, account, row),
    )


def _link(settings: Settings, account: str, row: TransitionRow) -> str:
    """To the verdict that it came with, else to the image."""
    if row.history_id is not None:
        return verdict_link(settings, account, row.history_id)
    return image_link(settings, account, row.image_digest) if row.image_digest else ""


async def _account(connection: Connection, account_id: int) -> str:
    cursor = await connection.execute("SELECT name FROM account WHERE id = %s", (account_id,))
    row = await cursor.fetchone()
    return str(row[0]) if row else ""


_SAMPLE = Evidence(
    rule="no-critical",
    subject="CVE-2026-1234+pkg:deb/debian/openssl@3.0.11-1",
    message="openssl 3.0.11-1 (deb) has CVE-2026-1234 (critical severity). Upgrade openssl to 3.0.14-1.",
    advisory="CVE-2026-1234",
    package="pkg:deb/debian/openssl@3.0.11-1",
    severity="critical",
    path="/var/lib/dpkg/status",
    layer=2,
    instruction="RUN apt-get install -y openssl",
    fix_state="fixed",
    fix_version="3.0.14-1",
    advice="update openssl to 3.0.14-1",
)


def sample_notice(settings: Settings, account: str, now: datetime, number: str) -> Notice:
    """A notice about nothing that happened, for tests and previews."""
    cause = Cause(
        kind="advisory",
        key="advisory:CVE-2026-1234@test",
        subject="CVE-2026-1234",
        sentence="A new advisory, CVE-2026-1234, affects openssl.",
        seen_at=now - timedelta(seconds=2),
        severity="critical",
        before="not known",
        after="critical, fixed in 3.0.14-1",
        evidence=(_SAMPLE,),
    )
    items = tuple(
        _sample_item(settings, account, now, place, name) for place, name in enumerate(("web", "api", "jobs"), 1)
    )
    return Notice(
        id=number,
        account=account,
        cause=cause,
        items=items,
        count=len(items),
        kinds={"compliance.lost": len(items)},
        at=now,
        severity="critical",
        link=account_link(settings, account),
        is_test=True,
    )


def _sample_item(settings: Settings, account: str, now: datetime, place: int, name: str) -> Item:
    digest = f"sha256:{place:064d}"
    return Item(
        id=place,
        kind="compliance.lost",
        at=now,
        image=digest,
        reference=f"registry.example.org/shop/{name}:1.0",
        policy="baseline",
        environment="production",
        before="go",
        after="stop",
        severity="critical",
        is_deployed=place == 1,
        evidence=(msgspec.structs.replace(_SAMPLE, since=now),),
        link=image_link(settings, account, digest),
    )
