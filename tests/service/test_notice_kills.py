"""Whatever is killed, whenever, and however receivers answer: all that changed is told, once to each channel, in order, and truly.

`HULLMARK_KILLS` says how many kills there are (default 12), `HULLMARK_KILLS_SEED` which, `HULLMARK_KILLS_AFTER` how many
seconds go by before the first, `HULLMARK_KILLS_REPORT` a file to write to.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import shutil
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import psycopg
import pytest

from hullmark.notify.channel import Channel
from hullmark.notify.channels import CHANNELS
from hullmark.server.stories.images.documents import verdict_at
from hullmark.server.stories.notice.route import route_what_waits
from hullmark.server.stories.notice.threads import marker_of
from hullmark.server.stories.services import Services, services_for
from hullmark.server.stories.settings import Settings
from hullmark.server.tables.judging import verdicts
from tests.support.anew import judge_all, written
from tests.support.kills import QUICK, Keeper, hurry_jobs, kill
from tests.support.processes import Client, Server, docker_registry, forked_server, place, until
from tests.support.storm import SILENCED, Blowing, Storm
from tests.support.trackers import GitHub, said, served
from tests.support.unruly import Got, Unruly

pytestmark = pytest.mark.slow

KILLS = int(os.environ.get("HULLMARK_KILLS", "12"))
SEED = int(os.environ.get("HULLMARK_KILLS_SEED", "1"))
CALM = float(os.environ.get("HULLMARK_KILLS_AFTER", "0"))
REPORT = os.environ.get("HULLMARK_KILLS_REPORT", "")
IMAGES = 18
PASSES = ("go", "warn")
BAD = {"/steady": 0.0, "/flaky": 0.25, "/other": 0.15}
LEFT = {
    "jobs": "SELECT count(*) FROM procrastinate_jobs",
    "images": "SELECT count(*) FROM image WHERE state <> 'analysed'",
    "matches": "SELECT count(*) FROM rematch",
    "changes of matches": "SELECT count(*) FROM match_change",
    "news of snapshots": "SELECT count(*) FROM snapshot_news",
    "waves": "SELECT (SELECT count(*) FROM wave) + (SELECT count(*) FROM wave_part)",
    "changes of findings": "SELECT count(*) FROM finding_change WHERE wave_id IS NULL",
    "snapshots": "SELECT count(*) FROM matching WHERE carried_out_id IS DISTINCT FROM (SELECT max(id) FROM snapshot)",
    "verdicts": "SELECT count(*) FROM verdict WHERE is_awaiting",
    "transitions": "SELECT count(*) FROM transition WHERE routed_at IS NULL OR outcome = ''",
    "messages": "SELECT count(*) FROM message WHERE state IN ('gathering', 'waiting')",
}
"""What may be under way, and is not in the end."""


@dataclass
class World:
    """What runs, and who hears of it: `channels` by the path that they lead to."""

    running: Server
    storm: Storm
    receiver: Unruly
    tracker: Slow
    channels: dict[str, str]

    @property
    def names(self) -> dict[str, str]:
        """The paths by the channels' ids."""
        return {number: path for path, number in self.channels.items()}


class Slow(GitHub):
    """GitHub on a bad day: it answers with errors, also to what it did."""

    def __init__(self, made: random.Random) -> None:
        super().__init__()
        self.made = made
        self.is_calm = False
        self.lock = threading.Lock()

    def ask(self, post: Any) -> Any:
        if not self.is_calm:
            time.sleep(self.made.uniform(0.0, 0.1))
        chance = 1.0 if self.is_calm else self.made.random()
        if chance < 0.03:
            return said(503)
        with self.lock:
            reply = super().ask(post)
        return said(502) if chance < 0.06 else reply


