"""The tasks that workers run. Each may be run twice, or be stopped at any point and be run again: its effect is the same.

To add one, write a function and put it into TASKS.
"""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Awaitable, Callable

import msgspec
import structlog

from hullmark.server.stories.advisories import counts, feeds
from hullmark.server.stories.advisories.advisories import SnapshotCache
from hullmark.server.stories.clients import harbor
from hullmark.server.stories.images import analyse, rebuild, signature_looks
from hullmark.server.stories.images.register import want_verdicts
from hullmark.server.stories.judging import deadlines, judge, publishing, simulate
from hullmark.server.stories.notice import deliver, route
from hullmark.server.stories.places import environments, fleet, unknown
from hullmark.server.stories.rollout import adopt, policy_change
from hullmark.server.stories.services import Services
from hullmark.server.stories.watching import watch
from hullmark.server.tables import jobs, retention
from hullmark.server.tables.images import images

_log = structlog.get_logger("hullmark.worker")
_AT_ONCE = 1000
_FIRST: tuple[tuple[int, images.Standing], ...] = ((2, "deployed"), (1, "certified"), (0, "any"))


class Work(msgspec.Struct, frozen=True, kw_only=True):
    """What tasks are handed: the services, the snapshots at hand, the name of the process, and what brings verdicts to other policies."""

    services: Services
    snapshot_cache: SnapshotCache
    worker: str
    carrier: policy_change.Carrier = msgspec.field(default_factory=policy_change.Carrier)


def worker_name() -> str:
    """Names this process among all workers, also of machines that go by one name."""
    return f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"


async def analyse_image(work: Work, image_id: int) -> None:
    """Analyse an image that waits."""
    came_to = await analyse.analyse(work.services, work.snapshot_cache, image_id, work.worker)
    if came_to:
        _log.info(came_to, image=image_id)


async def judge_image(work: Work, account_id: int, image_id: int, cause: str) -> None:
    """Judge an image by what an account has in force for it."""
    new = await judge.judge(work.services, work.snapshot_cache, account_id, image_id, cause)
    _log.info("judged", account=account_id, image=image_id, new=new)


async def judge_images(work: Work, account_id: int, image_ids: list[int], cause: str, priority: int = 0) -> None:
    """Judge images by what an account has in force for them; those that are left when others are to have their turn wait again."""
    new = await judge.judge_some(work.services, work.snapshot_cache, account_id, image_ids, cause, priority)
    _log.info("judged", account=account_id, images=len(image_ids), new=new)


async def rejudge_account(work: Work, account_id: int, cause: str) -> None:
    """Have every image of an account judged, some to a job, after what is requested by itself: those that run first, then those
    that were in compliance once, then the others. What was requested so before, and still waits, is requested again."""
    async with work.services.database.system() as connection:
        await jobs.queue_again(connection, account_id)  # what waits already may take longer by what is in force now
        await jobs.forget_waiting(connection, "judge_some", account_id, priority=_FIRST[0][0])
    queued = set[int]()
    for priority, standing in _FIRST:
        after, count = 0, _AT_ONCE
        while count == _AT_ONCE:
            async with work.services.database.system() as connection:
                some = await images.analysed_of(connection, account_id, after, _AT_ONCE, standing)
                fresh = [(account_id, image_id) for image_id in some if image_id not in queued]
                await want_verdicts(connection, fresh, cause, priority)
            queued.update(some)
            count, after = len(some), max(some, default=after)


async def carry_policy(  # noqa: PLR0913 - what a job says
    work: Work, account_id: int, activation_id: int, before_id: int, cause: str, standing: int = 0, after: int = 0
) -> None:
    """Bring an account's verdicts from one version of a policy to the next, for a turn: by what differs, where that can be told of packages
    alone; else every image is judged. `standing` and `after` say where it goes on."""
    step = policy_change.PolicyStep(account_id, activation_id, before_id, cause)
    position = policy_change.Position(standing, after)
    left = await work.carrier.carry(work.services, work.snapshot_cache, step, position)
    if left is False:
        await rejudge_account(work, account_id, cause)
    else:
        async with work.services.database.system() as connection:
            await jobs.queue_again(connection, account_id)
            if left is not True:
                args = {**step._asdict(), "standing": left.standing, "after": left.image_id}
                once = f"carry:{activation_id}"
                await jobs.defer(connection, "carry", args, once=once, queue=jobs.REJUDGING, priority=5)
    _log.info(
        "carried" if left else "to be judged", account=account_id, activation=activation_id, left=left is not True
    )


async def adopt_snapshot(work: Work, snapshot_id: int) -> None:
    """Match with a newer snapshot of advisories, and carry what it says differently into all verdicts."""
    counts = await adopt.adopt(work.services, work.snapshot_cache, snapshot_id)
    await deadlines.follow_lifecycles(work.services, work.snapshot_cache)
    _log.info("adopted" if counts else "outdated", snapshot=snapshot_id)


