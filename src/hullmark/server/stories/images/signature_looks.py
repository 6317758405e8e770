"""Looking at what others signed about images: when somebody wants it, when an image is added again, and from time to time.

An account has its images looked at in rounds if a policy of its asks for signatures: those that run first, then those that were in
compliance once, then others, so many of each; the next round goes on where this one stopped.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import msgspec

from hullmark.app.check import find_needs
from hullmark.model.errors import HullmarkError
from hullmark.model.limit import Limit
from hullmark.model.reference import Reference, parse_reference
from hullmark.policy.context import NO_CONTEXT
from hullmark.server.stories.images.documents import get_analysis
from hullmark.server.stories.images.logins import RegistryLogin, asking, login_for
from hullmark.server.stories.images.register import want_verdict
from hullmark.server.stories.images.signed import (
    Holding,
    KeptSigned,
    RegistryImage,
    get_signed,
    look_beside,
    note_judged,
)
from hullmark.server.stories.judging.loaded import load_policy
from hullmark.server.stories.judging.turn import Turn
from hullmark.server.stories.muting import is_muted
from hullmark.server.stories.services import Services
from hullmark.server.tables import jobs
from hullmark.server.tables.database import Connection
from hullmark.server.tables.images import images
from hullmark.server.tables.images.images import HeldImage, Standing
from hullmark.server.tables.images.registries import registries
from hullmark.server.tables.judging import policies
from hullmark.server.tables.settings import keep_setting, setting
from hullmark.server.tables.slots import slot
from hullmark.source import SourceOptions

CAUSE = "signatures changed"
"""Why images are judged again."""

_OF_A_ROUND = Limit(
    2000,
    "images of each standing (running, once in compliance, any) at whose signatures is looked in one round",
    "later",
)
_STANDINGS: tuple[Standing, ...] = ("deployed", "certified", "any")
_SECONDS = 2.0
_ROUND, _WANTED = -5, 30
"""Priorities of rounds, which nobody waits for, and of looks that somebody wants."""
_BUSY_PAUSES = (2.0, 5.0)
_FAILURES = 3
"""Looks of one job that a registry does not answer, after which it is not asked the rest."""


class LookOutcome(NamedTuple):
    """What is kept now (None: there is no registry to ask), and whether that is something else than before."""

    kept: KeptSigned | None
    is_changed: bool


class _Round(msgspec.Struct, frozen=True, kw_only=True):
    """The last round of an account: when it began, and after which image of each standing the next one goes on."""

    began_at: datetime
    after: dict[str, int] = {}


def may_be_looked_at(row: HeldImage) -> bool:
    """Whether there is a registry to ask about the image, and it is known which image it is."""
    return row.kind == "registry" and bool(row.document) and bool(row.tags or row.reference)


async def look_at(services: Services, account_id: int, row: HeldImage) -> LookOutcome:
    """Ask the registry what others signed about an image that `may_be_looked_at`, and have the image judged by what is new.

    Raises HullmarkError where the registry cannot be asked at all; that it does not answer is kept.
    """
    place = await _place(services, account_id, row)
    return await _look(services, account_id, row, place)


async def look_at_images(services: Services, account_id: int, image_ids: Sequence[int], cause: str = "") -> int:
    """Look at images of an account, for a turn; the others wait for the next one. With `cause` they are judged even if nothing is new.
    Returns at how many was looked."""
    async with services.database.tenant(account_id) as connection:
        held = await images.held_by_ids(connection, account_id, image_ids)
    silent = await is_muted(services)
    turn, failures, count = Turn(seconds=_SECONDS), Counter[str](), 0
    for place, image_id in enumerate(image_ids):
        row = held.get(image_id)
        if row is None:
            continue
        looked: bool | None = False
        if may_be_looked_at(row) and not silent:
            is_over = place > 0 and turn.is_over()
            looked = None if is_over else await _in_turn(services, account_id, row, failures)
            if looked is None:
                left = _Looks(account_id=account_id, image_ids=list(image_ids[place:]), cause=cause)
                await _look_later(services, left, 0.0 if is_over else random.uniform(*_BUSY_PAUSES))  # noqa: S311 - only spreads the load
                break
        count += bool(looked)
        if cause:
            async with services.database.system() as connection:
                await want_verdict(connection, account_id, image_id, cause)
    return count


async def want_looks(services: Services) -> None:
    """A duty: begin a round for each account whose last one is long enough ago, and has a policy in force that asks for signatures."""
    every = services.settings.signatures_every
    if not every or await is_muted(services):
        return
    now = services.clock()
    async with services.database.system() as connection:
        texts = await policies.texts_in_force(connection, "signatures")
        lasts = {account_id: await setting(connection, _name(account_id)) for account_id in texts}
    for account_id, of_account in texts.items():
        last = msgspec.convert(lasts[account_id], _Round) if lasts[account_id] else None
        is_due = last is None or last.began_at + timedelta(seconds=every) <= now
        if is_due and await asyncio.to_thread(_ask_for_signatures, of_account):
            async with services.database.system() as connection:
                await _begin_round(connection, account_id, last.after if last is not None else {}, now)


async def _begin_round(connection: Connection, account_id: int, after: Mapping[str, int], now: datetime) -> None:
    """Unless the last one is not over yet."""
    following: dict[str, int] = {}
    chosen: dict[int, None] = {}
    for standing in _STANDINGS:
        some = await images.analysed_of(connection, account_id, after.get(standing, 0), _OF_A_ROUND, standing)
        following[standing] = some[-1] if len(some) == _OF_A_ROUND else 0
        chosen.update(dict.fromkeys(some))
    looks = _Looks(account_id=account_id, image_ids=list(chosen))
    if not chosen or await _want(connection, looks, _name(account_id)):
        this = _Round(began_at=now, after=following)
        await keep_setting(connection, _name(account_id), msgspec.to_builtins(this))


def _name(account_id: int) -> str:
    """Of the setting that says how far the rounds are, and of the job."""
    return f"signatures:{account_id}"


class _Looks(msgspec.Struct, frozen=True, kw_only=True):
    """What a job is told: images of an account, and why they are to be judged in any case ("": they need not be)."""

    account_id: int
    image_ids: Sequence[int]
    cause: str = ""


async def _want(connection: Connection, looks: _Looks, once: str, at: datetime | None = None) -> bool:
    """Have images looked at; False where others of the account wait for that already."""
    args = msgspec.to_builtins(looks)
    urgency = _WANTED if looks.cause else _ROUND
    job = await jobs.defer(connection, "signatures", args, once=once, queue="watching", priority=urgency, at=at)
    return job is not None


async def _look_later(services: Services, looks: _Looks, pause: float) -> None:
    at = services.clock() + timedelta(seconds=pause) if pause else None
    own = f":{looks.image_ids[0]}:{looks.cause}" if looks.cause else ""
    async with services.database.system() as connection:
        await _want(connection, looks, _name(looks.account_id) + own, at)


def _ask_for_signatures(texts: Sequence[str]) -> bool:
    """Whether one of the policies does; one that cannot be read does not."""
    for text in texts:
        try:
            if find_needs(load_policy(text), NO_CONTEXT).signatures:
                return True
        except HullmarkError:
            continue
    return False


class _Place(NamedTuple):
    """Where to ask, and with which login."""

    reference: Reference
    login: RegistryLogin | None


async def _place(services: Services, account_id: int, row: HeldImage) -> _Place:
    named = parse_reference(next(iter(row.tags), row.reference))
    async with services.database.tenant(account_id) as connection:
        logins = await registries(connection, account_id)
    return _Place(named, login_for(logins, named, account_id, services.vault))


async def _in_turn(services: Services, account_id: int, row: HeldImage, failures: Counter[str]) -> bool | None:
    """Look at one image; whether its registry was asked, None where too many ask it now. `failures` counts those that do not answer."""
    try:
        place = await _place(services, account_id, row)
        host = place.reference.host
        if failures[host] >= _FAILURES:
            return False
        most = place.login.parallel if place.login is not None else services.settings.registry_parallel
        async with slot(services.database, f"registry:{host}", most) as is_free:
            if not is_free:
                return None
            began = services.clock()
            kept, _ = await _look(services, account_id, row, place)
    except HullmarkError:
        return False  # its reference, its login or its analysis cannot be read: it is said where they are shown
    failures[host] = failures[host] + 1 if kept is not None and _is_unanswered(kept, began) else 0
    return True


def _is_unanswered(kept: KeptSigned, began: datetime) -> bool:
    """Whether the registry told nothing since a moment."""
    if kept.failed_at is not None:
        return kept.failed_at >= began
    return bool(kept.documents.unseen) and not kept.documents.documents


async def _look(services: Services, account_id: int, row: HeldImage, place: _Place) -> LookOutcome:
    with asking(services, place.reference, place.login) as options:
        return await look_with(services, account_id, row, place.reference, options)


async def look_with(
    services: Services, account_id: int, row: HeldImage, reference: Reference, options: SourceOptions
) -> LookOutcome:
    """Look beside an analysed image, asking its registry with these options, and have it judged by what is new."""
    holding = (account_id, row.id)

    def look() -> bool:
        source = get_analysis(services.objects, row.document).inventory.source
        beside = RegistryImage(str(reference), source, options)
        changed = look_beside(services.objects, beside, (holding,), services.clock(), awaits_verdict=True)
        return changed.get(holding, False)

    is_changed = await asyncio.to_thread(look)
    if is_changed:
        async with services.database.system() as connection:
            await want_verdict(connection, account_id, row.id, CAUSE)
        # Only now: who dies in between looks again, and finds that this was left to do.
        await asyncio.to_thread(note_judged, services.objects, holding)
    return LookOutcome(await asyncio.to_thread(_load_signed, services, holding), is_changed)


def _load_signed(services: Services, holding: Holding) -> KeptSigned | None:
    return get_signed(services.objects, *holding)
