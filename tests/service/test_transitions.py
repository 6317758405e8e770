"""What changes what is true of images is written down with its one cause, once, and for each account by itself."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from unittest.mock import AsyncMock

import msgspec
import pytest
from psycopg.types.json import Jsonb

from hullmark.model.advisory import KevEntry
from hullmark.server.stories.images.documents import Changes, KeptVerdict, get_document
from hullmark.server.stories.judging import evaluation
from hullmark.server.stories.judging.judge import judge
from hullmark.server.stories.notice.route import route
from hullmark.server.tables import jobs
from hullmark.server.tables.judging import deployments, verdicts
from hullmark.server.tables.judging.deployments import Deployment
from hullmark.server.tables.notice import transitions
from tests.service.test_verdicts import LIBC, NO_HIGH, NOT_ROOT, SHOP, kept
from tests.support.desk import Desk, status_file
from tests.support.desk_copies import furnished_by
from tests.support.matching import advisory, affected
from tests.support.notices import transitions_of

pytestmark = pytest.mark.anyio

OTHER = advisory("CVE-2026-9", affected("debian:13", "other", "deb", "2"), severity="high")
ZLIB = advisory("CVE-2026-2", affected("debian:13", "zlib1g", "deb", "1:1.4"), severity="critical")
CALM = advisory("CVE-2026-1", affected("debian:13", "libc6", "deb", "2.41-13"), severity="low")
NO_EXPLOITED = """
schema: hullmark-policy/1
name: exploited
version: "1"
rules:
  - {id: no-kev, gate: vulnerabilities, trigger: found, action: stop, params: {exploited: true}}