@pytest.fixture
def world() -> Iterator[World]:
    """A server that has advisories, policies and images of two accounts, and channels to hear of them."""
    if shutil.which("docker-registry") is None:
        pytest.skip("docker-registry is not installed")
    made = random.Random(SEED)  # noqa: S311 - the same for a seed
    receiver, tracker = Unruly(dict(BAD), made), Slow(made)
    with contextlib.ExitStack() as stack:
        stack.enter_context(receiver.running())
        tracker_url = stack.enter_context(served(tracker))
        registry = stack.enter_context(docker_registry(stack.enter_context(place("hm-registry-")) / "registry"))
        folder = stack.enter_context(place())
        running = stack.enter_context(forked_server(folder, **QUICK))
        running.start()
        running.ready()
        storm = prepared(running, registry, made)
        channels = {path: hook(storm.admin, receiver.url(path)) for path in ("/steady", "/flaky")}
        channels["/other"] = hook(storm.other, receiver.url("/other"))
        channels["issues"] = channel(storm.admin, "github", url=tracker_url, repository="o/r", token="T")  # noqa: S106
        for _ in range(IMAGES):
            storm.add_image()
        settle(running, 240)
        yield World(running, storm, receiver, tracker, channels)


def prepared(running: Server, registry: str, made: random.Random) -> Storm:
    """Two accounts that know the registry, advisories, and policies."""
    first = running.client
    first.must("POST", "/api/v1/accounts", {"name": "others"})
    admin = first.signed_in()
    others = Client(first.host, first.port, account="others").signed_in("others")
    other = Client(first.host, first.port, others.key)
    for client in (admin, other):
        client.must("PUT", f"/api/v1/registries/{registry}", {"verify": False})
    ends = datetime.now(UTC) + timedelta(days=30)
    silence = {"owner": "o", "reason": "known", "ends_at": ends.isoformat(), "subject": SILENCED}
    other.must("POST", "/api/v1/silences", silence)
    storm = Storm(first, admin, other, registry, made)
    storm.first_snapshot()
    settle(running, 60)
    storm.first_policies()
    return storm


def hook(client: Client, url: str) -> str:
    """Add a webhook; its id."""
    return channel(client, "webhook", url=url)


def channel(client: Client, kind: str, **settings: Any) -> str:
    """Add a channel; its id."""
    name = f"{kind}-{urlsplit(settings['url']).path.strip('/')}".rstrip("-")
    asked = {"name": name, "kind": kind, "settings": settings}
    return str(client.must("POST", "/api/v1/channels", asked)["id"])


def settle(running: Server, seconds: float) -> float:
    """Wait until nothing is left to do; the seconds that it took."""
    began = time.monotonic()
    left: dict[str, int] = {}

    def is_over() -> bool:
        with contextlib.suppress(psycopg.OperationalError):
            hurry_jobs(running)
            left.clear()
            left.update({what: count for what, question in LEFT.items() if (count := running.rows(question)[0][0])})
            return not left
        return False

    with running.explaining():
        try:
            until(is_over, seconds, "the end of all that is under way", 0.3)
        except AssertionError as error:
            raise AssertionError(f"{error}: left are {left}") from None
    return time.monotonic() - began


def test_all_that_changed_is_told_once_in_order_and_truly(world: World) -> None:
    running, storm = world.running, world.storm
    blowing = [
        Blowing(storm, 1.2, storm.change_advisories),
        Blowing(storm, 1.2, storm.change_policy, storm.change_exception, storm.change_exception),
        Blowing(storm, 1.5, storm.add_image, storm.deploy),
    ]
    keeper = Keeper(running)
    killed: Counter[str] = Counter()
    began = time.monotonic()
    for thread in (*blowing, keeper):
        thread.start()
    try:
        time.sleep(CALM)
        for _ in range(KILLS):
            if storm.made.random() < 0.7:  # else it is hit again while it gets up
                with contextlib.suppress(AssertionError):
                    running.ready(20)
            time.sleep(storm.made.uniform(0.0, 1.5))
            killed[kill(running, storm.made)] += 1
    finally:
        for each in blowing:
            each.stopping.set()
        for each in blowing:
            each.join()
        keeper.finish()
    assert storm.errors == []
    seconds = time.monotonic() - began
    world.receiver.calm()
    world.tracker.is_calm = True
    for client in (storm.admin, storm.other):
        for row in client.insist("GET", "/api/v1/channels").document["items"]:
            client.insist("PATCH", f"/api/v1/channels/{row['name']}", {"is_active": True})  # tried again at once
    settled = settle(running, 240)
    found = {**check_routed(running), **check_delivered(world)}
    check_flips(running)
    check_issues(world)
    asyncio.run(check_verdicts(running))
    assert running.stop() == {"all": 0}
    if REPORT:
        report(Path(REPORT), storm, killed, {**found, "seconds": round(seconds, 1), "settled": round(settled, 1)})


