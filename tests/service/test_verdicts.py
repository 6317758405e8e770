"""Policies in force, what they say of images, what they said, and exceptions that make them say something else for a time."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from hullmark.server.process.worker import tasks
from hullmark.server.stories.judging.deadlines import judge_due
from hullmark.server.tables.judging.policies import NewVersion, keep_version
from tests.support.desk import Desk, desk, status_file
from tests.support.matching import advisory, affected

pytestmark = pytest.mark.anyio

NOT_ROOT = """
schema: hullmark-policy/1
name: users
version: "1"
rules:
  - {id: no-root, gate: config, trigger: user, action: stop, params: {not_root: true}}
"""
NO_HIGH = """
schema: hullmark-policy/1
name: weaknesses
version: "1"
rules:
  - {id: no-high, gate: vulnerabilities, trigger: found, action: stop, params: {severity: high, unrated: ignore}}
"""
BUNDLE = """
{"id": "b", "name": "bundle", "version": "1_0", "comment": "", "blacklisted_images": [], "whitelisted_images": [], "whitelists": [],
 "mappings": [{"id": "m", "name": "all", "registry": "*", "repository": "*", "image": {"type": "tag", "value": "*"},
               "policy_id": "p", "whitelist_ids": []}],
 "policies": [{"id": "p", "name": "p", "version": "1_0", "comment": "", "rules": [
   {"id": "r1", "gate": "packages", "trigger": "blacklist", "action": "STOP", "params": [{"name": "name", "value": "zlib1g"}]}]}]}