"""


async def told(at: Desk, account: int = 1) -> list[tuple[str, str, str, str]]:
    """The transitions of an account in their order: kind, kind of cause, its key without numbers of the database, why nobody heard."""
    async with at.services.database.system() as connection:
        cursor = await connection.execute(
            """
            SELECT transition.kind, cause.kind, cause.key, CASE WHEN transition.why = 'the analyzer changed' THEN transition.why ELSE '' END
            FROM transition JOIN cause ON cause.id = transition.cause_id
            WHERE transition.account_id = %s AND transition.kind <> 'tag.moved' ORDER BY transition.id
            """,
            (account,),
        )
        return [(kind, cause, key.rpartition("@")[0] or key, why) for kind, cause, key, why in await cursor.fetchall()]


async def image_of(at: Desk, digest: str) -> int:
    async with at.services.database.system() as connection:
        row = await (await connection.execute("SELECT id FROM image WHERE digest = %s", (digest,))).fetchone()
    assert row is not None
    return int(row[0])


async def shop(at: Desk, policy: str = NO_HIGH, *advisories: Any) -> str:
    """An image that is judged with some advisories; answers its digest."""
    digest = at.push("1.0", SHOP, User="0")
    await kept(at, policy)
    await at.advise(OTHER, *advisories)
    await at.work()
    await at.add("1.0")
    await at.work()
    at.now += timedelta(days=1)
    return digest


@furnished_by(shop)
async def test_a_new_advisory_and_its_withdrawal(at: Desk) -> None:
    digest = at.found
    assert await told(at) == []
    await at.advise(OTHER, LIBC)
    await at.work()
    lost = ("compliance.lost", "advisory", "advisory:CVE-2026-1", "")
    assert await told(at) == [lost]
    async with at.services.database.system() as connection:
        (row,) = await transitions_of(connection, 1, await image_of(at, digest))
        cause = (await transitions.causes(connection, 1, [row.cause_id]))[row.cause_id]
    assert (row.before, row.after, row.policy, row.is_certified, row.history_id is None) == (
        "go",
        "stop",
        "weaknesses",
        True,
        False,
    )
    assert [(each["advisory"], each["fix_version"], each["rule"]) for each in row.evidence] == [
        ("CVE-2026-1", "2.41-13", "no-high")
    ]
    assert row.evidence[0]["package"].startswith("pkg:deb/debian/libc6@2.41-12")
    assert (cause.before, cause.after, cause.subject) == ("not known", "known", "CVE-2026-1")
    at.now += timedelta(days=1)
    await at.advise(advisory("CVE-2026-8", affected("debian:13", "other", "deb", "3"), severity="high"))
    await at.work()
    assert await told(at) == [lost, ("compliance.regained", "retraction", "retraction:CVE-2026-1", "")]


@furnished_by(shop, NO_HIGH, LIBC, ZLIB)
async def test_a_withdrawn_advisory_is_retracted_while_others_hold(at: Desk) -> None:
    gone = advisory(
        "CVE-2026-1",
        affected("debian:13", "libc6", "deb", "2.41-13"),
        severity="high",
        withdrawn="2026-05-02T00:00:00Z",
    )
    await at.advise(OTHER, ZLIB, gone)
    await at.work()
    assert await told(at) == [("finding.retracted", "retraction", "retraction:CVE-2026-1", "")]


async def test_another_severity_and_another_finding_while_failing(at: Desk) -> None:
    await shop(at, NO_HIGH, CALM)
    await at.advise(OTHER, LIBC)
    await at.work()
    at.now += timedelta(days=1)
    await at.advise(OTHER, LIBC, ZLIB)
    await at.work()
    assert await told(at) == [
        ("compliance.lost", "severity", "severity:CVE-2026-1", ""),
        ("finding.new", "advisory", "advisory:CVE-2026-2", ""),
    ]


async def test_a_vulnerability_becomes_known_to_be_exploited(at: Desk) -> None:
    await shop(at, NO_EXPLOITED, LIBC)
    await at.advise(OTHER, LIBC, KevEntry(cve="CVE-2026-1", source="kev", added="2026-05-02"))
    await at.work()
    assert await told(at) == [("compliance.lost", "exploitation", "exploitation:CVE-2026-1", "")]


async def test_a_fix_comes_for_what_an_image_is_held_against(at: Desk) -> None:
    await shop(at, NO_HIGH, advisory("CVE-2026-1", affected("debian:13", "libc6", "deb", ""), severity="high"))
    await at.advise(OTHER, LIBC)
    await at.work()
    assert await told(at) == [("fix.available", "fix", "fix:CVE-2026-1", "")]


async def test_a_policy_is_activated_and_another_takes_its_place(at: Desk) -> None:
    digest = at.push("1.0", SHOP, User="0")
    await kept(at, NOT_ROOT.replace("action: stop", "action: warn"))
    await at.add("1.0")
    await at.work()
    await kept(at, NOT_ROOT)
    await at.work()
    assert await told(at) == [("compliance.lost", "policy", "policy:users", "")]
    await kept(at, NOT_ROOT.replace("name: users", "name: lenient").replace("action: stop", "action: warn"))
    await at.work()
    assert await told(at) == [
        ("compliance.lost", "policy", "policy:users", ""),
        ("compliance.regained", "policy", "policy:lenient", ""),
    ]
    (verdict,) = await at.get(f"/images/{digest}/verdicts")
    assert (verdict["policy"], verdict["verdict"]) == ("lenient", "warn")


async def test_an_exception_begins_ends_and_expires(at: Desk) -> None:
    digest = at.push("1.0", SHOP, User="0")
    await kept(at, NOT_ROOT)
    await at.add("1.0")
    await at.work()
    body = {"rule": "no-root", "subject": "*", "owner": "us", "reason": "for now", "expires": "2026-05-03"}
    first = (await at.post("/exceptions", body))["id"]
    await at.work()
    assert (await at.ask("DELETE", f"/exceptions/{first}")).status_code == 204
    await at.work()
    second = (await at.post("/exceptions", body))["id"]
    await at.work()
    at.now += timedelta(days=5)
    await judge(at.services, at.snapshot_cache, 1, await image_of(at, digest), "a day")
    async with at.services.database.system() as connection:
        cursor = await connection.execute(
            "SELECT transition.kind, cause.key FROM transition JOIN cause ON cause.id = cause_id ORDER BY transition.id"
        )
        found = await cursor.fetchall()
    assert found == [
        ("compliance.regained", f"exception:{first}@began"),
        ("compliance.lost", f"exception:{first}@ended"),
        ("compliance.regained", f"exception:{second}@began"),
        ("compliance.lost", f"exception:{second}@expired"),
    ]


async def test_a_tag_moves_to_an_image_that_was_never_judged(at: Desk) -> None:
    await kept(at, NOT_ROOT)
    at.push("1.0", SHOP, User="1000")
    await at.add("1.0")
    await at.work()
    digest = at.push("1.0", {**SHOP, "new": b"x"}, User="0")
    await at.add("1.0")
    await at.work()
    assert await told(at) == [("compliance.lost", "image", f"tag:{at.reference('1.0')}", "")]
    async with at.services.database.system() as connection:
        rows = await transitions_of(connection, 1, await image_of(at, digest))
    (row,) = [each for each in rows if each.kind == "compliance.lost"]
    assert (row.before, row.after, row.is_certified, row.reference) == ("go", "stop", False, at.reference("1.0"))


async def test_that_a_tag_moved_waits_for_no_verdict_that_has_nothing_to_tell(
    at: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "is_judging_ahead", AsyncMock(return_value=True))  # others' verdicts are still to come
    await kept(at, NOT_ROOT)
    at.push("1.0", SHOP)
    digest = (await at.add("1.0"))["digest"]
    await sql(
        at, "DELETE FROM procrastinate_jobs"
    )  # so that there is nothing that the next verdict could be compared with
    await sql(at, "UPDATE image SET state = 'failed' WHERE digest = %s", digest)
    runs = Deployment(environment="", place="", since=at.now, seen_at=at.now)
    for (image,) in await sql(at, "SELECT id FROM image"):
        async with at.services.database.system() as connection:
            await deployments.put(connection, 1, image, runs)
    paused = at.now + timedelta(days=1)
    await sql(
        at,
        "INSERT INTO channel (account_id, name, kind, secrets, resume_at) VALUES (1, 'hook', 'webhook', '', %s)",
        paused,
    )
    at.push("1.0", {**SHOP, "new": b"x"})
    await at.add("1.0")
    await sql(at, "DELETE FROM procrastinate_jobs WHERE task_name = 'route'")
    await route(at.services, 1)
    ((held, due),) = await sql(at, "SELECT is_held, due_at FROM message")
    assert held
    assert due > at.now
    await at.work()
    assert await told(at) == []
    assert await sql(at, "SELECT is_held, due_at FROM message") == [(False, at.now)]


async def sql(at: Desk, statement: str, *values: Any) -> list[tuple[Any, ...]]:
    """What a statement answers."""
    async with at.services.database.system() as connection:
        cursor = await connection.execute(statement, values)
        return await cursor.fetchall() if cursor.description else []


async def test_accounts_are_told_of_their_own_verdicts(at: Desk) -> None:
    await at.post("/accounts", {"name": "second"})
    digest = at.push("1.0", SHOP, User="0")
    await at.advise(OTHER)
    await at.work()
    await kept(at, NO_HIGH)
    await at.post("/policies", {"text": NO_EXPLOITED}, "second")
    await at.post("/activations", {"policy": "exploited"}, "second")
    await at.add("1.0")
    await at.add("1.0", "second")
    await at.work()
    at.now += timedelta(days=1)
    await at.advise(OTHER, LIBC)
    await at.work()
    async with at.services.database.system() as connection:
        row = await (await connection.execute("SELECT id FROM account WHERE name = 'second'")).fetchone()
    assert row is not None
    assert [each[:2] for each in await told(at)] == [("compliance.lost", "advisory")]
    assert await told(at, row[0]) == []
    assert len(await at.get(f"/images/{digest}/verdicts", "second")) == 1


async def test_another_analyzer_is_written_down_and_told_to_nobody(at: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    digest = await shop(at, NO_HIGH, LIBC)
    number = await image_of(at, digest)
    async with at.services.database.system() as connection:
        await connection.execute(
            "UPDATE image SET fingerprint = 'another', document = %s WHERE id = %s",
            (await document_of(at, status_file(("zlib1g", "1:1.3"))), number),
        )
    monkeypatch.setattr(evaluation, "ANALYZER", "hullmark 99")
    await judge(at.services, at.snapshot_cache, 1, number, "image analysed")
    assert [each[:2] + each[3:] for each in await told(at)] == [
        ("compliance.regained", "analyzer", "the analyzer changed")
    ]
    assert "route" not in await at.work()


async def document_of(at: Desk, files: dict[str, bytes]) -> str:
    """The analysis of an image with these files."""
    digest = at.push("2.0", files)
    await at.add("2.0")
    await at.work()
    async with at.services.database.system() as connection:
        row = await (await connection.execute("SELECT document FROM image WHERE digest = %s", (digest,))).fetchone()
    assert row is not None
    return str(row[0])


@furnished_by(shop)
async def test_unchanged_advisories_and_judging_twice_tell_nothing_more(at: Desk) -> None:
    digest = at.found
    await at.advise(OTHER, LIBC)
    await at.work()
    once = await told(at)
    assert len(once) == 1
    number = await image_of(at, digest)
    assert await judge(at.services, at.snapshot_cache, 1, number, "again") == 0
    at.now += timedelta(hours=1)
    await at.advise(OTHER, LIBC)
    await at.work()
    await judge(at.services, at.snapshot_cache, 1, number, "again")
    assert await told(at) == once


async def test_the_first_advisories_are_no_news(at: Desk) -> None:
    at.push("1.0", SHOP)
    await kept(at, NO_HIGH)
    await at.add("1.0")
    await at.work()
    await at.advise(LIBC)
    await at.work()
    assert await told(at) == []


@furnished_by(shop)
async def test_shadows_tell_nothing(at: Desk) -> None:
    await at.post("/policies", {"text": NO_HIGH.replace("name: weaknesses", "name: tried")})
    (active,) = await at.get("/activations")
    assert (await at.ask("DELETE", f"/activations/{active['id']}")).status_code == 204
    await at.post("/activations", {"policy": "tried", "shadow": True})
    await at.work()
    await at.advise(OTHER, LIBC)
    await at.work()
    assert await told(at) == []


async def test_each_failed_analysis_is_told_once(at: Desk) -> None:
    at.push("broken", SHOP)
    layer = next(key for key, body in at.registry.blobs.held.items() if body.startswith(b"\x1f\x8b"))
    at.registry.blobs.held[layer] = b"other bytes"
    await at.add("broken")
    await at.work()
    (failed,) = await told(at)
    assert failed[:2] == ("analysis.failed", "data")
    await at.work()
    assert await told(at) == [failed]
    at.now += timedelta(hours=1)
    await at.add("broken")
    await at.work()
    assert await told(at) == [failed, failed]


@furnished_by(shop)
async def test_verdicts_settle_what_came_and_went(at: Desk) -> None:
    """A verdict that is written as changes of another is replaced by the whole one, which says the same, and nothing is told of it."""
    digest = at.found
    number = await image_of(at, digest)
    async with at.services.database.system() as connection:
        (earlier,) = await verdicts.current(connection, 1, number)
    await at.advise(OTHER, LIBC)
    await at.work()
    await judge(at.services, at.snapshot_cache, 1, number, "settled")
    async with at.services.database.system() as connection:
        (whole,) = await verdicts.current(connection, 1, number)
        findings = (await at.get(f"/images/{digest}/check"))["findings"]
        assert (whole.verdict, whole.changes, len(findings)) == ("stop", None, 1)
        gained = get_document(at.services.objects, whole.document, KeptVerdict).findings
        await connection.execute(
            "UPDATE verdict_history SET document = %s, changes = %s WHERE id = %s",
            (earlier.document, Jsonb(msgspec.to_builtins(Changes(gained=gained))), whole.id),
        )
    assert (await at.get(f"/images/{digest}/check"))["findings"] == findings
    before = await told(at)
    assert await judge(at.services, at.snapshot_cache, 1, number, "settled") == 0
    async with at.services.database.system() as connection:
        (settled,) = await verdicts.current(connection, 1, number)
    assert (settled.id, settled.document, settled.changes) == (whole.id, whole.document, None)
    assert await told(at) == before


@furnished_by(shop, NO_HIGH, LIBC, ZLIB)
async def test_verdicts_that_do_not_settle_are_followed_by_the_whole_one(at: Desk) -> None:
    digest = at.found
    number = await image_of(at, digest)
    async with at.services.database.system() as connection:
        (whole,) = await verdicts.current(connection, 1, number)
        one = get_document(at.services.objects, whole.document, KeptVerdict).findings[0]
        await connection.execute(
            "UPDATE verdict_history SET changes = %s WHERE id = %s",
            (Jsonb(msgspec.to_builtins(Changes(lost=((one.rule_id, one.trigger_id),)))), whole.id),
        )
    assert len((await at.get(f"/images/{digest}/check"))["findings"]) == 1
    assert await judge(at.services, at.snapshot_cache, 1, number, "settled") == 1
    assert [each[0] for each in await told(at)] == ["finding.new"]


async def test_what_a_policy_did_to_many_images_is_whole_when_the_last_is_judged(
    at: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "TOGETHER", 1)
    await kept(at, NOT_ROOT.replace("action: stop", "action: warn"))
    for tag in ("a", "b", "c"):
        at.push(tag, {**SHOP, tag: b"x"}, User="0")
        await at.add(tag)
    await at.work()
    await kept(at, NOT_ROOT)

    async def standing() -> list[tuple[int, bool]]:
        async with at.services.database.system() as connection:
            cursor = await connection.execute(
                "SELECT count(transition.id), cause.is_complete FROM cause JOIN transition ON cause_id = cause.id"
                " WHERE transition.kind <> 'tag.moved' GROUP BY cause.id"
            )
            return [(int(count), bool(whole)) for count, whole in await cursor.fetchall()]

    assert (await at.work(2))[:2] == ["carry", "judge"]
    assert await standing() == [(1, False)]
    await at.work()
    assert await standing() == [(3, True)]


async def test_a_day_that_comes_is_not_laid_to_advisories_that_came_before(at: Desk) -> None:
    """What advisories said differently is in the verdict already, though it was made with those before."""
    published = advisory(
        "CVE-2026-1", affected("debian:13", "libc6", "deb", "2.41-13"), severity="high", published="2026-04-30"
    )
    digest = await shop(at, NO_HIGH.replace("severity: high, unrated: ignore", "known_for_days: 9"), published)
    more = advisory("CVE-2026-8", affected("debian:13", "other", "deb", "3"), severity="high")
    await at.advise(OTHER, published, more)
    await at.work()
    at.now += timedelta(days=10)
    await judge(at.services, at.snapshot_cache, 1, await image_of(at, digest), "a day")
    assert [each[:2] for each in await told(at)] == [("compliance.lost", "time")]
