"""Watching: registries are asked whether tags still name what they named; where not, the image is added as if somebody had.

A registry is asked politely: a HEAD for each tag, with the ETag of the last answer, no more at the same time than its login allows, and
less and less often while it does not answer.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from datetime import timedelta
from itertools import groupby
from typing import Literal

import msgspec

from hullmark.model.errors import HullmarkError
from hullmark.model.reference import Reference
from hullmark.net.errors import NetError
from hullmark.server.stories.images import register
from hullmark.server.stories.images.logins import RegistryLogin, asking, login_for
from hullmark.server.stories.images.register import ImageRegistration
from hullmark.server.stories.muting import is_muted, mute_of
from hullmark.server.stories.services import Services
from hullmark.server.stories.watching.repository import look_at_repository
from hullmark.server.tables import events, jobs
from hullmark.server.tables.images.registries import registries
from hullmark.server.tables.images.tags import TagName
from hullmark.server.tables.slots import slot
from hullmark.server.tables.watching import watches
from hullmark.server.tables.watching.watches import Due, LookResult, WatchRow
from hullmark.source.distribution import Clients, Session, sessions_for
from hullmark.source.source import ImageNotFound, RegistryUnwell
from hullmark.source.tag_look import TagLook, TooOften, look_at_tag

AT_ONCE = 200
"""The most watches that one job looks at."""

_MOST = 10_000
_SPREAD = (0.9, 1.1)
_LONGEST_PAUSE = 3600.0
_SELDOM = 10
_SOON = 30.0
_BUSY_PAUSES = (2.0, 5.0)
_IS_FAILING = 3
_UNWELL_IN_A_ROW = 3
_SHOWN = 50
GONE = "the registry has no such tag any more"


async def look_when_due(services: Services) -> int:
    """Have those looked at whose time has come; returns how many. Registries that said something by themselves come first."""
    async with services.database.system() as connection:
        if await mute_of(connection) is not None:
            return 0
        due = await watches.take_due(connection, services.clock(), _MOST)
        for (account_id, registry, is_noticed), several in groupby(sorted(due, key=_lane), _lane):
            numbers = [watch.id for watch in several]
            for start in range(0, len(numbers), AT_ONCE):
                some = numbers[start : start + AT_ONCE]
                args = {"account_id": account_id, "registry": registry, "numbers": some}
                await jobs.defer(connection, "look", args, queue="watching", priority=40 if is_noticed else 0)
    return len(due)


def _lane(due: Due) -> tuple[int, str, bool]:
    return due.account_id, due.registry, due.is_noticed


class _Answer(msgspec.Struct, frozen=True):
    """What the registry said of a tag, or why it did not."""

    watch: WatchRow
    look: TagLook | None
    error: HullmarkError | None = None


async def look(services: Services, account_id: int, registry: str, numbers: Sequence[int]) -> str:
    """Look at watches of one registry; returns the results. May be done twice: nothing is found a second time."""
    async with services.database.tenant(account_id) as connection:
        rows = [row for row in await watches.watches_by_id(connection, account_id, numbers) if row.is_active]
        if rows and await is_muted(services):
            await watches.put_off(connection, account_id, [row.id for row in rows], services.clock())
            return "muted"
        logins = await registries(connection, account_id)
    if not rows:
        return "nothing to look at"
    places = [(row, Reference(row.registry, row.repository)) for row in rows]
    pairs = [(row, login_for(logins, place, account_id, services.vault)) for row, place in places]
    most = max(login.parallel if login else services.settings.registry_parallel for _, login in pairs)
    async with slot(services.database, f"watching:{registry}", most) as is_free:
        if not is_free:
            pause = random.uniform(*_BUSY_PAUSES)  # noqa: S311 - only spreads the load
            async with services.database.tenant(account_id) as connection:
                until = services.clock() + timedelta(seconds=pause)
                await watches.put_off(connection, account_id, [row.id for row in rows], until)
            return "put off"
        tags = [(row, login) for row, login in pairs if row.tag]
        answers = await asyncio.to_thread(_Round(services).ask, tags) if tags else []
        looked = [await _came_to(services, account_id, answer) for answer in answers]
        for row, _ in pairs:
            if not row.tag:
                looked.append(await _repository(services, account_id, row))
    await _write_down(services, account_id, registry, looked)
    return f"looked at {len(looked)}"


class _Round:
    """One job's questions to a registry, one after the other. Who does not answer, or wants to be left alone, is not asked the rest."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._clients: Clients = {}
        self._stop: HullmarkError | None = None
        self._unwell = 0

    def ask(self, tags: Sequence[tuple[WatchRow, RegistryLogin | None]]) -> list[_Answer]:
        """The answers of the registry, tag by tag."""
        found: list[_Answer] = []
        for _, several in groupby(tags, key=lambda pair: pair[0].repository):
            found += self._of_repository(list(several))
        return found

    def _of_repository(self, tags: list[tuple[WatchRow, RegistryLogin | None]]) -> list[_Answer]:
        first, login = tags[0]
        place = Reference(first.registry, first.repository)
        refused: HullmarkError | None = None
        found: list[_Answer] = []
        with asking(self._services, place, login) as options:
            _, sessions = sessions_for(place, msgspec.structs.replace(options, retries=0), self._clients)
            for row, _ in tags:
                # Whatever refuses one tag of a repository refuses the others: a login is not tried again and again.
                answer = _Answer(row, None, self._stop or refused)
                if answer.error is None:
                    answer = _ask(sessions[-1], row)
                    refused = answer.error if _is_refusal(answer.error) else None
                    self._note_error(answer.error)
                found.append(answer)
        return found

    def _note_error(self, error: HullmarkError | None) -> None:
        self._unwell = self._unwell + 1 if isinstance(error, RegistryUnwell) else 0
        if isinstance(error, (NetError, TooOften)) or self._unwell >= _UNWELL_IN_A_ROW:
            self._stop = error