async def simulate_policy(work: Work, simulation_id: str, account_id: int = 0) -> None:
    """Try a draft on an account's images, some at a time."""
    await simulate.simulate(work.services, work.snapshot_cache, simulation_id)


async def update_advisories(work: Work, accepts_shrinking: bool = False, is_anew: bool = False) -> None:
    """Fetch the feeds, and match with what comes of them."""
    options = feeds.UpdateOptions(accepts_shrinking=accepts_shrinking, is_anew=is_anew, environment=os.environ)
    last = await feeds.update_advisories(work.services, options)
    held = [outcome.feed for outcome in last.outcomes if outcome.status in ("failed", "held")]
    (_log.warning if last.reason or held else _log.info)(
        "updated", digest=last.digest, reason=last.reason, not_taken=held
    )


async def scan_for_harbor(work: Work, account_id: int, key: str, sealed: str, by: str) -> None:
    """Analyse an artifact of Harbor's registry."""
    order = harbor.Order(account_id=account_id, key=key, sealed=sealed, by=by)
    came_to = await harbor.carry_out_scan(work.services, work.snapshot_cache, order, work.worker)
    _log.info("scanned for harbor", account=account_id, scan=key, came_to=came_to)


async def route_transitions(work: Work, account_id: int) -> None:
    """Decide who hears of what changed in an account."""
    routed = await route.route(work.services, account_id)
    if routed.count:
        _log.info("routed", account=account_id, transitions=routed.count, told=routed.told, messages=routed.messages)


async def deliver_messages(work: Work, channel_id: str) -> None:
    """Send what waits for a channel."""
    count = await deliver.deliver(work.services, channel_id)
    if count:
        _log.info("delivered", channel=channel_id, messages=count)


async def look_at_watches(work: Work, account_id: int, registry: str, numbers: list[int]) -> None:
    """Ask a registry whether tags and repositories that an account watches changed."""
    came_to = await watch.look(work.services, account_id, registry, numbers)
    _log.info(came_to, account=account_id, registry=registry)


async def look_for_signatures(work: Work, account_id: int, image_ids: list[int], cause: str = "") -> None:
    """Ask registries what others signed about images of an account."""
    count = await signature_looks.look_at_images(work.services, account_id, image_ids, cause)
    _log.info("looked for signatures", account=account_id, images=count)


async def place_again(work: Work, account_id: int) -> None:
    """Give an account's places the environments that its rules name now."""
    changed = await environments.place_again(work.services, account_id)
    _log.info("placed again", account=account_id, changed=changed)


async def count_fleet(work: Work, account_id: int) -> None:
    """Count an account's places for the page that shows them all."""
    await fleet.count_fleet(work.services, account_id)


async def count_advisories(work: Work, account_id: int) -> None:
    """Count the advisories in an account's images for the page that lists them."""
    await counts.count_advisories(work.services, account_id)


async def plan_rebuilds(work: Work, account_id: int) -> None:
    """Plan what an account is to rebuild first, for the page that shows it."""
    await rebuild.plan_rebuilds(work.services, account_id)


async def add_running_image(work: Work, account_id: int, running_image_id: int) -> None:
    """Add an image that runs and that nobody added."""
    await unknown.add_running(work.services, account_id, running_image_id)


async def delete_account(work: Work, account_id: int) -> None:
    """Remove an account that is to be deleted, with all that is its own."""
    async with work.services.database.system() as connection:
        await retention.delete_account(connection, account_id)


async def publish_statements(work: Work, account_id: int, account: str) -> None:
    """Put the signed verdicts of an account beside its images."""
    await publishing.publish(work.services, account_id, account)


TASKS: dict[str, tuple[str, Callable[..., Awaitable[None]]]] = {
    "analyse": ("analysis", analyse_image),
    "judge": (jobs.JUDGING, judge_image),
    "judge_some": (jobs.JUDGING, judge_images),
    "rejudge": (jobs.REJUDGING, rejudge_account),
    "carry": (jobs.REJUDGING, carry_policy),
    "adopt": ("matching", adopt_snapshot),
    "simulate": (jobs.COSTLY, simulate_policy),
    "update_advisories": ("feeds", update_advisories),
    "harbor": ("analysis", scan_for_harbor),
    "route": ("notice", route_transitions),
    "deliver": ("delivery", deliver_messages),
    "look": ("watching", look_at_watches),
    "signatures": ("watching", look_for_signatures),
    "place_again": ("default", place_again),
    "add_running": ("watching", add_running_image),
    "count_fleet": ("default", count_fleet),
    "count_advisories": ("default", count_advisories),
    "plan_rebuilds": ("default", plan_rebuilds),
    "delete_account": ("default", delete_account),
    "publish": ("watching", publish_statements),
}
"""Every task by its name, with the queue that it waits in."""