def check_routed(running: Server) -> dict[str, int]:
    """Everything is told to all channels of its account that carry it, or it is said why not; and that for good reasons."""
    rows = running.rows(
        """
        SELECT t.id, t.outcome, t.why, t.kind, t.account_id, c.subject, t.image_id IS NULL OR t.is_certified OR t.is_deployed, EXISTS (
                SELECT FROM tag JOIN account_image held USING (account_id, image_id)
                WHERE tag.account_id = t.account_id AND t.reference = tag.registry || '/' || tag.repository || ':' || tag.tag
                    AND (held.certified_at IS NOT NULL OR EXISTS (
                        SELECT FROM placement JOIN running_image ran ON ran.id = placement.running_image_id
                        WHERE placement.until IS NULL AND ran.account_id = held.account_id AND ran.image_id = held.image_id))),
            ARRAY(SELECT channel_id::text FROM message_item item WHERE item.transition_id = t.id ORDER BY 1)
        FROM transition t JOIN cause c ON c.id = t.cause_id
        """
    )
    channels: dict[int, list[tuple[str, Channel]]] = defaultdict(list)
    for account, number, kind in running.rows("SELECT account_id, id::text, kind FROM channel ORDER BY 2"):
        channels[account].append((number, CHANNELS[kind]))
    for number, outcome, why, kind, account, subject, is_watched, is_tag_watched, told in rows:
        is_silenced = (account, subject) == (max(channels), SILENCED)
        if outcome == "told":
            carrying = [key for key, each in channels[account] if each.carries is None or kind in each.carries]
            assert (why, told) == ("", carrying), number
            # What a tag leads to now is as well known as what it led to before.
            assert is_watched or is_tag_watched, number
            assert not is_silenced, number
        else:
            assert told == [], number
            assert why == "not watched" or is_silenced, (number, why)
            assert not is_watched or why.startswith("silenced by"), (number, why)
    outcomes = Counter(row[1] for row in rows)
    assert outcomes["told"] > 0
    return {"told": outcomes["told"], "suppressed": outcomes["suppressed"], "transitions": len(rows)}


def check_delivered(world: World) -> dict[str, int]:
    """What was told arrived at each channel, in order, and nothing arrived that is not so; who sent twice sent the same."""
    running, got = world.running, world.receiver.got
    assert running.rows("SELECT count(*) FROM message WHERE state <> 'delivered'") == [(0,)]
    messages = running.rows(
        """
        SELECT message.channel_id::text, message.key::text, array_agg(item.transition_id ORDER BY item.transition_id),
            count(DISTINCT CASE news.kind WHEN 'tag.moved' THEN (news.reference, news.image_digest)::text ELSE news.id::text END)
        FROM message JOIN message_item item ON item.message_id = message.id JOIN transition news ON news.id = item.transition_id
        GROUP BY message.id ORDER BY message.id
        """
    )
    bodies: dict[tuple[str, str], Got] = {}
    for each in got:
        first = bodies.setdefault((each.path, each.id), each)
        assert each.body == first.body, (each.path, each.id)
    taken = {(each.path, each.id) for each in got if each.way != "error"}
    for path, number in world.channels.items():
        if path not in BAD:
            continue
        mine = [(key, items, told) for to, key, items, told in messages if to == number]
        came = {key: place for place, key in enumerate(key for to, key in bodies if to == path)}
        assert {key for key, _, _ in mine} == came.keys(), path
        assert {(path, key) for key, _, _ in mine} <= taken
        mine.sort(key=lambda message: came[message[0]])  # what was held for a verdict comes after what did not wait
        for key, items, told in mine:
            notice = bodies[path, key].notice
            shown = [item["id"] for item in notice["items"]]
            # That a tag moved, and what the verdict on its new image is, is one thing.
            assert notice["count"] == told
            assert min(told, 50) <= len(set(shown)) <= len(items)
            assert set(shown) <= set(items)
        check_order(running, [items for _, items, _ in mine])
    return {"messages": len(messages), "requests": len(got), "repeated": len(got) - len(bodies)}