def _ask(session: Session, row: WatchRow) -> _Answer:
    try:
        return _Answer(row, look_at_tag(session, row.tag, row.etag if row.digest else ""))
    except HullmarkError as error:
        return _Answer(row, None, error)


def _is_refusal(error: HullmarkError | None) -> bool:
    return error is not None and not isinstance(error, (ImageNotFound, RegistryUnwell))


async def _came_to(services: Services, account_id: int, answer: _Answer) -> LookResult:
    """What an answer means for its watch; an image that is new is added."""
    row, found = answer.watch, answer.look
    if isinstance(answer.error, ImageNotFound):
        return LookResult(watch=row, digest=row.digest, etag="", pause=_spread(row.every * _SELDOM), reason=GONE)
    if answer.error is not None or found is None:
        return make_failed_result(row, answer.error)
    digest = row.digest if found.is_same else found.digest
    if digest == row.digest:
        return _make_unchanged_result(row, digest, found.etag)
    name = TagName(row.registry, row.repository, row.tag)
    async with services.database.tenant(account_id) as connection:
        if await watches.points_to(connection, account_id, name, digest):
            return _make_unchanged_result(row, digest, found.etag)
    wanted = ImageRegistration(
        reference=row.reference,
        platform=row.platform,
        is_followed=True,
        seen_at=row.noticed_at or services.clock(),
    )
    try:
        added = await register.add(services, account_id, wanted, "watch")
    except ImageNotFound:
        return LookResult(watch=row, digest=row.digest, etag="", pause=_spread(row.every * _SELDOM), reason=GONE)
    except register.WatchNotFound:
        return LookResult(watch=row, digest=row.digest, etag=row.etag, pause=_spread(row.every))
    except HullmarkError as error:
        return make_failed_result(row, error)
    # Should it have moved once more meanwhile, the next look says so.
    etag = found.etag if added.named == digest else ""
    return LookResult(watch=row, digest=added.named, etag=etag, pause=_spread(row.every))


def _make_unchanged_result(row: WatchRow, digest: str, etag: str) -> LookResult:
    """Where the registry said that there is something new it may not have been ready: once more, soon."""
    is_early = row.noticed_at is not None
    return LookResult(
        watch=row, digest=digest, etag=etag, pause=_spread(min(row.every, _SOON) if is_early else row.every)
    )


def make_failed_result(row: WatchRow, error: HullmarkError | None) -> LookResult:
    """Less and less often, once an hour at least; or as seldom as it is looked at anyway."""
    failures = row.failures + 1
    pause = max(row.every, min(row.every * 2.0 ** min(failures, 20), _LONGEST_PAUSE))
    if isinstance(error, TooOften):
        pause = max(pause, error.wait)
    reason = f"{error}; {error.advice}"[:1000] if error is not None else ""
    return LookResult(
        watch=row, digest=row.digest, etag=row.etag, pause=_spread(pause), failures=failures, reason=reason
    )


async def _repository(services: Services, account_id: int, row: WatchRow) -> LookResult:
    try:
        found = await look_at_repository(services, account_id, row)
    except ImageNotFound as error:
        pause = _spread(row.every * _SELDOM)
        return LookResult(watch=row, digest="", etag="", pause=pause, reason=str(error)[:1000])
    except register.WatchNotFound:
        return LookResult(watch=row, digest="", etag="", pause=_spread(row.every))
    except HullmarkError as error:
        return make_failed_result(row, error)
    pause = 0.0 if found.is_more else _spread(row.every)
    return LookResult(watch=row, digest="", etag="", pause=pause, reason=found.reason)


def _spread(pause: float) -> float:
    """Some earlier, some later, so that not all come due together; no later than in a week and a tenth."""
    return min(pause, 604_800.0) * random.uniform(*_SPREAD)  # noqa: S311 - only spreads the load


async def _write_down(services: Services, account_id: int, registry: str, looked: Sequence[LookResult]) -> None:
    """All of a job in one go, with what people may want to know of it: once, not for each look."""
    async with services.database.system() as connection:
        await watches.write_down(connection, account_id, services.clock(), looked)
        for kind, several in _news(looked).items():
            if several:
                names = [watch.watch.reference for watch in several[:_SHOWN]]
                body = {"watches": names, "count": len(several), "reason": several[0].reason}
                level: Literal["info", "error"] = "error" if kind == "watch.failing" else "info"
                await events.tell(connection, account_id, kind, ("registry", registry), body, level)


def _news(looked: Sequence[LookResult]) -> dict[str, list[LookResult]]:
    """What differs from before."""
    return {
        "watch.failing": [result for result in looked if result.failures == _IS_FAILING],
        "watch.recovered": [
            result for result in looked if not result.failures and result.watch.failures >= _IS_FAILING
        ],
        "watch.gone": [result for result in looked if result.reason == GONE != result.watch.reason],
    }
