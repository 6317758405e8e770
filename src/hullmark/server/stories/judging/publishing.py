"""Signed verdicts are put beside their images in the registries that an account names: as they come, change, and before they end.

A newer statement revokes the older ones, so that one which no longer passes is revoked by the next. What changes is found as gates find it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import msgspec

from hullmark.app.statements import attach_verdict, subject_in
from hullmark.model.errors import HullmarkError
from hullmark.model.limit import Limit
from hullmark.model.reference import Reference, parse_reference
from hullmark.proof.verdict_statement import Circumstances
from hullmark.server.stories.images.documents import verdict_at
from hullmark.server.stories.images.logins import RegistryLogin, asking, login_for
from hullmark.server.stories.judging.admission import Position, page_after
from hullmark.server.stories.judging.signing import Signatory, sign_verdict
from hullmark.server.stories.services import Services
from hullmark.server.tables import events, jobs
from hullmark.server.tables.database import Connection
from hullmark.server.tables.images import images, registries
from hullmark.server.tables.images.images import HeldImage
from hullmark.server.tables.judging import statements, verdicts
from hullmark.server.tables.judging.statements import PublishedStatement
from hullmark.server.tables.judging.verdicts import VerdictRow
from hullmark.server.tables.settings import keep_setting, setting
from hullmark.source.registry_repository import RegistryRepository

_PAGE = 100
_DUE = 100
_FIRST_RETRY, _LAST_RETRY = timedelta(minutes=1), timedelta(hours=6)
_MOST_REPOSITORIES = Limit(20, "repositories in which the server puts signed verdicts beside one image", "unseen")


class _Progress(msgspec.Struct, frozen=True, kw_only=True):
    """How far what changes was followed (None: not begun), and for which registries."""

    position: Position | None = None
    registries: tuple[str, ...] = ()


class _Place(NamedTuple):
    """A repository in which statements about an image are to lie."""

    reference: Reference
    login: RegistryLogin

    @property
    def name(self) -> str:
        """As HOST/PATH."""
        return f"{self.reference.host}/{self.reference.repository}"


async def want_publishing(services: Services) -> None:
    """A duty: have the statements of all accounts that publish any looked after."""
    if not services.settings.signing_key:
        return
    async with services.database.system() as connection:
        for account_id, name in await statements.publishing_accounts(connection):
            args = {"account_id": account_id, "account": name}
            await jobs.defer(connection, "publish", args, once=f"publish:{account_id}", queue="watching")


async def publish(services: Services, account_id: int, account: str) -> None:
    """Put beside their images what is new, what could not be put there, and what ends soon."""
    name = f"statements:{account_id}"
    async with services.database.system() as connection:
        kept = await setting(connection, name)
        logins = await registries.registries(connection, account_id)
    known = msgspec.convert(kept, _Progress) if kept else _Progress()
    patterns = tuple(row.pattern for row in logins if row.publishes)
    # In a registry that is new among them all that is known is to lie.
    position = known.position if known.registries == patterns else None
    is_last = False
    while not is_last:
        following = await page_after(services, account_id, position, _PAGE)
        for image in following.page.images:
            if image.verdicts:
                await _publish_digest(services, account_id, account, image.digest)
        if following.position is None:
            break
        position, is_last = following.position, following.page.is_last
        async with services.database.system() as connection:
            await keep_setting(connection, name, msgspec.to_builtins(_Progress(position=position, registries=patterns)))
    now = services.clock()
    soon = now + timedelta(seconds=services.settings.signed_for) / 2
    async with services.database.tenant(account_id) as connection:
        again = await statements.due(connection, account_id, now, soon, _DUE)
        held = await images.held_by_ids(connection, account_id, again)
    for row in held.values():
        await _publish_image(services, account_id, account, row)


async def _publish_digest(services: Services, account_id: int, account: str, digest: str) -> None:
    async with services.database.tenant(account_id) as connection:
        row = await images.held_image(connection, account_id, digest)
    if row is not None:
        await _publish_image(services, account_id, account, row)


async def _publish_image(services: Services, account_id: int, account: str, image: HeldImage) -> None:
    now = services.clock()
    async with services.database.tenant(account_id) as connection:
        logins = await registries.registries(connection, account_id)
        current = await verdicts.current(connection, account_id, image.id)
        there = {_slot(row): row for row in await statements.list_published(connection, account_id, image.id)}
    soon = now + timedelta(seconds=services.settings.signed_for) / 2
    wanted_logins = [row for row in logins if row.publishes]
    for place in _places(services, account_id, wanted_logins, image):
        for row in current:
            slot = PublishedStatement(
                image_id=image.id, policy_id=row.policy_id, environment=row.environment, repository=place.name
            )
            before = there.get(_slot(slot), slot)
            if before.retry_at is None and before.history_id == row.id and (before.expires_at or now) > soon:
                continue
            if before.retry_at is not None and before.retry_at > now:
                continue
            if _is_as_new(services, before, now):  # of two statements of one second nobody could tell which is newer
                async with services.database.tenant(account_id) as connection:
                    later = msgspec.structs.replace(before, retry_at=now + timedelta(seconds=1))
                    await statements.keep_published(connection, account_id, later)
                continue
            fault = await asyncio.to_thread(_put, services, account, place, row, now)
            await _note(services, account_id, before, row, now, fault)


def _is_as_new(services: Services, before: PublishedStatement, now: datetime) -> bool:
    """Whether the statement that lies there is of this very second."""
    if before.expires_at is None:
        return False
    made_at = before.expires_at - timedelta(seconds=services.settings.signed_for)
    return made_at.replace(microsecond=0) >= now.replace(microsecond=0)


def _slot(row: PublishedStatement) -> tuple[int, str, str]:
    return row.policy_id, row.environment, row.repository


def _places(
    services: Services, account_id: int, logins: Sequence[registries.RegistryRow], image: HeldImage
) -> Iterator[_Place]:
    """The repositories that have the image and in which it is to be signed, each once."""
    found: dict[str, _Place] = {}
    for text in (*image.tags, image.reference):
        try:
            reference = parse_reference(text)
            login = login_for(logins, reference, account_id, services.vault)
        except HullmarkError:
            continue
        if login is not None and len(found) < _MOST_REPOSITORIES:
            place = _Place(reference, login)
            found.setdefault(place.name, place)
    yield from found.values()


def _put(services: Services, account: str, place: _Place, row: VerdictRow, now: datetime) -> str:
    """Sign a verdict and put it there; "" or why that could not be done."""
    try:
        circumstances = Circumstances(
            reference=row.reference, environment=row.environment, options=f"exceptions {row.exceptions_digest}"
        )
        with asking(services, place.reference, place.login) as options:
            repository = RegistryRepository(f"{place.name}@{row.image_digest}", options, "pull,push")
            subject = subject_in(repository, row.image_digest)
            verdict = verdict_at(services.objects, row)
            made = sign_verdict(
                verdict, (subject,), place.name, circumstances, Signatory(services.settings, account, now)
            )
            attach_verdict(made, repository)
    except HullmarkError as error:
        return str(error)
    return ""


async def _note(
    services: Services, account_id: int, before: PublishedStatement, row: VerdictRow, now: datetime, fault: str
) -> None:
    """Note what came of it (`fault`: why it could not be put there, "" if it was), and tell: of what lies there with another word than
    before, and of the first failure."""
    async with services.database.tenant(account_id) as connection:
        if fault:
            pause = min(_FIRST_RETRY * 2 ** min(before.failures, 20), _LAST_RETRY)
            failed = msgspec.structs.replace(before, retry_at=now + pause, failures=before.failures + 1)
            await statements.keep_published(connection, account_id, failed)
        else:
            expires_at = now + timedelta(seconds=services.settings.signed_for)
            done = msgspec.structs.replace(
                before, history_id=row.id, verdict=row.verdict, expires_at=expires_at, retry_at=None, failures=0
            )
            await statements.keep_published(connection, account_id, done)
        if fault and not before.failures:
            await _tell(connection, account_id, "statement.failed", before, row, {"reason": fault[:500]})
        elif not fault and before.verdict != row.verdict:
            is_revoked = before.verdict in ("go", "warn") and row.verdict not in ("go", "warn")
            kind = "statement.revoked" if is_revoked else "statement.published"
            await _tell(connection, account_id, kind, before, row, {"before": before.verdict, "after": row.verdict})


async def _tell(
    connection: Connection,
    account_id: int,
    kind: str,
    of: PublishedStatement,
    row: VerdictRow,
    more: dict[str, str],
) -> None:
    body = {"policy": row.policy, "environment": row.environment, "repository": of.repository, **more}
    level = "error" if kind == "statement.failed" else "info"
    await events.tell(connection, account_id, kind, ("image", row.image_digest), body, level)  # type: ignore[arg-type]