def check_order(running: Server, messages: list[list[int]]) -> None:
    """A channel hears of what became of an image in the order in which it did; what came with one verdict came at once."""
    about = {
        number: (image, verdict)
        for number, image, verdict in running.rows(
            "SELECT id, image_id, coalesce(history_id, -id) FROM transition WHERE image_id IS NOT NULL"
        )
    }
    last: dict[int, tuple[int, int]] = {}
    seen: set[int] = set()
    for items in messages:
        newest: dict[int, tuple[int, int]] = {}
        for number in items:
            assert number not in seen
            seen.add(number)
            if number not in about:
                continue
            image, verdict = about[number]
            before = last.get(image)
            assert before is None or before[0] < number or before[1] == verdict, (number, before)
            newest[image] = max(newest.get(image, (0, 0)), (number, verdict))
        for image, entry in newest.items():
            last[image] = max(last.get(image, (0, 0)), entry)


def check_flips(running: Server) -> None:
    """Each change of a verdict that made an image pass, or no longer, is one transition, and each of these is such a change."""
    history: dict[tuple[int, int, str], list[tuple[int, str]]] = defaultdict(list)
    for account, image, environment, number, word in running.rows(
        "SELECT account_id, image_id, environment, id, verdict FROM verdict_history WHERE NOT is_shadow ORDER BY id"
    ):
        history[account, image, environment].append((number, word))
    expected = Counter(
        (after, "compliance.regained" if word in PASSES else "compliance.lost")
        for chain in history.values()
        for (_, earlier), (after, word) in pairwise(chain)
        if (earlier in PASSES) is not (word in PASSES)
    )
    firsts = {chain[0][0]: key for key, chain in history.items()}
    moved = {
        (account, image)
        for account, image in running.rows("SELECT account_id, image_id FROM transition WHERE kind = 'tag.moved'")
    }
    told: Counter[tuple[int, str]] = Counter()
    words = {number: word for chain in history.values() for number, word in chain}
    for number, kind, before, after in running.rows(
        "SELECT history_id, kind, before, after FROM transition WHERE kind LIKE 'compliance.%'"
    ):
        assert after == words[number], number
        assert (before in PASSES, after in PASSES) == ((True, False) if kind.endswith("lost") else (False, True))
        if number in firsts:
            assert firsts[number][:2] in moved, number
        else:
            told[number, kind] += 1
    assert told == expected
    assert expected


