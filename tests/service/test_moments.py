"""Verdicts that time changes: at the moment, not before, and nothing is judged in between."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hullmark.model.advisory import Lifecycle
from hullmark.server.stories.advisories.feeds import bring_to_today
from hullmark.server.stories.judging import deadlines
from hullmark.server.stories.judging.deadlines import judge_due
from tests.support.desk import OS_RELEASE, Desk, desk, status_file
from tests.support.images import tar_of
from tests.support.matching import advisory, affected

pytestmark = pytest.mark.anyio

HEAD = 'schema: hullmark-policy/1\nname: {name}\nversion: "1"\n'
AGED = (
    HEAD.format(name="age") + "rules:\n  - {id: old, gate: image, trigger: age, action: stop, params: {max_days: 30}}\n"
)
FIXED = (
    HEAD.format(name="fixed")
    + "rules:\n  - {id: fixable, gate: vulnerabilities, trigger: found, action: stop, params: {fixed_for_days: 7}}\n"
)
ENDING = HEAD.format(name="ending") + "rules:\n  - {id: eol, gate: image, trigger: end_of_life, action: stop}\n"
NOT_ROOT = (
    HEAD.format(name="users")
    + "rules:\n  - {id: no-root, gate: config, trigger: user, action: stop, params: {not_root: true}}\n"
)
CRITICAL = (
    HEAD.format(name="critical")
    + "rules:\n  - {id: any, gate: vulnerabilities, trigger: found, action: stop, params: {severity: critical, unrated: ignore}}\n"
)
GRACE = (
    HEAD.format(name="graceful")
    + "rules:\n  - {id: any, gate: vulnerabilities, trigger: found, action: stop}\ngrace: {days: 5}\n"
)
TICK = timedelta(microseconds=1)
SHOP = status_file(("libc6", "2.41-12"))
LIBC = advisory("CVE-2026-1", affected("debian:13", "libc6", "deb", "2.41-13"), severity="high")


@pytest.fixture
async def at(database_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    async with desk(database_url, tmp_path) as found:
        yield found


async def enforce(at: Desk, text: str) -> None:
    """Keep a policy and put it in force."""
    name = (await at.post("/policies", {"text": text}))["name"]
    await at.post("/activations", {"policy": name})


async def judged(at: Desk, *, brings_day: bool = True) -> int:
    """Do what is due now; answers how many images were judged for it. `brings_day`: packages are matched as of today, too."""
    if brings_day:
        await bring_to_today(at.services)
    await judge_due(at.services)
    before = at.judged
    await at.work()
    return at.judged - before


async def word(at: Desk, digest: str) -> str:
    """The one verdict in force."""
    (found,) = await at.get(f"/verdicts/{digest}")
    return str(found["verdict"])


async def next_at(at: Desk) -> list[datetime | None]:
    """When verdicts are due."""
    async with at.services.database.system() as connection:
        cursor = await connection.execute("SELECT next_at FROM verdict ORDER BY image_id, policy_id")
        return [row[0] for row in await cursor.fetchall()]


async def transitions(at: Desk, kind: str) -> list[tuple[Any, ...]]:
    """(key, cause's key, image's digest, evidence) of the transitions of a kind, in their order."""
    async with at.services.database.system() as connection:
        cursor = await connection.execute(
            "SELECT transition.key, cause.key, image_digest, transition.evidence FROM transition"
            " JOIN cause ON cause.id = cause_id WHERE transition.kind = %s ORDER BY transition.id",
            (kind,),
        )
        return list(await cursor.fetchall())


async def test_an_image_grows_too_old_at_the_second(at: Desk) -> None:
    built = datetime(2026, 4, 10, 9, 30, 15, tzinfo=UTC)
    layer = tar_of({"etc/os-release": OS_RELEASE})
    made = at.registry.blobs.image([layer], config=lambda config: {**config, "created": built.isoformat()})
    digest = at.registry.tags["1"] = str(made["digest"])
    await enforce(at, AGED)
    await at.add("1")
    await at.work()
    limit = built + timedelta(days=31)
    assert (await word(at, digest), await next_at(at)) == ("go", [limit])
    for moment in (at.now, at.now + timedelta(days=1), limit - timedelta(days=1), limit - TICK):
        at.now = moment
        assert await judged(at) == 0
    at.now = limit
    assert await judged(at) == 1
    assert (await word(at, digest), await next_at(at)) == ("stop", [None])
    (lost,) = await transitions(at, "compliance.lost")
    assert lost[1:3] == ("time:age@2026-05-11", digest)
    assert await judged(at) == 0


async def test_a_fix_comes_to_be_there_for_too_long(at: Desk) -> None:
    dated = advisory(
        "CVE-2026-1", affected("debian:13", "libc6", "deb", "2.41-13", fix_date="2026-04-28"), severity="high"
    )
    await at.advise(dated)
    digest = at.push("1", SHOP)
    await enforce(at, FIXED)
    await at.add("1")
    await at.work()
    day = datetime(2026, 5, 5, tzinfo=UTC)
    assert (await word(at, digest), await next_at(at)) == ("go", [day])
    for moment in (at.now + timedelta(days=1), day - TICK):
        at.now = moment
        assert await judged(at) == 0, "a day begins with the only advisories that there are"
    at.now = day
    assert await judged(at) == 1
    assert await word(at, digest) == "stop"


async def test_of_many_images_only_those_are_judged_whose_moment_has_come(
    at: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deadlines, "_AT_ONCE", 50)
    digest = at.push("1", SHOP, User="0")
    await enforce(at, NOT_ROOT)
    await at.add("1")
    await at.work()
    assert await next_at(at) == [None]
    async with at.services.database.system() as connection:
        for statement in (
            """INSERT INTO image (digest, config_digest, media_type, platform, size, state, document, distro, fingerprint)
               SELECT 'sha256:' || lpad(number::text, 64, '0'), config_digest, media_type, platform, size, state, document, distro,
                   fingerprint FROM image, generate_series(1, 100) AS number""",
            """INSERT INTO account_image (account_id, image_id, reference)
               SELECT held.account_id, image.id, held.reference FROM image, account_image held
               WHERE image.id <> held.image_id""",
            """INSERT INTO verdict (account_id, image_id, policy_id, environment, reference, is_shadow, history_id, verdict, reason,
                   stops, warns, judged_at)
               SELECT account_id, image.id, policy_id, environment, reference, is_shadow, history_id, verdict, verdict.reason, stops,
                   warns,
                   judged_at FROM image, verdict WHERE image.id <> verdict.image_id""",
        ):
            await connection.execute(statement)
    at.now += timedelta(days=1)
    assert await judged(at) == 0
    due = at.now + timedelta(hours=1)
    async with at.services.database.system() as connection:
        await connection.execute(
            "UPDATE verdict SET next_at = %s WHERE image_id IN (SELECT id FROM image ORDER BY id DESC LIMIT 70)",
            (due,),
        )
    assert await judged(at) == 0
    at.now = due
    assert await judged(at) == 70
    assert await judged(at) == 0
    assert await word(at, digest) == "stop"


async def test_a_distribution_ends_by_the_calendar_and_when_its_end_is_told_otherwise(at: Desk) -> None:
    life = Lifecycle(product="debian", release="13", source="e", eol="2026-05-10")
    await at.advise(LIBC, life)
    digest = at.push("1", SHOP)
    await enforce(at, ENDING)
    await at.add("1")
    await at.work()
    assert await word(at, digest) == "go"
    assert await next_at(at) == [datetime(2026, 5, 11, tzinfo=UTC)]
    await at.advise(LIBC, msgspec.structs.replace(life, eol="2026-06-10"))
    await at.work()
    assert await judged(at) == 1
    assert await next_at(at) == [datetime(2026, 6, 11, tzinfo=UTC)]
    await at.advise(
        LIBC, msgspec.structs.replace(life, eol="2026-06-10"), Lifecycle(product="alpine", release="3.20", source="e")
    )
    await at.work()
    assert await judged(at) == 0, "another distribution's"
    at.now = datetime(2026, 6, 10, 23, 59, 59, tzinfo=UTC)
    assert await judged(at) == 0
    at.now = datetime(2026, 6, 11, tzinfo=UTC)
    assert await judged(at) == 1
    assert await word(at, digest) == "stop"
    await at.advise(LIBC, msgspec.structs.replace(life, eol="2026-08-01"))
    await at.work()
    assert await judged(at) == 1
    assert await word(at, digest) == "go"
    told = (await at.get("/transitions"))["items"]
    assert [(each["kind"], each["cause"]["kind"], each["cause"]["sentence"]) for each in told[::-1]] == [
        ("compliance.lost", "lifecycle", "The support of debian 13 ended on 2026-06-10."),
        ("compliance.regained", "lifecycle", "debian 13 is maintained for longer than it was said to be."),
    ]


async def test_where_a_release_ends_rules_about_vulnerabilities_can_tell_no_more(at: Desk) -> None:
    life = Lifecycle(product="debian", release="13", source="e", eol="2026-05-05", extended="2026-05-10")
    await at.advise(LIBC, life)
    digests = [at.push("1", status_file(("libc6", "2.41-13"))), at.push("2", status_file(("other", "1")))]
    await enforce(at, CRITICAL)
    for tag in ("1", "2"):
        await at.add(tag)
    await at.work()
    assert [await word(at, digest) for digest in digests] == ["go", "go"]
    at.now = datetime(2026, 5, 10, 23, 59, 59, tzinfo=UTC)
    assert await judged(at) == 0
    at.now += timedelta(seconds=1)
    assert await judged(at) == 2
    assert [await word(at, digest) for digest in digests] == ["unknown", "unknown"]
    assert await next_at(at) == [None, None]
    (found,) = await at.get(f"/verdicts/{digests[0]}")
    assert "Debian 13 has been past its end of life since 2026-05-10" in found["reason"]
    for end, expected in (("2026-06-01", "go"), ("2026-05-01", "unknown")):
        await at.advise(LIBC, msgspec.structs.replace(life, extended=end))
        await at.work()
        assert await judged(at) == 2
        assert [await word(at, digest) for digest in digests] == [expected, expected]
    told = (await at.get("/transitions"))["items"][::-1]
    words = ["compliance.lost", "compliance.regained", "compliance.lost"]
    assert [each["kind"] for each in told] == [word for word in words for _ in digests]


async def test_advisories_grow_too_old_by_the_calendar(at: Desk) -> None:
    await at.advise(LIBC, checked_on="2026-04-20", stale_days=30)
    digests = [at.push("1", status_file(("libc6", "2.41-13"))), at.push("2", status_file(("other", "1")))]
    await enforce(at, CRITICAL)
    for tag in ("1", "2"):
        await at.add(tag)
    await at.work()
    at.now = datetime(2026, 5, 20, 12, tzinfo=UTC)
    assert await judged(at) == 0
    assert [await word(at, digest) for digest in digests] == ["go", "go"]
    at.now += timedelta(days=1)
    await judged(at)
    assert [await word(at, digest) for digest in digests] == ["unknown", "unknown"]
    (found,) = await at.get(f"/verdicts/{digests[0]}")
    assert "the advisories for debian:13 end on 2026-04-20" in found["reason"]
    await at.advise(LIBC, checked_on="2026-05-21", stale_days=30)
    await judged(at)
    assert [await word(at, digest) for digest in digests] == ["go", "go"]


async def test_the_end_of_a_release_holds_for_what_is_built_from_it(at: Desk) -> None:
    mint = b'ID=linuxmint\nID_LIKE="ubuntu debian"\nVERSION_ID=22\nUBUNTU_CODENAME=noble\n'
    life = Lifecycle(product="ubuntu", release="24.04", source="e", eol="2026-05-10")
    noble = advisory("CVE-2026-1", affected("ubuntu:24.04", "libc6", "deb", "2"), source="ubuntu", severity="high")
    await at.advise(noble, life)
    digest = at.push("1", {"etc/os-release": mint, **SHOP})
    await enforce(at, CRITICAL)
    await at.add("1")
    await at.work()
    assert (await word(at, digest), await next_at(at)) == ("go", [datetime(2026, 5, 11, tzinfo=UTC)])
    await at.advise(noble, msgspec.structs.replace(life, eol="2026-04-10"))
    await at.work()
    assert await judged(at) == 1
    assert await word(at, digest) == "unknown"


async def test_grace_is_told_of_three_days_and_one_day_before_it_ends(at: Desk) -> None:
    digest = at.push("1", SHOP)
    await at.advise(advisory("CVE-2020-1", affected("debian:13", "other", "deb", "2")))
    await enforce(at, GRACE)
    await at.add("1")
    await at.work()
    since = at.now - timedelta(days=1)
    answer = await at.ask(
        "PUT", f"/images/{digest}/deployments", {"environment": "", "place": "shop", "since": since.isoformat()}
    )
    assert answer.is_success, answer.text
    await at.work()
    assert await word(at, digest) == "go"
    at.now += timedelta(hours=1)
    await at.advise(LIBC)
    await at.work()
    until = at.now + timedelta(days=5)
    assert await word(at, digest) == "warn"
    seen = []
    for moment in (until - timedelta(days=3), until - timedelta(days=1), until):
        at.now = moment - TICK
        assert await judged(at, brings_day=False) == 0
        at.now = moment
        assert await judged(at, brings_day=False) == 1
        seen.append((await word(at, digest), len(await transitions(at, "grace.ending"))))
    assert seen == [("warn", 1), ("warn", 2), ("stop", 2)]
    told = await transitions(at, "grace.ending")
    assert [cause.rpartition("@")[2] for _, cause, _, _ in told] == ["2026-05-06-3d", "2026-05-06-1d"]
    assert [(image, evidence[0]["rule"]) for _, _, image, evidence in told] == [(digest, "any")] * 2
    assert len(await transitions(at, "compliance.lost")) == 1