"""
SHOP = status_file(("libc6", "2.41-12"), ("zlib1g", "1:1.3"))
LIBC = advisory("CVE-2026-1", affected("debian:13", "libc6", "deb", "2.41-13"), severity="high")


@pytest.fixture
async def at(database_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    async with desk(database_url, tmp_path) as found:
        yield found


async def kept(at: Desk, text: str, **body: Any) -> str:
    """Keep a policy and put it in force; answers its name."""
    name = str((await at.post("/policies", {"text": text}))["name"])
    await at.post("/activations", {"policy": name, **body})
    return name


async def word(at: Desk, digest: str, environment: str = "") -> str:
    """The one verdict in force."""
    (found,) = await at.get(f"/verdicts/{digest}?environment={environment}")
    return str(found["verdict"])


async def test_an_image_is_judged_when_it_is_analysed_and_when_a_policy_comes(at: Desk) -> None:
    digest = at.push("1.0", SHOP, User="0")
    await kept(at, NOT_ROOT)
    await at.add("1.0")
    await at.get(f"/verdicts/{digest}", status=404)
    await at.work()
    assert await word(at, digest) == "stop"
    (verdict,) = await at.get(f"/images/{digest}/verdicts")
    assert (verdict["policy"], verdict["stops"], verdict["cause"]) == ("users", 1, "image analysed")
    whole = await at.get(f"/images/{digest}/check")
    assert [(finding["rule_id"], finding["action"]) for finding in whole["findings"]] == [("no-root", "stop")]
    assert whole["inputs"]["at"] == verdict["at"]
    second = NOT_ROOT.replace("action: stop", "action: warn")
    assert (await at.post("/policies", {"text": second}))["version"] == 2
    await at.post("/activations", {"policy": "users"})
    assert await at.work() == ["carry", "judge", "route"]
    assert await word(at, digest) == "warn"
    history = (await at.get(f"/images/{digest}/history"))["items"]
    assert [(each["verdict"], each["policy_version"]) for each in history] == [("warn", 2), ("stop", 1)]


async def test_what_runs_is_judged_first_then_what_was_certified_then_the_rest(
    at: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "_AT_ONCE", 2)
    names = ("plain-1", "certified-1", "runs-1", "plain-2", "certified-2", "runs-2", "runs-3")
    numbers = {}
    for name in names:
        digest = at.push(name, {"which": name.encode()})
        await at.add(name)
        async with at.services.database.system() as connection:
            cursor = await connection.execute("SELECT id FROM image WHERE digest = %s", (digest,))
            numbers[(await cursor.fetchall())[0][0]] = name
        if name.startswith("runs"):
            answer = await at.ask("PUT", f"/images/{digest}/deployments", {"environment": "", "place": "shop"})
            assert answer.is_success, answer.text
    await at.work()
    async with at.services.database.system() as connection:
        for number, name in numbers.items():
            if name.startswith("certified"):
                await connection.execute("UPDATE account_image SET certified_at = now() WHERE image_id = %s", (number,))
    await kept(at, NOT_ROOT)
    assert await at.work(1) == ["rejudge"]
    async with at.services.database.system() as connection:
        cursor = await connection.execute(
            "SELECT number::bigint FROM procrastinate_jobs, jsonb_array_elements_text("
            "coalesce(args -> 'image_ids', jsonb_build_array(args -> 'image_id'))) WITH ORDINALITY AS each (number, place)"
            " WHERE task_name IN ('judge', 'judge_some') AND status = 'todo' ORDER BY priority DESC, id, place"
        )
        order = [numbers[row[0]] for row in await cursor.fetchall()]
    assert order == ["runs-1", "runs-2", "runs-3", "certified-1", "certified-2", "plain-1", "plain-2"]


async def test_the_same_text_is_no_new_version_and_the_same_verdict_no_new_history(at: Desk) -> None:
    digest = at.push("1.0", SHOP, User="0")
    await kept(at, NOT_ROOT)
    await at.add("1.0")
    await at.work()
    again = await at.ask("POST", "/policies", {"text": NOT_ROOT})
    assert (again.status_code, again.json()["version"]) == (200, 1)
    await at.add("1.0")
    assert await at.work() == ["signatures", "judge"]
    assert len((await at.get(f"/images/{digest}/history"))["items"]) == 1


async def test_verdicts_refer_to_a_policy_while_its_next_version_is_kept(at: Desk) -> None:
    # Else who judges would wait for who keeps a version, who waits for who judges, to put it in force.
    await kept(at, NOT_ROOT)
    following = NewVersion(name="users", text=NOT_ROOT + "# 2", digest="sha256:2", kind="native")
    async with at.services.database.system() as keeping:
        account = await (await keeping.execute("SELECT id FROM account WHERE name = 'admin'")).fetchone()
        assert account is not None
        version, is_new = await keep_version(keeping, account[0], following)
        assert (version.version, is_new) == (2, True)
        async with at.services.database.system() as judging:
            locked = await judging.execute("SELECT FROM policy WHERE name = 'users' FOR KEY SHARE NOWAIT")
            assert locked.rowcount == 1


async def test_environments_and_selectors_choose_the_policy(at: Desk) -> None:
    digest = at.push("1.0", SHOP, User="0")
    await kept(at, NOT_ROOT, environment="production")
    await at.post("/policies", {"text": NOT_ROOT.replace("name: users", "name: lenient").replace("stop", "warn")})
    await at.post("/activations", {"policy": "lenient", "environment": "test"})
    await at.post("/activations", {"policy": "lenient", "environment": "production", "selector": "elsewhere.example/*"})
    await at.add("1.0")
    await at.work()
    assert await word(at, digest, "production") == "stop"
    assert await word(at, digest, "test") == "warn"
    await at.get(f"/verdicts/{digest}", status=404)
    await at.post(
        "/activations", {"policy": "lenient", "environment": "production", "selector": f"{at.registry.host}/*"}
    )
    await at.work()
    assert await word(at, digest, "production") == "warn", "the longer selector counts"


async def test_a_shadow_judges_and_counts_for_nothing(at: Desk) -> None:
    digest = at.push("1.0", SHOP, User="0")
    await at.add("1.0")
    await at.work()
    await at.post("/policies", {"text": NOT_ROOT, "draft": True})
    refused = await at.ask("POST", "/activations", {"policy": "users"})
    assert refused.status_code == 409
    await at.post("/activations", {"policy": "users", "shadow": True})
    await at.work()
    await at.get(f"/verdicts/{digest}", status=404)
    assert await at.get(f"/images/{digest}/verdicts") == []
    (shadow,) = await at.get(f"/images/{digest}/verdicts?shadows=true")
    assert (shadow["verdict"], shadow["shadow"]) == ("stop", True)
    changes = await at.get("/events?kind=verdict.changed")
    assert changes["items"] == []


async def test_advisories_change_what_holds_and_the_past_stays(at: Desk) -> None:
    digest = at.push("1.0", SHOP)
    await kept(at, NO_HIGH)
    await at.add("1.0")
    await at.work()
    assert await word(at, digest) == "unknown"
    at.now += timedelta(days=1)
    await at.advise(advisory("CVE-2026-9", affected("debian:13", "other", "deb", "2"), severity="high"))
    assert await at.work() == ["adopt", "rejudge", "judge"]
    assert await word(at, digest) == "go"
    clean = at.now
    at.now += timedelta(days=1)
    await at.advise(LIBC)
    await at.work()
    assert await word(at, digest) == "stop"
    (told,) = (await at.get(f"/images/{digest}/check"))["findings"]
    assert "CVE-2026-1" in told["message"]
    page = await at.ask("GET", f"/images/{digest}/check?format=html")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    title = page.text.partition("<title>Verdict on ")[2].partition("</title>")[0]
    assert title.endswith(":1.0"), title
    assert f"<h1>Verdict on {title}</h1>" in page.text
    assert digest in page.text
    assert f"known since {at.now:%Y-%m-%d %H:%M} UTC" in page.text
    (then,) = await at.get(f"/images/{digest}/verdicts?as_of={clean.isoformat().replace('+00:00', 'Z')}")
    assert (then["verdict"], then["cause"]) == ("go", "advisories")
    moment = clean.isoformat().replace("+00:00", "Z")
    (looked_up,) = await at.get(f"/verdicts/{digest}?as_of={moment}")
    assert (looked_up["verdict"], looked_up["image"]) == ("go", digest)
    await at.get(f"/verdicts/{digest}?as_of=2020-01-01T00:00:00Z", status=404)
    whole = await at.ask("GET", f"/images/{digest}/check?as_of={moment}")
    assert (whole.json()["verdict"], whole.headers["x-hullmark-verdict"]) == ("go", "go")
    until = (await at.get(f"/images/{digest}/history?as_of={moment}"))["items"]
    assert [each["verdict"] for each in until] == ["go", "unknown"]
    known = then["recorded_at"]
    (believed,) = await at.get(f"/images/{digest}/verdicts?known_at={known}")
    assert believed["verdict"] == "go", "what was known then said nothing of the new advisory"
    words = [item["body"]["after"] for item in (await at.get("/events?kind=verdict.changed"))["items"]]
    assert words == ["stop", "go", "unknown"]


async def test_advisories_that_say_nothing_new_of_an_image_do_not_touch_it(at: Desk) -> None:
    at.push("1.0", SHOP)
    await kept(at, NO_HIGH)
    await at.advise(LIBC)
    await at.add("1.0")
    await at.work()
    await at.advise(LIBC, advisory("CVE-2026-2", affected("debian:13", "other", "deb", "2")))
    assert await at.work() == ["adopt"]


@pytest.mark.parametrize("text", [NOT_ROOT, BUNDLE])
async def test_an_exception_counts_until_its_last_day_is_over(at: Desk, text: str) -> None:
    digest = at.push("1.0", SHOP, User="0")
    await kept(at, text)
    await at.add("1.0")
    await at.work()
    assert await word(at, digest) == "stop"
    rule = "no-root" if text == NOT_ROOT else "r1"
    last = (at.now + timedelta(days=2)).date()
    body = {"rule": rule, "subject": "*", "expires": last.isoformat(), "owner": "anna", "reason": "moving"}
    added = await at.post("/exceptions", body)
    await at.work()
    assert await word(at, digest) == "go"
    whole = await at.get(f"/images/{digest}/check")
    assert whole["findings"][0]["allowlisted"]["owner"] == "anna"
    await judge_due(at.services)
    assert await at.work() == [], "it has not expired yet"
    at.now += timedelta(days=3)
    await judge_due(at.services)
    assert (await at.work()).count("judge") == 1
    assert await word(at, digest) == "stop"
    await judge_due(at.services)
    assert await at.work() == [], "it expires once"
    assert (await at.ask("DELETE", f"/exceptions/{added['id']}")).status_code == 204
    assert (await at.get("/exceptions"))["items"] == []


async def test_an_exception_of_other_images_or_policies_does_not_count(at: Desk) -> None:
    digest = at.push("1.0", SHOP, User="0")
    await kept(at, NOT_ROOT)
    body = {"rule": "no-root", "subject": "*", "expires": "2026-06-01", "owner": "a", "reason": "b"}
    await at.post("/exceptions", {**body, "images": "elsewhere.example/*"})
    await at.post("/exceptions", {**body, "policy": "others"})
    await at.add("1.0")
    await at.work()
    assert await word(at, digest) == "stop"


async def test_policies_that_cannot_be_read_are_refused_with_every_fault(at: Desk) -> None:
    answer = await at.ask("POST", "/policies", {"text": NOT_ROOT.replace("trigger: user", "trigger: usr")})
    assert (answer.status_code, "usr" in answer.json()["detail"]) == (422, True)
    answer = await at.ask("POST", "/policies", {"text": BUNDLE.replace('"STOP"', '"HALT"')})
    assert answer.status_code == 422
    assert (await at.ask("POST", "/policies", {"text": NOT_ROOT, "nmae": "x"})).status_code == 400


async def test_what_is_in_force_cannot_be_removed(at: Desk) -> None:
    await kept(at, NOT_ROOT)
    assert (await at.ask("DELETE", "/policies/users")).status_code == 409
    (active,) = await at.get("/activations")
    assert (await at.ask("DELETE", f"/activations/{active['id']}")).status_code == 204
    assert (await at.ask("DELETE", "/policies/users")).status_code == 204
    assert (await at.ask("DELETE", "/policies/users")).status_code == 404


async def test_a_verdict_that_nothing_in_force_asks_for_is_gone(at: Desk) -> None:
    digest = at.push("1.0", SHOP, User="0")
    await kept(at, NOT_ROOT)
    await at.add("1.0")
    await at.work()
    (active,) = await at.get("/activations")
    await at.ask("DELETE", f"/activations/{active['id']}")
    await at.work()
    await at.get(f"/verdicts/{digest}", status=404)
    assert len((await at.get(f"/images/{digest}/history"))["items"]) == 1


async def test_what_was_in_force_and_what_was_excepted_at_any_moment(at: Desk) -> None:
    await kept(at, NOT_ROOT)
    body = {"rule": "no-root", "subject": "*", "expires": "2026-06-01", "owner": "a", "reason": "b"}
    added = await at.post("/exceptions", body)
    (active,) = await at.get("/activations")
    await at.ask("DELETE", f"/activations/{active['id']}")
    await at.ask("DELETE", f"/exceptions/{added['id']}")
    async with at.services.database.system() as connection:
        for table in ("activation", "exception"):
            await connection.execute(f"UPDATE {table} SET created_at = '2026-01-01', ended_at = '2026-03-01'")
    for path, counts in (("/activations", len), ("/exceptions", lambda found: len(found["items"]))):
        assert counts(await at.get(path)) == 0
        assert counts(await at.get(f"{path}?as_of=2026-02-01T00:00:00Z")) == 1
        for then in ("2025-12-31", "2026-03-02"):
            assert counts(await at.get(f"{path}?as_of={then}T00:00:00Z")) == 0