def check_issues(world: World) -> None:
    """The issues that are open are the threads that are, and these are about the images that are out of compliance by what was told."""
    running = world.running
    number = world.channels["issues"]
    threads = dict(running.rows(f"SELECT key, state FROM thread WHERE channel_id = '{number}'"))
    held = running.rows(
        f"""
        SELECT held.key, held.image_id, held.policy_id, held.environment, now.verdict
        FROM thread_image held LEFT JOIN verdict now ON now.account_id = held.account_id AND now.image_id = held.image_id
            AND now.policy_id = held.policy_id AND now.environment = held.environment AND NOT now.is_shadow
        WHERE held.channel_id = '{number}'
        """
    )
    assert {key for key, state in threads.items() if state == "open"} == {key for key, *_ in held}
    assert [row for row in held if row[4] in (*PASSES, None)] == []
    told = running.rows(
        f"""
        SELECT DISTINCT t.image_id, t.policy_id, t.environment FROM message_item item JOIN transition t ON t.id = item.transition_id
        JOIN verdict now ON now.account_id = t.account_id AND now.image_id = t.image_id AND now.policy_id = t.policy_id
            AND now.environment = t.environment AND NOT now.is_shadow AND now.verdict NOT IN ('go', 'warn')
        WHERE item.channel_id = '{number}' AND t.kind = 'compliance.lost'
        """
    )
    retracted = running.rows(
        "SELECT DISTINCT image_id, policy_id, environment FROM transition WHERE kind = 'finding.retracted'"
    )
    assert set(told) - {(image, policy, where) for _, image, policy, where, _ in held} <= set(retracted)
    assert world.tracker.open() == {marker_of(UUID(number), key) for key, state in threads.items() if state == "open"}
    assert world.tracker.issues


async def check_verdicts(running: Server) -> None:
    """All verdicts are those of judging by the newest advisories; what images are held against was told as it came."""
    settings = Settings(data=running.folder / "data", database_url=running.database_url)
    services: Services = services_for(settings, {}, connections=4)
    async with services.database:
        await _check_findings(services)
        before = await written(services)
        count = running.rows("SELECT count(*) FROM transition")
        await judge_all(services)
        after = await written(services)
        assert {key: (before[key], after.get(key)) for key in before if before[key] != after.get(key)} == {}
        assert before.keys() == after.keys()
        assert running.rows("SELECT count(*) FROM transition") == count
        services.clock = lambda: datetime.now(UTC) + timedelta(minutes=1)
        await route_what_waits(services)
        assert running.rows("SELECT count(*) FROM cause WHERE NOT is_complete") == [(0,)]


async def _check_findings(services: Services) -> None:
    """Of an image that stays out of compliance, what is new of what it is held against is told, and nothing else that is new; of one that
    stays in compliance nothing is."""
    async with services.database.system() as connection:
        cursor = await connection.execute(
            "SELECT account_id, image_id, environment, array_agg(id ORDER BY id) FROM verdict_history WHERE NOT is_shadow GROUP BY 1, 2, 3"
        )
        chains = await cursor.fetchall()
        cursor = await connection.execute("SELECT history_id, kind FROM transition WHERE kind LIKE 'finding.%'")
        told: dict[int, set[str]] = defaultdict(set)
        for number, kind in await cursor.fetchall():
            told[number].add(kind)
    for account, _, _, numbers in chains:
        async with services.database.system() as connection:
            rows = {row.id: row for row in await verdicts.by_numbers(connection, account, numbers)}
        known = {number: verdict_at(services.objects, row) for number, row in rows.items()}
        for earlier, later in pairwise(numbers):
            then, now = known[earlier], known[later]
            gained = _held_against(now) - _held_against(then)
            if rows[earlier].verdict not in PASSES and rows[later].verdict not in PASSES:
                is_told = bool(told[later] & {"finding.new", "finding.worse"})
                assert is_told or not gained, (later, gained)
                assert gained or "finding.new" not in told[later], later
            elif rows[earlier].verdict in PASSES and rows[later].verdict in PASSES:
                assert not told[later], later


def _held_against(verdict: Any) -> set[tuple[str, str]]:
    return {
        (finding.rule_id, finding.trigger_id)
        for finding in verdict.findings
        if finding.action.value == "stop" and finding.allowlisted is None
    }


def report(path: Path, storm: Storm, killed: Counter[str], found: dict[str, Any]) -> None:
    """Write down what was done to the server, for the bench."""
    kills = {"kills": sum(killed.values()), "seed": SEED, "by": dict(sorted(killed.items()))}
    path.write_text(json.dumps({**kills, "changes": dict(sorted(storm.counts.items())), **found}))
