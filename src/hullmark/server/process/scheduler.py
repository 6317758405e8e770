"""The scheduler: does what is due with time. Any number may run; one at a time acts.

It frees images whose worker died, has advisories fetched, and looked at again when the date changes, has those images analysed
that newer extractors read otherwise, has images judged when time may change their verdict, notices exceptions that end and
advisories that grow stale and collectors that fall silent, has it looked at what is signed, and clears away what nobody needs.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import NamedTuple

import structlog

from hullmark.model.errors import HullmarkError
from hullmark.server.stories.advisories import feeds
from hullmark.server.stories.advisories.advisories import count_sets
from hullmark.server.stories.identity.sessions import sessions_of
from hullmark.server.stories.images import retain
from hullmark.server.stories.images.analyse import tell_failed
from hullmark.server.stories.images.documents import fingerprint
from hullmark.server.stories.images.register import want_analysis
from hullmark.server.stories.images.signature_looks import want_looks
from hullmark.server.stories.images.uploads import sweep_uploads
from hullmark.server.stories.judging import deadlines
from hullmark.server.stories.judging.admission import forget_gates
from hullmark.server.stories.judging.publishing import want_publishing
from hullmark.server.stories.notice import deliver, route, staleness
from hullmark.server.stories.places.silence import look_for_silent
from hullmark.server.stories.rollout import settle
from hullmark.server.stories.services import Services
from hullmark.server.stories.watching import watch
from hullmark.server.tables import jobs, liveness
from hullmark.server.tables.images import leases

_log = structlog.get_logger("hullmark.scheduler")
_AT_ONCE = 200


class Duty(NamedTuple):
    """A duty that is due every so many seconds."""

    name: str
    every: float
    act: Callable[[Services], Awaitable[object]]


async def free_abandoned(services: Services) -> None:
    """Jobs and images of workers that died go to the next one; an image that waits has a job."""
    settings = services.settings
    async with services.database.system() as connection:
        back = await jobs.requeue_abandoned(connection, settings.silence)
        freed = await leases.release_overdue(connection, settings.attempts, fingerprint())
        for image in freed:
            if image.state != "waiting":
                await tell_failed(connection, image, services.clock())
        for image_id in await leases.waiting_without_job(connection, _AT_ONCE):
            await want_analysis(connection, image_id)
    if back or freed:
        _log.warning("freed", jobs=back, images=[image.id for image in freed])


async def renew_outdated(services: Services) -> None:
    """Images that older extractors read are read again, some at a time."""
    async with services.database.system() as connection:
        old = await leases.list_outdated_images(connection, fingerprint(), _AT_ONCE)
        for image_id in await leases.wait_again(connection, old):
            await want_analysis(connection, image_id)


async def give_sign(services: Services) -> None:
    """Others see that a scheduler lives."""
    async with services.database.system() as connection:
        await liveness.give_sign(connection, liveness.SCHEDULER)


async def settle_added(services: Services) -> None:
    """Verdicts to which something was added are written as wholes again."""
    await settle.settle_some(services)


async def forget_jobs(services: Services) -> None:
    """What ended long ago is forgotten."""
    async with services.database.system() as connection:
        await jobs.forget_ended(connection, 24 * 3600.0)


async def forget_sessions(services: Services) -> None:
    """Sessions of browsers that have ended are forgotten."""
    await sessions_of(services).forget_ended()


class Lane(NamedTuple):
    """Duties that one scheduler at a time does, one after the other: the one that holds `lock`. `pause`: seconds between two
    rounds."""

    lock: int
    pause: float
    duties: tuple[Duty, ...]


LANES: tuple[Lane, ...] = (
    Lane(
        7_310_579_303,
        5.0,
        (
            Duty("sign-of-life", 0.0, give_sign),
            Duty("free-abandoned", 0.0, free_abandoned),
            Duty("outbox", 30.0, route.route_what_waits),
        ),
    ),
    Lane(
        7_310_579_373,
        5.0,
        (
            Duty("set-counts", 5.0, count_sets),
            Duty("outdated", 60.0, renew_outdated),
            Duty("settling", 5.0, settle_added),
        ),
    ),
    Lane(
        7_310_579_313,
        5.0,
        (
            Duty("feeds", 30.0, feeds.update_when_due),
            Duty("staleness", 60.0, staleness.look_for_stale),
            Duty("silence", 30.0, look_for_silent),
        ),
    ),
    Lane(
        7_310_579_323,
        5.0,
        (
            Duty("uploads", 300.0, sweep_uploads),
            Duty("retention", 600.0, retain.retain),
            Duty("told", 3600.0, retain.forget_told),
            Duty("places", 3600.0, retain.forget_places),
            Duty("gates", 3600.0, forget_gates),
            Duty("objects", 3600.0, retain.sweep_objects),
            Duty("jobs", 3600.0, forget_jobs),
            Duty("sessions", 3600.0, forget_sessions),
            Duty("changes", 86400.0, settle.forget_changes),
        ),
    ),
    Lane(7_310_579_383, 5.0, (Duty("statements", 5.0, want_publishing), Duty("signatures", 30.0, want_looks))),
    Lane(7_310_579_343, 1.0, (Duty("watches", 1.0, watch.look_when_due),)),
    # What people are to hear of within a second.
    Lane(
        7_310_579_333,
        0.5,
        (Duty("a-new-day", 1.0, feeds.bring_to_today),),
    ),
    Lane(7_310_579_353, 0.5, (Duty("moments", 0.5, deadlines.judge_due),)),
    Lane(7_310_579_363, 0.5, (Duty("deliveries", 0.5, deliver.wake_due),)),
)
"""All duties, in lanes that do not wait for each other. Every zero seconds: as often as workers give signs of life."""


async def run_scheduler(services: Services) -> None:
    """Do what is due until cancelled, as long as no other scheduler does."""
    async with services.database:
        await asyncio.gather(*(_run_lane(services, lane) for lane in LANES))


async def _run_lane(services: Services, lane: Lane) -> None:
    due = dict.fromkeys((duty.name for duty in lane.duties), 0.0)
    while True:
        try:
            await _round(services, lane, due)
        except HullmarkError as error:
            _log.warning("put off", reason=str(error))
        await asyncio.sleep(min(services.settings.heartbeat, lane.pause))


async def _round(services: Services, lane: Lane, due: dict[str, float]) -> None:
    """The process with the lock acts; the others wait for its end. The lock's transaction writes nothing: it may last for hours,
    and would keep outdated rows from being removed."""
    async with services.database.system() as connection:
        row = await (await connection.execute("SELECT pg_try_advisory_xact_lock(%s)", (lane.lock,))).fetchone()
        if row != (True,):
            return
        for duty in lane.duties:
            if time.monotonic() >= due[duty.name]:
                due[duty.name] = time.monotonic() + (duty.every or services.settings.heartbeat)
                await duty.act(services)
